"""What a column of the runs can be: every score of a layer says so, and no committed number lies outside."""

from pathlib import Path

import pandas as pd
import pytest

from mixmnist.core.registry import collect
from mixmnist.report.ranges import OWN, bounds_of, difference, is_share, over_seeds
from mixmnist.stats import ANYWHERE, share_interval, t_interval

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference"
METRICS = collect("metrics")
ANALYSES = collect("analyses")


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.axes in ((), ("curve",))])
def test_every_score_that_has_an_interval_over_seeds_says_what_it_can_be(name):
    """Each column of a metric of layers or curves must have its lowest and highest value, and no other column may."""
    assert set(METRICS[name].bounds) == set(METRICS[name].columns)


@pytest.mark.parametrize("name", [*METRICS, *ANALYSES])
def test_bounds_are_of_columns_that_there_are(name):
    """Bounds must be of a lowest and a higher value; those of a metric and its shares of its own columns, shares of 0 and 1."""
    entry = {**METRICS, **ANALYSES}[name]
    assert all(low < high for low, high in entry.bounds.values())
    if name in METRICS:
        assert set(entry.bounds) | set(entry.shares) <= set(entry.columns)
        assert all(entry.bounds[column] == (0, 1) for column in entry.shares)


@pytest.mark.parametrize("path", sorted(REFERENCE.glob("*/*/tables/runs.csv")), ids=lambda path: path.parts[-4])
def test_no_committed_number_lies_outside_its_bounds(path):
    """Every number of the committed runs must lie inside what is said of its column, and a share must be 0 or 1."""
    runs = pd.read_csv(path)
    known = [column for column in runs.select_dtypes("number") if bounds_of(column) != ANYWHERE]
    assert len(known) > 20 or "accuracy" not in runs  # networks that are not scored have the numbers of their analyses alone
    for column in known:
        low, high = bounds_of(column)
        assert runs[column].dropna().between(low - 1e-9, high + 1e-9).all(), column
        assert not is_share(column) or runs[column].dropna().isin([0, 1]).all()


def test_columns_of_no_shelf_and_of_strangers():
    """The accuracy must lie in [0, 1], an analysis's column in its own bounds, and of a stranger's column nothing is known."""
    assert bounds_of("accuracy") == OWN["accuracy"] == (0, 1)
    assert bounds_of("rotation_accuracy_change") == (-1, 1)
    assert bounds_of("of a stranger") == ANYWHERE
    assert difference((0, 1), (-1, 1)) == (-1, 2)


def test_the_interval_of_a_column_is_of_its_kind():
    """A share must have the binomial interval at the level asked for, others the t interval cut at their ends."""
    assert over_seeds([1.0, 0.0, 1.0, 1.0, 1.0], "has_sharp_detector", 0.9) == share_interval([1.0, 0.0, 1.0, 1.0, 1.0], 0.9)
    values = [0.0, 0.0, 0.1, 0.0, 0.9]
    plain = t_interval(values, 0.99)
    assert over_seeds(values, "coverage", 0.99)[1:3] == (0, 1)
    assert over_seeds(values, "mean_drop", 0.99)[1:3] == (plain.lower, 1)
    assert over_seeds(values, "of a stranger", 0.99) == plain
