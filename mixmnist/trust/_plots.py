"""Figures of curves and points that analyses show, drawn from their tables; they decide no number."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mixmnist.core.thresholds import THRESHOLD
from mixmnist.report.drawing import COLUMNS, STYLES, Album, legend_above, name_axes, rule, stroke, title, unit_ticks
from mixmnist.report.ranges import over_seeds

CELL = (0.46, 0.36)  # inches across and down of one small panel of the response curves
NAMES = 1.35  # inches of the scores' names beside them
GAP = 0.2  # of it that its lines leave free
CUT = (-1.1, 1.6)  # scaled scores are drawn as far as these


def seeds_of(table: pd.DataFrame) -> str:
    """Says how many seeds each variant of a table has.

    Example:
        >>> seeds_of(pd.DataFrame({"variant": ["a", "a", "b"], "seed": [0, 1, 0]}))
        'Seeds: a n=2, b n=1.'
    """
    counts = table.groupby("variant", sort=False)["seed"].nunique()
    return "Seeds: " + ", ".join(f"{variant} n={n}" for variant, n in counts.items()) + "."


def response_curves(album: Album, curves: pd.DataFrame, held_against: str, names: Mapping[str, str], name: str) -> None:
    """Draws a small panel a score and dial: the scaled score beside the truth; of each metric its first score.

    Args:
        album: Where it goes.
        curves: A row a metric, score, dial and level, with the scaled score and the truth.
        held_against: What the truth is, in words.
        names: What each dial is, in words.
        name: Of the figure.
    """
    scores, dials = list(curves.drop_duplicates("metric")["score"]), list(dict.fromkeys(curves["dial"]))
    if not scores:
        return
    scale = STYLES[album.look.style]
    fit = max(1, int((COLUMNS[album.look.columns] / scale - NAMES) / CELL[0]))
    n_bands = -(-len(dials) // fit)
    n_cols = -(-len(dials) // n_bands)
    figure, axes = album.make(n_bands, CELL[1] * len(scores) + 0.38, least=COLUMNS[album.look.columns])
    curves = curves[curves["score"].isin(scores)]
    drawn = curves.assign(**{column: curves[column].clip(*CUT) for column in ("scaled", "truth")})
    low, high = min(0.0, drawn[["scaled", "truth"]].min().min()), max(1.0, drawn[["scaled", "truth"]].max().max())
    for column in ("scaled", "truth"):  # each small panel is 1 high, with a gap above
        drawn[column] = (drawn[column] - low) / (high - low) * (1 - GAP)
    levels = [(value - low) / (high - low) * (1 - GAP) for value in (0, 1)]
    for ax, start in zip(axes, range(0, len(dials), n_cols), strict=True):
        band = dials[start : start + n_cols]
        for (y, score), (x, dial) in itertools.product(enumerate(reversed(scores)), enumerate(band)):
            _small(ax, drawn[(drawn["score"] == score) & (drawn["dial"] == dial)], (x, y), levels)
        ax.set(xlim=(-0.1, n_cols), ylim=(-0.08, len(scores)))
        ax.set_xticks(np.arange(len(band)) + (1 - GAP) / 2, [dial.replace("_", "\n") for dial in band])
        ax.set_yticks(np.arange(len(scores)) + sum(levels) / 2, [score.replace("_", " ") for score in reversed(scores)])
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    told = "; ".join(f"{dial.replace('_', ' ')}: {names[dial]}" for dial in dials if dial in names)
    text = (
        "A row a score, a column a dial that turns one fault on, from 0 (left) to 1 (right). Black: the score, 1 as of a sound "
        f"unit, 0 as of an idle one (thin lines); grey: the truth, {held_against}. Cut at {CUT[0]} and {CUT[1]}. "
        f"{told[:1].upper()}{told[1:]}."
    )
    album.save(figure, curves, name, text)


def _small(ax: Axes, own: pd.DataFrame, corner: tuple[int, int], levels: Sequence[float]) -> None:
    """Draws one score along one dial, in a panel of its own with its corner at the given place."""
    left, bottom = corner
    x = left + own["level"] * (1 - GAP)
    for level in levels:
        ax.plot([left, left + 1 - GAP], [bottom + level] * 2, color="0.75", lw=0.5, gid="scale")
    ax.plot(x, bottom + own["truth"], color="0.7", lw=3, gid="truth", solid_capstyle="butt")
    ax.plot(x, bottom + own["scaled"], color="0", lw=1, marker="o", ms=1.6, mew=0, gid="score")


def alignments(album: Album, units: pd.DataFrame, n_images: int, level: float) -> None:
    """Shows a point a unit, a column a variant, beside chance and what the null reaches.

    Args:
        album: Where it goes.
        units: A row a unit, with variant, origin, seed, alignment, chance, null_95 and p_layer.
        n_images: On which they were measured.
        level: Of p_layer, below which a unit is significant.
    """
    variants = list(dict.fromkeys(units["variant"]))
    figure, (ax,) = album.make(1, 2.4)
    random = np.random.default_rng(0)
    for place, variant in enumerate(variants):
        own = units[units["variant"] == variant].dropna(subset="alignment")
        for kind, mark, rows in (("significant", "o", own["p_layer"] < level), ("not significant", "x", own["p_layer"] >= level)):
            x = place - 0.15 + random.uniform(-0.2, 0.2, rows.sum())
            look = {"lw": 0.8, "color": "0.1", "s": 10} if mark == "x" else {"lw": 0, "alpha": 0.4, "color": "C0", "s": 9}
            ax.scatter(x, own["alignment"][rows], marker=mark, label=kind if place == 0 else None, **look)
        box = {"showfliers": False, "whis": (5, 95), "medianprops": {"color": "black"}, "manage_ticks": False}
        ax.boxplot(own["alignment"], positions=[place + 0.25], widths=0.2, **box)
        for what, height, dash in (("chance", own["chance"], ":"), ("95 % of the null", own["null_95"], "-")):
            label = what if place == 0 else None
            ax.hlines(height.mean(), place - 0.4, place + 0.4, color="0.1", lw=1.2, ls=dash, label=label, gid=what)
    rule(ax, "threshold", THRESHOLD, "--", label="detector (.80)")
    kinds = dict(zip(units["variant"], units["origin"], strict=True))
    names = [v if kinds[v] in ("trained", v) else f"{v}\n({kinds[v]})" for v in variants]
    ax.set_xticks(range(len(variants)), names)
    ax.set(ylabel="alignment", ylim=(0, 1.02), xlim=(-0.5, len(variants) - 0.5))
    ax.grid(visible=False, axis="x")
    legend_above(figure, *ax.get_legend_handles_labels())
    text = (
        f"A point a unit, on {n_images} test canvases; boxes: quartiles, whiskers 5 and 95 %. Significant: p_layer < "
        f"{level}, by the highest unit of the layer in each permutation. {seeds_of(units)}"
    )
    shown = ["variant", "origin", "seed", "unit", "alignment", "chance", "null_95", "p_layer"]
    album.save(figure, units[shown], "alignments", text)


def planted_p_values(album: Album, planted: pd.DataFrame, uniform: pd.DataFrame, n_images: int) -> None:
    """Shows the p-values of planted nulls against those of a uniform distribution.

    Args:
        album: Where it goes.
        planted: A row a unit: responses, score, the uniform quantile and the p-value.
        uniform: A row a line: what the test of Kolmogorov and Smirnov says of it.
        n_images: On which they were measured.
    """
    groups = list(planted.groupby("score", sort=False))
    wide = COLUMNS[album.look.columns] / STYLES[album.look.style] / len(groups)
    figure, axes = album.make(len(groups), min(2.3, wide + 0.3), sharex=True, sharey=True)
    for ax, (what, group) in zip(axes, groups, strict=True):
        for number, (kind, own) in enumerate(group.groupby("responses", sort=False)):
            ax.plot(own["expected"], own["p"], label=kind, ms=3, **stroke(number, len(own)))
        ax.plot([0, 1], [0, 1], color="0.3", lw=0.6, gid="uniform")
        title(ax, str(what))
        unit_ticks(ax)
        ax.set(ylim=(0, 1), aspect="equal")
    name_axes(figure, "uniform quantile", "p-value of alignment")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    tests = ", ".join(f"{row['responses']} / {row['score']} {row['p']:.2f}" for _, row in uniform.iterrows())
    n_units = planted.groupby(["responses", "score"]).size().max()
    text = (
        f"Responses drawn without looking at the images, n={n_units} units a line on {n_images} canvases; thin: uniform. "
        f"Kolmogorov-Smirnov against uniform, p: {tests}."
    )
    album.save(figure, planted, "planted", text)


def rotated(album: Album, curves: pd.DataFrame, shown: Mapping[str, str]) -> None:
    """Shows what rotations leave of numbers, a panel a number, a line a variant.

    Args:
        album: Where it goes.
        curves: A row a variant, seed, rotation and alpha.
        shown: Columns and their titles.
    """
    figure, axes = album.make(len(shown), 1.9)
    rows = []
    for ax, (number, name) in zip(axes, shown.items(), strict=True):
        for place, (variant, group) in enumerate(curves.groupby("variant", sort=False)):
            by_seed = group.groupby(["alpha", "seed"])[number].mean()
            found = [(alpha, *over_seeds(values.tolist(), number)[:3]) for alpha, values in by_seed.groupby("alpha")]
            band = pd.DataFrame(found, columns=["alpha", "mean", "lower", "upper"])
            ax.plot(band["alpha"], band["mean"], label=variant, ms=3, **stroke(place, len(band)))
            ax.fill_between(band["alpha"], band["lower"], band["upper"], alpha=0.2, lw=0)
            rows.append(band.assign(variant=variant, number=name))
        unit_ticks(ax)
        title(ax, name)
        ax.set_ylim(0, 1.02 if number != "unique_concepts" else None)
    name_axes(figure, "alpha")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        "Units rotated by Q^alpha (alpha 1: wholly), head rotated back. Lines: means over rotations and seeds; bands: 95 % t "
        f"interval over seeds, cut where a number ends. {seeds_of(curves)}"
    )
    album.save(figure, pd.concat(rows), "rotation", text)


def correlations(album: Album, boxes: pd.DataFrame, quantiles: Sequence[str]) -> None:
    """Shows how alike matched units of two nets are, beside their null: a row a pair of variants.

    Args:
        album: Where it goes.
        boxes: A row a pair of variants and `what`, matched or null, with quantiles of the correlations.
        quantiles: The columns of whisker, quartile, median, quartile, whisker.
    """
    groups = sorted(dict.fromkeys(zip(boxes["variant"], boxes["other"], strict=True)), key=lambda pair: pair[0] != pair[1])
    figure, (ax,) = album.make(1, 0.7 + 0.24 * len(groups))
    for place, (variant, other) in enumerate(groups):
        own = boxes[(boxes["variant"] == variant) & (boxes["other"] == other)]
        for what, shift, colour in (("matched", -0.17, "0.45"), ("null", 0.2, "white")):
            stats = own[own["what"] == what][list(quantiles)].to_numpy()[0]
            box = dict(zip(("whislo", "q1", "med", "q3", "whishi"), stats, strict=True))
            look = {"boxprops": {"facecolor": colour, "lw": 0.7}, "medianprops": {"color": "black"}, "manage_ticks": False}
            found = ax.bxp(
                [box], [place + shift], widths=0.3, orientation="horizontal", patch_artist=True, showfliers=False, **look
            )
            if place == 0:
                found["boxes"][0].set_label(f"{what} units" if what == "matched" else "null: images of one permuted")
    ax.set_yticks(range(len(groups)), [v if v == o else f"{v} - {o}" for v, o in groups])
    ax.set(xlabel="correlation of matched units", ylim=(len(groups) - 0.5, -0.5))
    ax.grid(visible=False, axis="y")
    legend_above(figure, *ax.get_legend_handles_labels())
    text = (
        "Units assigned one to one across two nets by their responses on the same images, all pairs of nets of two variants (one "
        "name: pairs of seeds of one variant). Grey: matched; white: null, images of one permuted. Boxes: quartiles, whiskers 5 "
        "and 95 %."
    )
    album.save(figure, boxes, "correlations", text)
