"""Figures of pruning, drawn from the tables of the analysis; they decide no number."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from mixmnist.report.drawing import Album, legend_above, name_axes, stroke, title
from mixmnist.stats import t_interval, within
from mixmnist.trust._plots import seeds_of

SHOWN = {"accuracy": "accuracy", "coverage": "coverage of what is left"}
ORDERS = {"drop": "by drop", "norm": "by norm", "alignment": "by alignment", "random": "at random"}
BASES = {"units": "units", "ica": "atoms of ICA", "sparse": "atoms of sparse coding"}
WAYS = {"rounded": "rounded", "noise": "null: random, as large"}


def of_units(album: Album, units: pd.DataFrame) -> None:
    """Shows accuracy and coverage over the share of units that are removed, a panel a variant and number, a line an order.

    Args:
        album: Where it goes.
        units: A row a net, order, draw and number of removed units.
    """
    lines = {name: units[units["order"].eq(order)] for order, name in ORDERS.items()}
    text = (
        "Units of the layer that feeds the head, removed one after another, those that are worth least first; each is set to its "
        "mean over rank canvases. By drop: accuracy lost without it; by norm: of its weights in the head, times the standard "
        "deviation of its mean; at random: 5 orders a net. Coverage: mean over digits of the best alignment of a unit that is "
        f"left. Bands: 95 % t interval over nets. {seeds_of(units)}"
    )
    _curves(album, lines, "share", "share of units that are removed", "pruning_units", text)


def of_weights(album: Album, weights: pd.DataFrame) -> None:
    """Shows accuracy and coverage over the share of weights that are cut, a panel a variant and number, a line a basis.

    Args:
        album: Where it goes.
        weights: A row a net, way, level and basis.
    """
    lines = {}
    for basis, name in BASES.items():
        for way, said in (("magnitude", "smallest first"), ("random", "at random")):
            lines[f"{name}, {said}"] = weights[weights["basis"].eq(basis) & weights["way"].isin(("intact", way))]
    text = (
        "Weights of convolutions and head that are set to zero, the smallest of all first or any, without further training. "
        "Accuracy is the net's, the same for units and atoms; coverage: mean over digits of the best alignment, of units and "
        f"of atoms that were fitted on the intact net. Bands: 95 % t interval over nets. {seeds_of(weights)}"
    )
    _curves(album, lines, "level", "share of weights that are cut", "pruning_weights", text)


def _curves(album: Album, lines: Mapping[str, pd.DataFrame], across: str, x: str, name: str, text: str) -> None:
    """Draws a panel a variant and number, a line a name."""
    variants = list(dict.fromkeys(next(iter(lines.values()))["variant"]))
    panels = [(number, variant) for number in SHOWN for variant in variants]
    figure, axes = album.make(len(panels), 1.6, 3.4 if len(variants) == 2 else 1.6, sharex=True, sharey=True)
    rows = []
    for ax, (number, variant) in zip(axes, panels, strict=True):
        for place, (line, table) in enumerate(lines.items()):
            found = _over_nets(table[table["variant"].eq(variant)], across, number)
            look = stroke(place, len(found))
            ax.plot(found[across], found["mean"], label=line, **look)
            ax.fill_between(found[across], found["lower"], found["upper"], alpha=0.15, lw=0, color=look["color"])
            rows.append(found.assign(variant=variant, number=number, line=line))
        title(ax, f"{SHOWN[number]}, {variant}")
        ax.set(ylim=(0, 1.02))
    name_axes(figure, x)
    legend_above(figure, *axes[0].get_legend_handles_labels())
    album.save(figure, pd.concat(rows, ignore_index=True), name, text)


def _over_nets(table: pd.DataFrame, across: str, number: str) -> pd.DataFrame:
    """Gives the mean and interval over nets, of a net the mean over draws, for each value across."""
    rows = []
    for value, group in table.groupby(across):
        found = within(t_interval(group.groupby("seed")[number].mean().tolist()), (0, 1))
        rows.append({across: value} | found._asdict())
    return pd.DataFrame(rows)


def rounding(album: Album, weights: pd.DataFrame) -> None:
    """Shows the share of units and atoms that get another concept, a panel a variant, a bar a basis, bits and way.

    Args:
        album: Where it goes.
        weights: A row a net, way, level and basis.
    """
    own = weights[weights["way"].isin(list(WAYS))]
    variants, bits = list(dict.fromkeys(own["variant"])), sorted(own["level"].unique(), reverse=True)
    figure, axes = album.make(len(variants), 1.7, 2.2, sharey=True, sharex=True)
    rows = []
    for ax, variant in zip(axes, variants, strict=True):
        rows += _bars(ax, own[own["variant"].eq(variant)], bits, str(variant))
        title(ax, str(variant))
    name_axes(figure, None, "share with another concept")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        "Units and atoms whose concept, that of their highest alignment, is another once the weights are rounded, evenly spaced "
        "for each output unit, and once changed at random by as much. Atoms were fitted on the intact net. Lines: 95 % t "
        f"interval over nets. {seeds_of(own)}"
    )
    album.save(figure, pd.DataFrame(rows), "pruning_rounding", text)


def _bars(ax: Axes, own: pd.DataFrame, bits: Sequence[float], variant: str) -> list[dict[str, object]]:
    """Draws the bars of one panel, and gives what they show."""
    rows: list[dict[str, object]] = []
    places = [(level, basis) for level in bits for basis in BASES]
    for shift, (way, name) in zip((-0.2, 0.2), WAYS.items(), strict=True):
        colour = "0.35" if way == "rounded" else "0.8"
        for x, (level, basis) in enumerate(places):
            values = own[own["way"].eq(way) & own["level"].eq(level) & own["basis"].eq(basis)]["moved"].dropna().tolist()
            found = within(t_interval(values), (0, 1))
            ax.bar(x + shift, found.mean, 0.38, color=colour, edgecolor="0.1", lw=0.4, label=name if x == 0 else None)
            ax.vlines(x + shift, found.lower, found.upper, color="0.1", lw=0.8)
            rows.append({"variant": variant, "bits": level, "basis": basis, "way": way} | found._asdict())
    ax.set_xticks(range(len(places)), [f"{basis}\n{level:g} bits" for level, basis in places])
    ax.grid(visible=False, axis="x")
    return rows
