"""Figures of a study, each as pdf and png with the csv it was drawn from: a preview, alignment against ablation, cumulative
ablation curves, detector cards, and the best alignment of each concept.
"""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from tqdm import tqdm

from mixmnist.report.reading import StudyRecords
from mixmnist.stats import FEWEST, t_interval

MARKERS = "os^DvPX*<>"
DASHES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 1)))
SILENCINGS = {"": "to zero", "_mean": "to its mean"}
ORDERS = {
    "curve_random": "random order (mean of 20)",
    "curve_alignment": "best detectors first",
    "curve_drop_first": "most important first",
    "curve_drop_last": "least important first",
}
CARD = [f"precision_at_{k}" for k in (100, 300, 500, 700)] + [f"precision_at_recall_{r}" for r in (25, 50, 75)]
DETECTOR = 0.80  # alignment from which a unit is called a detector


def draw_figures(records: StudyRecords, folder: Path) -> None:
    """Draws every figure of a study into a folder."""
    figures: list[Callable[[StudyRecords, Path], None]] = [_preview, _alignment_against_ablation, _curves, _best_alignment]
    figures += [partial(_cards, variant=variant) for variant in records.variants]
    with _style():
        for draw in tqdm(figures, "figures", leave=False, disable=None):
            draw(records, folder)


@contextmanager
def _style() -> Iterator[None]:
    theme = {**sns.axes_style("whitegrid"), **sns.plotting_context("paper"), "figure.dpi": 150, "savefig.dpi": 150}
    with mpl.rc_context({**theme, "axes.prop_cycle": cycler(color=sns.color_palette("colorblind"))}):
        mpl.rcParams["pdf.fonttype"] = 42  # text stays text
        yield


def _save(figure: Figure, data: pd.DataFrame, folder: Path, name: str, notes: list[str], caption: str) -> None:
    """Writes a figure under its caption, and the numbers it shows."""
    _caption(figure, " ".join([*notes, caption]))
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.execute(figure)
    figure.set_layout_engine("none")  # once is enough for both files
    for kind in ("pdf", "png"):
        figure.savefig(folder / f"{name}.{kind}", metadata={"CreationDate": None} if kind == "pdf" else {"Software": None})
    data.to_csv(folder / f"{name}.csv", index=False)


def _caption(figure: Figure, text: str) -> None:
    """Writes a caption below a figure, wrapped to its width."""
    width = int(figure.get_figwidth() * 17)  # characters of the caption's size on a line
    figure.supxlabel("\n".join(textwrap.wrap(text, width)), fontsize=7, x=0.01, ha="left", color="0.25")


def _figure(rows: int, cols: int, width: float, height: float, **shared: Any) -> tuple[Figure, Any]:  # noqa: ANN401 -- matplotlib's own arguments
    """Makes a grid of axes of the given size each, without a window."""
    figure = Figure(figsize=(max(width * cols, 6.8), height * rows + 0.5))  # legends and captions need some width
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.06)
    return figure, figure.subplots(rows, cols, squeeze=False, **shared)


def _seeds(records: StudyRecords) -> str:
    counts = records.runs.groupby("variant", sort=False).size()
    return ", ".join(f"{variant} n={count}" for variant, count in counts.items())


def _preview(records: StudyRecords, folder: Path) -> None:
    """Shows the first canvases of the test mixture with their classes."""
    variant, seed = records.runs.iloc[0][["variant", "seed"]]
    with np.load(records.tops[variant, seed], allow_pickle=False) as stored:
        images, classes = stored["first"], stored["first_classes"].tolist()
    data = pd.DataFrame({"image": range(len(classes)), "class": classes})
    caption = "First canvases of the test mixture; above each, its class."
    _save(_grid(images, classes), data, folder, "preview", records.notes(), caption)


def _grid(images: NDArray[np.uint8], classes: Sequence[str]) -> Figure:
    """Shows images [n, rows, cols] side by side, each below its class."""
    figure, axes = _figure(-(-len(images) // 8), 8, 0.8, 0.95)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, name in zip(axes.flat, images, classes, strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set(xticks=[], yticks=[])
        ax.set_title(name, pad=2)
    return figure


def save_preview(images: NDArray[np.uint8], classes: Sequence[str], caption: str, path: Path) -> None:
    """Draws images [n, rows, cols] below their classes into a png, pdf or svg file."""
    with _style():
        figure = _grid(images, classes)
        _caption(figure, caption)
        partial = path.with_name(f".partial-{path.name}")
        try:
            figure.savefig(partial)
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)


def _alignment_against_ablation(records: StudyRecords, folder: Path) -> None:
    """Shows a point a unit, a column of panels a variant, a row of panels a silencing: the talk's main figure."""
    variants = records.variants
    seeds = sorted(records.units["seed"].unique())
    figure, axes = _figure(2, len(variants), 2.3, 2.1, sharex=True, sharey="row")
    for row, (suffix, how) in zip(axes, SILENCINGS.items(), strict=True):
        for ax, variant in zip(row, variants, strict=True):
            own = records.units[records.units["variant"] == variant]
            for number, seed in enumerate(seeds):
                units = own[own["seed"] == seed]
                marker = MARKERS[number % len(MARKERS)]
                ax.scatter(units["alignment"], units[f"drop{suffix}"], s=14, marker=marker, alpha=0.7, lw=0, label=f"seed {seed}")
            ax.axvline(DETECTOR, color="0.3", lw=0.8, ls="--")
            ax.axvline(records.units["chance"].mean(), color="0.3", lw=0.8, ls=":")
            ax.set_xlim(0, 1.02)
        row[0].set_ylabel(f"accuracy drop,\nunit silenced {how}")
    for ax, variant in zip(axes[0], variants, strict=True):
        ax.set_title(variant)
    for ax in axes[-1]:
        ax.set_xlabel("alignment")
    if len(seeds) <= len(MARKERS):
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    columns = ["variant", "seed", "unit", "concept", "alignment", "chance", "drop", "drop_mean"]
    caption = (
        "A point a unit; alignment: average precision by max response for its best digit. Dashed: detector threshold .80; "
        f"dotted: chance (mean prevalence). Dead units have no point. Seeds: {_seeds(records)}."
    )
    _save(figure, records.units[columns], folder, "alignment_against_ablation", records.notes(), caption)


def _curves(records: StudyRecords, folder: Path) -> None:
    """Shows accuracy against the share of silenced units for every variant, with bands over seeds."""
    figure, axes = _figure(2, len(ORDERS), 2.3, 2.1, sharex=True, sharey=True)
    rows = []
    for row, (suffix, how) in zip(axes, SILENCINGS.items(), strict=True):
        for ax, (order, title) in zip(row, ORDERS.items(), strict=True):
            for number, variant in enumerate(records.variants):
                found = _curve(records, variant, f"{order}{suffix}")
                ax.plot(found["share"], found["accuracy"], ls=DASHES[number % len(DASHES)], label=variant)
                ax.fill_between(found["share"], found["lower"], found["upper"], alpha=0.2, lw=0)
                rows.append(found.assign(variant=variant, order=title, silenced=how))
            ax.set_ylim(0, 1)
        row[0].set_ylabel(f"accuracy,\nunits silenced {how}")
    for ax, title in zip(axes[0], ORDERS.values(), strict=True):
        ax.set_title(title)
    for ax in axes[-1]:
        ax.set_xlabel("share of units silenced")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    few = records.runs.groupby("variant").size().min() < FEWEST
    band = f"no bands below {FEWEST} seeds" if few else "bands: 95 % t interval over seeds"
    caption = f"Means over seeds; {band}. Orders are fitted on the rank mixture. Seeds: {_seeds(records)}."
    _save(figure, pd.concat(rows), folder, "ablation_curves", records.notes(), caption)


def _curve(records: StudyRecords, variant: str, column: str) -> pd.DataFrame:
    curves = records.curves[records.curves["variant"] == variant]
    rows = []
    for n, steps in curves.groupby("n"):
        interval = t_interval(steps[column].tolist())
        rows.append((n, n / curves["n"].max(), *interval[:3], interval.n))
    return pd.DataFrame(rows, columns=["n", "share", "accuracy", "lower", "upper", "seeds"])


def _best_alignment(records: StudyRecords, folder: Path) -> None:
    """Shows, for each concept, the alignment of its best unit in every run; useless concepts stand apart."""
    variants = records.variants
    useless = set(records.concepts["concept"][records.concepts["useless"]])
    concepts = sorted(records.concepts["concept"].unique(), key=lambda c: (c in useless, c))
    place = {c: i + 0.8 * (c in useless) for i, c in enumerate(concepts)}
    figure, axes = _figure(1, len(variants), 3.0, 2.4, sharey=True)
    for ax, variant in zip(axes[0], variants, strict=True):
        rows = records.concepts[records.concepts["variant"] == variant]
        for idle, part in rows.groupby("useless"):
            _strip(ax, part, place, "useless for the task" if idle else "useful", int(bool(idle)))
        chance = rows.groupby("concept")["chance"].mean()
        for number, concept in enumerate(concepts):
            label = "chance (prevalence)" if number == 0 else None
            ax.hlines(chance[concept], place[concept] - 0.35, place[concept] + 0.35, color="0.2", lw=1.5, label=label)
        ax.axhline(DETECTOR, color="0.3", lw=0.8, ls="--")
        ax.set_xticks(list(place.values()), concepts)
        ax.set(title=variant, xlabel="digit", ylim=(0, 1.02))
    axes[0, 0].set_ylabel("alignment of the best unit")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    caption = f"A point a training seed. Dashed: detector threshold .80. Seeds: {_seeds(records)}."
    data = records.concepts[["variant", "seed", "concept", "chance", "unit", "alignment", "useless"]]
    _save(figure, data, folder, "best_alignment", records.notes(), caption)


def _strip(ax: Axes, rows: pd.DataFrame, place: dict[str, float], label: str, number: int) -> None:
    """Draws one point a run at each concept's place, seeds side by side."""
    seeds = sorted(rows["seed"].unique())
    shift = {seed: (i - (len(seeds) - 1) / 2) * 0.5 / max(1, len(seeds)) for i, seed in enumerate(seeds)}
    x = [place[c] + shift[s] for c, s in zip(rows["concept"], rows["seed"], strict=True)]
    ax.scatter(x, rows["alignment"], s=14, marker=MARKERS[number], lw=0, alpha=0.8, label=label)


def _cards(records: StudyRecords, folder: Path, variant: str) -> None:
    """Shows the top images of the best unit of each digit with its precisions, of the variant's first seed."""
    concepts = records.concepts[records.concepts["variant"] == variant]
    seed = int(concepts["seed"].min())
    rows = concepts[concepts["seed"] == seed].reset_index(drop=True)
    with np.load(records.tops[variant, seed], allow_pickle=False) as stored:
        images = stored["images"]
    n_top = images.shape[1]
    figure, axes = _figure(len(rows), 1, 8.6, 0.68)
    for ax, (_, row) in zip(axes[:, 0], rows.iterrows(), strict=True):
        ax.set_axis_off()
        ax.set_title(f"digit {row['concept']}: unit {row['unit']}, alignment {row['alignment']:.2f}", loc="left", pad=2)
        if row["unit"] >= 0:
            strip = np.concatenate([np.pad(i, 1, constant_values=128) for i in images[row["unit"]]], axis=1)
            ax.imshow(strip, cmap="gray", vmin=0, vmax=255)
            ax.set(xticks=[], yticks=[])
        ax.set_anchor("W")
        precisions = [f"P@{c.rsplit('_', 1)[1]} {row[c]:.2f}" for c in CARD[:4]]
        recalls = [f"P at recall .{c.rsplit('_', 1)[1]} {row[c]:.2f}" for c in CARD[4:]]
        ax.text(1.01, 0.72, "   ".join(precisions), transform=ax.transAxes, va="center", fontsize=8)
        ax.text(1.01, 0.28, "   ".join(recalls), transform=ax.transAxes, va="center", fontsize=8)
    figure.suptitle(f"{variant}, seed {seed}")
    caption = f"The {n_top} test canvases with the highest response of each digit's best unit; P: precision."
    data = rows[["variant", "seed", "concept", "unit", "alignment", "chance", *CARD]]
    _save(figure, data, folder, f"cards_{variant}", records.notes(), caption)
