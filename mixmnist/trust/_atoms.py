"""Figures of dictionaries on trained nets, drawn from the table of fits; they decide no number."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from mixmnist.features.measuring import CEILING, RANDOM, UNITS
from mixmnist.report.drawing import Album, Nothing, legend_above, name_axes, rule, stroke, title
from mixmnist.report.ranges import over_seeds
from mixmnist.stats import within
from mixmnist.trust._plots import seeds_of

WHOLE = "probe_cells"  # the ceiling that sees more than directions
CEILINGS = {CEILING: "-.", WHOLE: ":"}
FAMILIES = {
    "classical": ("pca", "ica", "nmf", "kmeans", "sparse"),
    "autoencoders": ("l1", "topk:k=1", "topk", "batchtopk", "jumprelu", "matryoshka"),
}
LEARNED = [name for family in FAMILIES.values() for name in family]
HEADLINE = (UNITS, "ica", "sparse", "topk:k=1", CEILING)
NULLS = {"unique_concepts": "unique_concepts_random", "coverage": "coverage_random"}
HOLLOW = 5  # the sixth mark of strokes is no larger than its edge
LEAST_VARIANCE = 0.75  # that is drawn; what explains less stands at the edge
SHOWN = {"unique_concepts": "digits with a detector", "coverage": "coverage"}


def units_against_atoms(album: Album, fits: pd.DataFrame, atoms: int) -> None:
    """Shows what units detect and what atoms detect, each beside as many random directions; a panel a number, a row a variant.

    Args:
        album: Where it goes.
        fits: With what as many random directions reach, as `with_random` gives it.
        atoms: Asked for of each dictionary.
    """
    variants = list(dict.fromkeys(fits["variant"]))
    still = fits[~fits["rotated"]]
    chosen = still[still["asked"].eq(atoms) | still["dictionary"].eq(UNITS) | still["supervised"]]
    figure, axes = album.make(len(SHOWN), 0.55 + 0.42 * len(variants), 2.5, sharey=True)
    rows = []
    for ax, (number, name) in zip(axes, SHOWN.items(), strict=True):
        for place, dictionary in enumerate(HEADLINE):
            own = chosen[chosen["dictionary"] == dictionary]
            if own.empty:
                continue
            found, null = (_over_nets(own, ["variant"], one) for one in (number, NULLS[number]))
            y = [variants.index(variant) + (place - (len(HEADLINE) - 1) / 2) * 0.155 for variant in found["variant"]]
            look = stroke(place) | {"ls": "none"}
            ax.plot(null["mean"], y, "|", color="0.45", ms=6, label=None if place else "as many random directions")
            ax.plot(found["mean"], y, label=_called(dictionary), **look)
            ax.hlines(y, found["lower"], found["upper"], color=look["color"], lw=0.9)
            rows.append(found.assign(random=null["mean"].to_numpy(), dictionary=dictionary, number=number))
        ax.set_xlabel(name)
        ax.set_xlim(*((-0.3, 10.3) if number == "unique_concepts" else (0.2, 1.02)))
        ax.set_yticks(range(len(variants)), variants)
        ax.set_ylim(len(variants) - 0.5, -0.5)
        ax.grid(visible=False, axis="y")
        for edge in range(1, len(variants)):
            ax.axhline(edge - 0.5, color="0.85", lw=0.6)
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        f"What single units of a layer detect, and what its atoms detect ({atoms} of each dictionary; fewer of methods that find "
        "no more directions than units). Grey strokes: as many random directions as the mark beside has. Ceiling: directions "
        "fitted with the labels. A digit has a detector if a unit or atom has an alignment of .80 or more for it; coverage: mean "
        f"over digits of the best alignment. Bars: 95 % t interval over nets. {_seeds(chosen)}"
    )
    album.save(figure, pd.concat(rows), "units_against_atoms", text)


def coverage_by_atoms(album: Album, fits: pd.DataFrame) -> None:
    """Shows coverage against the number of atoms, a panel a variant and family of methods, a line a dictionary."""
    still = fits[~fits["rotated"]]
    atoms = still[still["dictionary"].isin(LEARNED)].groupby(["variant", "net_seed"])["asked"].nunique()
    several = atoms.index[atoms > 1]
    still = still[pd.MultiIndex.from_frame(still[["variant", "net_seed"]]).isin(several)]
    if still.empty:
        raise Nothing("no net was looked at with several numbers of atoms.")
    variants = list(dict.fromkeys(still["variant"]))
    panels = [(variant, family) for family in FAMILIES for variant in variants]
    figure, axes = album.make(len(panels), 1.35, 6.9 / len(variants) - 0.01, sharex=True, sharey=True)
    rows = []
    for ax, (variant, family) in zip(axes, panels, strict=True):
        own = still[still["variant"] == variant]
        for place, dictionary in enumerate((*FAMILIES[family], RANDOM)):
            found = _over_nets(own[own["dictionary"] == dictionary], ["atoms"], "coverage")
            if found.empty:
                continue
            look = {"color": "0.4", "ls": "--"} if dictionary == RANDOM else _mark(family, place) | {"ls": stroke(place)["ls"]}
            ax.plot(found["atoms"], found["mean"], label=dictionary, **look)
            ax.fill_between(found["atoms"], found["lower"], found["upper"], alpha=0.15, lw=0, color=look["color"])
            rows.append(found.assign(variant=variant, dictionary=dictionary))
        _levels(ax, own)
        ax.set_xscale("log")
        ax.set_xticks([10, 20, 40], ["10", "20", "40"])
        ax.minorticks_off()
        ax.set_xlim(8, 50)
        title(ax, variant)
    low = min(float(pd.concat(rows)["mean"].min()), 0.5)
    axes[0].set_ylim(max(0.0, low - 0.08), 1.02)
    name_axes(figure, "atoms", "coverage")
    known = dict(pair for ax in axes for pair in zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    legend_above(figure, list(known.values()), list(known))
    text = (
        "Mean over digits of the best atom's alignment, against the number of atoms: above classical methods, below (hollow) "
        "sparse autoencoders. Dashed grey: as many random directions. Level lines: the layer's own units (solid), directions "
        "fitted with the labels (dash-dotted), a small network a cell fitted with the labels (dotted). A method that finds no "
        f"more directions than units ends there. Bands: 95 % t interval over nets. {_seeds(still)}"
    )
    album.save(figure, pd.concat(rows), "coverage_by_atoms", text)


def variance_against_coverage(album: Album, fits: pd.DataFrame, runs: pd.DataFrame, atoms: int) -> None:
    """Shows coverage against explained variance, a panel a variant, a mark a dictionary."""
    still = fits[~fits["rotated"] & fits["asked"].eq(atoms) & ~fits["supervised"]]
    learned = [(family, place, name) for family, names in FAMILIES.items() for place, name in enumerate(names)]
    variants = [str(variant) for variant, own in still.groupby("variant", sort=False) if own["gap_closed"].notna().any()]
    if not variants:
        raise Nothing("no variant has a ceiling above random directions.")
    figure, axes = album.make(len(variants), 1.9, 1.6, sharey=True)
    rows: list[dict[str, object]] = []
    told: list[dict[str, object]] = []
    for ax, variant in zip(axes, variants, strict=True):
        own = still[still["variant"] == variant]
        for family, place, dictionary in learned:
            group = own[own["dictionary"] == dictionary]
            x, y = (
                over_seeds(group.groupby("net_seed")[name].mean().tolist(), name) for name in ("explained_variance", "coverage")
            )
            look = _mark(family, place)
            ax.plot(max(x.mean, LEAST_VARIANCE), y.mean, label=dictionary, ls="none", clip_on=False, **look)
            ax.vlines(max(x.mean, LEAST_VARIANCE), y.lower, y.upper, color=look["color"], lw=0.8)
            rows.append({"variant": variant, "dictionary": dictionary, "explained_variance": x.mean})
            rows[-1] |= {"coverage": y.mean, "lower": y.lower, "upper": y.upper}
        tau = over_seeds(runs["tau_variance_coverage"][runs["variant"] == variant].tolist(), "tau_variance_coverage")
        said = [f"tau {tau.mean:.2f}", f"[{tau.lower:.2f}, {tau.upper:.2f}]"]
        told += [
            {"variant": variant, "dictionary": "tau, autoencoders", "coverage": tau.mean, "lower": tau.lower, "upper": tau.upper}
        ]
        title(ax, variant, *(line.replace("-", "\N{MINUS SIGN}") for line in said))
        ax.set_xlim(LEAST_VARIANCE, 1)
        ax.set_xticks([0.8, 0.9, 1], [".8", ".9", "1"])
    name_axes(figure, "explained variance", "coverage")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    data = pd.DataFrame(rows)
    beyond = data[data["explained_variance"] < LEAST_VARIANCE]
    data = pd.concat([data, pd.DataFrame(told)], ignore_index=True)
    edge = f"At the left edge, since they explain less: {', '.join(dict.fromkeys(beyond['dictionary']))}. " if len(beyond) else ""
    text = (
        f"By explained variance dictionaries are chosen; coverage is what was to be found. {atoms} atoms; means over nets, bars: "
        f"95 % t interval of coverage. Tau: Kendall's, over the autoencoders (hollow) of a net, "
        "mean over nets. Variants in which there is something to be found. "
        f"{edge}{_seeds(still)}"
    )
    album.save(figure, data, "variance_against_coverage", text)


def _mark(family: str, place: int) -> dict[str, Any]:
    """Gives the mark and colour of a dictionary: hollow of an autoencoder."""
    look = {name: value for name, value in stroke(place if place < HOLLOW else HOLLOW + 3).items() if name in ("color", "marker")}
    edge = {"markeredgewidth": 0.9, "markeredgecolor": look["color"]}
    return look | edge | ({"markerfacecolor": "white"} if family == "autoencoders" else {})


def _over_nets(own: pd.DataFrame, keys: Sequence[str], number: str) -> pd.DataFrame:
    """Gives the mean and interval over nets of a number, a row for each value of the keys."""
    rows = []
    for found, group in own.groupby(list(keys), sort=False):
        values = group.groupby("net_seed")[number].mean().dropna().tolist()
        most = float(group["concepts"].iloc[0]) if number.startswith("unique_concepts") else math.inf
        interval = within(over_seeds(values, number), (0, most))
        row: dict[str, object] = dict(zip(keys, found if isinstance(found, tuple) else (found,), strict=True))
        rows.append(row | {"mean": interval.mean, "lower": interval.lower, "upper": interval.upper, "n": len(values)})
    table = pd.DataFrame(rows, columns=[*keys, "mean", "lower", "upper", "n"])
    return table.sort_values("atoms") if "atoms" in keys else table


def _levels(ax: Axes, own: pd.DataFrame) -> None:
    """Draws the units and the ceilings across a panel."""
    for dictionary, dash in {UNITS: "-", **CEILINGS}.items():
        found = own["coverage"][own["dictionary"] == dictionary]
        if len(found):
            rule(ax, dictionary, float(found.mean()), dash)


def _called(dictionary: str) -> str:
    return {CEILING: "ceiling (labels)", "topk:k=1": "topk, k=1"}.get(dictionary, dictionary)


def _seeds(fits: pd.DataFrame) -> str:
    return seeds_of(fits.assign(seed=fits["net_seed"]))
