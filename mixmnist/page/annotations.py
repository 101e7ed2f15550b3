"""Annotations: what a person said of units' top images, beside the truth and beside every score.

Source:
    B. Zhou et al. (2015), "Object Detectors Emerge in Deep Scene CNNs", arXiv:1412.6856: a person names what a unit's top images
    share and marks those that do not fit; precision is the share that fits. Differs: the truth is known, so people are graded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from mixmnist.core import storage, sums
from mixmnist.core.records import require
from mixmnist.page.exhibit import Exhibit
from mixmnist.report.tables import write_table

KIND = "mixmnist annotations"
SCORES = "alignment precision_at_100 precision_at_recall_50 selectivity corrected drop drop_mean max_class_drop".split()
FINGERPRINT = "fingerprint"  # column: of the exhibit that was labelled
FEWEST = 3  # units below which there is no rank correlation
UNITS = (
    "A row a labelled unit. Fits: share of the shown images that the person says fit; true: share that show the named concept, "
    "empty where the name is no concept; same: whether the name is the unit's own concept; judged right: share of the "
    "shown images on which the person's yes or no is true of the named concept."
)
AGREEMENT = (
    f"A row a score: Spearman's rank correlation with the share that fits, over labelled units; none below {FEWEST} units. "
    "`true`: with the share of shown images that show the named concept."
)


@dataclass(frozen=True)
class Annotation:
    """What a person said of one unit."""

    exhibit: str
    layer: str
    fingerprint: str
    unit: int
    concept: str
    category: str
    misfits: tuple[int, ...]  # places of the shown images that do not fit
    shown: int


def read_annotations(path: Path) -> list[Annotation]:
    """Reads what the page exports.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such export.
    """
    if not path.is_file():
        raise FileNotFoundError(f"annotations must be a file, got {path}. Export one from a page's part 'Label it yourself'.")
    try:
        content = sums.read_json(path)
        require(content["kind"] == KIND, "another kind")
        found = [_annotation(entry) for entry in content["units"]]
        require(len({(one.fingerprint, one.unit) for one in found}) == len(found), "a unit must be there once")
        return found
    except (ValueError, KeyError, TypeError) as error:
        way_out = "Export one from a page's part 'Label it yourself'."
        raise ValueError(f"annotations must be a file that a page exported, got {path}. {way_out}") from error


def _annotation(entry: Mapping[str, Any]) -> Annotation:
    texts = {name: entry[name] for name in ("exhibit", "layer", "fingerprint", "concept", "category")}
    require(all(isinstance(text, str) for text in texts.values()), "texts must be texts")
    misfits, shown = tuple(entry["misfits"]), entry["shown"]
    require(all(type(number) is int for number in (*misfits, shown, entry["unit"])), "numbers must be whole")
    require(shown >= 1 and all(0 <= place < shown for place in misfits), "misfits must be places of shown images")
    return Annotation(**texts, unit=entry["unit"], misfits=misfits, shown=shown)


def judge_annotations(annotations: Sequence[Annotation], exhibits: Sequence[Exhibit]) -> pd.DataFrame:
    """Sets each annotation beside the truth and the unit's scores.

    Args:
        annotations: Of units of these exhibits.
        exhibits: Those on the page that was annotated.

    Returns:
        A row an annotation: exhibit, unit, named, category, fits, true, judged_right, concept, same, and the unit's scores; and
        the exhibit's fingerprint.

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
    row: dict[str, Any] = {"exhibit": exhibit.about.name, "layer": exhibit.layer, "unit": one.unit, "named": one.concept}
    row |= {"category": one.category, "fits": float(fits.mean()), "true": np.nan, "judged_right": np.nan}
    names = [name.casefold() for name in exhibit.concepts]
    if one.concept.casefold() in names:
        shows = exhibit.top_present[place, : one.shown, names.index(one.concept.casefold())]
        row |= {"true": float(shows.mean()), "judged_right": float((shows == fits).mean())}
    row |= {"concept": scores["concept"], "same": one.concept.casefold() == str(scores["concept"]).casefold()}
    return row | {name: scores[name] for name in SCORES if name in scores} | {FINGERPRINT: one.fingerprint}


def agreement(judged: pd.DataFrame) -> pd.DataFrame:
    """Gives the rank correlation of the share that fits with the truth and with every score.

    Example:
        >>> judged = pd.DataFrame({"fits": [1.0, 0.5, 0.75], "true": [1.0, 0.5, 0.5], "alignment": [0.9, 0.1, 0.8]})
        >>> agreement(judged).round(3).to_numpy().tolist()
        [['true', 3, 0.866], ['alignment', 3, 1.0]]
    """
    rows = []
    for name in [name for name in ("true", *SCORES) if name in judged]:
        both = judged[["fits", name]].astype(float).dropna()
        rows.append({"score": name, "units": len(both), "rank_correlation": _spearman(both["fits"], both[name])})
    return pd.DataFrame(rows)


def _spearman(ours: "pd.Series[float]", theirs: "pd.Series[float]") -> float:
    if len(ours) < FEWEST or ours.nunique() < 2 or theirs.nunique() < 2:
        return float("nan")
    return float(np.corrcoef(rankdata(ours), rankdata(theirs))[0, 1])


def write_annotations(judged: pd.DataFrame, folder: Path) -> None:
    """Writes `folder`, whole or not at all: the tables `units` and `agreement`, in three formats each. Earlier ones are kept."""
    named = judged[judged["true"].notna()]
    said = (
        f"{len(judged)} labelled units; {len(named)} named a concept, {int(judged['same'].sum())} the unit's own. "
        f"Mean share that fits {judged['fits'].mean():.3f}"
        + (f"; of the named, {named['fits'].mean():.3f} against the truth {named['true'].mean():.3f}." if len(named) else ".")
    )

    def fill(partial: Path) -> None:
        write_table(partial, "units", judged, [said, UNITS], list(judged.columns.drop(FINGERPRINT)))
        write_table(partial, "agreement", agreement(judged), [said, AGREEMENT])
        sums.write_sealed(partial / sums.LISTED, {})

    storage.publish(folder, fill, replaced=folder.parent / "replaced")
