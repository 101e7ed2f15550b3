"""Figures of a study, each with the csv it was drawn from: of canvases, units, concepts, classes, and by a number in names."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from scipy.integrate import trapezoid

from mixmnist.core.registry import nearest
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.report.drawing import DASHES, MARKERS, Album, Look, draw_each, legend_above, rule, style
from mixmnist.report.pictures import cards, preview
from mixmnist.report.ranges import over_seeds
from mixmnist.report.reading import StudyRecords
from mixmnist.stats import FEWEST

SILENCINGS = {"": "to zero", "_mean": "to its mean"}
ORDERS = {
    "curve_random": "random order (mean of 20)",
    "curve_alignment": "best detectors first",
    "curve_drop_first": "most important first",
    "curve_drop_last": "least important first",
}
PICTURES = "pictures"  # of top images
NEEDS: dict[str, tuple[str, ...]] = {  # columns without which there is no such figure, as of networks that do not classify
    "preview": (PICTURES,),
    "cards": (PICTURES,),
    "alignment_against_ablation": ("drop", "drop_mean"),
    "ablation_curves": ("curve_random", "curve_random_mean"),
    "class_curves": ("curve_keep", "curve_remove"),
    "class_drops": ("drop", "max_class_drop"),
}
CLASS_CURVES = {"curve_keep": "its n best units alone", "curve_remove": "without its n best units"}
BY_NUMBER = {
    "unique_concepts": "unique concepts",
    "coverage": "coverage",
    "mean_drop": "mean drop",
    "reliance": "reliance",
}


def draw_figures(records: StudyRecords, folder: Path, look: Look = Look(), only: Sequence[str] = ()) -> tuple[str, ...]:  # noqa: B008 -- frozen
    """Draws the figures of a study into a folder, of the layer that feeds the head; says which of them there is nothing for.

    Figures of what was not scored, as the drops of networks that do not classify, are not among them.

    Raises:
        ValueError: If `only` names a figure that there is not.
    """
    records = records.of_layer(records.layer)
    there = {*records.units, *records.curves, *([PICTURES] if records.tops else [])}
    figures: dict[str, Callable[[StudyRecords, Album], None]] = {
        "preview": preview,
        "alignment_against_ablation": _alignment_against_ablation,
        "ablation_curves": _curves,
        "class_curves": _class_curves,
        "class_drops": _class_drops,
        "best_alignment": _best_alignment,
        **{f"cards_{variant}": partial(cards, variant=variant) for variant in records.variants},
    }
    if _numbered(records):
        figures["scores_by_number"] = _by_number
    figures = {name: draw for name, draw in figures.items() if there.issuperset(_needs(name))}
    for name in only:
        if name not in figures:
            raise nearest("figure", name, figures)
    album = Album(folder, look, tuple(records.notes()))
    chosen = {name: partial(draw, records, album) for name, draw in figures.items() if not only or name in only}
    with style(look):
        return draw_each(chosen, _needs, (records.units, records.curves, records.concepts))


def _needs(name: str) -> tuple[str, ...]:
    return NEEDS.get(re.sub("^cards_.*", "cards", name), ())


def _seeds(records: StudyRecords) -> str:
    counts = records.runs.groupby("variant", sort=False).size()
    return ", ".join(f"{variant} n={count}" for variant, count in counts.items())


def _alignment_against_ablation(records: StudyRecords, album: Album) -> None:
    """Shows a point a unit, a column of panels a variant, a row of panels a silencing: the talk's main figure."""
    variants = records.variants
    seeds = sorted(records.units["seed"].unique())
    figure, flat = album.make(2 * len(variants), 1.8, sharex=True)
    axes = flat.reshape(2, -1)
    for row, (suffix, how) in zip(axes, SILENCINGS.items(), strict=True):
        for ax, variant in zip(row, variants, strict=True):
            own = records.units[records.units["variant"] == variant]
            for number, seed in enumerate(seeds):
                units = own[own["seed"] == seed]
                marker = MARKERS[number % len(MARKERS)]
                ax.scatter(units["alignment"], units[f"drop{suffix}"], s=14, marker=marker, alpha=0.7, lw=0, label=f"seed {seed}")
            rule(ax, "threshold", THRESHOLD, "--", upright=True)
            rule(ax, "chance", own["chance"].mean(), ":", upright=True)
            ax.set_xlim(0, 1.02)
        row[0].set_ylabel(f"accuracy drop,\nunit silenced {how}")
    for ax, variant in zip(axes[0], variants, strict=True):
        ax.set_title(variant)
    for ax in axes[-1]:
        ax.set_xlabel("alignment")
    if len(seeds) <= len(MARKERS):
        legend_above(figure, *axes.flat[0].get_legend_handles_labels())
    columns = ["variant", "seed", "unit", "concept", "alignment", "chance", "drop", "drop_mean"]
    caption = (
        "A point a unit; alignment: average precision by max response for its best digit. Dashed: detector threshold .80; "
        "dotted: chance, in each column of panels the mean prevalence of its own units' digits. Dead units have no point. "
        f"Seeds: {_seeds(records)}."
    )
    album.save(figure, records.units[columns], "alignment_against_ablation", caption)


def _curves(records: StudyRecords, album: Album) -> None:
    """Shows accuracy against the share of silenced units for every variant, with bands over seeds."""
    figure, flat = album.make(2 * len(ORDERS), 1.8, sharex=True, sharey=True)
    axes = flat.reshape(2, -1)
    rows = []
    for row, (suffix, how) in zip(axes, SILENCINGS.items(), strict=True):
        for ax, (order, title) in zip(row, ORDERS.items(), strict=True):
            for number, variant in enumerate(records.variants):
                found = _curve(records, variant, f"{order}{suffix}")
                ax.plot(found["share"], found["accuracy"], ls=DASHES[number % len(DASHES)], label=variant)
                ax.fill_between(found["share"], found["lower"], found["upper"], alpha=0.2, lw=0)
                area = trapezoid(found["accuracy"], found["share"])
                rows.append(found.assign(variant=variant, order=title, silenced=how, accuracy_area=area))
            ax.set_ylim(0, 1)
        row[0].set_ylabel(f"accuracy,\nunits silenced {how}")
    for ax, title in zip(axes[0], ORDERS.values(), strict=True):
        ax.set_title(title)
    for ax in axes[-1]:
        ax.set_xlabel("share of units silenced")
    legend_above(figure, *axes.flat[0].get_legend_handles_labels())
    caption = (
        f"Means over seeds. {_bands(records)} The csv has the area under each curve over the share of units. "
        f"Orders are fitted on the rank mixture. Seeds: {_seeds(records)}."
    )
    album.save(figure, pd.concat(rows), "ablation_curves", caption)


def _curve(records: StudyRecords, variant: str, column: str) -> pd.DataFrame:
    curves = records.curves[records.curves["variant"] == variant]
    rows = []
    for n, steps in curves.groupby("n"):
        interval = over_seeds(steps[column].tolist(), column)
        rows.append((n, n / curves["n"].max(), *interval[:3], interval.n))
    return pd.DataFrame(rows, columns=["n", "share", "accuracy", "lower", "upper", "seeds"])


def _best_alignment(records: StudyRecords, album: Album) -> None:
    """Shows, for each concept, the alignment of its best unit in every run; useless concepts stand apart."""
    variants = records.variants
    useless = set(records.concepts["concept"][records.concepts["useless"]])
    concepts = sorted(records.concepts["concept"].unique(), key=lambda c: (c in useless, c))
    place = {c: i + 0.8 * (c in useless) for i, c in enumerate(concepts)}
    figure, axes = album.make(len(variants), 2, sharey=True)
    for ax, variant in zip(axes, variants, strict=True):
        rows = records.concepts[records.concepts["variant"] == variant]
        for idle, part in rows.groupby("useless"):
            _strip(ax, part, place, "useless for the task" if idle else "useful", int(bool(idle)))
        chance = rows.groupby("concept")["chance"].mean()  # a task may have fewer concepts than others
        for number, concept in enumerate(chance.index):
            label = "chance (prevalence)" if number == 0 else None
            ax.hlines(
                chance[concept], place[concept] - 0.35, place[concept] + 0.35, color="0.2", lw=1.5, label=label, gid="chance"
            )
        rule(ax, "threshold", THRESHOLD, "--")
        ax.set_xticks(list(place.values()), concepts)
        ax.set(title=variant, xlabel="digit", ylim=(0, 1.02))
    axes[0].set_ylabel("alignment\nof the best unit")
    legend_above(figure, *max((ax.get_legend_handles_labels() for ax in axes), key=lambda found: len(found[1])))
    caption = f"A point a training seed. Dashed: detector threshold .80. Seeds: {_seeds(records)}."
    data = records.concepts[["variant", "seed", "concept", "chance", "unit", "alignment", "useless"]]
    album.save(figure, data, "best_alignment", caption)


def _strip(ax: Axes, rows: pd.DataFrame, place: dict[str, float], label: str, number: int) -> None:
    """Draws one point a run at each concept's place, seeds side by side."""
    seeds = sorted(rows["seed"].unique())
    shift = {seed: (i - (len(seeds) - 1) / 2) * 0.5 / max(1, len(seeds)) for i, seed in enumerate(seeds)}
    x = [place[c] + shift[s] for c, s in zip(rows["concept"], rows["seed"], strict=True)]
    ax.scatter(x, rows["alignment"], s=14, marker=MARKERS[number], lw=0, alpha=0.8, label=label)


def _class_curves(records: StudyRecords, album: Album) -> None:
    """Shows what is left of a class with its n best units alone, and without them: a class's own units are enough for it."""
    figure, axes = album.make(2, 2, sharey=True)
    rows = []
    for ax, (column, title) in zip(axes, CLASS_CURVES.items(), strict=True):
        for number, variant in enumerate(records.variants):
            found = _curve(records, variant, column)
            if found["accuracy"].isna().all():
                continue
            ax.plot(found["share"], found["accuracy"], ls=DASHES[number % len(DASHES)], label=variant)
            ax.fill_between(found["share"], found["lower"], found["upper"], alpha=0.2, lw=0)
            rows.append(found.assign(variant=variant, what=title))
        rule(ax, "chance", 0.5, ":")
        ax.set(title=title, xlabel="share of units", ylim=(0.4, 1.02))
    axes[0].set_ylabel("balanced accuracy\nof a class")
    legend_above(figure, *axes.flat[0].get_legend_handles_labels())
    text = (
        "One class against all others, averaged over classes; a class's units in the order of their alignment with any of its "
        f"digits, fitted on the rank mixture. Silenced to zero. Dotted: chance. {_bands(records)} Seeds: {_seeds(records)}."
    )
    data = pd.concat(rows) if rows else pd.DataFrame(columns=["n", "share", "accuracy", "lower", "upper", "seeds"])
    album.save(figure, data, "class_curves", text)


def _class_drops(records: StudyRecords, album: Album) -> None:
    """Shows a point a unit: the largest drop of a class against the overall drop."""
    figure, axes = album.make(len(records.variants), 1.8, sharex=True, sharey=True)
    for number, (ax, variant) in enumerate(zip(axes, records.variants, strict=True)):
        units = records.units[records.units["variant"] == variant]
        marker = MARKERS[number % len(MARKERS)]
        ax.scatter(units["drop"], units["max_class_drop"], s=12, marker=marker, alpha=0.6, lw=0)
        low, high = records.units["drop"].min(), records.units["drop"].max()
        ax.plot([low, high], [low, high], color="0.3", lw=0.8, ls="--", gid="equal")
        ax.set(title=variant, xlabel="overall drop")
    axes[0].set_ylabel("largest drop of a class")
    columns = ["variant", "seed", "unit", "concept", "drop", "max_class_drop", "max_class"]
    text = f"A point a unit, silenced to zero. Dashed: both drops equal. Seeds: {_seeds(records)}."
    album.save(figure, records.units[columns], "class_drops", text)


def _numbered(records: StudyRecords) -> bool:
    """Says whether the variants differ by one number in their names, as width-5, width-10, width-15 do."""
    names = [re.fullmatch(r"(.*?)(\d+(?:\.\d+)?)", variant) for variant in records.variants]
    return len(names) > 2 and all(names) and len({name[1] for name in names if name}) == 1


def _by_number(records: StudyRecords, album: Album) -> None:
    """Shows layer scores against the number in the variants' names, with a point a run."""
    figure, axes = album.make(len(BY_NUMBER), 1.8)
    runs = records.runs.assign(number=[float(re.findall(r"\d+(?:\.\d+)?", v)[-1]) for v in records.runs["variant"]])
    name = re.sub(r"[-_]?\d+(\.\d+)?$", "", records.variants[0])
    for ax, (column, title) in zip(axes, BY_NUMBER.items(), strict=True):
        found = [
            (number, *over_seeds(group[column].tolist(), column, run=dict(group.iloc[0]))[:3])
            for number, group in runs.groupby("number")
        ]
        x, mean, lower, upper = (list(values) for values in zip(*found, strict=True))
        ax.plot(x, mean, marker=MARKERS[0], ms=3)
        ax.fill_between(x, lower, upper, alpha=0.2, lw=0)
        ax.scatter(runs["number"], runs[column], s=8, alpha=0.5, lw=0, color="0.3")
        ax.set(xlabel=name, title=title, xscale="log" if min(x) > 0 else "linear", xticks=x)
        ax.set_xticks(x, [f"{value:g}" for value in x])
        ax.minorticks_off()
    text = f"Points: runs; line: mean over seeds. {_bands(records)} Seeds: {_seeds(records)}."
    album.save(figure, runs[["variant", "number", "seed", *BY_NUMBER]], "scores_by_number", text)


def _bands(records: StudyRecords) -> str:
    n_seeds = records.runs.groupby("variant").size()
    few = [f"No bands below {FEWEST} seeds."] if n_seeds.min() < FEWEST else []
    return " ".join(
        [*(["Bands: 95 % t interval over seeds, cut where the score ends."] if n_seeds.max() >= FEWEST else []), *few]
    )
