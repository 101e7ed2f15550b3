"""Figures of a study, each with its caption and the csv it was drawn from; which there are, and which of their panels."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mixmnist.core.registry import nearest
from mixmnist.report import lines, points
from mixmnist.report.drawing import Album, Look, draw_each, style
from mixmnist.report.pictures import cards, dissection, preview
from mixmnist.report.reading import KEYS, StudyRecords

Draw = Callable[[StudyRecords, Album, Sequence[str]], None]  # the last are panels
PICTURES, MAPS = "pictures", "maps"  # of top images, and where a unit looks on them
NEEDS: dict[str, tuple[str, ...]] = {  # columns without which there is no such figure, as of networks that do not classify
    "preview": (PICTURES,),
    "cards": (PICTURES,),
    "dissection": (PICTURES, MAPS, "iou_box_quantile"),
    "alignment_against_ablation": ("drop",),
    "ablation_curves": ("curve_random",),
    "class_curves": ("curve_keep", "curve_remove"),
    "class_drops": ("drop", "max_class_drop"),
    "best_alignment": ("alignment",),
}
PANELS: dict[str, tuple[str, ...]] = {  # named for the columns they show; those that are shown where none are chosen
    "alignment_against_ablation": ("drop",),
    "ablation_curves": tuple(lines.ORDERS)[:4],
    "class_curves": tuple(lines.CLASS_CURVES),
    "scores_by_number": lines.BY_NUMBER,
}
OTHERS: dict[str, tuple[str, ...]] = {  # and those that can be chosen besides
    "alignment_against_ablation": ("drop_mean",),
    "ablation_curves": ("curve_weight", *(f"{order}{lines.MEAN}" for order in lines.ORDERS)),
}


@dataclass(frozen=True)
class Shown:
    """What of a study its figures and its table for papers show; what is left empty is as usual."""

    panels: tuple[str, ...] = ()
    """Columns, of the figures that have panels of them; other figures stay as they are."""
    variants: tuple[str, ...] = ()
    """Names of variants, in the order of the study; by default all."""
    columns: tuple[str, ...] = ()
    """Columns of `variants.tex`, besides the variant and n."""


def draw_figures(
    records: StudyRecords,
    folder: Path,
    look: Look = Look(),  # noqa: B008 -- frozen
    only: Sequence[str] = (),
    shown: Shown = Shown(),
) -> tuple[str, ...]:
    """Draws the figures of a study into a folder, of the layer that feeds the head; says which of them there is nothing for.

    Figures of what was not scored, as the drops of networks that do not classify, are not among them.

    Raises:
        ValueError: If `only` names a figure that there is not, or `shown` a variant or a panel.
    """
    records, figures, panels = choose(records, only, shown)
    albums = {name: Album(folder, look, tuple(records.notes([*_needs(name), *of_it]))) for name, of_it in panels.items()}
    chosen = {name: partial(figures[name], records, albums[name], of_it) for name, of_it in panels.items()}
    needs = {name: of_it if set(of_it) & set(shown.panels) else _needs(name) for name, of_it in panels.items()}
    with style(look):
        return draw_each(chosen, needs.__getitem__, (records.units, records.curves, records.concepts, records.runs))


def choose(
    records: StudyRecords, only: Sequence[str], shown: Shown
) -> tuple[StudyRecords, dict[str, Draw], dict[str, list[str]]]:
    """Gives the records of the variants to show, of the layer that feeds the head; all figures; the panels of those to draw.

    Raises:
        ValueError: If there is no such figure, variant or panel.
    """
    records = records.of_variants(shown.variants).scored().of_last_layer()
    there = {*records.units, *records.curves, *([PICTURES] if records.tops else []), *([MAPS] if records.regions else [])}
    figures: dict[str, Draw] = {
        "preview": lambda records, album, _: preview(records, album),
        "alignment_against_ablation": points.alignment_against_ablation,
        "ablation_curves": lines.ablation_curves,
        "class_curves": lines.class_curves,
        "class_drops": points.class_drops,
        "best_alignment": points.best_alignment,
        **{f"cards_{v}": partial(_of_variant, cards, v) for v in records.variants},
        **{f"dissection_{v}": partial(_of_variant, dissection, v) for v in records.variants},
    }
    if records.is_scored and lines.numbered(records):
        figures["scores_by_number"] = lines.scores_by_number
    figures = {name: draw for name, draw in figures.items() if there.issuperset(_needs(name))}
    for name in only:
        if name not in figures:
            raise nearest("figure", name, figures)
    return records, figures, _panels(records, [name for name in figures if not only or name in only], shown.panels)


def _of_variant(
    draw: Callable[[StudyRecords, Album, str], None], variant: str, records: StudyRecords, album: Album, _panels: Sequence[str]
) -> None:
    draw(records, album, variant)


def _needs(name: str) -> tuple[str, ...]:
    return NEEDS.get(re.sub("^(cards|dissection)_.*", r"\1", name), ())


def _panels(records: StudyRecords, figures: Sequence[str], wanted: Sequence[str]) -> dict[str, list[str]]:
    """Gives the panels of each figure: those that are wanted, in that order, of a figure that has any of them.

    Raises:
        ValueError: If no figure has a panel that is wanted.
    """
    there: Collection[str] = {*records.units, *records.curves}
    known = {name: [p for p in (*PANELS.get(name, ()), *OTHERS.get(name, ())) if p in there] for name in figures}
    if "scores_by_number" in known:
        numbers = records.runs.select_dtypes("number").columns
        known["scores_by_number"] = [column for column in numbers if column not in (*KEYS, "threads")]
    every = {panel for of_it in known.values() for panel in of_it}
    for panel in wanted:
        if panel not in every:
            raise nearest("panel", panel, every)
    usual = {name: [panel for panel in PANELS.get(name, ()) if panel in known[name]] for name in figures}
    return {name: [panel for panel in wanted if panel in known[name]] or usual[name] for name in figures}
