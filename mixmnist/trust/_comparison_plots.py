"""Figures of networks compared, drawn from their tables: detectors by digit, coverage of bases, detectors beside accuracy."""

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mixmnist.report.drawing import COLUMNS, MARKERS, STYLES, Album, legend_above
from mixmnist.stats import t_interval, within
from mixmnist.trust._plots import seeds_of

ROW = 0.24  # inches of one variant's bar
AROUND = 0.6  # inches of what stands above and below the bars
NARROW = 0.03  # share of the axis below which a part of a bar does not hold its digit
SHADES = ("0.95", "0.72", "0.88", "0.62", "0.80", "0.52", "0.90", "0.66", "0.84", "0.45")  # neighbours can be told apart
SHOWN = {  # bases, and what the legend calls them
    "atoms_random": ("as many random directions", "x"),
    "atoms_units": ("units", "o"),
    "atoms_ica": ("atoms of ICA", "^"),
    "atoms_sparse": ("atoms of sparse coding", "s"),
    "atoms_probe": ("probe with labels", "|"),
}


def by_concept(album: Album, concepts: pd.DataFrame) -> None:
    """Draws a bar a variant: the mean number of detectors, in parts by digit.

    Args:
        album: Where it goes.
        concepts: A row a variant and digit: `n` nets, mean `detectors`.
    """
    variants = list(dict.fromkeys(concepts["variant"]))
    scale = STYLES[album.look.style]
    figure, (ax,) = album.make(1, ROW * len(variants) + AROUND, least=COLUMNS[album.look.columns] / scale)
    digits = list(dict.fromkeys(concepts["digit"].astype(str)))
    longest = float(concepts.groupby("variant")["detectors"].sum().max())
    for y, variant in enumerate(variants):
        left = 0.0
        for number, (digit, width) in enumerate(zip(digits, _of(concepts, variant, digits), strict=True)):
            shade = SHADES[number % len(SHADES)]
            ax.barh(y, width, left=left, height=0.8, color=shade, edgecolor="0.2", linewidth=0.4)
            if width > NARROW * max(longest, 1.0):
                ax.text(left + width / 2, y, digit, ha="center", va="center", fontsize=7 * scale, color="0.05")
            left += width
    ax.set_yticks(range(len(variants)), variants)
    ax.set(ylim=(len(variants) - 0.5, -0.5), xlabel="detectors of the layer that feeds the head, mean over nets")
    ax.set_xlim(0, max(longest, 1.0) * 1.02)
    ax.grid(visible=False, axis="y")
    text = (
        "Units of alignment .80 or more with their best digit, by that digit (written in the parts that are wide enough), "
        f"mean over nets. A variant without a bar has none. {_nets(concepts)}"
    )
    album.save(figure, concepts, "detectors_by_digit", text)


def _of(concepts: pd.DataFrame, variant: str, digits: list[str]) -> list[float]:
    own = concepts[concepts["variant"].eq(variant)]
    found = dict(zip(own["digit"].astype(str), own["detectors"], strict=True))
    return [float(found.get(digit, 0.0)) for digit in digits]


def _nets(concepts: pd.DataFrame) -> str:
    n = concepts.groupby("variant", sort=False)["n"].first()
    return "Nets: " + ", ".join(f"{variant} n={number}" for variant, number in n.items()) + "."


def bases(album: Album, nets: pd.DataFrame) -> None:
    """Draws a row a variant: the coverage of units, of atoms, of random directions and of a probe, with intervals over nets."""
    variants = list(dict.fromkeys(nets["variant"]))
    scale = STYLES[album.look.style]
    figure, (ax,) = album.make(1, ROW * 1.4 * len(variants) + AROUND, least=COLUMNS[album.look.columns] / scale)
    rows = []
    for place, (name, (label, marker)) in enumerate(SHOWN.items()):
        own = [within(t_interval(nets.loc[nets["variant"].eq(variant), name].dropna().tolist()), (0, 1)) for variant in variants]
        y = [number + 0.13 * (place - 2) for number in range(len(variants))]
        ax.plot([one.mean for one in own], y, marker=marker, ls="", color=f"C{place}", label=label)
        ax.hlines(y, [one.lower for one in own], [one.upper for one in own], color=f"C{place}", lw=0.9 * scale)
        rows += [
            {"variant": variant, "basis": label, "mean": one.mean, "lower": one.lower, "upper": one.upper, "n": one.n}
            for variant, one in zip(variants, own, strict=True)
        ]
    ax.set_yticks(range(len(variants)), variants)
    ax.set(ylim=(len(variants) - 0.5, -0.5), xlim=(0, 1), xlabel="coverage: mean over digits of the best alignment")
    legend_above(figure, *ax.get_legend_handles_labels())
    text = (
        "How well the digits are detected in the layer that feeds the head: by its units, by atoms of two dictionaries, by as "
        "many random directions, and by a probe that is fitted with the labels. Means over nets with 95 % t intervals. "
        f"{seeds_of(nets)}"
    )
    album.save(figure, pd.DataFrame(rows), "coverage_of_bases", text)


def against_accuracy(album: Album, nets: pd.DataFrame, said: str) -> None:
    """Draws a mark a net: accuracy against unique concepts, and against coverage of the units.

    Args:
        album: Where it goes.
        nets: A row a net.
        said: How far the two go together, for the caption.
    """
    variants = list(dict.fromkeys(nets["variant"]))
    figure, axes = album.make(2, 2.2, 2.4, sharey=True)
    panels = (("unique_concepts", "digits with a detector"), ("coverage", "coverage of units"))
    for ax, (name, label) in zip(axes, panels, strict=True):
        for number, variant in enumerate(variants):
            own = nets[nets["variant"].eq(variant)]
            ax.plot(own[name], own["accuracy"], ls="", **_look(number))
        ax.set(xlabel=label)
        ax.margins(0.08)
    axes[0].xaxis.set_major_locator(MaxNLocator(6, integer=True))  # digits are whole
    axes[0].set_ylabel("accuracy")
    handles = [Line2D([], [], ls="", **_look(number)) for number in range(len(variants))]
    legend_above(figure, handles, variants)
    shown = nets[["variant", "seed", "accuracy", "unique_concepts", "coverage"]]
    text = f"Accuracy of each net beside its detectors, a mark a net; axes show the range that there is. {said} {seeds_of(nets)}"
    album.save(figure, shown, "detectors_and_accuracy", text)


def _look(number: int) -> dict[str, Any]:
    """Gives what the marks of a variant are drawn with; with the second round of shapes they are hollow."""
    hollow = number // len(MARKERS) % 2 == 1
    return {"marker": MARKERS[number % len(MARKERS)], "color": f"C{number % 10}", "fillstyle": "none" if hollow else "full"}
