"""Figures of nets that went to another task: accuracy by way, how alike units before and after are, what becomes of detectors."""

import numpy as np
import pandas as pd

from mixmnist.report.drawing import Album, legend_above, name_axes, rule, stroke, title
from mixmnist.report.ranges import over_seeds
from mixmnist.stats import FEWEST
from mixmnist.trust._plots import seeds_of
from mixmnist.trust._transfer_units import FATES, REUSED

WAYS = {
    "tuned": "fine-tuned",
    "frozen": "frozen, head fitted",
    "scratch": "as many steps from the beginning",
    "untrained": "never trained, head fitted",
    "recorded": "trained in full",
}
LOOKS = {  # of a bar: its colour and hatch, by what became of a detector
    "kept": ("C0", "", "still detects the digit"),
    "changed": ("C1", "////", "detects another"),
    "lost": ("0.7", "", "detects none"),
    "born": ("C2", "....", "did not detect it before"),
}
BINS = np.linspace(-0.2, 1, 25)


def accuracy_by_canvases(album: Album, accuracy: pd.DataFrame) -> None:
    """Shows accuracy on the new task over the number of its training canvases, a line a way, a panel a direction.

    Args:
        album: Where it goes.
        accuracy: A row a net, way and number of canvases.
    """
    directions = _directions(accuracy)
    figure, axes = album.make(len(directions), 2.3, 2.8, sharey=True)
    rows = []
    for ax, ((source, target), own) in zip(axes, directions, strict=True):
        for number, (way, name) in enumerate(WAYS.items()):
            part = own[own["way"].eq(way)].groupby("canvases")["accuracy"]
            found = pd.DataFrame([{"canvases": n} | over_seeds(one.tolist(), "accuracy")._asdict() for n, one in part])
            if len(found):
                look = stroke(number, len(found))
                ax.plot(found["canvases"], found["mean"], label=name, **look)
                ax.vlines(found["canvases"], found["lower"], found["upper"], color=look["color"], lw=0.9)
                rows.append(found.assign(variant=source, to=target, way=way))
        title(ax, f"{source} to {target}")
        ax.set_xscale("log")
        ticks = sorted(set(own["canvases"].tolist()))
        ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        ax.set_xticks([], minor=True)
        ax.set_ylim(0, 1)
    name_axes(figure, "training canvases of the new task", "accuracy on the new task")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        "Accuracy of nets that went from one task to another, on test canvases of the new one, by how many of its training "
        f"canvases were used. Bars: 95 % t interval over nets, none below {FEWEST}. {seeds_of(accuracy)}"
    )
    album.save(figure, pd.concat(rows, ignore_index=True), "accuracy_by_canvases", text)


def matched_units(album: Album, units: pd.DataFrame) -> None:
    """Shows how units before correlate with their match after, beside the units of another seed's net, a panel a direction.

    Args:
        album: Where it goes.
        units: A row a net and unit.
    """
    directions = _directions(units)
    figure, axes = album.make(len(directions), 2.0, 2.8, sharey=True)
    rows = []
    for ax, ((source, target), own) in zip(axes, directions, strict=True):
        parts = (
            ("detectors before", own["correlation"][own["detector"].eq(1)]),
            ("other units", own["correlation"][own["detector"].eq(0)]),
            ("another seed's units", own["null_correlation"]),
        )
        for number, (name, values) in enumerate(parts):
            found = values.dropna()
            share = np.histogram(found.clip(BINS[0], BINS[-1]), BINS)[0] / max(len(found), 1)
            look = {name: value for name, value in stroke(number).items() if name in ("color", "ls")}
            ax.stairs(share, BINS, label=name, lw=1.2, **look)
            edges = {"low": BINS[:-1], "high": BINS[1:], "share": share}
            rows.append(pd.DataFrame(edges).assign(variant=source, to=target, what=name, n=len(found)))
        rule(ax, "reused", REUSED, ":", upright=True)
        title(ax, f"{source} to {target}")
    name_axes(figure, "correlation with the match after fine-tuning", "share of units")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    shown = pd.concat(rows, ignore_index=True)
    n = ", ".join(f"{what} n={n}" for what, n in shown.groupby("what", sort=False)["n"].apply(lambda one: one.iloc[0]).items())
    text = (
        "Units before matched one to one with units after fine-tuning on most canvases, by correlation of their responses on "
        "test canvases of the new task; beside them the units of another seed's net, matched alike. Dotted: "
        f"{REUSED:g}, from which on a unit counts as re-used. Units of the first panel: {n}. {seeds_of(units)}"
    )
    album.save(figure, shown, "matched_units", text)


def fate_of_detectors(album: Album, fates: pd.DataFrame) -> None:
    """Shows of each digit what becomes of its detectors, and how many are new, a stacked bar each, a panel a direction.

    Args:
        album: Where it goes.
        fates: A row a net and digit.
    """
    directions = _directions(fates)
    figure, axes = album.make(len(directions), 2.1, 2.8, sharey=True)
    rows = []
    for ax, ((source, target), own) in zip(axes, directions, strict=True):
        means = own.groupby("digit")[list(FATES)].mean().sort_index()
        base = np.zeros(len(means))
        for fate in FATES:
            colour, hatch, label = LOOKS[fate]
            ax.bar(range(len(means)), means[fate], 0.75, base, color=colour, hatch=hatch, edgecolor="white", lw=0, label=label)
            base = base + means[fate].to_numpy()
        rows.append(means.reset_index().assign(variant=source, to=target, n=own["seed"].nunique()))
        title(ax, f"{source} to {target}")
        ax.set_xticks(range(len(means)), list(means.index))
        ax.grid(visible=False, axis="x")
    name_axes(figure, "digit", "detectors, mean over nets")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        "What becomes of the detectors of each digit (units with alignment of .80 or more on test canvases of the new task) when "
        "a net is fine-tuned on most canvases, unit by unit; on top the detectors that did not detect the digit before. Means "
        f"over nets. {seeds_of(fates)}"
    )
    album.save(figure, pd.concat(rows, ignore_index=True), "fate_of_detectors", text)


def _directions(table: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """Gives the rows from each variant to another."""
    found = table.groupby(["variant", "to"], sort=False)
    return [((str(source), str(target)), own) for (source, target), own in found]
