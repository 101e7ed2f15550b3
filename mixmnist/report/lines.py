"""Figures of lines with bands over seeds: accuracy as units are silenced, and scores by a number in the variants' names."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy.integrate import trapezoid

from mixmnist.report.drawing import Album, legend_above, name_axes, rule, stroke, title, unit_ticks
from mixmnist.report.ranges import over_seeds
from mixmnist.report.reading import StudyRecords
from mixmnist.report.wording import bands, noun, seeds

ORDERS = {
    "curve_random": "in random order",
    "curve_alignment": "best detectors first",
    "curve_drop_first": "most important first",
    "curve_drop_last": "least important first",
    "curve_weight": "largest weights first",
}
CLASS_CURVES = {"curve_keep": "its n best units alone", "curve_remove": "n best units silenced"}
MEAN = "_mean"  # ends the name of what is silenced to its mean
BY_NUMBER = ("unique_concepts", "coverage", "mean_drop", "reliance")


def ablation_curves(records: StudyRecords, album: Album, panels: Sequence[str]) -> None:
    """Shows accuracy against the share of silenced units for every variant, a panel an order."""
    means = [panel.endswith(MEAN) for panel in panels]
    figure, axes = album.make(len(panels), 1.7, sharex=True, sharey=True)
    rows = []
    for ax, panel, mean in zip(axes, panels, means, strict=True):
        order, how = ORDERS[panel.removesuffix(MEAN)], "to its mean" if mean else "to zero"
        for number, variant in enumerate(records.variants):
            found = _curve(records, variant, panel)
            _draw(ax, found, variant, number)
            area = trapezoid(found["accuracy"], found["share"])
            rows.append(found.assign(variant=variant, order=order, silenced=how, accuracy_area=area))
        title(ax, order, *([f"silenced {how}"] if any(means) and not all(means) else []))
        ax.set_ylim(0, 1.02)
        unit_ticks(ax)
    name_axes(figure, "share of units silenced", "accuracy")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    silenced = "to zero or to its mean" if any(means) and not all(means) else "to its mean" if all(means) else "to zero"
    random = "The random order is the mean of 20. " if any(panel.startswith("curve_random") for panel in panels) else ""
    text = (
        f"Accuracy as more and more units are silenced, each {silenced}; means over seeds. {bands(records)} {random}Orders are "
        f"fitted on the rank mixture. The csv has the area under each curve over the share of units. {seeds(records)}"
    )
    album.save(figure, pd.concat(rows), "ablation_curves", text)


def class_curves(records: StudyRecords, album: Album, panels: Sequence[str]) -> None:
    """Shows what is left of a class with its n best units alone, and without them: a class's own units are enough for it."""
    figure, axes = album.make(len(panels), 1.9, sharey=True)
    rows = []
    for ax, panel in zip(axes, panels, strict=True):
        what = CLASS_CURVES[panel]
        for number, variant in enumerate(records.variants):
            found = _curve(records, variant, panel)
            if found["accuracy"].notna().any():
                _draw(ax, found, variant, number)
                rows.append(found.assign(variant=variant, what=what))
        rule(ax, "chance", 0.5, ":", label="chance", lw=1.2)
        title(ax, what)
        ax.set_ylim(0.4, 1.02)
        unit_ticks(ax)
    name_axes(figure, "n, as a share of the units", "balanced accuracy of a class")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        "One class against all others, averaged over classes and seeds. Alone: all units but the class's n best are silenced to "
        f"zero; silenced: these n are. Best: of highest alignment with any {noun(records)} of the class, on the rank mixture. "
        f"{bands(records)} {seeds(records)}"
    )
    data = pd.concat(rows) if rows else pd.DataFrame(columns=["n", "share", "accuracy", "lower", "upper", "seeds"])
    album.save(figure, data, "class_curves", text)


def scores_by_number(records: StudyRecords, album: Album, panels: Sequence[str]) -> None:
    """Shows layer scores against the number in the variants' names, with a faint point a run."""
    figure, axes = album.make(len(panels), 1.7)
    runs = records.runs.assign(number=[number_of(variant) for variant in records.runs["variant"]])
    name = re.sub(r"[-_]?\d+(\.\d+)?$", "", records.variants[0])
    for ax, column in zip(axes, panels, strict=True):
        found = [
            (number, *over_seeds(group[column].tolist(), column, run=dict(group.iloc[0]))[:3])
            for number, group in runs.groupby("number")
        ]
        x, mean, lower, upper = (list(values) for values in zip(*found, strict=True))
        ax.scatter(runs["number"], runs[column], s=6, alpha=0.3, lw=0, color="0.3")
        ax.plot(x, mean, marker="o")
        ax.fill_between(x, lower, upper, alpha=0.25, lw=0)
        title(ax, column.replace("_", " "))
        ax.set(xscale="log" if min(x) > 0 else "linear")
        ax.set_xticks(x, _apart([f"{value:g}" for value in x], x, ax))
        ax.minorticks_off()
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    name_axes(figure, name)
    text = (
        f"Scores of layer {records.layer} against {name}. Faint: a run each; line: mean over seeds. {bands(records)} "
        f"{seeds(records)}"
    )
    album.save(figure, runs[["variant", "number", "seed", *panels]], "scores_by_number", text)


def numbered(records: StudyRecords) -> bool:
    """Says whether the variants differ by one number in their names, as width-5, width-10, width-15 do."""
    names = [re.fullmatch(r"(.*?)(\d+(?:\.\d+)?)", variant) for variant in records.variants]
    return len(names) > 2 and all(names) and len({name[1] for name in names if name}) == 1


def number_of(variant: str) -> float:
    """Gives the last number in a variant's name."""
    return float(re.findall(r"\d+(?:\.\d+)?", variant)[-1])


def _draw(ax: Axes, found: pd.DataFrame, label: str, number: int) -> None:
    """Draws one variant's curve with its band."""
    ax.plot(found["share"], found["accuracy"], label=label, **stroke(number, len(found)))
    ax.fill_between(found["share"], found["lower"], found["upper"], alpha=0.15, lw=0, color=f"C{number % 10}")


def _apart(names: Sequence[str], places: Sequence[float], ax: Axes) -> list[str]:
    """Blanks names of ticks that would touch the one before; the panel is about an inch wide."""
    scale = np.log if ax.get_xscale() == "log" else np.asarray
    at = np.asarray(scale(places), dtype=float)
    shown, last = [], -np.inf
    for name, place in zip(names, (at - at.min()) / max(np.ptp(at), 1e-9), strict=True):
        room = 0.075 * (len(name) + 1)  # of the panel's width
        shown.append(name if place - last >= room else "")
        last = place if place - last >= room else last
    return shown


def _curve(records: StudyRecords, variant: str, column: str) -> pd.DataFrame:
    """Gives a variant's mean curve with its interval at each number of units."""
    curves = records.curves[records.curves["variant"] == variant]
    rows = []
    for n, steps in curves.groupby("n"):
        interval = over_seeds(steps[column].tolist(), column)
        rows.append((n, n / curves["n"].max(), *interval[:3], interval.n))
    return pd.DataFrame(rows, columns=["n", "share", "accuracy", "lower", "upper", "seeds"])
