"""Sheets: pictures of units, a row a unit and a column a way, each with what is known of it below; they decide no number."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import seaborn  # noqa: F401 -- it knows the colours of maps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from numpy.typing import NDArray

from mixmnist.core.records import require
from mixmnist.report.drawing import COLUMNS, SMALL, STYLES, Look, style
from mixmnist.report.files import write_figure
from mixmnist.report.pictures import outline

SIDE, BETWEEN, LINE, EDGE = 0.86, 0.08, 0.125, 0.08  # inches, in a paper: a picture at most, a gap, a line, a margin
CLOSE = 0.03  # inches of a gap on a page of a given width
NARROWEST = 3.3  # inches of a sheet as wide as it likes
MOST = 2_000  # pictures of a sheet
SIGNS = 17.5  # of the small letters, that stand in an inch
COLOURS = "vlag"  # of maps: blue against, red for, near white at zero; evenly spaced to the eye, and told apart by all
FRAMES = {True: ("C0", 1.8, "-"), False: ("0.55", 1.0, "--"), None: ("0.3", 0.6, "-")}  # by whether the own digit is read
OF_MAPS = "Colours of a map: blue against, white nothing, red for, each map on its own scale; lines: the ink."


@dataclass(frozen=True, eq=False)
class Picture:
    """An image, or a map of a canvas; or nothing."""

    image: NDArray[np.float64] | None  # [rows, cols] or [3, rows, cols] in [0, 1]; the canvas, where there is a map of it
    signed: NDArray[np.float64] | None = None  # [rows, cols]
    below: tuple[str, ...] = ()  # one or two short lines
    good: bool | None = None  # whether its own digit is read, where that is known


NONE = Picture(None)


@dataclass(frozen=True, eq=False)
class Sheet:
    """What is drawn."""

    rows: tuple[tuple[str, ...], ...]  # what each is called, in lines
    columns: tuple[str, ...]
    pictures: tuple[tuple[tuple[Picture, ...], ...], ...]  # rows columns; of each several, all the same number
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Plan:
    """Where all of a sheet stands, in inches of a paper from its top left corner."""

    width: float
    height: float
    side: float  # of a picture
    gap: float  # between two
    cell: float  # the width of a column's pictures
    left: float  # where pictures begin
    top: float
    row: float  # from one row to the next
    heads: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    def corner(self, row: int, column: int, place: int = 0) -> tuple[float, float]:
        """Gives a picture's left and top."""
        return self.left + column * (self.cell + 2 * self.gap) + place * (self.side + self.gap), self.top + row * self.row


def draw_sheet(sheet: Sheet, look: Look | None = None) -> Figure:
    """Draws a sheet, each map on its own scale, zero in the middle of it.

    Args:
        sheet: What is drawn.
        look: Of a page, as wide as which it is; by default it is as wide as its pictures ask for.

    Raises:
        ValueError: If it would be larger than anybody looks at.
    """
    n = len(sheet.rows) * len(sheet.columns) * len(sheet.pictures[0][0])
    require(n <= MOST, f"a sheet must have at most {MOST:,} pictures, got {n:,}. Ask for fewer units, ways or starts.")
    plan, scale = _plan(sheet, look), 1.0 if look is None else STYLES[look.style]
    placed = PlaceHolderLayoutEngine(True, True)  # nothing is left to be laid out
    figure = Figure(figsize=(plan.width * scale, plan.height * scale), layout=placed)

    def write(x: float, y: float, lines: Sequence[str], **given: Any) -> None:  # noqa: ANN401 -- matplotlib's own arguments
        place = x / plan.width, 1 - y / plan.height
        figure.text(*place, "\n".join(lines), fontsize=SMALL * scale, va="top", linespacing=1.2, **given)

    for column, head in enumerate(plan.heads):
        x, y = plan.corner(0, column)
        write(x + plan.cell / 2, y - 0.04 - LINE * len(head), head, ha="center")
    for row, (name, cells) in enumerate(zip(sheet.rows, sheet.pictures, strict=True)):
        _, y = plan.corner(row, 0)
        write(EDGE, y + min(0.1, plan.side / 8), name, ha="left")
        for column, cell in enumerate(cells):
            for place, picture in enumerate(cell):
                x, _ = plan.corner(row, column, place)
                box = (x / plan.width, 1 - (y + plan.side) / plan.height, plan.side / plan.width, plan.side / plan.height)
                _draw(figure.add_axes(box), picture, scale)
                write(x + plan.side / 2, y + plan.side + 0.02, picture.below, ha="center", color="0.25")
    write(EDGE, plan.top + len(sheet.rows) * plan.row, plan.notes, ha="left", color="0.25")
    return figure


def _plan(sheet: Sheet, look: Look | None) -> _Plan:
    """Finds a place for everything."""
    n, several = len(sheet.columns), len(sheet.pictures[0][0])
    every = [one for row in sheet.pictures for cell in row for one in cell]
    left = EDGE + max(len(line) for name in sheet.rows for line in name) / SIGNS + 0.06
    side, gap = SIDE, BETWEEN
    if look is not None:
        width, gap = COLUMNS[look.columns] / STYLES[look.style], CLOSE
        side = min(SIDE, ((width - left - EDGE) / n - gap * (several + 1)) / several)
    cell = several * side + gap * (several - 1)
    if look is None:
        width = max(NARROWEST, left + n * (cell + 2 * gap) + EDGE)
    heads = tuple(_lines(column, cell + gap) for column in sheet.columns)
    told = (*([OF_MAPS] if any(one.signed is not None for one in every) else []), *sheet.notes)
    notes = tuple(line for note in told for line in _lines(note, width - 2 * EDGE))
    top = EDGE + LINE * max(map(len, heads)) + 0.04
    row = max(side + 0.06 + LINE * max(len(one.below) for one in every), 0.15 + LINE * max(map(len, sheet.rows)))
    return _Plan(width, top + len(sheet.rows) * row + LINE * len(notes) + EDGE, side, gap, cell, left, top, row, heads, notes)


def save_sheet(sheet: Sheet, path: Path) -> None:
    """Draws a sheet into a png, pdf or svg file, whole or not at all.

    Raises:
        ValueError: As `draw_sheet`.
    """
    with style(Look(formats=(path.suffix[1:],))):
        figure = draw_sheet(sheet)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".partial-{path.name}")
        try:
            write_figure(figure, partial)
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)


def as_bytes(pictures: NDArray[Any]) -> NDArray[np.uint8]:
    """Gives pictures in [0, 1] as they are kept.

    Example:
        >>> as_bytes(np.array([0.0, 0.5, 1.0])).tolist()
        [0, 128, 255]
    """
    return (pictures * 255).round().astype(np.uint8)


def _draw(ax: Axes, picture: Picture, scale: float) -> None:
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    if picture.image is None:
        look: dict[str, Any] = {"fontsize": SMALL * scale, "color": "0.25", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "no\npicture", ha="center", va="center", **look)
    elif picture.signed is None:
        image = picture.image if picture.image.ndim == 2 else picture.image.transpose(1, 2, 0)
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
    else:
        most = float(np.abs(picture.signed).max())
        ax.imshow(picture.signed, cmap=COLOURS, vmin=-most, vmax=most)
        ink = picture.image if picture.image.ndim == 2 else picture.image.max(axis=0)
        ax.add_collection(LineCollection(list(outline(ink > 0.25)), colors="0.15", linewidths=0.4 * scale))
    colour, width, dash = FRAMES[picture.good]
    for side in ax.spines.values():
        side.set(visible=True, color=colour, lw=width * scale)
        side.set(ls=dash)


def _lines(text: str, inches: float) -> tuple[str, ...]:
    """Breaks a text into lines of small letters."""
    return tuple(textwrap.wrap(text, max(4, int(inches * SIGNS)))) or ("",)
