"""The hero of a page and its plain table of units: what of the units is there without a script."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mixmnist.core import grades
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.page.exhibit import Exhibit
from mixmnist.page.numbers import COUNT, POINTS, SCORE, bare
from mixmnist.page.words import TERMS

TILES = 10  # units of the hero
IMAGES = 3  # of each
UNIT_COLUMNS = {  # of the table of units: name, how it is written
    "unit": ("unit", COUNT),
    "concept": ("concept", ""),
    "alignment": ("alignment", SCORE),
    "chance": ("chance", SCORE),
    "null_95": ("95 % of its null", SCORE),
    "iou_box_matched": ("IoU", SCORE),
    "drop": ("drop", POINTS),
    "group_drop": ("group drop", POINTS),
    "alignment_mean": ("alignment, by mean", SCORE),
    "drop_mean": ("drop, to its mean", POINTS),
    "max_class_drop": ("largest drop of a class", POINTS),
    "precision_at_100": ("precision@100", SCORE),
    "precision_at_recall_50": ("precision at recall .50", SCORE),
    "selectivity": ("selectivity", SCORE),
    "class_correlation": ("class correlation", SCORE),
    "weight_norm": ("weight norm", SCORE),
}
LESS = ("alignment_mean", "drop_mean")  # columns behind "more scores" that may be quoted


def heroic(exhibits: Sequence[Exhibit]) -> int:
    """Gives the place of the exhibit that opens the page: of the first network's layers that with the most detected concepts."""
    own = [place for place, one in enumerate(exhibits) if one.about.name == exhibits[0].about.name]
    return max(own, key=lambda place: _detected(exhibits[place]))  # of those that tie the first


def _detected(exhibit: Exhibit) -> int:
    """Counts the concepts that have a detector."""
    return int(exhibit.units.loc[exhibit.units["alignment"] >= THRESHOLD, "concept"].nunique())


def hero(exhibit: Exhibit, packed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Gives the best detectors of a layer, one a concept, with their top images as places on the sheets.

    Args:
        exhibit: Of the layer.
        packed: The same as it was packed: its key, and which units have a place on the sheets.

    Returns:
        A dictionary a unit, in the order of the concepts; the best unit of all where none is a detector.
    """
    rows = {row["unit"]: place for place, row in enumerate(packed["units"])}
    units = exhibit.units[exhibit.units["unit"].isin(list(rows)) & exhibit.units["alignment"].notna()]
    best = units.sort_values("alignment", ascending=False, kind="stable").drop_duplicates("concept")
    detectors = best[best["alignment"] >= THRESHOLD]
    chosen = (detectors if len(detectors) else best.head(1)).head(TILES)
    chosen = chosen.sort_values("concept", key=lambda names: names.map(exhibit.concepts.index), kind="stable")
    places = {unit: place for place, unit in enumerate(exhibit.units["unit"])}
    return [_tile(places[unit], rows[unit], exhibit, packed) for unit in chosen["unit"]]


def _tile(own: int, row: int, exhibit: Exhibit, packed: Mapping[str, Any]) -> dict[str, Any]:
    """Gives a unit, by its place in the exhibit and its row on the sheets."""
    across, down = exhibit.top.shape[1], len(packed["units"])
    heat = f"url({packed['key']}-maps.png), " if packed.get("maps") else ""
    images = []
    for place in range(min(IMAGES, across)):
        at = " ".join(f"{100 * i / (n - 1) if n > 1 else 0:.4g}%" for i, n in ((place, across), (row, down)))
        shows = [name for name, there in zip(exhibit.concepts, exhibit.top_present[own, place], strict=True) if there]
        style = f"background-image: {heat}url({packed['key']}-top.png); background-size: {100 * across}% {100 * down}%"
        field = None if heat or exhibit.fields is None else _field(exhibit, own, place)
        images.append({"style": f"{style}; background-position: {at}", "text": " and ".join(shows) or "nothing", "field": field})
    unit = exhibit.units.iloc[own]
    alignment = bare(unit["alignment"], SCORE)
    detects = bool(unit["alignment"] >= THRESHOLD)
    return {"unit": int(unit["unit"]), "concept": unit["concept"], "alignment": alignment, "detects": detects, "images": images}


def _field(exhibit: Exhibit, own: int, place: int) -> str:
    """Gives the style of the box in which a unit fired."""
    assert exhibit.fields is not None
    rows, cols = exhibit.top.shape[2:4]
    top, left, bottom, right = exhibit.fields[own, place].tolist()
    ends = {"top": top / rows, "left": left / cols, "height": (bottom - top) / rows, "width": (right - left) / cols}
    return "; ".join(f"{name}: {100 * share:.4g}%" for name, share in ends.items())


def unit_table(exhibit: Exhibit, packed: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the units that are shown as a table: those scores that the card says not to quote alone are marked as more."""
    shown = exhibit.units[exhibit.units["unit"].isin([row["unit"] for row in packed["units"]])]
    columns = [column for column in UNIT_COLUMNS if column in shown and shown[column].notna().any()]
    named = {name: packed[name] for name in ("name", "layer", "word")}
    head = [_column(column) | (dict.fromkeys(("name", "term"), named["word"]) if column == "unit" else {}) for column in columns]
    rows = [[_cell(row[column], UNIT_COLUMNS[column][1]) for column in columns] for row in shown.to_dict("records")]
    return {**named, "columns": head, "rows": rows, "n_units": exhibit.n_units}


def _column(column: str) -> dict[str, Any]:
    name, unit = UNIT_COLUMNS[column]
    found = grades.UNITS.get(column)
    more = column in LESS or (found is not None and found.say == grades.NOT_ALONE)
    return {
        "column": column,
        "name": name,
        "meaning": "",
        "unit": unit,
        "term": TERMS.get(column),
        "grade": found,
        "graded": "a single unit",
        "more": more,
    }


def _cell(value: Any, unit: str) -> dict[str, Any]:  # noqa: ANN401 -- a number or a name
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return {"value": None, "text": ""}
    return {"value": value, "text": bare(float(value), unit) if unit else f"{value}"}


def several_layers(exhibits: Sequence[Exhibit]) -> bool:
    """Says whether layers must be named beside networks."""
    return len({exhibit.layer for exhibit in exhibits}) > 1
