"""Independent values, mostly one a training seed: t intervals, tests of variants paired by seed, correction for several tests."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special

from mixmnist.core.records import require

FEWEST = 5  # seeds below which no interval is given
FEWEST_FOR_TEST = 8  # pairs below which no p-value is given: with 5 the smallest possible is .0625
EXACT = 20  # pairs up to which all sign patterns are looked at
DRAWN = 2**16  # sign patterns looked at beyond
ROUNDING = 1e-12  # of the sum of all sizes: sums that are no further apart are equal
Bounds = tuple[int | float, int | float]  # the lowest and the highest value that a score can have
ANYWHERE: Bounds = (-math.inf, math.inf)


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


def share_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Gives a share over seeds, each of which is a 0 or a 1, and its exact binomial interval; `nan` is left out.

    Args:
        values: One a seed, 0 or 1.
        level: Coverage, between 0 and 1; kept whatever the share, which makes the interval wide.

    Returns:
        Bounds in [0, 1]; they are `nan` below 5 values.

    Raises:
        ValueError: If a value is neither 0 nor 1, or if `level` does not lie between 0 and 1.

    Source:
        C. Clopper, E. Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of the binomial".

    Example:
        >>> [round(value, 3) for value in share_interval([1.0] * 20)]
        [1.0, 0.832, 1.0, 20]
    """
    require(0 < level < 1, f"level must lie between 0 and 1, got level={level}. Use .95, say.")
    found = [v for v in values if not math.isnan(v)]
    other = next((v for v in found if v not in (0, 1)), 0)
    require(other == 0, f"values of a share must be 0 or 1, got {other:g}. Use t_interval.")
    n, hits = len(found), int(sum(found))
    if n < FEWEST:
        return Interval(hits / n if n else math.nan, math.nan, math.nan, n)
    lower = 0.0 if hits == 0 else float(special.betaincinv(hits, n - hits + 1, (1 - level) / 2))
    upper = 1.0 if hits == n else float(special.betaincinv(hits + 1, n - hits, (1 + level) / 2))
    return Interval(hits / n, lower, upper, n)


def unseen(interval: Interval, bounds: Bounds = ANYWHERE, level: float = 0.95) -> Interval:
    """Gives a score that was the same in all n seeds the interval that so many seeds can support; others stay as they are.

    That n trainings agree says that more than (.025)^(1/n) of all do (Clopper and Pearson, at 95 %): the others may lie anywhere
    that the score can. Of a score in [0, 1] that was always 1 this is the binomial interval.

    Args:
        interval: Of the seeds.
        bounds: Lowest and highest value that the score can have.
        level: Coverage, between 0 and 1.

    Returns:
        Bounds are infinite where the score has none.

    Example:
        >>> [round(value, 3) for value in unseen(t_interval([1.0] * 20), (0, 1))]
        [1.0, 0.832, 1.0, 20]
    """
    if not interval.constant:
        return interval
    others = 1 - ((1 - level) / 2) ** (1 / interval.n)
    lower, upper = (interval.mean + others * (bound - interval.mean) for bound in bounds)
    return Interval(interval.mean, lower, upper, interval.n)


def within(interval: Interval, bounds: Bounds) -> Interval:
    """Cuts an interval at the lowest and the highest value that the score can have: what lies beyond is impossible.

    Example:
        >>> within(Interval(0.05, -0.055, 0.155, 5), (0, 1))
        Interval(mean=0.05, lower=0.0, upper=0.155, n=5)
    """
    if math.isnan(interval.lower):
        return interval
    lower, upper = (float(min(max(end, bounds[0]), bounds[1])) for end in (interval.lower, interval.upper))
    return Interval(interval.mean, lower, upper, interval.n)


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
        p-value in (0, 1], of all sign patterns up to 20 pairs, of 65,536 random ones beyond; `nan` below 8 pairs.

    Example:
        >>> sign_flip([1.0, 2.0, 1.5, 0.5, 1.0, 2.5, 1.0, 0.5])
        0.0078125
    """
    found = np.asarray([d for d in differences if not math.isnan(d)], dtype=float)
    if len(found) < FEWEST_FOR_TEST:
        return math.nan
    least = abs(float(found.sum())) - ROUNDING * float(np.abs(found).sum())
    if len(found) <= EXACT:
        half = len(found) // 2
        sums = _signed_sums(found[:half])[:, None] + _signed_sums(found[half:])  # every pattern once
        return float((np.abs(sums) >= least).mean())
    generator, beyond = np.random.default_rng(0), 0
    for _ in range(DRAWN // 2**12):
        signs = 2.0 * generator.integers(0, 2, (2**12, len(found))) - 1
        beyond += int((np.abs(signs @ found) >= least).sum())
    return (1 + beyond) / (1 + DRAWN)


def _signed_sums(values: Float[np.ndarray, " values"]) -> Float[np.ndarray, " patterns"]:
    """Gives the sum under every pattern of signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums


def smallest_p(n: int) -> float:
    """Gives the smallest p-value that `sign_flip` can give for n pairs; `nan` where it gives none.

    Example:
        >>> smallest_p(10)
        0.001953125
    """
    if n < FEWEST_FOR_TEST:
        return math.nan
    return 2.0 ** (1 - n) if n <= EXACT else 1 / (1 + DRAWN)


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
