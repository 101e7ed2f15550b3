"""Figures of generators dissected, drawn from the tables and pictures that the analysis wrote; they decide no number."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mixmnist.report.drawing import Album, Nothing, legend_above, name_axes, rule, stroke, title, unit_ticks
from mixmnist.stats import Interval, t_interval, within
from mixmnist.trust._generators_seen import samples, units
from mixmnist.trust._plots import seeds_of

SHOWN = ("layers", "units", "sets", "places", "quality")  # tables that figures are drawn from
RANDOM, DONOR = "random", "donor"
CURVES = {"removed": "removed", "clean_removal": "clean removal"}
OVER_LAYERS = {
    "ap": "best unit, average precision",
    "linear_iou": "best direction, ink",
    "iou": "best unit, ink",
    "clean_unit": "clean removal, best unit",
}
CALLED = {DONOR: "a donor's patch", "alpha": "units by ACE, their mean", "alpha, patch": "units by ACE, of the patch"}
PLACES = ("legal", "ink-free", "occupied", "border")
ASIDE = 0.05  # of the way to the next layer, from one line to the next
WITHIN = "Bars: 95 % t interval over nets, from five on."


def every_figure(album: Album, tables: Mapping[str, pd.DataFrame], pictures: Mapping[str, NDArray[Any]]) -> None:
    """Draws every figure for which there are numbers.

    Args:
        album: Where they go.
        tables: By name.
        pictures: As they were kept.
    """
    figures: Sequence[Callable[[], None]] = (
        lambda: samples(album, pictures, tables["quality"]),
        lambda: removal_curves(album, tables["sets"]),
        lambda: iou_against_ace(album, tables["units"]),
        lambda: over_layers(album, tables["layers"]),
        lambda: places(album, tables["places"]),
        *(lambda v=variant: units(album, pictures, tables["units"], v) for variant in variants_of(tables["units"])),
    )
    for draw in figures:
        try:
            draw()
        except Nothing:
            continue  # of generators that draw nothing that can be read


def variants_of(table: pd.DataFrame) -> list[str]:
    """Lists the variants of a table in their order."""
    return list(dict.fromkeys(table["variant"]))


def _some(table: pd.DataFrame, what: str) -> pd.DataFrame:
    if table.empty:
        raise Nothing(f"there are no {what}.")
    return table


def _over_nets(group: pd.DataFrame, column: str) -> Interval:
    return within(t_interval(group[column].tolist()), (0, 1))


def removal_curves(album: Album, sets: pd.DataFrame) -> None:
    """Shows of each variant how often a digit is gone, and cleanly so, as more units go, a line a ranking; the band of random "
    "sets.
    """
    known = _some(sets[sets["usual"].astype(bool) & sets["value"].eq("zero")] if len(sets) else sets, "sets")
    variants, rankings = variants_of(known), [name for name in dict.fromkeys(known["ranking"]) if name != RANDOM]
    figure, axes = album.make(len(CURVES) * len(variants), 1.45, 1.6, sharey=True)
    rows: list[dict[str, object]] = []
    for ax, (variant, column) in zip(axes, ((v, c) for v in variants for c in CURVES), strict=True):
        own = known[known["variant"].eq(variant)]
        _band(ax, own[own["ranking"].eq(RANDOM)], variant, column, rows)
        for place, ranking in enumerate(rankings):
            part = own[own["ranking"].eq(ranking)]
            found = {k: _over_nets(group, column) for k, group in part.groupby("k")}
            ax.plot(list(found), [one.mean for one in found.values()], label=ranking, **stroke(place))
            rows += [
                {"variant": variant, "measure": column, "ranking": ranking, "k": k, **one._asdict()} for k, one in found.items()
            ]
        title(ax, variant, CURVES[column])
        sizes = sorted(own["k"].unique())
        ax.set_xscale("log", base=2)
        ax.set_xticks(
            [k for k in (1, 2, 4, 8, 16, 32) if k <= sizes[-1]], [str(k) for k in (1, 2, 4, 8, 16, 32) if k <= sizes[-1]]
        )
        ax.minorticks_off()
        ax.set_ylim(-0.04, 1.04)
    legend_above(figure, *axes[0].get_legend_handles_labels())
    name_axes(figure, "units set to zero", "share of samples")
    text = (
        "Of samples that show a digit once: k of its units, by each ranking, are set to zero everywhere. Removed: the digit is "
        "no longer read; clean removal: it is gone, all else is read as before, and there is no junk. Lines: means over digits "
        f"and nets. Grey: the .95 band of random sets and their mean. {seeds_of(known)}"
    )
    album.save(figure, pd.DataFrame(rows), "removal_curves", text)


def _band(ax: Axes, own: pd.DataFrame, variant: str, column: str, rows: list[dict[str, object]]) -> None:
    """Draws where random sets lie."""
    means = own.groupby("k")[[column, f"{column}_lower", f"{column}_upper"]].mean()
    ax.fill_between(means.index, means[f"{column}_lower"], means[f"{column}_upper"], color="0.85", lw=0, label="random sets")
    ax.plot(means.index, means[column], color="0.45", lw=0.9, ls=":")
    for k, (mean, lower, upper) in means.iterrows():
        rows.append(
            {"variant": variant, "measure": column, "ranking": RANDOM, "k": k, "mean": mean, "lower": lower, "upper": upper}
        )


def iou_against_ace(album: Album, units: pd.DataFrame) -> None:
    """Shows a point a unit: the IoU with its own digit, and its effect on that digit; darker where its removal is clean more "
    "often.
    """
    known = _some(units, "units").dropna(subset=["iou", "ace"])
    variants = variants_of(_some(known, "effects"))
    figure, axes = album.make(len(variants), 1.7, 1.6, sharey=True)
    for ax, variant in zip(axes, variants, strict=True):
        own = known[known["variant"].eq(variant)]
        look = {"c": own["clean"].fillna(0), "vmin": 0, "vmax": 1, "cmap": "viridis_r", "s": 9, "lw": 0.3, "edgecolors": "0.3"}
        drawn = ax.scatter(own["iou"], own["ace"], **look)
        rule(ax, "no effect", 0.0, "-")
        title(ax, variant)
        unit_ticks(ax)
        ax.set_xlim(-0.03, 1.03)
    figure.colorbar(drawn, ax=list(axes), label="clean removal, alone", shrink=0.9, pad=0.01)
    name_axes(figure, "IoU with its own digit", "ACE where it was written")
    text = (
        "A point a unit, of all nets of a variant. Across: IoU with the mask of the unit's own digit, that of its largest IoU "
        "on other samples. Up: average causal effect of the unit alone on that digit, in boxes' worth of pixels, read where it "
        f"was written. Colour: share of samples from which the unit's removal takes the digit cleanly. {seeds_of(known)}"
    )
    album.save(figure, known[["variant", "seed", "unit", "digit", "iou", "ace", "clean"]], "iou_against_ace", text)


def over_layers(album: Album, layers: pd.DataFrame) -> None:
    """Shows from layer to layer what the best direction and the best unit mark, and what the best unit removes cleanly."""
    known = _some(layers, "layers")
    variants = variants_of(known)
    figure, axes = album.make(len(variants), 1.6, 1.6, sharey=True)
    rows = []
    for ax, variant in zip(axes, variants, strict=True):
        own = known[known["variant"].eq(variant)].sort_values("depth")
        names = own.drop_duplicates("depth").set_index("depth")["layer"]
        for place, (column, label) in enumerate(OVER_LAYERS.items()):
            found = {float(str(depth)): _over_nets(group, column) for depth, group in own.groupby("depth")}
            look, aside = stroke(place), (place - (len(OVER_LAYERS) - 1) / 2) * ASIDE
            ax.plot([depth + aside for depth in found], [one.mean for one in found.values()], label=label, **look)
            for depth, one in found.items():
                ax.vlines(depth + aside, one.lower, one.upper, color=look["color"], lw=0.9)
                rows.append({"variant": variant, "layer": names[depth], "measure": column, **one._asdict()})
        title(ax, variant)
        ax.set_xticks(list(names.index), list(names))
        ax.set_xlim(names.index.min() - 0.3, names.index.max() + 0.3)
        ax.set_ylim(-0.04, 1.04)
    legend_above(figure, *axes[0].get_legend_handles_labels())
    name_axes(figure, "layer, from the code to the canvas", "IoU, or share")
    text = (
        "Layer by layer: average precision of the peak of each digit's best unit, IoU of the layer's best direction and of the "
        "digit's best unit with its ink, and clean removal of its first unit by the ranking removal. "
        f"{WITHIN} {seeds_of(known)}"
    )
    album.save(figure, pd.DataFrame(rows), "over_layers", text)


def places(album: Album, table: pd.DataFrame) -> None:
    """Shows of each kind of place how often a digit can be written there cleanly: of a donor, and of the units by ACE."""
    known = _some(table, "places")
    variants, who = variants_of(known), list(dict.fromkeys(known["ranking"]))
    figure, axes = album.make(len(variants), 1.6, 1.6, sharey=True)
    rows, width = [], 0.8 / len(who)
    for ax, variant in zip(axes, variants, strict=True):
        own = known[known["variant"].eq(variant)]
        for place, ranking in enumerate(who):
            part = own[own["ranking"].eq(ranking)]
            found = {kind: _over_nets(part[part["place"].eq(kind)], "clean_insertion") for kind in PLACES}
            x = [at + (place - (len(who) - 1) / 2) * width for at in range(len(PLACES))]
            label = CALLED.get(ranking, f"units by {ranking}")
            ax.bar(
                x,
                [one.mean for one in found.values()],
                width,
                color=f"C{place}",
                hatch=("", "///", "...")[place % 3],
                label=label,
            )
            ax.vlines(x, [o.lower for o in found.values()], [o.upper for o in found.values()], color="0.1", lw=0.8)
            rows += [{"variant": variant, "place": kind, "written": ranking, **one._asdict()} for kind, one in found.items()]
        title(ax, variant)
        ax.set_xticks(
            range(len(PLACES)), [kind.replace("ink-free", "ink-\nfree").replace("occupied", "occu-\npied") for kind in PLACES]
        )
        ax.set_ylim(0, 1.04)
        ax.grid(visible=False, axis="x")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    name_axes(figure, "kind of place", "clean insertion")
    text = (
        "A digit is written into samples that lack it, at a place that is legal (empty, no box near), only free of ink, "
        "occupied, or across the border; clean: it is read there once, all else as before, no junk. A donor's patch of all "
        f"units is the ceiling. {WITHIN} {seeds_of(known)}"
    )
    album.save(figure, pd.DataFrame(rows), "where_digits_can_go", text)
