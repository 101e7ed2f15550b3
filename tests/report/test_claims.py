"""Verdicts on claims, from runs whose numbers are known."""

import numpy as np
import pandas as pd
import pytest

from mixmnist.core.records import Claim, Study, Variant
from mixmnist.report.claims import judge

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


def test_a_column_may_be_taken_off():
    """The difference of two columns of the same run must be judged."""
    assert verdict(Claim("A", "a", "score", "baseline", "above", 0.3, minus="other")) == "holds"


def test_few_seeds_give_no_verdict():
    """Below the seeds that a claim asks for nothing may be said."""
    assert verdict(Claim("A", "a", "score", "wide", "above", seeds=20)) == "no verdict below 20 seeds"
    assert verdict(Claim("A", "a", "nothing", "wide", "above")) == "no verdict below 10 seeds"


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
