"""Independent values, mostly one a training seed: t intervals, tests of variants paired by seed, correction for several tests."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from mixmnist.core.records import require

FEWEST = 5  # seeds below which no interval is given
FEWEST_FOR_TEST = 8  # pairs below which no p-value is given: with 5 the smallest possible is .0625
EXACT = 2**16  # sign patterns up to which all are looked at


class Interval(NamedTuple):
    """A mean with its interval; the bounds are `nan` where there are too few values."""

    mean: float
    lower: float
    upper: float
    n: int

    @property
    def constant(self) -> bool:
        """Tells whether all values are equal, as where a score is saturated: that there is no width then says nothing."""
        return math.isclose(self.lower, self.upper, rel_tol=1e-12)  # also where a mean of equal values was rounded


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Gives the mean and its t interval over independent values, `nan` left out.

    Args:
        values: One a seed.
        level: Coverage for normally distributed values, between 0 and 1.

    Returns:
        Bounds are `nan` below 5 values; n counts the values that are numbers. Equal values have both bounds at the mean, and
        the interval is marked `constant`.

    Raises:
        ValueError: If `level` does not lie between 0 and 1.

    Example:
        >>> [round(value, 3) for value in t_interval([1.0, 2.0, 3.0, 4.0, 5.0])]
        [3.0, 1.037, 4.963, 5]
        >>> t_interval([1.0, 2.0])
        Interval(mean=1.5, lower=nan, upper=nan, n=2)
    """
    require(0 < level < 1, f"level must lie between 0 and 1, got level={level}. Use .95, say.")
    found = np.asarray([v for v in values if not math.isnan(v)], dtype=float)
    n = len(found)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(found.mean())
    if n < FEWEST:
        return Interval(mean, math.nan, math.nan, n)
    if found.min() == found.max():  # exactly, whatever the rounding of their mean
        return Interval(float(found[0]), float(found[0]), float(found[0]), n)
    half = float(special.stdtrit(n - 1, (1 + level) / 2) * found.std(ddof=1) / math.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)


def paired_interval(ours: Sequence[float], theirs: Sequence[float], level: float = 0.95) -> Interval:
    """Gives the mean difference of paired values and its t interval; pairs with a `nan` are left out.

    Args:
        ours: One a seed.
        theirs: Of the same seeds, in the same order.
        level: Coverage for normally distributed differences.

    Raises:
        ValueError: If there are not as many values on both sides.

    Example:
        >>> [round(value, 3) for value in paired_interval([2.0, 3.0, 4.0, 5.0, 7.0], [1.0, 2.0, 3.0, 4.0, 5.0])]
        [1.2, 0.645, 1.755, 5]
    """
    same = len(ours) == len(theirs)
    require(same, f"values must be paired, got {len(ours)} and {len(theirs)}. Give those of the same seeds.")
    return t_interval([a - b for a, b in zip(ours, theirs, strict=True)], level)


def unit_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Gives the mean over a layer's units and its t interval, the units as a sample of those that training might have made.

    It says nothing of another training seed: units of one net share its data and its initialisation.

    Args:
        values: One a unit; dead units are `nan` and left out.
        level: Coverage for normally distributed values, between 0 and 1.

    Returns:
        Bounds are `nan` below 5 units that are alive; n counts those.

    Example:
        >>> unit_interval([0.5, 0.75, 0.25, math.nan, 0.5, 0.5]).n
        5
    """
    return t_interval(values, level)


def sign_flip(differences: Sequence[float]) -> float:
    """Gives the two-sided p-value of a permutation test that flips the signs of paired differences.

    Args:
        differences: One a seed; `nan` left out.

    Returns:
        p-value in (0, 1], exact up to 16 pairs, from 65,536 random patterns beyond; `nan` below 8 pairs.

    Example:
        >>> sign_flip([1.0, 2.0, 1.5, 0.5, 1.0, 2.5, 1.0, 0.5])
        0.0078125
    """
    found = np.asarray([d for d in differences if not math.isnan(d)], dtype=float)
    if len(found) < FEWEST_FOR_TEST:
        return math.nan
    test = stats.permutation_test(
        (found,), np.mean, permutation_type="samples", vectorized=True, n_resamples=EXACT, batch=2**14, random_state=0
    )
    return float(test.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for their number by Holm's step-down method; those that are `nan` stay and do not count.

    Example:
        >>> holm([0.01, 0.04, 0.03, math.nan])
        [0.03, 0.06, 0.06, nan]
    """
    known = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    corrected, highest = [math.nan] * len(p_values), 0.0
    for rank, (p, i) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        corrected[i] = highest
    return corrected
