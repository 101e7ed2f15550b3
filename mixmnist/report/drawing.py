"""How figures look and are written: style, sizes, captions, and the files they end in."""

import math
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from numpy.typing import NDArray
from tqdm import tqdm

from mixmnist.core.records import require
from mixmnist.report.files import write_figure

MARKERS = "os^DvPX*<>"
DASHES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
FORMATS = ("pdf", "svg", "png")
DARKER = (0, 1, 2, 3, 4, 5, 7, 9, 6, 8)  # of the ten colours, so that the palest come last
STYLES = {"paper": 1.0, "talk": 1.6}  # letters, lines and marks against those of a paper
COLUMNS = {"one": 3.3, "two": 6.9}  # inches: width of a figure over one or both columns of a page
PANEL = 1.5  # inches: a panel is at least as wide, its labels included
LETTER, SMALL = 8, 7  # points, in a paper: of titles and the names of axes; of numbers, legends and what stands in a panel


@dataclass(frozen=True)
class Look:
    """What figures are written as."""

    formats: tuple[str, ...] = ("pdf", "png")
    """Some of pdf, svg, png."""
    style: str = "paper"
    """One of paper, talk (larger letters and lines)."""
    columns: str = "two"
    """One of one, two: columns of a page that a figure is exactly as wide as, 3.3 or 6.9 inches."""

    def __post_init__(self) -> None:
        for kind in self.formats:
            require(kind in FORMATS, f"format must be some of {', '.join(FORMATS)}, got {kind!r}.")
        require(self.formats, f"format must be some of {', '.join(FORMATS)}, got none.")
        require(self.style in STYLES, f"style must be one of {', '.join(STYLES)}, got style={self.style!r}.")
        require(self.columns in COLUMNS, f"columns must be one of {', '.join(COLUMNS)}, got columns={self.columns!r}.")


@contextmanager
def style(look: Look) -> Iterator[None]:
    """Draws in colours that the colour-blind can tell apart, with letters of 7 and 8 points in a paper.

    Letters are text in pdf, and outlines in svg: a browser that lacks the font would put another in its place, of another width.
    """
    scale = STYLES[look.style]
    names = ("font.size", "axes.titlesize", "axes.labelsize", "figure.titlesize", "figure.labelsize")
    sizes: dict[str, Any] = dict.fromkeys(names, LETTER * scale)
    sizes |= dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize", "legend.title_fontsize"), SMALL * scale)
    sizes |= dict.fromkeys(("axes.linewidth", "grid.linewidth"), 0.6 * scale) | {"lines.linewidth": 1.2 * scale}
    sizes |= {"lines.markersize": 3 * scale, "axes.titlepad": 4 * scale, "axes.labelpad": 2 * scale}
    sizes |= dict.fromkeys(("xtick.major.pad", "ytick.major.pad"), 2 * scale)
    sizes |= {"legend.columnspacing": 1.2, "legend.handlelength": 2.4, "legend.handletextpad": 0.5}
    fixed = {"figure.dpi": 150, "savefig.dpi": 150, "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "mixmnist"}
    fixed |= {"text.parse_math": False}  # a dollar in a name is a dollar
    fixed |= {"figure.autolayout": False, "figure.constrained_layout.use": False}  # an album lays its figures out itself
    theme = {**sns.axes_style("whitegrid"), **sns.plotting_context("paper"), **sizes, **fixed}
    with mpl.rc_context({**theme, "axes.prop_cycle": cycler(color=[sns.color_palette("colorblind")[place] for place in DARKER])}):
        yield


@dataclass(frozen=True)
class Album:
    """Makes figures of one look and writes them into a folder, each with its caption and the numbers that it shows."""

    folder: Path
    look: Look
    notes: tuple[str, ...]  # that every caption begins with

    def make(self, n_panels: int, height: float, least: float = PANEL, **shared: Any) -> tuple[Figure, NDArray[Any]]:  # noqa: ANN401 -- matplotlib's own arguments
        """Makes a figure exactly as wide as the look's columns, without a window; its panels go on in further rows.

        Args:
            n_panels: From left to right and from top to bottom; rows are as equally full as can be.
            height: Of a row, inches in a paper, its labels included.
            least: Inches in a paper that a panel is at least as wide as, if the figure is.
            shared: As `sharex` and `sharey` of matplotlib's `subplots`.

        Returns:
            The figure, and its axes [panels].
        """
        scale, width = STYLES[self.look.style], COLUMNS[self.look.columns]
        most = max(1, int(width / (least * scale) + 1e-6))
        n_rows = -(-n_panels // most)
        n_cols = -(-n_panels // n_rows)
        figure = Figure(figsize=(width, height * n_rows * scale))
        between = 0.08 if shared.get("sharey") else 0.04  # no numbers of an own axis keep such panels' ends apart
        figure.set_layout_engine("constrained", w_pad=between, h_pad=0.03, wspace=0.02, hspace=0.02)
        axes = figure.subplots(n_rows, n_cols, squeeze=False, **shared).ravel()
        for ax in axes[n_panels:]:
            ax.remove()
        for ax in axes[max(0, n_panels - n_cols) : n_panels]:
            ax.xaxis.set_tick_params(labelbottom=True)  # those with none below them are not all in the last row
        return figure, axes[:n_panels]

    def save(self, figure: Figure, data: pd.DataFrame, name: str, text: str) -> None:
        """Writes a figure, its caption (txt) and the numbers it shows (csv)."""
        lay_out(figure)
        for kind in self.look.formats:
            write_figure(figure, self.folder / f"{name}.{kind}")
        (self.folder / f"{name}.txt").write_text(" ".join([*self.notes, text]) + "\n", encoding="utf-8")
        data.to_csv(self.folder / f"{name}.csv", index=False)


def lay_out(figure: Figure) -> None:
    """Finds a place for everything, once for all files; a title that would leave the figure is moved inside."""
    engine = figure.get_layout_engine()
    assert engine is not None
    for _ in range(8):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            engine.execute(figure)
        if not any("constrained_layout not applied" in str(one.message) for one in said):
            break
        figure.set_figheight(figure.get_figheight() * 1.25)  # what stands around the panels left no room for them
    figure.set_layout_engine(None)  # any other answer would have each file drawn twice
    renderer = figure._get_renderer()  # type: ignore[attr-defined]
    for ax in figure.axes:
        beyond = ax.title.get_window_extent(renderer).x1 - figure.bbox.width * 0.995
        if beyond > 0:
            ax.title.set_x(0.5 - beyond / ax.get_window_extent(renderer).width)


def name_axes(figure: Figure, x: str | None = None, y: str | None = None) -> None:
    """Names once the axes that all panels of a figure share, below them and beside them."""
    if x is not None:
        figure.supxlabel(x)
    if y is not None:
        figure.supylabel("\n".join(_in_lines(y, figure.get_figheight() * 0.85)), multialignment="center")


def title(ax: Axes, name: str, *below: str) -> None:
    """Writes what a panel shows above it, a name in as many lines as the panel's width asks for, and further lines."""
    grid, figure = ax.get_subplotspec().get_gridspec(), ax.get_figure(root=True)  # type: ignore[union-attr]
    assert figure is not None
    ax.set_title("\n".join([*_in_lines(name, figure.get_figwidth() / grid.ncols), *below]))


def unit_ticks(ax: Axes) -> None:
    """Lets an x axis go from 0 to 1, with numbers that do not touch the next panel's."""
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    sides: tuple[Literal["left", "center", "right"], ...] = ("left", "center", "right")
    for tick, side in zip(ax.xaxis.get_major_ticks(), sides, strict=True):
        tick.label1.set_horizontalalignment(side)  # else 1 and the next panel's 0 are read as 10


def few_ticks(ax: Axes, low: float, high: float) -> None:
    """Writes 0 and one round number on each side of it below an axis that goes from low to high, so that none touch."""
    far = max(-low, high)
    power = 10.0 ** math.floor(math.log10(far)) if far > 0 else 1.0
    step = max(power, *(power * more for more in (2, 5) if power * more <= far), 0.0)
    ticks = [tick for tick in (-step, 0.0, step) if low <= tick <= high]
    ax.set_xticks(ticks, [f"{tick:g}".replace("-", "\N{MINUS SIGN}") for tick in ticks])


def fitting_signs(inches: float, size: Literal["axes.titlesize", "xtick.labelsize"] = "axes.titlesize") -> int:
    """Gives how many signs of a size of the style fit a width, at least one."""
    points = FontProperties(size=mpl.rcParams[size]).get_size_in_points()
    return max(1, int(inches * 72 / (0.58 * points)))


def _in_lines(text: str, inches: float) -> list[str]:
    """Breaks a text of a title's letters into as few lines as fit the width, all about as long."""
    fitting = fitting_signs(inches)
    broken = max(map(len, text.split()), default=0) > fitting  # words are, too
    ways = [textwrap.wrap(text, width, break_long_words=broken) for width in range(1, fitting + 1)]
    return next(way for way in ways if len(way) <= len(ways[-1]) and max(map(len, way), default=0) <= fitting)


def stroke(number: int, n_points: int = 1) -> dict[str, Any]:
    """Gives what the line of a number is drawn with: seven of them can be told apart without their colours.

    Args:
        number: Of the line in its panel, from 0.
        n_points: Of the line, of which about five carry a marker.
    """
    every = max(1, n_points // 5)
    marks = {"marker": MARKERS[number % len(MARKERS)], "markevery": (number % every, every), "markeredgewidth": 0}
    return {"color": f"C{number % 10}", "ls": DASHES[number % len(DASHES)], **marks}


def legend_above(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Puts a legend above the panels, in as few rows as the figure's width allows; the figure grows by its height."""
    if not labels:
        return
    renderer = figure._get_renderer()  # type: ignore[attr-defined]
    for n_cols in range(len(labels), 0, -1):
        found = figure.legend(handles, labels, loc="outside upper center", ncols=n_cols, frameon=False, borderaxespad=0.2)
        box = found.get_window_extent(renderer)
        if n_cols == 1 or box.width <= figure.bbox.width * 0.98:
            figure.set_figheight(figure.get_figheight() + box.height / figure.dpi)
            return
        found.remove()


class Nothing(ValueError):  # noqa: N818 -- nothing went wrong
    """There is nothing to draw; its text says why."""


def draw_each(
    figures: Mapping[str, Callable[[], None]], needs: Callable[[str], Sequence[str]], tables: Sequence[pd.DataFrame]
) -> tuple[str, ...]:
    """Draws figures; what cannot be drawn is left out.

    Args:
        figures: Each draws one, by name.
        needs: Gives the columns that a figure shows.
        tables: Those that have these columns.

    Returns:
        A sentence a figure that is left out, with why.
    """
    left_out = []
    full = {str(column): bool(table[column].notna().any()) for table in tables for column in table}
    for name, draw in tqdm(figures.items(), "figures", leave=False, disable=None):
        empty = [column for column in needs(name) if not full.get(column, True)]
        if empty:
            left_out.append(f"The figure {name} is left out: there are no numbers in {' and '.join(empty)}.")
            continue
        try:
            draw()
        except Nothing as why:
            left_out.append(f"The figure {name} is left out: {why}")
        except (OSError, MemoryError):
            raise  # of the machine, not of the numbers
        except Exception as error:  # numbers that nobody thought of may not cost the others
            left_out.append(f"The figure {name} is left out: it could not be drawn ({type(error).__name__}: {error}).")
    return tuple(left_out)


def rule(ax: Axes, what: str, at: float, dash: str, *, upright: bool = False, **look: Any) -> None:  # noqa: ANN401 -- matplotlib's own arguments
    """Draws a line to read by across a panel. Its gid says what it stands for, so that a test can hold it against the data.

    Args:
        ax: The panel.
        what: It stands for, as chance.
        at: Where on the axis that it crosses.
        dash: As matplotlib names them: -, --, : or -.
        upright: From bottom to top; by default from left to right.
        look: Of the line, as its label.
    """
    drawn: dict[str, Any] = {"color": "0.3", "lw": 0.8, "ls": dash, "gid": what} | look
    (ax.axvline if upright else ax.axhline)(at, **drawn)


def grid(album: Album, images: NDArray[np.uint8], classes: Sequence[str]) -> Figure:
    """Shows images [n, rows, cols], or in colour [n, 3, rows, cols], side by side, each below its class."""
    figure, axes = album.make(len(images), 0.95, 0.8)
    for ax, image, name in zip(axes, images, classes, strict=False):
        ax.set_axis_off()
        ax.imshow(last_channels(image), cmap="gray", vmin=0, vmax=255)
        ax.set(xticks=[], yticks=[])
        ax.set_title(name, pad=2)
    return figure


def last_channels(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gives an image [rows, cols] or [3, rows, cols] as pictures are drawn: channels last."""
    return image if image.ndim == 2 else image.transpose(1, 2, 0)


def save_preview(images: NDArray[np.uint8], classes: Sequence[str], text: str, path: Path) -> None:
    """Draws images [n, rows, cols] below their classes into a png, pdf or svg file."""
    look = replace(Look(), formats=(path.suffix[1:],))
    with style(look):
        figure = grid(Album(path.parent, look, ()), images, classes)
        figure.supxlabel(text, fontsize=SMALL, color="0.25")  # a single file is asked for
        partial = path.with_name(f".partial-{path.name}")
        try:
            write_figure(figure, partial)
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
