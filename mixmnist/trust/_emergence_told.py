"""What is asked of nets at moments of their training: which comes first, what changes, what was there from the beginning."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixmnist.core.thresholds import THRESHOLD
from mixmnist.trust._emergence_measured import TO

HALF = 0.5  # of the last accuracy on a digit's canvases
KEYS = ["variant", "seed"]


def stays_from(steps: Sequence[int], values: Sequence[float], bar: float) -> float:
    """Gives the step from which on values stay at a bar or above it up to the last, between moments by a straight line.

    Args:
        steps: Rising.
        values: At these; `nan` counts as 0.
        bar: Above 0.

    Returns:
        On the scale of log2(step + 1) the line is straight; the first step if no value is below, `nan` if the last one is.

    Example:
        >>> round(stays_from([0, 1, 3, 7], [0.9, 0.2, 0.6, 1.0], bar=0.8), 3)
        4.657
    """
    known = np.nan_to_num(np.asarray(values, dtype=float), nan=0.0)
    if known[-1] < bar:
        return math.nan
    below = np.flatnonzero(known < bar)
    if not len(below):
        return float(steps[0])
    last = int(below[-1])
    share = (bar - known[last]) / (known[last + 1] - known[last])
    one, other = (math.log2(steps[place] + 1) for place in (last, last + 1))
    return float(2 ** (one + share * (other - one)) - 1)


def firsts_of(units: pd.DataFrame, digits: pd.DataFrame) -> pd.DataFrame:
    """Says of each digit what comes first.

    Returns:
        A row a net and digit: `unit`, its best one at the end; the steps from which on it is a detector (`detector`), any unit is
        (`any`), the net's own answer passes the same bar (`answer`), and the accuracy on canvases that show the digit is half of
        what it is in the end (`half`); and by how many doublings of the steps the detector is ahead: `lead_half`, `lead_answer`.
        A digit without a detector in the end has no `detector`.
    """
    rows = []
    of_nets = {keys: own.sort_values("step") for keys, own in units.groupby(KEYS)}
    for (variant, seed, digit), own in digits.sort_values("step").groupby([*KEYS, "digit"], sort=False):
        steps, last = own["step"].tolist(), own.iloc[-1]
        theirs = of_nets[variant, seed][lambda table, unit=last["unit"]: table["unit"].eq(unit)]
        row: dict[str, Any] = {"variant": variant, "seed": seed, "digit": digit, "unit": int(last["unit"])}
        row["detector"] = stays_from(steps, theirs[f"{TO}{digit}"].tolist(), THRESHOLD)
        row["any"] = stays_from(steps, own["best"].tolist(), THRESHOLD)
        row["answer"] = stays_from(steps, own["answer"].tolist(), THRESHOLD)
        row["half"] = stays_from(steps, own["accuracy"].tolist(), max(HALF * last["accuracy"], 1e-9))
        row |= {f"lead_{name}": math.log2((row[name] + 1) / (row["detector"] + 1)) for name in ("half", "answer")}
        rows.append(row)
    return pd.DataFrame(rows)


def of_firsts(firsts: pd.DataFrame, last: int) -> dict[str, float]:
    """Gives what is said of one net: means over its digits with a detector.

    Args:
        firsts: Its rows of `firsts_of`.
        last: Step of its training.

    Returns:
        `lead_half`, `lead_answer`, `lead_any` (of any unit ahead of half the accuracy); `before_half`, the share of digits whose
        detector comes first; `apart`: how many doublings lie between a digit's detector and its accuracy, whichever comes first,
        and `apart_shuffled`, what the same is for another digit's accuracy; `first_detector`: share of the training after which
        the first digit has its detector.
    """
    known = firsts.dropna(subset=["detector"])
    names = ("lead_half", "lead_answer", "lead_any", "before_half", "apart", "apart_shuffled", "first_detector")
    if known.empty:
        return dict.fromkeys(names, math.nan)
    detector, half, any_unit = (np.log2(known[name].to_numpy() + 1) for name in ("detector", "half", "any"))
    between = np.abs(detector[:, None] - half)
    n = len(known)
    others = between[~np.eye(n, dtype=bool)]
    found = (
        known["lead_half"].mean(),
        known["lead_answer"].mean(),
        (half - any_unit).mean(),
        (known["lead_half"] > 0).mean(),
        between.diagonal().mean(),
        others.mean() if n > 1 else math.nan,
        known["detector"].min() / last,
    )
    return dict(zip(names, map(float, found), strict=True))


def of_changes(concepts: NDArray[Any], detector: NDArray[np.bool_]) -> dict[str, float]:
    """Says how often units of one net change their concept once they are detectors.

    Args:
        concepts: Best concept of each unit at each moment [moments, units]; empty where it is dead.
        detector: Whether it is a detector there.

    Returns:
        `changed`: of units that were a detector before the end, the share that has another concept in the end than when it first
        was one; `changed_shuffled`: the share of other units that have another one than it had. `changes_after`: share of the
        steps from one moment to the next, after a unit first was a detector, at which its concept changes; `changes_before`: of
        those before; `changes_shuffled`: after, to the concept of another unit. `lost`: share that is no detector in the end.
        `nan` where there is nothing to count.
    """
    moments, n = concepts.shape
    began = np.where(detector.any(axis=0), detector.argmax(axis=0), moments)
    early = np.flatnonzero(began < moments - 1).tolist()
    differs = concepts[1:] != concepts[:-1]  # steps units
    after = np.arange(moments - 1)[:, None] >= began
    to_others = np.array([[_others(now, unit, then[unit]) for unit in range(n)] for then, now in itertools.pairwise(concepts)])
    ended = [_others(concepts[-1], unit, concepts[began[unit], unit]) for unit in early]
    return {
        "changed": _mean(concepts[-1, early] != concepts[began[early], early]),
        "changed_shuffled": _mean(ended),
        "changes_after": _mean(differs[after]),
        "changes_before": _mean(differs[~after]),
        "changes_shuffled": _mean(to_others[after]),
        "lost": _mean(~detector[-1, early]),
    }


def _others(concepts: NDArray[Any], unit: int, own: str) -> float:
    """Gives the share of the other units whose concept is not the given one."""
    return _mean(np.delete(concepts, unit) != own)


def of_births(concepts: NDArray[Any], detector: NDArray[np.bool_]) -> dict[str, float]:
    """Says how many of the last detectors had their concept before the first step.

    Args:
        concepts: As for `of_changes`.
        detector: As for `of_changes`.

    Returns:
        `born`: share of the detectors in the end whose concept was already their best one at the first moment; `born_shuffled`:
        share of the other units that had it as their best.
    """
    ends = np.flatnonzero(detector[-1]).tolist()
    own = concepts[0, ends] == concepts[-1, ends]
    return {"born": _mean(own), "born_shuffled": _mean([1 - _others(concepts[0], unit, concepts[-1, unit]) for unit in ends])}


def _mean(values: Sequence[float] | NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def of_runs(units: pd.DataFrame, firsts: pd.DataFrame, nets: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a net: what claims are held against."""
    rows, by_net = [], dict(list(firsts.groupby(KEYS)))
    for (variant, seed), own in units.groupby(KEYS, sort=False):
        concepts, detector = (own.pivot(index="step", columns="unit", values=name) for name in ("concept", "detector"))  # noqa: PD010 -- of one value each
        arrays = concepts.to_numpy(dtype=str), detector.to_numpy(dtype=bool)
        told = of_firsts(by_net[variant, seed], int(own["step"].max()))
        rows.append({"variant": variant, "seed": seed, **told, **of_changes(*arrays), **of_births(*arrays)})
    return pd.DataFrame(rows).merge(nets, on=KEYS, validate="1:1")
