"""The top of a page: what was run, verdicts, and one table of the scores of all variants, ready for the template."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.core import grades
from mixmnist.page.findings import Finding, chance_of, findings, plain_findings
from mixmnist.page.numbers import COUNT, PERCENT, SCORE, bare, between, unit_of, written
from mixmnist.page.words import COLUMNS, TERMS
from mixmnist.report.claims import judge
from mixmnist.report.ranges import bounds_of, is_share
from mixmnist.report.reading import KEYS, StudyRecords
from mixmnist.report.tables import CLAIMS, CONSTANT, CUT, interval_note, seeds_of, summarise
from mixmnist.stats import ANYWHERE, Interval

IOU = "iou_box_matched"  # of the table of units; its mean over them is shown, as the card gives it its best grade
FRONT = ("accuracy", "unique_concepts", "coverage", "mean_alignment", IOU, "max_drop", "mean_group_drop", "reliance")
GRADED = (
    "Letters: the trust card's grade of the summary of a layer, such as a mean over its units; that of a single unit may be "
    "another, and that of IoU is a single unit's."
)
ALARMS = ("WARNING", "QUICK")  # notes that begin so are never folded away


@dataclass(frozen=True)
class Section:
    """What a page says of one study or network, apart from its units."""

    title: str
    notes: tuple[str, ...]
    opening: tuple[str, ...] = ()  # sentences: what was trained, what the variants are, whose question it is
    facts: tuple[tuple[str, str], ...] = ()  # what was run, by name
    findings: tuple[Finding, ...] = ()
    claims: tuple[dict[str, Any], ...] = ()  # the same with identifiers, rules and p-values
    claims_note: str = CLAIMS
    summary: pd.DataFrame | None = None  # a row a variant and layer
    tables: tuple[tuple[str, pd.DataFrame], ...] = ()  # further tables, by title
    figures: tuple[Path, ...] = ()  # svg files
    missing: tuple[str, ...] = ()  # sentences on what cannot be shown, and why

    @property
    def alarms(self) -> tuple[str, ...]:
        """The notes that must be seen at once."""
        return tuple(note for note in self.notes if note.startswith(ALARMS))

    @property
    def quiet(self) -> tuple[str, ...]:
        """The other notes."""
        return tuple(note for note in self.notes if not note.startswith(ALARMS))


@dataclass(frozen=True)
class Scores:
    """One table of scores: a row a variant, of all studies on the page."""

    columns: tuple[dict[str, Any], ...]
    rows: tuple[dict[str, Any], ...]
    keys: tuple[str, ...]  # what names a row: study, variant, layer
    note: str


def study_section(title: str, records: StudyRecords, layers: bool = False) -> Section:
    """Says what a study ran and what came out of it.

    Args:
        title: Its title.
        records: Its records.
        layers: Whether every layer is told of, or only the one that feeds the head.
    """
    head = records.of_last_layer()
    shown = (records if layers else head).scored()
    summary = summarise(_with_units(shown))
    told = findings(head.claims, head.runs) if head.claims else plain_findings(summary)
    return Section(
        title=title,
        notes=tuple(records.notes()),
        facts=_facts(head),
        findings=told,
        claims=tuple(_claim(dict(row)) for _, row in judge(head.claims, head.runs).iterrows()),
        summary=summary,
        missing=(*records.failures, *records.damaged),
    )


def _with_units(records: StudyRecords) -> pd.DataFrame:
    """Gives the table of runs with the mean IoU over each one's units."""
    if IOU not in records.units or IOU in records.runs:
        return records.runs
    means = records.units.groupby(KEYS)[IOU].mean().reset_index()
    return records.runs.merge(means, on=KEYS, how="left")


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


def _claim(row: Mapping[Any, Any]) -> dict[str, Any]:
    p = "" if math.isnan(row["p"]) else "< .001" if row["p"] < 0.001 else bare(row["p"], SCORE, 3)
    known = not math.isnan(row["mean"])
    mean = bare(row["mean"], SCORE, 3) if known else ""
    ends = f"[{bare(row['lower'], SCORE, 3)}, {bare(row['upper'], SCORE, 3)}]" if not math.isnan(row["lower"]) else ""
    return {**row, "p_said": p, "mean_said": mean, "between": ends, "percent": f"{100 * row['level']:.3g} %"}


def scores(sections: Sequence[Section]) -> Scores | None:
    """Gives one table of the scores of all sections; None if none has any. Each score has one scale, whatever row it is in."""
    summaries = [section.summary for section in sections if section.summary is not None]
    if not summaries:
        return None
    table = pd.concat(summaries, ignore_index=True)
    if len(set(table["study"])) < len(summaries):  # one study on several sources
        table["study"] = table["study"] + " " + table["source"]
    shown = [column for column in COLUMNS if column in table and table[column].notna().any()]
    columns = [_column(column, table) for column in shown]
    n_seeds = seeds_of(table)
    keys: tuple[str, ...] = ("study",) if len(summaries) > 1 else ()
    layers = len(set(table["layer"])) > 1
    keys += ("variant",) if keys or not layers or len(set(table["variant"])) > 1 else ()
    keys += ("layer",) if layers else ()
    rows: list[dict[str, Any]] = []
    for row, n in zip(table.to_dict("records"), n_seeds, strict=True):
        cells = [_cell(column, row) for column in columns]
        rows.append({"names": [row[key] for key in keys], "n": int(n), "cells": cells})
    ends = any(cell["at_lower"] is not None for row in rows for cell in row["cells"])
    said = " ".join(cell["between"] for row in rows for cell in row["cells"])
    notes = [interval_note(table)]
    notes += [words for mark, words in (("(constant)", CONSTANT), ("*", CUT)) if mark in said and words not in notes[0]]
    notes += ["Strokes: the interval, on one scale a score, whose ends stand below its name."] if ends else []
    notes += [GRADED] if any(column["grade"] for column in columns) else []
    return Scores(tuple(columns), tuple(rows), keys, " ".join(notes))


def _column(column: str, table: pd.DataFrame) -> dict[str, Any]:
    """Says what a column is called, means and is graded, and from where to where its strokes go."""
    name, meaning = COLUMNS[column]
    several = table[f"{column}_lower"].notna()
    ends = table.loc[several, [column, f"{column}_lower", f"{column}_upper"]].to_numpy(float).ravel()
    low, high = (float(ends.min()), float(ends.max())) if len(ends) else (math.nan, math.nan)
    unit = unit_of(column)
    drawn = len(table) > 1 and low < high
    return {
        "column": column,
        "name": name,
        "meaning": meaning,
        "unit": unit,
        "term": TERMS.get(column),
        "grade": grades.UNITS[column] if column == IOU else grades.RUNS.get(column),
        "graded": "a single unit" if column == IOU else "the summary of a layer",
        "more": column not in FRONT,
        "low": low,
        "high": high,
        "scale": f"{bare(low, unit)} to {bare(high, unit)}" if drawn else "",
    }


def _cell(column: Mapping[str, Any], row: Mapping[Any, Any]) -> dict[str, Any]:
    """Writes a score of a row, and where its stroke lies on the column's scale, from 0 to 100; no stroke without an interval."""
    name, unit = column["column"], column["unit"]
    found = Interval(row[name], row[f"{name}_lower"], row[f"{name}_upper"], row[f"{name}_n"])
    if math.isnan(found.mean):
        return {
            "value": None,
            "mean": "",
            "between": "",
            "beside": "",
            "chance": None,
            "lower": None,
            "upper": None,
            "at_lower": None,
        }
    bounds = ANYWHERE if is_share(name) else bounds_of(name, row)
    said = "(constant)" if found.constant else between(found.lower, found.upper, unit, bounds)
    known = not math.isnan(found.lower)
    cell = {
        "value": found.mean,
        "mean": written(found.mean, unit, known and not found.constant).replace(" points", ""),
        "between": said,
    }
    chance = _chance(name, row)
    beside = "" if chance is None else f"chance {written(chance, PERCENT if name == 'accuracy' else SCORE)}"
    cell |= {"beside": beside, "chance": chance, "lower": found.lower if known else None, "upper": found.upper if known else None}
    if not known or not column["scale"]:
        return cell | {"at_lower": None}

    def at(value: float) -> float:
        return round(float(100 * (value - column["low"]) / (column["high"] - column["low"])), 2)

    return cell | {"at_lower": at(found.lower), "at_mean": at(found.mean), "at_upper": at(found.upper)}


def _chance(column: str, row: Mapping[Any, Any]) -> float | None:
    """Gives what chance would give, where that is known."""
    if column == "accuracy":
        return chance_of(row["task"])
    known = column == "mean_alignment" and not math.isnan(row.get("chance", math.nan))
    return float(row["chance"]) if known else None


def count_of(seeds: Sequence[int]) -> str:
    """Writes from how many to how many.

    Example:
        >>> count_of([5, 20, 20]), count_of([1, 1])
        ('5 to 20', '1')
    """
    low, high = min(seeds), max(seeds)
    return bare(low, COUNT) if low == high else f"{bare(low, COUNT)} to {bare(high, COUNT)}"
