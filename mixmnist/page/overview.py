"""The top of a page: verdicts and variants as rows of words and numbers, ready for the template."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.report.claims import judge
from mixmnist.report.ranges import bounds_of
from mixmnist.report.reading import StudyRecords
from mixmnist.report.tables import CLAIMS, interval_note, summarise
from mixmnist.stats import ANYWHERE, Bounds, Interval

SIGNS = {"holds": "\N{CHECK MARK}", "fails": "\N{MULTIPLICATION SIGN}"}
WORDS = {
    "accuracy": ("accuracy", "share of test images classified rightly"),
    "unique_concepts": ("unique concepts", "concepts with a detector: a unit whose alignment is .80 or more"),
    "detectors": ("detectors", "units whose alignment is .80 or more"),
    "dead": ("dead units", "with one response on all images"),
    "coverage": ("coverage", "best alignment of each concept, averaged"),
    "mean_alignment": ("mean alignment", "average precision of each unit for its concept, by max response"),
    "mean_alignment_mean": ("mean alignment, by mean", "the same by mean response"),
    "chance": ("chance of alignment", "mean prevalence of the concepts: what a unit that knows nothing has"),
    "mean_drop": ("mean drop, to zero", "accuracy lost without a unit, its map silenced to zero"),
    "mean_drop_mean": ("mean drop, to its mean", "the same, silenced to its mean"),
    "max_drop": ("largest drop", "accuracy lost without the most important unit, silenced to zero"),
    "max_class_drop": ("largest drop of a class", "accuracy that one class loses without one unit"),
    "reliance": ("reliance", "share of the accuracy beyond chance that is lost on the way as units go in random order, averaged"),
    "seconds": ("seconds", "training and scoring of a run"),
}


@dataclass(frozen=True)
class Section:
    """What a page says of one study or network, apart from its units."""

    title: str
    notes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()  # what was run, by name
    claims: tuple[dict[str, Any], ...] = ()
    claims_note: str = CLAIMS
    variants: tuple[str, ...] = ()  # columns of the scores
    scores: tuple[dict[str, Any], ...] = ()  # rows: a score with a cell a variant
    scores_note: str = ""
    tables: tuple[tuple[str, pd.DataFrame], ...] = ()  # further tables, by title
    figures: tuple[Path, ...] = ()  # svg files
    missing: tuple[str, ...] = ()  # sentences on what cannot be shown, and why


def study_section(title: str, records: StudyRecords) -> Section:
    """Says what a study ran and what came out of it."""
    records = records.of_layer(records.layer)
    variants = summarise(records.runs)
    return Section(
        title=title,
        notes=tuple(records.notes()),
        facts=_facts(records),
        claims=tuple(_claim(dict(row)) for _, row in judge(records.claims, records.runs).iterrows()),
        variants=tuple(f"{row.variant}" for row in variants.itertuples()),
        scores=_scores(variants),
        scores_note=interval_note(variants),
        missing=(*records.failures, *records.damaged),
    )


def _facts(records: StudyRecords) -> tuple[tuple[str, str], ...]:
    runs = records.runs
    seeds = runs.groupby("variant", sort=False)["seed"].size()

    def of(column: str) -> str:
        return ", ".join(str(value) for value in dict.fromkeys(runs[column]))

    return (
        ("Runs", f"{len(runs)}: " + ", ".join(f"{variant} n={n}" for variant, n in seeds.items())),
        ("Task", of("task")),
        ("Glyphs", of("source")),
        ("Layer", records.layer),
        ("Device", f"{of('device')}, {of('precision')}"),
        ("Hardware", of("hardware")),
        ("Code", of("code")),
    )


def _claim(row: dict[Any, Any]) -> dict[str, Any]:
    p = "" if math.isnan(row["p"]) else "< .001" if row["p"] < 0.001 else f"{row['p']:.3f}"
    word = row["verdict"].split()[0]
    kind = word if word in SIGNS else "open"
    return (
        row
        | {"value": _cell(Interval(row["mean"], row["lower"], row["upper"], row["n"])), "p": p, "kind": kind}
        | {"percent": f"{100 * row['level']:.3g} %"}
        | {"sign": SIGNS.get(word, "\N{EN DASH}")}
    )


def _scores(variants: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    """Gives a row a score: a cell a variant, its interval placed between the lowest and the highest of the row."""
    rows = []
    for column in [c for c in WORDS if c in variants and variants[c].notna().any()]:
        numbers = variants[[column, *(f"{column}_{end}" for end in ("lower", "upper", "n"))]]
        cells = [Interval(*values) for values in numbers.itertuples(index=False)]
        ends = [end for cell in cells for end in cell[:3] if not math.isnan(end)]
        low, span = min(ends), (max(ends) - min(ends)) or 1.0
        runs = variants.to_dict("records")
        shown = [_cell(cell, bounds_of(column, run)) | _places(cell, low, span) for cell, run in zip(cells, runs, strict=True)]
        name, meaning = WORDS[column]
        rows.append({"name": name, "meaning": meaning, "cells": shown})
    return tuple(rows)


def _places(cell: Interval, low: float, span: float) -> dict[str, float | None]:
    """Gives the places of a mean and its bounds from 0 to 100; None for what is no number."""
    ends = {"at_mean": cell.mean, "at_lower": cell.lower, "at_upper": cell.upper}
    return {name: None if math.isnan(value) else round(100 * (value - low) / span, 2) for name, value in ends.items()}


def _cell(interval: Interval, bounds: Bounds = ANYWHERE) -> dict[str, Any]:
    if math.isnan(interval.mean):
        return {"mean": "", "between": "", "n": int(interval.n)}
    digits = 0 if abs(interval.mean) >= 1000 else 1 if abs(interval.mean) >= 100 else 3
    ends = [f"{end:.{digits}f}" + "*" * (end in bounds) for end in (interval.lower, interval.upper)]
    between = "" if math.isnan(interval.lower) else " to ".join(ends)
    return {"mean": f"{interval.mean:.{digits}f}", "between": "constant" if interval.constant else between, "n": int(interval.n)}
