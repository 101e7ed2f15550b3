"""Sheets: what units want, a row a unit and a column a way, each picture with what is known of it below."""

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import seaborn  # noqa: F401 -- it knows the colours of maps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mixmnist.core.records import require
from mixmnist.report.drawing import SMALL, Look, style
from mixmnist.report.files import write_figure
from mixmnist.report.pictures import outline

SIDE, BETWEEN, BELOW, LINE, EDGE = 0.86, 0.08, 0.31, 0.125, 0.08  # inches: a picture, a gap, what is said below, a line, a margin
ASIDE = 0.95  # inches: what a row is called
MOST = 2_000  # pictures of a sheet
SIGNS = 17.5  # of the small letters, that stand in an inch
COLOURS = "vlag"  # of maps: blue against, red for, near white at zero; evenly spaced to the eye, and told apart by all


@dataclass(frozen=True, eq=False)
class Picture:
    """An image, or a map of a canvas; or nothing."""

    image: NDArray[np.float64] | None  # [rows, cols] or [3, rows, cols] in [0, 1]; the canvas, where there is a map of it
    signed: NDArray[np.float64] | None = None  # [rows, cols]
    below: tuple[str, ...] = ()  # one or two short lines
    good: bool | None = None  # whether its own digit is read, where that is known


@dataclass(frozen=True, eq=False)
class Sheet:
    """What is drawn."""

    rows: tuple[tuple[str, ...], ...]  # what each is called, in lines
    columns: tuple[str, ...]
    pictures: tuple[tuple[tuple[Picture, ...], ...], ...]  # rows columns; of each several, all the same number
    notes: tuple[str, ...]


def draw_sheet(sheet: Sheet) -> Figure:
    """Draws a sheet, each map on its own scale, zero in the middle of it.

    Raises:
        ValueError: If it would be larger than anybody looks at.
    """
    several = len(sheet.pictures[0][0])
    n = len(sheet.rows) * len(sheet.columns) * several
    require(n <= MOST, f"a sheet must have at most {MOST:,} pictures, got {n:,}. Ask for fewer units, ways or starts.")
    wide = several * SIDE + BETWEEN * (several - 1)  # a cell
    width = max(3.3, ASIDE + len(sheet.columns) * (wide + 2 * BETWEEN) + EDGE)
    heads = [_lines(column, wide) for column in sheet.columns]
    top = EDGE + LINE * max(map(len, heads)) + 0.04
    notes = [line for note in sheet.notes for line in _lines(note, width - 2 * EDGE)]
    maps = any(one.signed is not None for row in sheet.pictures for cell in row for one in cell)
    legend = 0.36 if maps else 0.0
    height = top + len(sheet.rows) * (SIDE + BELOW) + legend + LINE * len(notes) + EDGE
    figure = Figure(figsize=(width, height))

    def write(x: float, y: float, text: str, **look: Any) -> None:  # noqa: ANN401 -- matplotlib's own arguments
        figure.text(x / width, 1 - y / height, text, fontsize=SMALL, va="top", **look)

    for column, head in enumerate(heads):
        x = ASIDE + column * (wide + 2 * BETWEEN)
        write(x + wide / 2, top - 0.04 - LINE * len(head), "\n".join(head), ha="center", linespacing=1.2)
    for row, (name, cells) in enumerate(zip(sheet.rows, sheet.pictures, strict=True)):
        y = top + row * (SIDE + BELOW)
        write(EDGE, y + 0.1, "\n".join(name), ha="left", linespacing=1.3)
        for column, cell in enumerate(cells):
            for place, picture in enumerate(cell):
                x = ASIDE + column * (wide + 2 * BETWEEN) + place * (SIDE + BETWEEN)
                ax = figure.add_axes((x / width, 1 - (y + SIDE) / height, SIDE / width, SIDE / height))
                _draw(ax, picture)
                write(x + SIDE / 2, y + SIDE + 0.02, "\n".join(picture.below), ha="center", color="0.25", linespacing=1.15)
    y = top + len(sheet.rows) * (SIDE + BELOW)
    if maps:
        ax = figure.add_axes((ASIDE / width, 1 - (y + 0.1) / height, 1.2 / width, 0.08 / height))
        ax.imshow(np.linspace(-1, 1, 256)[None], cmap=COLOURS, aspect="auto", extent=(-1, 1, 0, 1))
        ax.set(yticks=[], xticks=[-1, 0, 1], xticklabels=["against", "0", "for"])
        ax.tick_params(length=0, pad=1)
        write(ASIDE + 1.5, y, "of a map, each on its own scale; lines: the ink", ha="left")
    write(EDGE, y + legend, "\n".join(notes), ha="left", color="0.25", linespacing=1.25)
    return figure


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


def _draw(ax: Axes, picture: Picture) -> None:
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    if picture.image is None:
        ax.text(0.5, 0.5, "no picture", ha="center", va="center", transform=ax.transAxes, fontsize=SMALL, color="0.25")
    elif picture.signed is None:
        image = picture.image if picture.image.ndim == 2 else picture.image.transpose(1, 2, 0)
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
    else:
        most = float(np.abs(picture.signed).max())
        ax.imshow(picture.signed, cmap=COLOURS, vmin=-most, vmax=most)
        ink = picture.image if picture.image.ndim == 2 else picture.image.max(axis=0)
        ax.add_collection(LineCollection(list(outline(ink > 0.25)), colors="0.15", linewidths=0.4))
    for side in ax.spines.values():
        known = picture.good is not None
        side.set(visible=True, color="C0" if picture.good else "0.3", lw=1.8 if picture.good else 0.6, ls="--" if known else "-")
        if picture.good:
            side.set_linestyle("-")


def _lines(text: str, inches: float) -> list[str]:
    """Breaks a text into lines of small letters."""
    return textwrap.wrap(text, max(8, int(inches * SIGNS))) or [""]
