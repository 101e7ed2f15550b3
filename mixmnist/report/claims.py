"""Verdicts: each claim of a study held against its runs, seeds as the only source of chance.

Intervals of one id are judged together: with m of them each is taken at the level 1 - .05/m (Bonferroni), so that all m hold the
truth at once in 95 of 100 studies.
"""

import math
from collections.abc import Sequence

import pandas as pd

from mixmnist.core.records import Claim
from mixmnist.report.ranges import bounds_of, difference, is_share
from mixmnist.stats import Bounds, Interval, holm, share_interval, sign_flip, t_interval, unseen, within

LEVEL = 0.05  # chance of a wrong verdict in one id; corrected p-value below which a difference of variants counts


def judge(claims: Sequence[Claim], runs: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a claim: its number with interval and n, the corrected p-value of a difference, and the verdict.

    Args:
        claims: Those of one study.
        runs: A row a run, of one layer.

    Returns:
        Verdicts are holds, fails (the whole interval lies where the claim does not), undecided, or no verdict where there
        are too few seeds. A difference needs a corrected p-value below .05 besides. The level is that of the interval, which
        is binomial for a share of 0s and 1s and never without width.
    """
    values = [values_of(claim, runs) for claim in claims]
    names = [claim.id for claim in claims]
    levels = [1 - LEVEL / names.count(claim.id) for claim in claims]
    intervals = [_interval(claim, found, level, runs) for claim, found, level in zip(claims, values, levels, strict=True)]
    p_values = _corrected(claims, values)
    rows = []
    for claim, interval, level, p in zip(claims, intervals, levels, p_values, strict=True):
        row: dict[str, object] = {"id": claim.id, "claim": claim.says, "number": _name(claim), "rule": _rule(claim)}
        row |= {"mean": interval.mean, "lower": interval.lower, "upper": interval.upper, "level": level, "n": interval.n}
        rows.append(row | {"p": p, "verdict": _verdict(claim, interval, p)})
    columns = ["id", "claim", "number", "rule", "mean", "lower", "upper", "level", "n", "p", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def values_of(claim: Claim, runs: pd.DataFrame) -> list[float]:
    """Gives the claim's number in each seed, of seeds that all its runs have; nothing where the column is missing."""

    def of(variant: str) -> "pd.Series[float]":
        own = runs[runs["variant"] == variant].set_index("seed")
        if claim.column not in own or (claim.minus is not None and claim.minus not in own):
            return pd.Series(dtype=float)
        number = own[claim.column].astype(float)
        return number if claim.minus is None else number - own[claim.minus]

    found = of(claim.variant)
    if claim.against is not None:
        found = found - of(claim.against)  # by seed
    return found.dropna().tolist()


def _interval(claim: Claim, values: Sequence[float], level: float, runs: pd.DataFrame) -> Interval:
    """Gives the interval of a claim's number, inside what it can be; where all seeds agree, what so many can support."""
    alone = claim.minus is None and claim.against is None
    if alone and is_share(claim.column):
        return share_interval(values, level)
    bounds = _bounds(claim, runs)
    return within(unseen(t_interval(values, level), bounds, level), bounds)


def _bounds(claim: Claim, runs: pd.DataFrame) -> Bounds:
    """Gives the lowest and the highest value that a claim's number can have, in nets of so many units and such a task."""

    def of(variant: str) -> Bounds:
        run = next(iter(runs[runs["variant"] == variant].head(1).to_dict("records")), None)
        bounds = bounds_of(claim.column, run)
        return bounds if claim.minus is None else difference(bounds, bounds_of(claim.minus, run))

    return of(claim.variant) if claim.against is None else difference(of(claim.variant), of(claim.against))


def _corrected(claims: Sequence[Claim], values: Sequence[Sequence[float]]) -> list[float]:
    """Gives the p-values of differences, corrected among the claims of one id."""
    p_values = [math.nan if c.against is None else sign_flip(found) for c, found in zip(claims, values, strict=True)]
    for name in {claim.id for claim in claims}:
        places = [i for i, claim in enumerate(claims) if claim.id == name]
        for i, p in zip(places, holm([p_values[i] for i in places]), strict=True):
            p_values[i] = p
    return p_values


def _verdict(claim: Claim, interval: Interval, p: float) -> str:
    if interval.n < claim.seeds:
        return f"no verdict below {claim.seeds} seeds"
    low, high = {
        "above": (claim.value, math.inf),
        "below": (-math.inf, claim.value),
        "within": (claim.value - claim.margin, claim.value + claim.margin),
    }[claim.rule]
    holds = (low < interval.lower or math.isinf(low)) and (interval.upper < high or math.isinf(high))
    fails = interval.upper <= low or high <= interval.lower
    alike = claim.rule == "within" and holds  # which is no difference to be told from chance
    if not (holds or fails) or (claim.against is not None and not alike and not p < LEVEL):
        return "undecided"
    return "holds" if holds else "fails"


def _name(claim: Claim) -> str:
    number = claim.column if claim.minus is None else f"{claim.column} - {claim.minus}"
    return f"{number}, {claim.variant}" + ("" if claim.against is None else f" - {claim.against}")


def _rule(claim: Claim) -> str:
    return f"{claim.rule} {claim.value:g}" + (f" +- {claim.margin:g}" if claim.rule == "within" else "")
