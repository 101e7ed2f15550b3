"""What becomes of units when a net is trained for another task: which are re-used, which keep their concept, which are lost."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.metrics.average_precision import average_precision
from mixmnist.trust._assignment import match, standardise

REUSED = 0.9  # correlation with its match from which on a unit counts as re-used
FATES = ("kept", "changed", "lost", "born")


def units_of(before: Readout, after: Readout, null: Readout | None) -> pd.DataFrame:
    """Matches the units of a net before with those after, one to one, by their responses on the same canvases.

    Args:
        before: Of the net that was moved.
        after: Of what became of it.
        null: Of a net that has nothing to do with what became of it, as one of another seed before it was moved; or None.

    Returns:
        A row a unit before: `match` (-1 where one of both is dead), `correlation`; best concept, alignment and whether it is a
        detector, before and after of itself (`_after`), of its match (`concept_match`, `detector_match`); and of the null's unit
        of that number `null_correlation` with its match after, `null_concept`, `null_concept_match`, `null_detector`.
    """
    frame = _named(before).join(_named(after).drop(columns="unit").add_suffix("_after"))
    frame = frame.join(_matched(before, after))
    if null is None:
        return frame.assign(null_correlation=math.nan, null_concept="", null_concept_match="", null_detector=0)
    others = _named(null).join(_matched(null, after))
    kept = others[["correlation", "concept", "concept_match", "detector"]].add_prefix("null_")
    return frame.join(kept)


def _named(readout: Readout) -> pd.DataFrame:
    """Gives a row a unit: its best concept, alignment, and whether it is a detector."""
    alignment = average_precision(readout.response, readout.present).nan_to_num(-1)
    highest, concept = alignment.max(dim=1)
    names = [readout.concepts[c] if a >= 0 else "" for c, a in zip(concept.tolist(), highest.tolist(), strict=True)]
    detector = (highest >= THRESHOLD).int().tolist()
    return pd.DataFrame({"unit": range(len(names)), "concept": names, "alignment": highest.tolist(), "detector": detector})


def _matched(ours: Readout, theirs: Readout) -> pd.DataFrame:
    """Gives of each unit of ours its match, their correlation, and what the match is."""
    found, named = match(correlations(ours, theirs)), _named(theirs)
    rows = {"match": -1, "correlation": math.nan, "concept_match": "", "detector_match": 0}
    frame = pd.DataFrame(rows, index=range(ours.n_units))
    at, which = found.ours.tolist(), found.theirs.tolist()
    frame.loc[at, "match"] = which
    frame.loc[at, "correlation"] = found.correlation.tolist()
    frame.loc[at, "concept_match"] = named["concept"].iloc[which].tolist()
    frame.loc[at, "detector_match"] = named["detector"].iloc[which].tolist()
    return frame


def correlations(ours: Readout, theirs: Readout) -> Float[Tensor, "our_units their_units"]:
    """Correlates each unit of one net with each of another, on the same canvases; `nan` for dead ones."""
    return standardise(ours.response).T @ standardise(theirs.response)


def fates_of(units: pd.DataFrame, concepts: Sequence[str]) -> pd.DataFrame:
    """Counts what becomes of the detectors of each concept, unit by unit.

    Args:
        units: Rows of `units_of`.
        concepts: That there are.

    Returns:
        A row a concept: detectors before that still detect it (`kept`), that detect another one (`changed`), that detect none
        (`lost`); and detectors after that did not detect it before (`born`).
    """
    rows = []
    for concept in concepts:
        was = units["detector"].eq(1) & units["concept"].eq(concept)
        stays = units["detector_after"].eq(1) & units["concept_after"].eq(concept)
        still = units["detector_after"].eq(1)
        counts = (was & stays, was & still & ~stays, was & ~still, ~was & stays)
        rows.append({"digit": concept} | dict(zip(FATES, (int(one.sum()) for one in counts), strict=True)))
    return pd.DataFrame(rows)


def of_units(units: pd.DataFrame) -> dict[str, float]:
    """Gives what is said of one net's units.

    Returns:
        `reused`: share of the live units whose match correlates by .9 or more; `reused_null`: of another net's units;
        `reused_detectors`, `reused_others`: of what was a detector before, and of the rest; `correlation`, `correlation_null`:
        mean over matches; `same_unit`: share of the matches that are the unit itself; `kept`: share of the detectors before whose
        match has the same best concept, `kept_null`: of the null's detectors. `nan` where there is nothing to count.
    """
    live = units[units["match"].ge(0)]
    reused = live["correlation"].ge(REUSED)
    was, null = live["detector"].eq(1), units.dropna(subset=["null_correlation"])
    theirs = null[null["null_detector"].eq(1)]
    return {
        "reused": _share(reused),
        "reused_null": _share(null["null_correlation"].ge(REUSED)),
        "reused_detectors": _share(reused[was]),
        "reused_others": _share(reused[~was]),
        "correlation": _share(live["correlation"]),
        "correlation_null": _share(null["null_correlation"]),
        "same_unit": _share(live["match"].eq(live["unit"])),
        "kept": _share(live["concept"].eq(live["concept_match"])[was]),
        "kept_null": _share(theirs["null_concept"].eq(theirs["null_concept_match"])),
    }


def of_fates(fates: pd.DataFrame, useless: Sequence[str]) -> dict[str, float]:
    """Gives what is said of detectors of the digits that one of the two tasks has no use for, and of the others.

    Returns:
        `lost_useless`, `lost_useful`: share of the detectors before that no longer detect their digit; `useless_before`,
        `useless_after`, `useful_before`, `useful_after`: how many there are. `nan` where there is nothing to count.
    """
    are = fates["digit"].isin(list(useless))
    found: dict[str, float] = {}
    for name, part in (("useless", fates[are]), ("useful", fates[~are])):
        before = int(part[["kept", "changed", "lost"]].to_numpy().sum())
        found[f"lost_{name}"] = float(part[["changed", "lost"]].to_numpy().sum() / before) if before else math.nan
        found[f"{name}_before"] = before
        found[f"{name}_after"] = int(part[["kept", "born"]].to_numpy().sum())
    return found


def best_of(readout: Readout, concepts: Sequence[str]) -> float:
    """Gives the mean over some concepts of the best unit's alignment; `nan` of none."""
    alignment = average_precision(readout.response, readout.present).nan_to_num(-1).amax(dim=0)
    chosen = [readout.concepts.index(concept) for concept in concepts]
    return float(alignment[torch.tensor(chosen)].mean()) if chosen else math.nan


def _share(found: "pd.Series[Any]") -> float:
    return float(found.mean()) if len(found) else math.nan
