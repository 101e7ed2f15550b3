"""Verdicts: each claim of a study held against its runs, seeds as the only source of chance."""

import math
from collections.abc import Sequence

import pandas as pd

from mixmnist.core.records import Claim
from mixmnist.stats import Interval, holm, sign_flip, t_interval

LEVEL = 0.05  # corrected p-value below which a difference of variants counts


def judge(claims: Sequence[Claim], runs: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a claim: its number with interval and n, the corrected p-value of a difference, and the verdict.

    Args:
        claims: Those of one study.
        runs: A row a run, of one layer.

    Returns:
        Verdicts are holds, fails (the whole interval lies where the claim does not), undecided, or no verdict where there
        are too few seeds. A difference needs a corrected p-value below .05 besides.
    """
    values = [_values(claim, runs) for claim in claims]
    intervals = [t_interval(found) for found in values]
    p_values = _corrected(claims, values)
    rows = []
    for claim, interval, p in zip(claims, intervals, p_values, strict=True):
        row: dict[str, object] = {"id": claim.id, "claim": claim.says, "number": _name(claim), "rule": _rule(claim)}
        row |= {"mean": interval.mean, "lower": interval.lower, "upper": interval.upper, "n": interval.n, "p": p}
        rows.append(row | {"verdict": _verdict(claim, interval, p)})
    return pd.DataFrame(rows, columns=["id", "claim", "number", "rule", "mean", "lower", "upper", "n", "p", "verdict"])


def _values(claim: Claim, runs: pd.DataFrame) -> list[float]:
    """Gives the claim's number in each seed, of seeds that all its runs have."""

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
    holds, fails = low < interval.lower and interval.upper < high, interval.upper <= low or high <= interval.lower
    if not (holds or fails) or (claim.against is not None and not p < LEVEL):
        return "undecided"
    return "holds" if holds else "fails"


def _name(claim: Claim) -> str:
    number = claim.column if claim.minus is None else f"{claim.column} - {claim.minus}"
    return f"{number}, {claim.variant}" + ("" if claim.against is None else f" - {claim.against}")


def _rule(claim: Claim) -> str:
    return f"{claim.rule} {claim.value:g}" + (f" +- {claim.margin:g}" if claim.rule == "within" else "")
