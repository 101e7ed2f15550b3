"""What a column of the runs can be, and its interval over seeds: none goes beyond the lowest or the highest value there is."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from mixmnist.core.records import Task
from mixmnist.core.registry import collect
from mixmnist.stats import ANYWHERE, Bounds, Interval, share_interval, t_interval, within

OWN: dict[str, Bounds] = {  # of columns that no shelf gives
    "accuracy": (0, 1),
    "useless_alignment": (0, 1),
    "worst_useful_alignment": (0, 1),
    "n_units": (0, math.inf),
    "seconds": (0, math.inf),
}
COUNTED = {  # columns that count something, and what there is of it
    **dict.fromkeys(("unique_concepts", "used_concepts"), "concepts"),
    **dict.fromkeys(("detectors", "dead", "sharp_detectors"), "units"),
}


@cache
def _shelves() -> tuple[dict[str, Bounds], frozenset[str]]:
    """Gives what the shelves say: the bounds by column, and which columns are 0 or 1."""
    metrics, bounds = collect("metrics").values(), dict(OWN)
    for entry in (*metrics, *collect("analyses").values()):
        bounds |= entry.bounds
    return bounds, frozenset(column for metric in metrics for column in metric.shares)


def bounds_of(column: str, run: Mapping[Any, Any] | None = None) -> Bounds:
    """Gives the lowest and the highest value of a column; infinite where nobody knows, as of a stranger's metric.

    Args:
        column: Of the table of runs.
        run: A row of that table, which says of how many units and of which task's concepts there can be.

    Example:
        >>> bounds_of("mean_drop"), bounds_of("unique_concepts")
        ((-1, 1), (0, inf))
        >>> bounds_of("unique_concepts", {"task": "pairs"}), bounds_of("detectors", {"n_units": 30})
        ((0, 10), (0, 30))
    """
    lowest, highest = _shelves()[0].get(column, ANYWHERE)
    what = COUNTED.get(column)
    if run is not None and what == "units" and "n_units" in run:
        highest = int(run["n_units"])
    if run is not None and what == "concepts" and run.get("task") in collect("tasks"):  # of a stranger's nobody knows
        task: Task = collect("tasks")[run["task"]]
        highest = len(task.concepts)
    return lowest, highest


def is_share(column: str) -> bool:
    """Says whether a column is 0 or 1 in each run.

    Example:
        >>> is_share("has_sharp_detector"), is_share("accuracy")
        (True, False)
    """
    return column in _shelves()[1]


def difference(ours: Bounds, theirs: Bounds) -> Bounds:
    """Gives the lowest and the highest difference of two values.

    Example:
        >>> difference((0, 1), (0, 1))
        (-1, 1)
    """
    return ours[0] - theirs[1], ours[1] - theirs[0]


def over_seeds(values: Sequence[float], column: str, level: float = 0.95, run: Mapping[Any, Any] | None = None) -> Interval:
    """Gives the mean of a column and its interval over seeds: binomial for a share of 0s and 1s, else t, cut at its bounds.

    Args:
        values: One a seed; `nan` left out.
        column: Whose values they are.
        level: Coverage.
        run: As for `bounds_of`.

    Example:
        >>> [round(value, 3) for value in over_seeds([0.0, 0.0, 0.0, 0.05, 0.2], "coverage")]
        [0.05, 0.0, 0.158, 5]
    """
    if is_share(column):
        return share_interval(values, level)
    return within(t_interval(values, level), bounds_of(column, run))
