"""How many seeds a comparison needs: power of the paired t test, from the spread that a study has already shown."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from mixmnist.core.records import require
from mixmnist.stats.seeds import FEWEST, Interval, t_interval

SURE = 40.0  # noncentrality from which on the power is 1 in float64
FAR = 5.0  # noncentrality from which on the other tail is below 1e-9; further out scipy gives nan
MOST = 10**9  # seeds above which no plan is made


def power(n: int, effect: float, sd: float, level: float = 0.95) -> float:
    """Gives the probability that the paired t interval over n seeds does not hold 0 if the true difference is `effect`.

    Args:
        n: Number of pairs, 5 or more.
        effect: Mean difference, in the score's unit; its sign does not count.
        sd: Standard deviation of the differences over seeds, in the same unit, above 0.
        level: Of the interval, between 0 and 1.

    Returns:
        In [1 - level, 1], by the noncentral t distribution, both tails.

    Raises:
        ValueError: If n is below 5, sd not above 0, or level not between 0 and 1.

    Source:
        J. Cohen (1988), "Statistical Power Analysis for the Behavioral Sciences", ch. 2.

    Example:
        >>> round(power(10, effect=1.0, sd=1.0), 4)
        0.8031
    """
    require(n >= FEWEST, f"n must be {FEWEST} or more, got n={n}. Run more seeds.")
    require(sd > 0 and math.isfinite(sd), f"sd must be above 0, got sd={sd}. A constant difference needs no plan.")
    require(0 < level < 1, f"level must lie between 0 and 1, got level={level}. Use .95, say.")
    shift = abs(effect) / sd * math.sqrt(n)
    if shift > SURE:
        return 1.0
    least = stats.t.ppf((1 + level) / 2, n - 1)
    other = stats.nct.cdf(-least, n - 1, shift) if shift < FAR else 0.0
    return float(stats.nct.sf(least, n - 1, shift) + other)


def seeds_needed(effect: float, sd: float, level: float = 0.95, power: float = 0.8) -> int:
    """Gives the fewest seeds with which the paired t interval leaves out 0 with the wanted probability.

    Args:
        effect: Mean difference to be seen, in the score's unit, not 0.
        sd: Standard deviation of the paired differences over seeds, in the same unit, above 0.
        level: Of the interval, between 0 and 1.
        power: Wanted probability, between 1 - level and 1.

    Returns:
        5 or more, the house's fewest.

    Raises:
        ValueError: If the effect is 0, a share lies outside its range, or more than 10**9 seeds would be needed.

    Example:
        >>> seeds_needed(effect=1.0, sd=1.0), seeds_needed(effect=0.5, sd=1.0), seeds_needed(effect=9.0, sd=1.0)
        (10, 34, 5)
    """
    _check(power, level)
    require(
        effect != 0 and math.isfinite(effect),
        f"effect must be a number but 0, got effect={effect}. Name the smallest that matters.",
    )
    most = _power(MOST, effect, sd, level)
    require(most >= power, f"effect must be larger against sd={sd:g}, got effect={effect:g}. No plan has over {MOST:,} seeds.")
    high = FEWEST
    while _power(high, effect, sd, level) < power:
        high = min(2 * high, MOST)
    low = max(FEWEST - 1, high // 2)
    while high - low > 1:  # enough at `high`, too few at `low`
        middle = (low + high) // 2
        low, high = (low, middle) if _power(middle, effect, sd, level) >= power else (middle, high)
    return high


def detectable(n: int, sd: float, level: float = 0.95, power: float = 0.8) -> float:
    """Gives the smallest difference that the paired t interval over n seeds tells from 0 with the wanted probability.

    Args:
        n: Number of seeds, 5 or more.
        sd: Standard deviation of the paired differences over seeds, above 0.
        level: Of the interval, between 0 and 1.
        power: Wanted probability, between 1 - level and 1.

    Returns:
        In the unit of sd.

    Raises:
        ValueError: If a number lies outside its range.

    Example:
        >>> round(detectable(10, sd=2.0), 3)
        1.992
    """
    _check(power, level)
    most = SURE / math.sqrt(n) * sd if n > 0 else sd
    return float(optimize.brentq(lambda effect: _power(n, effect, sd, level) - power, 0, most, xtol=1e-12 * most))


def sd_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Gives the standard deviation over seeds and its interval, by the chi-square distribution; `nan` left out.

    Args:
        values: One a seed, such as differences of two variants.
        level: Coverage, between 0 and 1. It holds for normally distributed values only; heavy tails need a wider interval.

    Returns:
        Bounds are `nan` below 5 values; the deviation too below 2.

    Raises:
        ValueError: If `level` does not lie between 0 and 1.

    Example:
        >>> [round(value, 3) for value in sd_interval([1.0, 2.0, 3.0, 4.0, 5.0])]
        [1.581, 0.947, 4.543, 5]
    """
    found = np.asarray([value for value in values if not math.isnan(value)], dtype=float)
    n = len(found)
    if n < 2:
        return Interval(math.nan, math.nan, math.nan, n)
    sd = 0.0 if t_interval(found.tolist(), level).constant else float(found.std(ddof=1))
    if n < FEWEST:
        return Interval(sd, math.nan, math.nan, n)
    low, high = (float(special.chdtri(n - 1, tail)) for tail in ((1 - level) / 2, (1 + level) / 2))  # by the upper tail
    return Interval(sd, sd * math.sqrt((n - 1) / low), sd * math.sqrt((n - 1) / high), n)


class Plan(NamedTuple):
    """How many seeds see an effect, from the differences that some seeds have shown."""

    mean: float  # of the differences seen, which is no part of the plan
    sd: Interval  # of the differences over seeds
    seeds: int  # that see the effect if the standard deviation is as found
    seeds_at_worst: int  # if it is the upper bound of its interval
    smallest: float  # effect that the seeds at hand see with the same power


def plan_seeds(differences: Sequence[float], effect: float, level: float = 0.95, power: float = 0.8) -> Plan:
    """Plans how many seeds a comparison of two variants needs.

    Args:
        differences: Of the two, paired by seed; `nan` left out.
        effect: Mean difference to be seen, in the score's unit, not 0. Take the smallest that matters, not the one found.
        level: Of the paired t interval and of that of the standard deviation, between 0 and 1.
        power: Wanted probability that the interval leaves out 0, between 1 - level and 1.

    Raises:
        ValueError: If there are fewer than 5 differences, if all are equal, or if a number lies outside its range.

    Example:
        >>> plan = plan_seeds([1.0, 2.0, 0.0, 3.0, 1.0], effect=1.0)
        >>> plan.seeds, plan.seeds_at_worst
        (13, 87)
    """
    sd = sd_interval(differences, level)
    require(
        sd.n >= FEWEST, f"seeds must be {FEWEST} or more, got seeds={sd.n} that both variants have. Run more: --seeds {FEWEST}."
    )
    way_out = "Take a score that is not saturated."
    require(not sd.constant, f"differences must vary over seeds, got {sd.n} that are all equal. {way_out}")
    at_worst = seeds_needed(effect, sd.upper, level, power)
    mean = t_interval(differences, level).mean
    return Plan(mean, sd, seeds_needed(effect, sd.mean, level, power), at_worst, detectable(sd.n, sd.mean, level, power))


_power = power  # the other functions have an argument of that name


def _check(power: float, level: float) -> None:
    require(0 < level < 1, f"level must lie between 0 and 1, got level={level}. Use .95, say.")
    within = 1 - level < power < 1
    require(within, f"power must lie between {1 - level:.3g} and 1, got power={power}. Use .8, say.")
