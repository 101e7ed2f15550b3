"""Figures of points: a unit's alignment against its effect, its drops against each other, and the best unit of each concept."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mixmnist.core.thresholds import THRESHOLD
from mixmnist.report.drawing import Album, few_ticks, fitting_signs, legend_above, name_axes, rule, title, unit_ticks
from mixmnist.report.ranges import over_seeds
from mixmnist.report.reading import StudyRecords
from mixmnist.report.wording import intervals, noun, seeds, shortened
from mixmnist.stats import Interval

SILENCINGS = {"drop": "to zero", "drop_mean": "to its mean"}
APART = 10  # times as large as another's: variants get axes of their own
LONGEST, FLAT = 20, 2  # signs of a concept's name below an axis; as many as are always written from left to right
RHO = "\N{GREEK SMALL LETTER RHO}"


def alignment_against_ablation(records: StudyRecords, album: Album, panels: Sequence[str]) -> None:
    """Shows a point a unit, a panel a variant and silencing, with their rank correlation: the talk's main figure."""
    shown = [(variant, panel) for panel in panels for variant in records.variants]
    own_axes = any(_apart(records.units, panel) for panel in panels)
    figure, axes = album.make(len(shown), 1.9, sharex=True, sharey=not own_axes)
    for ax, (variant, panel) in zip(axes, shown, strict=True):
        units = records.units[records.units["variant"] == variant]
        cloud(ax, units["alignment"], units[panel])
        ax.set_ylim(_from_zero((units[panel] if own_axes else records.units[list(panels)]).to_numpy()))
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        rule(ax, "threshold", THRESHOLD, "--", upright=True, label="threshold of a detector")
        rule(ax, "chance", units["chance"].mean(), ":", upright=True, label="chance", lw=1.2)
        how = [] if len(panels) == 1 else [f"silenced {SILENCINGS[panel]}"]
        title(ax, variant, *how, *_told(rank_correlation(units, panel)))
        unit_ticks(ax)
        ax.set_xlim(0, 1.02)
    name_axes(figure, "alignment", "accuracy drop" + (f", silenced {SILENCINGS[panels[0]]}" if len(panels) == 1 else ""))
    legend_above(figure, *axes[0].get_legend_handles_labels())
    columns = ["variant", "seed", "unit", "concept", "alignment", "chance", *SILENCINGS]
    text = (
        f"A point a unit of any seed: its alignment, the average precision of its highest response for its best "
        f"{noun(records)}, and what accuracy drops by when it is silenced {' or '.join(SILENCINGS[panel] for panel in panels)}. "
        f"{RHO}: Spearman's rank correlation of the two over the units of one net, mean over seeds"
        f"{intervals(records, ' with its 95 % t interval')}. Threshold of a detector: .80; chance: the mean prevalence of a "
        f"variant's own units' {noun(records)}s. Dead units have no point. {_axes_of_their_own(own_axes)}{seeds(records)}"
    )
    album.save(figure, records.units[columns], "alignment_against_ablation", text)


def class_drops(records: StudyRecords, album: Album, _panels: Sequence[str]) -> None:
    """Shows a point a unit: the largest drop of a class against the overall drop."""
    own_axes = any(_apart(records.units, column) for column in ("drop", "max_class_drop"))
    figure, axes = album.make(len(records.variants), 1.75, sharex=not own_axes, sharey=not own_axes)
    for ax, variant in zip(axes, records.variants, strict=True):
        units = records.units[records.units["variant"] == variant]
        cloud(ax, units["drop"], units["max_class_drop"])
        ends = [min(0, units["drop"].min()), units["drop"].max()]
        ax.plot(ends, ends, color="0.3", lw=0.8, ls="--", label="both drops equal", gid="equal")
        title(ax, variant)
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        few_ticks(ax, *ax.get_xlim())
    name_axes(figure, "overall accuracy drop", "largest drop of a class")
    legend_above(figure, *axes[0].get_legend_handles_labels())
    columns = ["variant", "seed", "unit", "concept", "drop", "max_class_drop", "max_class"]
    text = (
        "A point a unit of any seed, silenced to zero: what the class that loses most loses, against what all classes lose "
        f"together. {_axes_of_their_own(own_axes)}{seeds(records)}"
    )
    album.save(figure, records.units[columns], "class_drops", text)


def best_alignment(records: StudyRecords, album: Album, _panels: Sequence[str]) -> None:
    """Shows, for each concept, the alignment of its best unit: mean over seeds; useless concepts stand apart."""
    useless, what = set(records.concepts["concept"][records.concepts["useless"]]), noun(records)
    concepts = sorted(records.concepts["concept"].unique(), key=lambda c: c in useless)  # else in the task's order
    place = {c: i + 0.8 * (c in useless) for i, c in enumerate(concepts)}
    figure, axes = album.make(len(records.variants), 1.75, sharey=True)
    names, upright = _below(figure, axes[0], concepts)
    parts: list[pd.DataFrame] = []
    named: dict[str, Any] = {}
    labels = {False: f"useful {what}", True: f"useless {what}"} if useless else {False: "mean over seeds"}
    for ax, variant in zip(axes, records.variants, strict=True):
        rows = records.concepts[records.concepts["variant"] == variant]
        found = _means(rows)
        for idle, label in labels.items():
            _best(ax, rows[rows["useless"] == idle], found, place, "s" if idle else "o", label)
        chance = rows.groupby("concept", sort=False)["chance"].mean()  # a task may have fewer concepts than others
        x = np.array([place[concept] for concept in chance.index])
        ax.hlines(chance, x - 0.35, x + 0.35, color="0.2", lw=1, ls=(0, (1, 1)), label="chance (prevalence)", gid="chance")
        rule(ax, "threshold", THRESHOLD, "--", label="threshold of a detector")
        ax.set_xticks(list(place.values()), names, rotation=90 if upright else 0)
        ax.set(ylim=(0, 1.02))
        ax.grid(visible=False, axis="x")
        title(ax, variant)
        parts.append(rows.merge(found, on="concept"))
        named |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    name_axes(figure, what, "alignment of the best unit")
    order = sorted(named, key=lambda label: label not in labels.values())  # the means first; not every task has useless ones
    legend_above(figure, [named[label] for label in order], order)
    text = (
        f"Alignment of a {what}'s best unit: large, the mean over seeds{intervals(records, ', 95 % t interval')}; "
        f"small and faint, a seed each. Threshold of a detector: .80. {seeds(records)}"
    )
    columns = ["variant", "seed", "concept", "chance", "unit", "alignment", "useless", "mean", "lower", "upper"]
    album.save(figure, pd.concat(parts)[columns], "best_alignment", text)


def cloud(ax: Axes, x: "pd.Series[float]", y: "pd.Series[float]") -> None:
    """Draws points of one colour, the fainter the more there are: where many lie it is darker."""
    size = (mpl.rcParams["lines.markersize"] * 0.9) ** 2
    ax.scatter(x, y, s=size, lw=0, color="C0", alpha=float(np.clip(8 / math.sqrt(max(len(x), 1)), 0.2, 0.7)))


def rank_correlation(units: pd.DataFrame, damage: str) -> Interval:
    """Gives Spearman's correlation of units' alignment and a damage, in each seed's net: mean and interval over seeds.

    Units of one net are not independent of each other, and those of several nets do not share a scale; seeds are independent.
    """
    found = []
    for _, own in units.dropna(subset=["alignment", damage]).groupby("seed"):
        ranks = own[["alignment", damage]].rank()
        varied = len(own) > 2 and (ranks.max() > ranks.min()).all()
        found.append(float(ranks.corr().to_numpy()[0, 1]) if varied else math.nan)
    return over_seeds(found, "spearman_alignment_drop")


def _told(interval: Interval) -> list[str]:
    """Writes a correlation with its interval, as far as there are any."""
    if math.isnan(interval.mean):
        return []
    ends = "" if math.isnan(interval.lower) else f" [{interval.lower:.2f}, {interval.upper:.2f}]"
    return [f"{RHO} {interval.mean:.2f}{ends}".replace("0.", ".").replace("-", "\N{MINUS SIGN}")]


def _apart(units: pd.DataFrame, column: str) -> bool:
    """Says whether a column reaches ten times as far in one variant as in another."""
    far = units[column].abs().groupby(units["variant"]).max().dropna()
    return bool(far.max() > APART * far.min())


def _from_zero(values: NDArray[np.float64]) -> tuple[float, float]:
    """Gives the ends of an axis that has 0 on it and room for the points."""
    known = [0.0, *values[np.isfinite(values)]]
    room = 0.05 * (max(known) - min(known)) or 0.05
    return min(known) - room, max(known) + room


def _axes_of_their_own(own_axes: bool) -> str:
    return "Each panel has a scale of its own. " if own_axes else ""


def _below(figure: Figure, ax: Axes, concepts: Sequence[str]) -> tuple[list[str], bool]:
    """Gives the names below an axis, long ones shortened, and whether they stand upright, for which the figure then grows."""
    grid = ax.get_subplotspec().get_gridspec()  # type: ignore[union-attr]
    room = (figure.get_figwidth() - 0.6) / grid.ncols / (len(concepts) + 1)  # inches
    fitting = fitting_signs(room, "xtick.labelsize")
    names = [shortened(concept, max(LONGEST, fitting)) for concept in concepts]
    longest = max(map(len, names))
    upright = longest > max(FLAT, fitting)
    if upright:
        letters = 0.58 * FontProperties(size=mpl.rcParams["xtick.labelsize"]).get_size_in_points() / 72
        figure.set_figheight(figure.get_figheight() + grid.nrows * letters * longest)
    return names, upright


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    """Gives each concept's mean over seeds with its interval."""
    found = [(c, *over_seeds(own["alignment"].tolist(), "alignment")[:3]) for c, own in rows.groupby("concept", sort=False)]
    return pd.DataFrame(found, columns=["concept", "mean", "lower", "upper"])


def _best(ax: Axes, rows: pd.DataFrame, means: pd.DataFrame, place: dict[str, float], marker: str, label: str) -> None:
    """Draws the means of some concepts over a faint point a run, seeds side by side."""
    if rows.empty:
        return
    seeds = sorted(rows["seed"].unique())
    shift = {seed: (i - (len(seeds) - 1) / 2) * 0.5 / max(1, len(seeds)) for i, seed in enumerate(seeds)}
    x = [place[c] + shift[s] for c, s in zip(rows["concept"], rows["seed"], strict=True)]
    size, colour = mpl.rcParams["lines.markersize"], "C0" if marker == "o" else "C3"
    ax.scatter(x, rows["alignment"], s=(size * 0.5) ** 2, marker=marker, lw=0, alpha=0.3, color=colour)
    own = means[means["concept"].isin(rows["concept"])]
    reach = np.abs(own[["lower", "upper"]].to_numpy().T - own["mean"].to_numpy())  # ends concepts
    at = [place[c] for c in own["concept"]]
    look = {"marker": marker, "color": colour, "ls": "none", "ms": size, "mec": "white", "mew": 0.4}
    ax.errorbar(at, own["mean"], yerr=reach, elinewidth=1, capsize=1.5, label=label, zorder=3, **look)
