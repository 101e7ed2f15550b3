"""Figures of nets at moments of their training: scores over steps, what units stand for, which comes first."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from mixmnist.report.drawing import SMALL, STYLES, Album, Nothing, legend_above, name_axes, stroke, title
from mixmnist.report.ranges import over_seeds
from mixmnist.stats import FEWEST, t_interval
from mixmnist.trust._plots import seeds_of

BEGIN = 0.5  # where step 0 is drawn on a logarithmic scale
PANELS = {"unique_concepts": "digits with a detector", "accuracy": "accuracy", "coverage": "coverage"}
ATOMS = {"coverage_ica": "ICA", "coverage_sparse": "sparse coding", "coverage_random": "random directions"}
FIRSTS = {"detector": "detector", "half": "half of the accuracy", "answer": "the net's answer"}
PALE = 0.82  # how near to white the concept of a unit is drawn that is no detector
DARK = 0.45  # lightness below which a digit is written in white
MOST_TICKS = 5
ROW = 0.125  # inches of a unit's row


def over_steps(album: Album, steps: pd.DataFrame) -> None:
    """Shows detected digits, accuracy and coverage over the steps of the training, of each variant; atoms beside coverage.

    Args:
        album: Where it goes.
        steps: A row a net and moment.
    """
    figure, axes = album.make(len(PANELS), 2.1, 2.0)
    variants, rows = list(dict.fromkeys(steps["variant"])), []
    for ax, (column, name) in zip(axes, PANELS.items(), strict=True):
        for number, variant in enumerate(variants):
            own = steps[steps["variant"].eq(variant)]
            found = _over_nets(own, column)
            look = stroke(number, len(found))
            ax.plot(_placed(found["step"]), found["mean"], label=variant, **look)
            ax.fill_between(_placed(found["step"]), found["lower"], found["upper"], color=look["color"], alpha=0.2, lw=0)
            rows.append(found.assign(variant=variant, number=column))
            if column == "coverage":
                rows += _atoms(ax, own, number, labelled=number == 0)
        _log_axis(ax, int(steps["step"].max()))
        ax.set_ylabel(name)
        ax.set_ylim(0, 10.3 if column == "unique_concepts" else 1.02)
    name_axes(figure, "steps of the training")
    legend_above(figure, *axes[-1].get_legend_handles_labels())
    text = (
        "Digits with a detector (a unit with alignment of .80 or more), accuracy and coverage (mean over digits of the best "
        "alignment) before steps of the training, on test canvases; batch norm's statistics are those of each moment. Marks "
        "beside coverage: of atoms of dictionaries fitted at that moment, and of as many random directions. Means over nets. "
        f"{_bands(steps)} {seeds_of(steps)}"
    )
    album.save(figure, pd.concat(rows, ignore_index=True), "over_steps", text)


def _atoms(ax: Axes, own: pd.DataFrame, number: int, labelled: bool) -> list[pd.DataFrame]:
    """Draws the coverage of atoms at the moments that have them, open marks of the variant's colour."""
    rows = []
    for mark, (column, name) in zip("^s_", ATOMS.items(), strict=True):
        found = _over_nets(own.dropna(subset=[column]), column) if column in own else pd.DataFrame()
        if len(found):
            look: dict[str, Any] = {
                "color": f"C{number}",
                "ls": "none",
                "marker": mark,
                "markerfacecolor": "none",
                "label": name if labelled else None,
            }
            ax.plot(_placed(found["step"]), found["mean"], **look)
            rows.append(found.assign(variant=own["variant"].iloc[0], number=column))
    return rows


def concepts_of_units(album: Album, moments: pd.DataFrame) -> None:
    """Shows what each unit of a variant's first net stands for at each moment: a row a unit, a column a moment.

    Args:
        album: Where it goes.
        moments: A row a net, moment and unit.
    """
    firsts = [group[group["seed"].eq(group["seed"].min())] for _, group in moments.groupby("variant", sort=False)]
    concepts = sorted(set(moments["concept"]) - {"", "nan"})
    figure, axes = album.make(len(firsts), 0.75 + ROW * max(one["unit"].nunique() for one in firsts), 3.0)
    for ax, own in zip(axes, firsts, strict=True):
        table = _ordered(own)
        steps = sorted(set(own["step"].tolist()))
        _strip(ax, table, concepts, steps, 0.8 * SMALL * STYLES[album.look.style])
        title(ax, f"{own['variant'].iloc[0]}, seed {own['seed'].iloc[0]}")
        ax.set_xticks(range(0, len(steps), 2), [f"{step:,}" for step in steps[::2]], rotation=90)
        ax.set_yticks([])
    name_axes(figure, "steps of the training", "units")
    seeds = ", ".join(
        f"{own['variant'].iloc[0]} n=1 of {moments[moments['variant'].eq(own['variant'].iloc[0])]['seed'].nunique()}"
        for own in firsts
    )
    text = (
        "The digit that each unit is best at, before steps of the training: a row a unit, in the order of its last digit. Full "
        "colour with the digit: a detector (alignment of .80 or more); pale: none. White: dead. Batch norm's statistics are "
        f"those of each moment. The first net of each variant: {seeds}."
    )
    album.save(figure, pd.concat(firsts), "concepts_of_units", text)


def _ordered(own: pd.DataFrame) -> pd.DataFrame:
    """Gives the rows with the place of each unit: by its concept in the end, the earliest detector first."""
    last = own[own["step"].eq(own["step"].max())].set_index("unit")["concept"]
    began = own[own["detector"].eq(1)].groupby("unit")["step"].min().reindex(last.index).fillna(np.inf)
    order = sorted(last.index, key=lambda unit: (last[unit], began[unit], unit))
    return own.assign(row=own["unit"].map({unit: place for place, unit in enumerate(order)}))


def _strip(ax: Axes, table: pd.DataFrame, concepts: Sequence[str], steps: Sequence[int], size: float) -> None:
    """Draws a cell a unit and moment."""
    picture = np.ones((table["unit"].nunique(), len(steps), 3))
    for row in table.itertuples():
        if row.concept in concepts:
            place, column = int(row.row), steps.index(row.step)  # type: ignore[arg-type]
            colour = np.array(to_rgb(_colour(concepts.index(row.concept))))
            picture[place, column] = colour if row.detector else 1 - (1 - colour) * (1 - PALE)
            if row.detector:
                light = float(colour @ (0.299, 0.587, 0.114))
                look: dict[str, Any] = {
                    "ha": "center",
                    "va": "center",
                    "fontsize": size,
                    "color": "white" if light < DARK else "black",
                }
                ax.text(column, place, str(row.concept), **look)
    ax.imshow(picture, aspect="auto", interpolation="nearest")
    ax.grid(visible=False)


def _colour(number: int) -> Any:  # noqa: ANN401 -- whatever a colour is to matplotlib
    colours = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
    return colours[number % len(colours)]


def which_first(album: Album, firsts: pd.DataFrame) -> None:
    """Shows of each digit when its detector is there, half of its accuracy, and an answer that passes the same bar.

    Args:
        album: Where it goes.
        firsts: A row a net and digit.

    Raises:
        Nothing: If no digit has a detector.
    """
    known = firsts.dropna(subset=["detector"])
    if known.empty:
        raise Nothing("no unit is a detector in the end.")
    variants, digits = list(dict.fromkeys(known["variant"])), sorted(set(known["digit"]))
    figure, axes = album.make(len(variants), 0.6 + 0.2 * len(digits), 2.6, sharey=True)
    rows = []
    for ax, variant in zip(axes, variants, strict=True):
        for number, (column, name) in enumerate(FIRSTS.items()):
            own = known[known["variant"].eq(variant)].dropna(subset=[column])
            look, found = stroke(number) | {"ls": "none"}, _by_digit(own, column)
            y = [digits.index(digit) + (number - 1) * 0.22 for digit in found["digit"]]
            ax.plot(found["mean"], y, label=name, **look)
            ax.hlines(y, found["lower"], found["upper"], color=look["color"], lw=0.9)
            rows.append(found.assign(variant=variant, number=column))
        title(ax, variant)
        ax.set_yticks(range(len(digits)), digits)
        ax.set_ylim(len(digits) - 0.5, -0.5)
    shown = pd.concat(rows, ignore_index=True)
    for ax in axes:
        _round_steps(ax, shown[["mean", "lower", "upper"]].min().min(), shown[["mean", "lower", "upper"]].max().max())
    name_axes(figure, "steps of the training", "digit")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        "Steps from which on a digit's best unit in the end is a detector (alignment of .80 or more); the accuracy on canvases "
        "that show the digit is half of what it is in the end; and the average precision of the net's own answer for the digit "
        "is .80 or more. Digits with a detector in the end; means over nets on a logarithmic scale, interpolated between "
        f"moments. Bars: 95 % t interval over nets, none below {FEWEST}. {seeds_of(known)}"
    )
    album.save(figure, shown, "which_first", text)


def _by_digit(own: pd.DataFrame, column: str) -> pd.DataFrame:
    """Gives geometric means of steps over nets, with intervals."""
    rows = []
    for digit, group in own.groupby("digit"):
        found = t_interval(np.log2(group[column] + 1).tolist())
        ends = {name: max(2 ** getattr(found, name) - 1, BEGIN) for name in ("mean", "lower", "upper")}
        rows.append({"digit": digit, "n": found.n} | ends)
    return pd.DataFrame(rows, columns=["digit", "n", "mean", "lower", "upper"])


def _over_nets(own: pd.DataFrame, column: str) -> pd.DataFrame:
    rows = [
        {"step": step} | over_seeds(group[column].astype(float).tolist(), column)._asdict() for step, group in own.groupby("step")
    ]
    return pd.DataFrame(rows)


def _bands(steps: pd.DataFrame) -> str:
    few = steps.groupby("variant")["seed"].nunique().min() < FEWEST
    return "Bands: 95 % t interval over nets, cut where the score ends." + (f" No bands below {FEWEST} nets." if few else "")


def _placed(steps: "pd.Series[int]") -> "pd.Series[float]":
    return steps.astype(float).clip(lower=BEGIN)


def _log_axis(ax: Axes, last: int) -> None:
    """Gives an axis of steps on a logarithmic scale, with a place for 0."""
    ax.set_xscale("log")
    ticks = [10**power for power in range(0, len(str(last)), 1)]
    ax.set_xticks([BEGIN, *ticks], ["0", *(f"{tick:,}" for tick in ticks)])
    ax.set_xticks([], minor=True)
    ax.set_xlim(BEGIN / 1.3, last * 1.2)


def _round_steps(ax: Axes, low: float, high: float) -> None:
    """Gives an axis of steps on a logarithmic scale that goes from a low one to a high one, with round numbers."""
    low, high = max(low, BEGIN) / 1.15, high * 1.15
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    each = [most * 10**power for power in range(9) for most in (1, 2, 5) if low <= most * 10**power <= high]
    ticks = each if len(each) <= MOST_TICKS else each[:: -(-len(each) // MOST_TICKS)]
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.set_xticks([], minor=True)
