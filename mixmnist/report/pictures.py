"""Figures that show images: the first canvases of a study, the best units' cards, and the plain picture of Network Dissection.

Source:
    D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796: a unit's top images with the region outlined in which its map is
    among its highest .005 values. Differs: the digits' masks are drawn, not annotated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from mixmnist.core.thresholds import THRESHOLD
from mixmnist.report.drawing import SMALL, STYLES, Album, Nothing, fitting_signs, grid
from mixmnist.report.reading import StudyRecords
from mixmnist.report.wording import noun, shortened

CARD = [f"precision_at_{k}" for k in (100, 300, 500, 700)] + [f"precision_at_recall_{r}" for r in (25, 50, 75)]
IOU = ["iou_box_quantile", "iou_ceiling_box", "iou_ink_quantile", "iou_ceiling_ink"]
MATCHED = "iou_box_matched"  # the IoU that pages show
WORTH = 0.5  # alignment of a unit that is worth a card
ON_CARD, ON_STRIP = 5, 8  # images of a unit on a card, and on a strip of the dissection
BLOCK = 3.2  # inches that a unit's images are at least wide
GAP = 6  # pixels between images and maps
DIM = 0.35  # of the light that is left outside of a region
LINE = "#ffe000"
REGION = (
    "Outlined: where the unit's map, scaled up to the canvas, is at or above the value that the highest .005 of its pixels reach "
    "on the rank mixture."
)


@dataclass(frozen=True, eq=False)
class Regions:
    """Maps of a net's units on the images that its record keeps of each, the highest response first."""

    maps: NDArray[np.float32]  # [units, shown, rows, cols], scaled up to the image
    threshold: NDArray[np.float32]  # [units], above which lie .005 of a map's pixels on the rank images

    def mask(self, unit: int) -> NDArray[np.bool_]:
        """Gives the region of a unit on each of its images, [shown, rows, cols]; a map that is 0 is in no region."""
        own = self.maps[unit]
        found: NDArray[np.bool_] = (own >= self.threshold[unit]) & (own > 0)
        return found


RegionsOf = Callable[[str, int], Regions]  # of a variant and seed; a ValueError or FileNotFoundError says why there are none


def outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Gives the border of a region [rows, cols] along the edges of its pixels, as segments [n, 2 ends, x and y].

    Example:
        >>> outline(np.array([[False, True]])).tolist()[:2]
        [[[0.5, -0.5], [1.5, -0.5]], [[0.5, 0.5], [1.5, 0.5]]]
    """
    padded = np.pad(mask, 1)
    rows, cols = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])  # an edge above the pixel in this row
    flat = np.stack([np.stack([cols - 0.5, rows - 0.5], axis=1), np.stack([cols + 0.5, rows - 0.5], axis=1)], axis=1)
    rows, cols = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])  # an edge left of the pixel in this column
    upright = np.stack([np.stack([cols - 0.5, rows - 0.5], axis=1), np.stack([cols - 0.5, rows + 0.5], axis=1)], axis=1)
    return np.concatenate([flat, upright]).astype(float)


def preview(records: StudyRecords, album: Album) -> None:
    """Shows the first canvases of the test mixture with their classes."""
    variant, seed = records.runs.iloc[0][["variant", "seed"]]
    with np.load(records.tops[variant, seed], allow_pickle=False) as stored:
        images, classes = stored["first"], stored["first_classes"].tolist()
    data = pd.DataFrame({"image": range(len(classes)), "class": classes})
    caption = "First canvases of the test mixture; above each, its class."
    album.save(grid(album, images, classes), data, "preview", caption)


def cards(records: StudyRecords, album: Album, variant: str) -> None:
    """Shows, of a variant's first seed, the best unit of each digit with its top images, its maps and its precisions.

    A digit whose best unit has an alignment below .50 has no card; the caption names it.
    """
    concepts = records.concepts[records.concepts["variant"] == variant]
    seed = int(concepts["seed"].min())
    rows = concepts[concepts["seed"] == seed]
    worth = rows["alignment"] >= WORTH
    if not worth.any():
        raise Nothing(f"no unit of {variant}, seed {seed}, reaches an alignment of {short(WORTH)}.")
    images, (regions, why) = _images(records, variant, seed), _regions(records, variant, seed)
    what, known = noun(records), [column for column in CARD if rows[worth][column].notna().any()]
    figure, axes = album.make(int(worth.sum()), 0.76 if regions else 1.0, BLOCK)
    for ax, (_, row) in zip(axes, rows[worth].iterrows(), strict=True):
        unit = int(row["unit"])
        _name(ax, what, row["concept"], f"unit {unit}, alignment {short(row['alignment'])}, chance {short(row['chance'])}")
        strip(ax, images[unit, :ON_CARD], None if regions is None else regions.mask(int(unit))[:ON_CARD])
        if regions is not None:
            _beside(ax, regions.maps[unit, :ON_CARD])
        at, recalled = ("  ".join(short(row[column]) for column in part) for part in _at_and_recalled(known))
        below = "   ".join([*([f"precision {at}"] if at else []), *([f"at recall {recalled}"] if recalled else [])])
        ax.set_xlabel(below, loc="left", fontsize=SMALL * STYLES[album.look.style], color="0.3")
    none = rows["concept"][~worth].tolist()
    n_shown = min(ON_CARD, images.shape[1])
    text = [
        f"{variant}, seed {seed}: the {n_shown} test canvases with the highest response of each {what}'s best unit.",
        why or f"{REGION} Right: the map on the same canvases, white where it is highest on these.",
        *_below(known),
        *([f"No card, since no unit reaches an alignment of {short(WORTH)}: {', '.join(none)}."] if none else []),
    ]
    data = rows[worth][["variant", "seed", "concept", "unit", "alignment", "chance", *CARD]]
    album.save(figure, _with_threshold(data, regions), f"cards_{variant}", " ".join(text))


def dissection(records: StudyRecords, album: Album, variant: str) -> None:
    """Shows, of a variant's first seed, the top images of each detector with the region in which its map is high, and its IoU."""
    units = records.units[records.units["variant"] == variant]
    seed = int(units["seed"].min())
    rows = units[(units["seed"] == seed) & (units["alignment"] >= THRESHOLD)]
    if rows.empty:
        raise Nothing(f"no unit of {variant}, seed {seed}, reaches an alignment of {short(THRESHOLD)}.")
    concepts = list(dict.fromkeys(records.concepts["concept"]))  # in the task's order
    rows = rows.sort_values(["concept", "alignment"], ascending=[True, False], key=partial(_in_order, concepts))
    images, (regions, why) = _images(records, variant, seed), _regions(records, variant, seed)
    if regions is None:
        raise Nothing(why)
    what = noun(records)
    figure, axes = album.make(len(rows), 0.64, BLOCK)
    for ax, (_, row) in zip(axes, rows.iterrows(), strict=True):
        unit = int(row["unit"])
        _name(ax, what, row["concept"], f"unit {unit}, IoU {short(row[IOU[0]])} at the .005 threshold")
        masks = regions.mask(int(unit))[:ON_STRIP]
        strip(ax, images[unit, :ON_STRIP], masks, dim=DIM)
    low, high, n_shown = short(rows[IOU[1]].min()), short(rows[IOU[1]].max()), min(ON_STRIP, images.shape[1])
    most = low if low == high else f"{low} to {high}"
    text = (
        f"{variant}, seed {seed}: the {n_shown} test canvases with the highest response of each detector (alignment from "
        f"{short(THRESHOLD)} on). {REGION} IoU at the .005 threshold (iou_box_quantile): of the canvases the pixels that are in "
        f"such a region and in the {what}'s box, over those that are in either; it is {most} at most, since boxes hold more than "
        f".005 of the pixels. {_matched(rows)}"
    )
    data = rows[["variant", "seed", "concept", "unit", "alignment", *IOU, *[column for column in (MATCHED,) if column in rows]]]
    album.save(figure, _with_threshold(data, regions), f"dissection_{variant}", text)


def short(value: float) -> str:
    """Writes a share with two decimals, without the zero in front.

    Example:
        >>> short(0.8), short(1.0), short(0.996)
        ('.80', '1.00', '1.00')
    """
    return "\N{EN DASH}" if np.isnan(value) else f"{value:.2f}".removeprefix("0") if value >= 0 else f"{value:.2f}"


def _in_order(concepts: list[str], column: "pd.Series[Any]") -> "pd.Series[Any]":
    return column.map(concepts.index) if column.name == "concept" else column


def _name(ax: Axes, what: str, concept: str, said: str) -> None:
    """Writes a concept and what is said of its unit above a panel, a long name with an ellipsis, so that it stays there."""
    grid, figure = ax.get_subplotspec().get_gridspec(), ax.get_figure(root=True)  # type: ignore[union-attr]
    assert figure is not None
    before = "digit " if what == "digit" else ""
    most = fitting_signs(figure.get_figwidth() / grid.ncols - 0.1) - len(before) - len(f": {said}")
    ax.set_title(f"{before}{shortened(concept, most)}: {said}", loc="left", pad=2)


def _at_and_recalled(columns: list[str]) -> tuple[list[str], list[str]]:
    """Parts columns of precision into those among the highest responses and those at a recall."""
    recalled = [column for column in columns if "recall" in column]
    return [column for column in columns if column not in recalled], recalled


def _below(columns: list[str]) -> list[str]:
    """Says what stands below a card; nothing, if nothing does."""
    at, recalled = _at_and_recalled(columns)
    said = [f"among the {_listed([name.split('_')[-1] for name in at])} highest responses"] if at else []
    said += [f"at recall {_listed(['.' + name.split('_')[-1] for name in recalled])}"] if recalled else []
    return [f"Below: precision {', and '.join(said)}."] if said else []


def _listed(names: list[str]) -> str:
    """Lists names: a, b and c."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _matched(rows: pd.DataFrame) -> str:
    """Says how the IoU differs from the one that the page and the table of variants show, and what that is."""
    differs = "It is not the IoU of the page and of variants.tex (iou_box_matched), which is free of that limit"
    how = "there the threshold marks as many pixels as the boxes hold"
    if MATCHED not in rows or not rows[MATCHED].notna().any():
        return f"{differs}: {how}."
    low, high = short(rows[MATCHED].min()), short(rows[MATCHED].max())
    return f"{differs}: {how}; of these units it is {low if low == high else f'{low} to {high}'}."


def _images(records: StudyRecords, variant: str, seed: int) -> NDArray[np.uint8]:
    """Reads each unit's top images, channels last: [units, shown, rows, cols], in colour [..., 3]."""
    with np.load(records.tops[variant, seed], allow_pickle=False) as stored:
        images: NDArray[np.uint8] = stored["images"]
    return images if images.ndim == 4 else np.moveaxis(images, 2, -1)


def _regions(records: StudyRecords, variant: str, seed: int) -> tuple[Regions | None, str]:
    """Gives the regions, or why there are none."""
    if records.regions is None:
        return None, "Maps are not drawn."
    try:
        return records.regions(variant, seed), ""
    except (FileNotFoundError, ValueError) as error:
        return None, f"Maps are not drawn: {str(error).rstrip('.')}."


def _with_threshold(rows: pd.DataFrame, regions: Regions | None) -> pd.DataFrame:
    return rows if regions is None else rows.assign(map_threshold=regions.threshold[rows["unit"].astype(int)])


def strip(ax: Axes, images: NDArray[np.uint8], masks: NDArray[np.bool_] | None, dim: float = 1.0, start: int = 0) -> None:
    """Shows images [shown, rows, cols] side by side from x = start on, their regions outlined and the rest in less light."""
    step = images.shape[2] + 1
    for place, image in enumerate(images):
        light = np.ones(image.shape[:2]) if masks is None else np.where(masks[place], 1.0, dim)
        shown = (image * light.reshape(*light.shape, *[1] * (image.ndim - 2))).round().astype(np.uint8)
        _show(ax, shown, start + place * step, cmap="gray", vmin=0, vmax=255)
        if masks is not None:
            lines = outline(masks[place]) + np.array([start + place * step, 0.0])
            shade = [patheffects.Stroke(linewidth=1.5, foreground="black"), patheffects.Normal()]
            ax.add_collection(LineCollection(list(lines), colors=LINE, linewidths=0.7, path_effects=shade, gid="region"))
    _bare(ax, start + len(images) * step - 1, images.shape[1])


def _beside(ax: Axes, maps: NDArray[np.float32]) -> None:
    """Shows maps [shown, rows, cols] to the right of the images, on one scale."""
    step = maps.shape[2] + 1
    start = len(maps) * step + GAP
    for place, one in enumerate(maps):
        _show(ax, one, start + place * step, cmap="gray", vmin=min(0.0, maps.min()), vmax=max(maps.max(), 1e-12))
    _bare(ax, start + len(maps) * step - 1, maps.shape[1])


def _show(ax: Axes, image: NDArray[Any], left: int, **look: Any) -> None:  # noqa: ANN401 -- matplotlib's own arguments
    rows, cols = image.shape[:2]
    ax.imshow(image, extent=(left - 0.5, left + cols - 0.5, rows - 0.5, -0.5), interpolation="none", **look)


def _bare(ax: Axes, width: int, height: int) -> None:
    """Leaves of a panel nothing but what it shows."""
    ax.set(xlim=(-1, width), ylim=(height, -1), xticks=[], yticks=[], aspect="equal", anchor="W")
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
