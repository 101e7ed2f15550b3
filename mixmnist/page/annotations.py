"""Annotations: what a person said of units' top images, beside the truth and beside every score.

Source:
    B. Zhou et al. (2015), "Object Detectors Emerge in Deep Scene CNNs", arXiv:1412.6856: a person names what a unit's top images
    share and marks those that do not fit; precision is the share that fits. Differs: the truth is known, so people are graded.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from mixmnist.core import storage, sums
from mixmnist.core.records import require
from mixmnist.labellers.annotations import Annotation, read_annotations, understood
from mixmnist.page.exhibit import Exhibit
from mixmnist.report.tables import write_table
from mixmnist.stats import share_interval

__all__ = ["Annotation", "agreement", "judge_annotations", "read_annotations", "too_few", "understood", "write_annotations"]
SCORES = "alignment precision_at_100 precision_at_recall_50 selectivity corrected drop drop_mean max_class_drop".split()
FINGERPRINT = "fingerprint"  # column: of the exhibit that was labelled
FEWEST = 20  # units below which people and scores are not compared: the interval would hold nearly everything
NORMAL = 1.959964  # standard errors to either end of an interval of 95 %
UNITS = (
    'A row a labelled unit. Named: what was written; understood: the concept that it means, empty where it is none ("seven", '
    '"a 7" and "7s" mean 7). Fits: share of the shown images that the person says fit; true: share that show the named '
    "concept; same: whether it is the unit's own concept; judged right: share of the shown images on which the person's yes or "
    "no is true of the named concept."
)
AGREEMENT = (
    "A row a score: Spearman's rank correlation with the share that fits, over labelled units, and its 95 % interval over units "
    f"(Bonett and Wright 2000); none below {FEWEST} units. `true`: with the share of shown images that show the named concept."
)


def too_few(units: int) -> str:
    """Says that people and scores are not compared, and what would change that."""
    return f"Agreement with people is told from {FEWEST} labelled units on; labelled: {units}."


def judge_annotations(annotations: Sequence[Annotation], exhibits: Sequence[Exhibit]) -> pd.DataFrame:
    """Sets each annotation beside the truth and the unit's scores.

    Args:
        annotations: Of units of these exhibits.
        exhibits: Those on the page that was annotated.

    Returns:
        A row an annotation: exhibit, unit, named, understood, category, fits, true, judged_right, concept, same, and the unit's
        scores; and the exhibit's fingerprint.

    Raises:
        ValueError: If there are none, or one is of another network or of other scores.
    """
    require(annotations, "annotations must say something of one unit or more, got none. Label some units first.")
    known = {exhibit.fingerprint: exhibit for exhibit in exhibits}
    rows = []
    for one in annotations:
        exhibit = known.get(one.fingerprint)
        if exhibit is None or one.unit not in set(exhibit.units["unit"]) or one.shown > exhibit.top.shape[1]:
            there = ", ".join(f"{e.about.name} {e.layer}" for e in exhibits) or "none"
            raise ValueError(
                f"annotations must be of units on this page ({there}), got unit {one.unit} of {one.exhibit} {one.layer}, which "
                "is of another study or of earlier scores. Name the folder whose page was labelled."
            )
        rows.append(_row(one, exhibit))
    return pd.DataFrame(rows)


def _row(one: Annotation, exhibit: Exhibit) -> dict[str, Any]:
    place = exhibit.units["unit"].tolist().index(one.unit)
    scores = exhibit.units.iloc[place]
    fits = ~np.isin(np.arange(one.shown), one.misfits)
    means = understood(one.concept, exhibit.concepts)
    row: dict[str, Any] = {"exhibit": exhibit.about.name, "layer": exhibit.layer, "unit": one.unit, "named": one.concept}
    row |= {"understood": "" if means is None else exhibit.concepts[means], "category": one.category}
    row |= {"fits": float(fits.mean()), "true": np.nan, "judged_right": np.nan}
    if means is not None:
        shows = exhibit.top_present[place, : one.shown, means]
        row |= {"true": float(shows.mean()), "judged_right": float((shows == fits).mean())}
    row |= {"concept": scores["concept"], "same": means is not None and exhibit.concepts[means] == scores["concept"]}
    return row | {name: scores[name] for name in SCORES if name in scores} | {FINGERPRINT: one.fingerprint}


def agreement(judged: pd.DataFrame) -> pd.DataFrame:
    """Gives the rank correlation of the share that fits with the truth and with every score, and its interval over units.

    Example:
        >>> judged = pd.DataFrame({"fits": np.arange(20) / 20, "true": [*range(1, 20), 0], "alignment": [0.5] * 20})
        >>> agreement(judged).round(3).to_numpy().tolist()
        [['true', 20, 0.714, 0.348, 0.891], ['alignment', 20, nan, nan, nan]]
    """
    rows = []
    for name in [name for name in ("true", *SCORES) if name in judged]:
        both = judged[["fits", name]].astype(float).dropna()
        found, n = _spearman(both["fits"], both[name]), len(both)
        lower, upper = _between(found, n)
        rows.append({"score": name, "units": n, "rank_correlation": found, "lower": lower, "upper": upper})
    return pd.DataFrame(rows)


def _spearman(ours: "pd.Series[float]", theirs: "pd.Series[float]") -> float:
    if len(ours) < FEWEST or ours.nunique() < 2 or theirs.nunique() < 2:
        return float("nan")
    return float(np.corrcoef(rankdata(ours), rankdata(theirs))[0, 1])


def _between(found: float, n: int) -> tuple[float, float]:
    """Gives the bounds of a rank correlation over n units; none of one that is perfect, whose error is not known."""
    if math.isnan(found) or abs(found) > 1 - 1e-9:
        return math.nan, math.nan
    half = NORMAL * math.sqrt((1 + found**2 / 2) / (n - 3))
    return math.tanh(math.atanh(found) - half), math.tanh(math.atanh(found) + half)


def write_annotations(judged: pd.DataFrame, folder: Path) -> None:
    """Writes `folder`, whole or not at all: the tables `units` and `agreement`, in three formats each. Earlier ones are kept."""
    named = judged[judged["true"].notna()]
    said = (
        f"{len(judged)} labelled units; {len(named)} named a concept, {int(judged['same'].sum())} the unit's own"
        f"{_share(judged)}. Mean share that fits {judged['fits'].mean():.3f}"
        + (f"; of the named, {named['fits'].mean():.3f} against the truth {named['true'].mean():.3f}." if len(named) else ".")
    )

    few = [too_few(len(judged))] if len(judged) < FEWEST else []

    def fill(partial: Path) -> None:
        write_table(partial, "units", judged, [said, UNITS], list(judged.columns.drop(FINGERPRINT)))
        write_table(partial, "agreement", agreement(judged), [said, *few, AGREEMENT])
        sums.write_sealed(partial / sums.LISTED, {})

    storage.publish(folder, fill, replaced=folder.parent / "replaced")


def _share(judged: pd.DataFrame) -> str:
    """Says which share of the units was named as its concept, with its interval, where there are enough of them."""
    if len(judged) < FEWEST:
        return ""
    share = share_interval(judged["same"].astype(float).tolist())
    return f" ({share.mean:.3f}, 95 % between {share.lower:.3f} and {share.upper:.3f} over units)"
