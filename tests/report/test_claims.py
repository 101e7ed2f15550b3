"""Verdicts on claims, from runs whose numbers are known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from mixmnist.core.records import Claim, Study, Variant
from mixmnist.report.claims import judge
from mixmnist.report.tables import CLAIMS
from mixmnist.stats import t_interval

SEEDS = 12
NOISE = np.random.default_rng(0).normal(0, 0.01, SEEDS)


def runs(**columns):
    """Runs of two variants; each column is the baseline's mean and the wide net's."""
    rows = []
    for place, variant in enumerate(("baseline", "wide")):
        for seed in range(SEEDS):
            row = {name: means[place] + NOISE[(seed + place) % SEEDS] for name, means in columns.items()}
            rows.append({"variant": variant, "seed": seed} | row)
    return pd.DataFrame(rows)


def verdict(claim, table=None):
    """The verdict on one claim."""
    table = runs(score=(0.5, 0.6), other=(0.1, 0.1)) if table is None else table
    return judge([claim], table)["verdict"].item()


@pytest.mark.parametrize(
    ("rule", "value", "margin", "expected"),
    [
        ("above", 0.4, 0.0, "holds"),
        ("above", 0.6, 0.0, "fails"),
        ("above", 0.5, 0.0, "undecided"),
        ("below", 0.6, 0.0, "holds"),
        ("below", 0.4, 0.0, "fails"),
        ("within", 0.5, 0.05, "holds"),
        ("within", 0.7, 0.05, "fails"),
        ("within", 0.5, 0.001, "undecided"),
    ],
)
def test_a_verdict_follows_from_the_interval(rule, value, margin, expected):
    """A claim holds where its whole interval lies where the rule says, and fails where none of it does."""
    assert verdict(Claim("A", "a", "score", "baseline", rule, value, margin)) == expected


def test_a_difference_is_paired_by_seed():
    """The number of a comparison must be the mean difference over the seeds that both have."""
    table = runs(score=(0.5, 0.6))
    table = table[~((table["variant"] == "wide") & (table["seed"] == 3))]
    row = judge([Claim("A", "a", "score", "wide", "above", against="baseline")], table).iloc[0]
    wide, base = (table[table["variant"] == v].set_index("seed")["score"] for v in ("wide", "baseline"))
    assert row["mean"] == pytest.approx((wide - base).dropna().mean())
    assert (row["n"], row["verdict"]) == (11, "holds")
    assert row["p"] == pytest.approx(2 / 2**11)


def test_variants_that_are_alike_need_no_p_value():
    """A difference well within its margin must hold, whatever its p-value; one beyond it fails by interval and p-value."""
    alike = runs(score=(0.5, 0.5))
    alike.loc[alike["variant"] == "wide", "score"] += np.tile([0.001, -0.001], 6)
    claim = Claim("A", "a", "score", "wide", "within", 0.0, 0.05, against="baseline")
    row = judge([claim], alike).iloc[0]
    assert (row["p"] > 0.5, row["verdict"]) == (True, "holds")
    assert judge([claim], runs(score=(0.5, 0.7))).iloc[0]["verdict"] == "fails"


def test_a_column_may_be_taken_off():
    """The difference of two columns of the same run must be judged."""
    table = runs(score=(0.5, 0.6), other=(0.1, 0.1))
    table["other"] *= 2  # else the difference would be the same in every seed
    assert verdict(Claim("A", "a", "score", "baseline", "above", 0.29, minus="other"), table) == "holds"


def test_few_seeds_give_no_verdict():
    """Below the seeds that a claim asks for nothing may be said."""
    assert verdict(Claim("A", "a", "score", "wide", "above", seeds=20)) == "no verdict below 20 seeds"
    assert verdict(Claim("A", "a", "nothing", "wide", "above")) == "no verdict below 10 seeds"


def constant(column, value, n=20):
    """Runs of one variant whose column has one value in all of n seeds."""
    return pd.DataFrame({"variant": "baseline", "seed": range(n), column: value})


def test_a_share_over_seeds_has_a_binomial_interval():
    """Twenty of twenty leave room down to .832: above .95 is undecided, above .80 holds; among m claims there is more room."""
    table = constant("has_sharp_detector", 1.0)
    claims = [Claim("R2", "sharp", "has_sharp_detector", "baseline", "above", value) for value in (0.95, 0.80)]
    first, second = (judge([claim], table).iloc[0] for claim in claims)
    assert first[["mean", "lower", "upper"]].tolist() == pytest.approx([1, 0.025 ** (1 / 20), 1])
    assert (first["verdict"], second["verdict"]) == ("undecided", "holds")
    assert judge(claims, table)["lower"].tolist() == pytest.approx([0.0125 ** (1 / 20)] * 2)
    some = table.assign(has_sharp_detector=[0.0] * 3 + [1.0] * 17)
    row = judge(claims[:1], some).iloc[0]
    assert row[["lower", "upper"]].tolist() == pytest.approx([*binomtest(17, 20).proportion_ci()])


@pytest.mark.parametrize(
    ("column", "value", "rule", "target", "expected"),
    [
        ("accuracy", 1.0, "above", 0.95, "undecided"),  # other seeds may have less
        ("accuracy", 1.0, "above", 0.80, "holds"),
        ("accuracy", 0.0, "above", 0.20, "fails"),
        ("accuracy", 0.5, "above", 0.40, "holds"),  # .5 - .168 * .5 = .416
        ("accuracy", 0.5, "above", 0.42, "undecided"),
        ("mean_drop", 0.0, "within", 0.0, "undecided"),
        ("detectors", 10.0, "above", 3.0, "holds"),  # 10 - .168 * 10
        ("detectors", 10.0, "below", 30.0, "undecided"),  # nobody says how many a layer may have
        ("of a stranger", 1.0, "above", 0.0, "undecided"),
    ],
)
def test_no_verdict_rests_on_an_interval_without_width(column, value, rule, target, expected):
    """A number that was the same in all seeds must be judged by what so many seeds can support, inside what it can be."""
    margin = 1e-9 if rule == "within" else 0.0
    row = judge([Claim("A", "a", column, "baseline", rule, target, margin)], constant(column, value)).iloc[0]
    assert row["verdict"] == expected
    assert row["lower"] < row["upper"]


def test_an_interval_stays_inside_what_the_number_can_be():
    """Bounds of a claim's number, of a column taken off and of a variant taken off must not be impossible."""
    low = [0.0] * 10 + [0.01, 0.3]
    table = pd.DataFrame({"variant": "baseline", "seed": range(12), "coverage": low, "gini": [1.0 - v for v in low]})
    table = pd.concat([table, table.assign(variant="wide", coverage=table["gini"])])
    claims = [
        Claim("A", "a", "coverage", "baseline", "above"),
        Claim("B", "b", "coverage", "baseline", "above", minus="gini"),
        Claim("C", "c", "coverage", "wide", "above", against="baseline"),
    ]
    assert judge(claims, table)[["lower", "upper"]].to_numpy()[[0, 1, 2], [0, 0, 1]].tolist() == [0, -1, 1]


def test_what_is_counted_is_no_more_than_the_runs_have():
    """Digits with a detector must end at the task's digits, detectors at the units of each net; also where all seeds agree."""
    none = constant("unique_concepts", 0.0, n=5).assign(task="pairs", detectors=0.0, n_units=30)
    some = none.assign(variant="wide", detectors=[8.0, 9.0, 10.0, 10.0, 10.0], n_units=10)
    claims = [
        Claim("A", "a", "unique_concepts", "baseline", "below", 1.0),
        Claim("B", "b", "detectors", "wide", "above"),
        Claim("C", "c", "detectors", "baseline", "below", against="wide"),
    ]
    ends = judge(claims, pd.concat([none, some]))[["lower", "upper"]].to_numpy()
    others = 1 - 0.025 ** (1 / 5)  # of the seeds, which may be anything
    assert ends[[0, 0, 1], [0, 1, 1]].tolist() == pytest.approx([0.0, 10 * others, 10.0])
    assert ends[2, 0] == -10.0


@pytest.mark.parametrize("m", [1, 2, 4])
def test_intervals_are_corrected_within_an_id(m):
    """Each of m intervals of one id must be at the level 1 - .05/m, which the verdicts name; other ids do not count."""
    table = runs(score=(0.5, 0.6), other=(0.1, 0.1))
    claims = [Claim("A", "a", "score", "baseline", "above") for _ in range(m)]
    found = judge([*claims, Claim("B", "b", "score", "baseline", "above")], table)
    own = table["score"][table["variant"] == "baseline"].tolist()
    assert found["level"].tolist() == pytest.approx([1 - 0.05 / m] * m + [0.95])
    for row in found.itertuples():
        assert (row.lower, row.upper) == pytest.approx(t_interval(own, row.level)[1:3])
    assert ("1 - .05/m" in CLAIMS, "Clopper-Pearson" in CLAIMS) == (True, True)


def test_four_lucky_intervals_are_not_enough():
    """A number that lies where the rule says at 95 % but not at 98.75 % must be undecided as one of four."""
    table = runs(score=(0.5, 0.6))
    own = t_interval(table["score"][table["variant"] == "baseline"].tolist()).lower - 1e-4
    claim = Claim("A", "a", "score", "baseline", "above", own)
    assert judge([claim], table)["verdict"].tolist() == ["holds"]
    assert judge([claim] * 4, table)["verdict"].tolist() == ["undecided"] * 4


def test_p_values_are_corrected_within_an_id():
    """Comparisons of one id must share their chance, others not."""
    table = runs(score=(0.5, 0.6), other=(0.1, 0.1))
    same = [Claim("A", "a", column, "wide", "above", against="baseline") for column in ("score", "other")]
    alone = judge(same[:1], table)["p"].item()
    assert judge(same, table)["p"].iloc[0] == pytest.approx(2 * alone)
    apart = [same[0], Claim("B", "b", "other", "wide", "above", against="baseline")]
    assert judge(apart, table)["p"].iloc[0] == pytest.approx(alone)


def test_claims_are_of_known_variants_and_rules():
    """A claim of a variant that the study lacks, or with an unknown rule, must be refused."""
    with pytest.raises(ValueError, match="claims must be of the study's variants, got 'wide' in claim A"):
        Study("s", {"baseline": Variant()}, claims=(Claim("A", "a", "score", "baseline", "above", against="wide"),))
    with pytest.raises(ValueError, match="rule must be one of above, below, within, got rule='over' in claim A"):
        Claim("A", "a", "score", "baseline", "over")
