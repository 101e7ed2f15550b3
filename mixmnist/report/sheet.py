"""A sheet of pictures, a row a unit and a column a way of making them, with what is said of each; it decides no number."""

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mixmnist.report.drawing import COLUMNS, SMALL, STYLES, Album, Nothing, fitting_signs

LABEL = 0.62  # inches of the rows' names, in a paper
LARGEST = 0.9  # inches of a picture, in a paper
BELOW, BETWEEN = 0.15, 0.06  # inches between two rows, which hold what is said; and between two columns
READ = "\N{BLACK CIRCLE}"
FRAME = "#d55e00"  # around what is marked; its dot tells it apart without colours


def sheet(album: Album, cells: pd.DataFrame, pictures: NDArray[Any], name: str, text: str) -> None:
    """Draws pictures in rows and columns, marked ones in a frame and with a dot.

    Args:
        album: Where it goes.
        cells: A row a picture: `row` and `column`, its place by name, both in the order in which they come first; `marked`, as
            whether the own digit is read; `below`, a few letters that stand below it. A place without a picture stays empty.
        pictures: In the order of the cells: [cells, rows, cols] from 0 to 255, or in colour [cells, rows, cols, 3].
        name: Of the figure.
        text: Its caption.

    Raises:
        Nothing: If there is no picture.
    """
    if cells.empty:
        raise Nothing("there is no picture to show.")
    scale, page = STYLES[album.look.style], COLUMNS[album.look.columns]
    names = [list(dict.fromkeys(cells[one].astype(str))) for one in ("row", "column")]
    label, below, between = (inches * scale for inches in (LABEL, BELOW, BETWEEN))
    side = min(LARGEST * scale, (page - 0.1 - label) / len(names[1]) - between)
    heads = [_lines(column, side + between) for column in names[1]]
    above = (max(map(len, heads)) * 0.125 + 0.03) * scale
    figure, (ax,) = album.make(1, (above + len(names[0]) * (side + below) + 0.06) / scale)
    size = SMALL * scale
    for place, lines in enumerate(heads):
        middle = label + place * (side + between) + side / 2
        ax.text(middle, above - 0.03, "\n".join(lines), ha="center", va="bottom", fontsize=size, linespacing=1.05)
    for place, row in enumerate(names[0]):
        middle = above + place * (side + below) + side / 2
        lines = _lines(row, label)
        ax.text(label - 0.05, middle, "\n".join(lines), ha="right", va="center", fontsize=size, linespacing=1.05)
    for (_, cell), picture in zip(cells.iterrows(), pictures, strict=True):
        left = label + names[1].index(str(cell["column"])) * (side + between)
        top = above + names[0].index(str(cell["row"])) * (side + below)
        _picture(ax, picture, (left, top, side), bool(cell["marked"]))
        said = f"{READ} {cell['below']}".strip() if cell["marked"] else str(cell["below"])
        ax.text(left + side / 2, top + side + 0.02 * scale, said, ha="center", va="top", fontsize=size)
    ax.set(xlim=(0, page - 0.1), ylim=(above + len(names[0]) * (side + below), 0), xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    album.save(figure, cells, name, text)


def _picture(ax: Axes, picture: NDArray[Any], place: tuple[float, float, float], marked: bool) -> None:
    """Shows a picture in a square: its left end, its top and its side, in inches; a marked one in a frame."""
    left, top, side = place
    look: dict[str, Any] = {} if picture.ndim == 3 else {"cmap": "gray", "vmin": 0, "vmax": 255}
    ax.imshow(picture, extent=(left, left + side, top + side, top), interpolation="none", **look)
    if marked:
        ax.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor=FRAME, linewidth=1.4, gid="marked"))


def as_bytes(pictures: NDArray[Any]) -> NDArray[np.uint8]:
    """Gives pictures in [0, 1] as they are drawn.

    Example:
        >>> as_bytes(np.array([0.0, 0.5, 1.0])).tolist()
        [0, 128, 255]
    """
    return (pictures * 255).round().astype(np.uint8)


def _lines(text: str, inches: float) -> list[str]:
    """Breaks a name into lines that fit a width."""
    return textwrap.wrap(text, max(4, fitting_signs(inches, "xtick.labelsize"))) or [""]
