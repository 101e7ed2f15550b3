"""Statistics of runs: intervals over training seeds."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

FEWEST = 5  # seeds below which no interval is given


class Interval(NamedTuple):
    """A mean with its interval; the bounds are `nan` where there are too few values."""

    mean: float
    lower: float
    upper: float
    n: int


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Gives the mean and its t interval over independent values, `nan` left out.

    Args:
        values: One a seed.
        level: Coverage for normally distributed values, between 0 and 1.

    Returns:
        Bounds are `nan` below 5 values; n counts the values that are numbers.

    Raises:
        ValueError: If `level` does not lie between 0 and 1.

    Example:
        >>> [round(value, 3) for value in t_interval([1.0, 2.0, 3.0, 4.0, 5.0])]
        [3.0, 1.037, 4.963, 5]
        >>> t_interval([1.0, 2.0])
        Interval(mean=1.5, lower=nan, upper=nan, n=2)
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got level={level}. Use .95, say.")
    found = np.asarray([v for v in values if not math.isnan(v)], dtype=float)
    n = len(found)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(found.mean())
    if n < FEWEST:
        return Interval(mean, math.nan, math.nan, n)
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * found.std(ddof=1) / math.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)
