"""Findings in words: each claim of a study as a sentence with its number, interval, seeds and verdict."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mixmnist.core.records import Claim, Task
from mixmnist.core.registry import collect
from mixmnist.core.seeding import Stream
from mixmnist.page.numbers import COUNT, PERCENT, POINTS, SCORE, between, unit_of, written
from mixmnist.page.words import COLUMNS
from mixmnist.report.claims import judge, values_of
from mixmnist.report.ranges import is_share

SAID = {"holds": "holds", "fails": "does not hold", "undecided": "undecided"}
SIGNS = {"holds": "\N{CHECK MARK}", "fails": "\N{MULTIPLICATION SIGN}"}
USUAL = 0.95  # the level of an interval where none is told
SAME = 1e-12  # numbers that differ by less are alike
UNITS = {"": SCORE, " %": PERCENT, " points": POINTS}  # of the places in a claim's words


@dataclass(frozen=True)
class Finding:
    """A sentence on what was measured."""

    words: str  # with its number, without a full stop
    evidence: str  # interval, seeds, and what must stand beside the number
    kind: str = ""  # holds, fails, open; empty where nothing was claimed
    verdict: str = ""
    claimed: str = ""  # the claim, where it does not hold or is undecided

    @property
    def sign(self) -> str:
        """A sign for the verdict, for those who do not see its colour."""
        return SIGNS.get(self.kind, "\N{EN DASH}")


def findings(claims: Sequence[Claim], runs: pd.DataFrame) -> tuple[Finding, ...]:
    """Gives a sentence a claim.

    Args:
        claims: Of one study.
        runs: A row a run, of the layer that the claims are about.
    """
    rows = judge(claims, runs).to_dict("records")
    return tuple(_finding(claim, row, runs) for claim, row in zip(claims, rows, strict=True))


def _finding(claim: Claim, row: Mapping[Any, Any], runs: pd.DataFrame) -> Finding:
    verdict = SAID.get(row["verdict"], row["verdict"])
    kind = row["verdict"] if row["verdict"] in SIGNS else "open"
    claimed = "" if kind == "holds" else claim.says
    if math.isnan(row["mean"]):
        return Finding(f"{claim.says}: no number", "not in the records", "open", verdict)
    words, unit, flipped = _words(claim, row["mean"])
    ends = (-row["upper"], -row["lower"]) if flipped else (row["lower"], row["upper"])
    evidence = ", ".join(part for part in (_range(claim, row, runs, between(*ends, unit)), _beside(claim, runs)) if part)
    if kind == "holds" and not claim.words:  # the claim itself says it best
        return Finding(claim.says, f"{words} {evidence}", kind, verdict)
    return Finding(words, evidence, kind, verdict, claimed)


def _range(claim: Claim, row: Mapping[Any, Any], runs: pd.DataFrame, ends: str) -> str:
    """Writes the interval with its level where that is not 95 %, and the seeds; where all agree, that first."""
    n = int(row["n"])
    level = "" if not ends or math.isclose(row["level"], USUAL) else f" at {100 * row['level']:.3g}\N{NO-BREAK SPACE}%"
    found, known = values_of(claim, runs), all(map(math.isfinite, (row["lower"], row["upper"])))
    alone = claim.minus is None and claim.against is None
    if n > 1 and max(found) - min(found) < SAME and not (alone and is_share(claim.column)):
        return f"the same in all {_seeds(n)}" + (f"; unseen ones may move it within {ends}{level}" if known else "")
    return ", ".join(part for part in (ends + level, _seeds(n)) if part)


def _words(claim: Claim, mean: float) -> tuple[str, str, bool]:
    """Gives the sentence, the unit of its number, and whether the number lost its minus sign."""
    if not claim.words:
        unit = unit_of(claim.column, claim.against is not None or claim.minus is not None)
        return f"{_number(claim)}: {written(mean, unit, averaged=True)}", unit, False
    unit = UNITS[re.findall(r"{mean(.*?)}", claim.words)[0]]
    if unit == SCORE and unit_of(claim.column) == COUNT:
        unit = COUNT
    pairs = "/" in "".join(re.findall(r"{.*?}", claim.words))
    flipped = pairs and mean < 0
    text = re.sub(r"{([^{}/]*)/([^{}]*)}", r"\2" if mean < 0 else r"\1", claim.words)
    return re.sub(r"{mean.*?}", lambda _: written(-mean if flipped else mean, unit, averaged=True), text), unit, flipped


def _number(claim: Claim) -> str:
    """Names a claim's number in words."""
    name = f"{_name(claim.column)} of {claim.variant}"
    if claim.minus is not None:
        name += f", less its {_name(claim.minus)}"
    if claim.against is not None:
        name += f" beyond that of {claim.against}"
    return name[0].upper() + name[1:]


def _name(column: str) -> str:
    return COLUMNS[column][0] if column in COLUMNS else column.replace("_", " ")


def _beside(claim: Claim, runs: pd.DataFrame) -> str:
    """Says what an accuracy must be seen beside: chance, and that of the intact network."""
    alone = claim.against is None and claim.minus is None
    own = runs[runs["variant"] == claim.variant]
    if claim.column == "accuracy" and alone:
        chance = chance_of(f"{own['task'].iloc[0]}") if len(own) else None
        return "" if chance is None else f"chance {written(chance, PERCENT)}"
    balanced = claim.minus == "class_accuracy" or (alone and claim.column.startswith("class_accuracy_"))
    if balanced and "class_accuracy" in own:
        return f"intact {written(own['class_accuracy'].mean(), PERCENT)}, chance 50\N{NO-BREAK SPACE}%"
    return ""


def chance_of(task: str) -> float | None:
    """Gives the accuracy of guessing: one in so many classes, which are drawn alike; None of a task that nobody knows.

    Example:
        >>> chance_of("single"), chance_of("presence"), chance_of("a stranger's")
        (0.1, 0.5, None)
    """
    if task not in collect("tasks"):
        return None
    known: Task = collect("tasks")[task]
    labels, _ = known.draw(1, Stream(0), **known.settings)
    return 0.5 if labels.ndim == 2 else 1 / len(known.classes)  # where classes do not exclude each other, accuracy is balanced


def plain_findings(summary: pd.DataFrame) -> tuple[Finding, ...]:
    """Gives a sentence a row of a table of variants: what each variant, or each layer of one network, detects and is worth."""
    layers = len(set(summary["layer"])) > 1
    return tuple(_plain(row, f"{row['layer'] if layers else row['variant']}") for row in summary.to_dict("records"))


def _plain(row: Mapping[Any, Any], name: str) -> Finding:
    task = collect("tasks").get(row["task"])
    of = f" of {len(task.concepts)}" if task else " of its" if row.get("unique_concepts") == 0 else ""

    def known(column: str) -> bool:
        return column in row and not math.isnan(row[column])

    parts = []
    if known("unique_concepts"):
        n = row["unique_concepts"]
        parts.append(f"{written(n, COUNT) if n else 'none'}{of} concepts {'has' if n in (0, 1) else 'have'} a detector")
    if known("mean_alignment"):
        chance = f", chance {written(row['chance'], SCORE)}" if known("chance") else ""
        parts.append(f"the mean alignment of its {row['n_units']:g} units is {written(row['mean_alignment'], SCORE)}{chance}")
    if known("max_drop"):
        intact = f" of {written(row['accuracy'], PERCENT)} accuracy" if known("accuracy") else ""
        parts.append(f"without its most important unit {written(row['max_drop'], POINTS)}{intact} are lost")
    n = int(row.get("mean_alignment_n", 0))
    return Finding(f"{name}: {'; '.join(parts) or 'no scores'}", _seeds(n))


def _seeds(n: int) -> str:
    return f"{n}\N{NO-BREAK SPACE}seed{'s' * (n != 1)}"
