"""Verdicts at the very value of a rule: bounds, numbers of seeds, p-values and families."""

import numpy as np
import pandas as pd
import pytest

from mixmnist.core.records import Claim
from mixmnist.report import claims as judging
from mixmnist.report.claims import judge

SEEDS = 12
BASE = 0.6 + np.random.default_rng(1).normal(0, 0.01, SEEDS)


def runs(n=SEEDS, **differences):
    """Runs of a baseline and of a wide net, whose columns are the baseline's plus a difference a seed."""
    rows = [{"variant": "baseline", "seed": seed} | dict.fromkeys(differences, BASE[seed]) for seed in range(n)]
    for seed in range(n):
        rows.append({"variant": "wide", "seed": seed} | {name: BASE[seed] + by[seed] for name, by in differences.items()})
    return pd.DataFrame(rows)


def row(table, *more, **settings):
    """The first claim of several, judged."""
    plain = {"id": "A", "says": "a", "column": "score", "variant": "baseline", "rule": "above"}
    return judge([Claim(**(plain | settings)), *more], table).iloc[0]


TABLE = runs(score=np.zeros(SEEDS))


@pytest.mark.parametrize(
    ("rule", "at", "expected"),
    [
        ("above", "lower", "undecided"),
        ("above", "upper", "fails"),
        ("below", "upper", "undecided"),
        ("below", "lower", "fails"),
    ],
)
def test_a_bound_that_is_met_exactly_is_not_passed(rule, at, expected):
    """Above and below must leave out the value itself: an interval that ends there does not lie beyond it."""
    value = row(TABLE)[at]
    assert row(TABLE, rule=rule, value=value)["verdict"] == expected
    beyond = {"above": np.nextafter(value, -1), "below": np.nextafter(value, 2)}[rule]
    assert row(TABLE, rule=rule, value=beyond)["verdict"] == {"undecided": "holds", "fails": "undecided"}[expected]


def test_a_margin_that_is_met_exactly_is_not_kept():
    """Within a margin must leave out both of its ends."""
    lower, upper = row(TABLE)[["lower", "upper"]]  # above .5, so that taking them off 1 is exact
    for value, margin, expected in (
        (0.0, upper, "undecided"),
        (1.0, 1 - lower, "undecided"),
        (0.0, lower, "fails"),
        (1.0, 1 - upper, "fails"),
        (0.0, np.nextafter(upper, 1), "holds"),
        (0.0, np.nextafter(lower, 1), "undecided"),
    ):
        assert row(TABLE, rule="within", value=value, margin=margin)["verdict"] == expected


def test_a_constant_score_at_the_value_does_not_hold():
    """A saturated score that is the value itself in every seed is not above it, nor below."""
    table = TABLE.assign(score=0.95)
    assert row(table, value=0.95)["verdict"] != "holds"
    assert row(table, value=0.95, rule="below")["verdict"] != "holds"


def test_as_many_seeds_as_asked_for_are_enough():
    """With exactly the seeds that a claim asks for there is a verdict, with one fewer none."""
    assert row(TABLE, value=0.5, seeds=SEEDS)["verdict"] == "holds"
    few = TABLE[~((TABLE["variant"] == "baseline") & (TABLE["seed"] == 0))]
    assert row(few, value=0.5, seeds=SEEDS)["verdict"] == f"no verdict below {SEEDS} seeds"


def test_a_difference_needs_a_p_value():
    """Where too few seeds give none, a difference may not hold, however clear its interval; a number of its own may."""
    table = runs(7, score=np.linspace(0.1, 0.11, 7))
    found = row(table, variant="wide", against="baseline", seeds=5)
    assert np.isnan(found["p"])
    assert found["verdict"] == "undecided"
    assert row(table, variant="wide", value=0.5, seeds=5)["verdict"] == "holds"


def test_a_p_value_at_the_level_is_not_below_it(monkeypatch):
    """A difference whose p-value is the level itself must stay undecided, whichever way its interval points."""
    table, of = runs(score=np.linspace(0.1, 0.11, SEEDS)), {"variant": "wide", "against": "baseline"}
    p = row(table, **of)["p"]
    monkeypatch.setattr(judging, "LEVEL", p)
    assert row(table, **of)["verdict"] == "undecided"
    assert row(table, rule="below", **of)["verdict"] == "undecided"
    monkeypatch.setattr(judging, "LEVEL", np.nextafter(p, 1))
    assert row(table, **of)["verdict"] == "holds"
    assert row(table, rule="below", **of)["verdict"] == "fails"


def test_the_level_is_five_per_cent():
    """A difference needs a p-value below .05."""
    assert judging.LEVEL == 0.05


def test_a_family_takes_back_what_one_comparison_would_show():
    """A difference that holds alone must be undecided beside two others of its id, and hold beside those of another id."""
    close = np.array([0.022, 0.03, 0.024, 0.026, 0.028, 0.03, -0.001, -0.003])  # p = 4 / 256
    table = runs(8, score=close, other=close * 0 + np.linspace(-0.01, 0.01, 8), third=np.linspace(-0.02, 0.02, 8))
    of = {"variant": "wide", "against": "baseline", "seeds": 8}
    alone = row(table, **of)
    assert alone["verdict"] == "holds"
    assert 0.05 / 3 < alone["p"] < 0.05
    for name, expected in (("A", "undecided"), ("B", "holds")):
        others = [Claim(name, "a", column, rule="above", **of) for column in ("other", "third")]
        assert row(table, *others, **of)["verdict"] == expected


def test_what_is_no_difference_takes_no_part_in_a_family():
    """Claims of the same id on a variant's own number have no p-value and must not make others pay."""
    table, of = runs(score=np.linspace(0.1, 0.11, SEEDS)), {"variant": "wide", "against": "baseline"}
    own = Claim("A", "a", "score", "wide", "above")
    found = judge([Claim("A", "a", "score", rule="above", **of), own], table)
    assert found["p"].iloc[0] == row(table, **of)["p"]
    assert np.isnan(found["p"].iloc[1])


def test_what_is_taken_off_is_taken_off():
    """The number of a claim with a second column must be the first minus the second, run by run."""
    table = runs(score=np.linspace(0.1, 0.11, SEEDS), other=np.linspace(-0.2, -0.1, SEEDS))
    wide = table[table["variant"] == "wide"]
    assert row(table, variant="wide", minus="other")["mean"] == pytest.approx((wide["score"] - wide["other"]).mean())


def test_a_row_says_what_was_judged():
    """Number and rule must name the column, what is taken off, the variants, the value and the margin."""
    table = runs(score=np.zeros(SEEDS), other=np.zeros(SEEDS))
    found = row(table, variant="wide", against="baseline", minus="other", rule="within", value=0.5, margin=0.25)
    assert (found["number"], found["rule"]) == ("score - other, wide - baseline", "within 0.5 +- 0.25")
    plain = row(table, value=0.5)
    assert (plain["number"], plain["rule"]) == ("score, baseline", "above 0.5")
