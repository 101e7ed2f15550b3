"""Grading: every score of the shelf, measured on planted units whose truth is known, against that truth.

A score is put on a scale of its own: 1 is what it gives a sound unit, 0 what it gives an idle one, that answers at random and,
for scores of what a unit is worth, is not read by the head. So every score can be held to the same tests.
"""

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from mixmnist.core.records import Metric
from mixmnist.core.registry import collect
from mixmnist.plants.units import DIALS, Faults, truth
from mixmnist.trust._columns import ACTS, DETECTS, PLACES, Column
from mixmnist.trust._evidence import FAULTY, LABEL_TESTS, LEVELS, PARTS, PREVALENCES, Evidence


@dataclass(frozen=True)
class Cell:
    """One test of one score."""

    test: str
    value: float  # the number that it is judged by
    passed: bool | None  # None where it does not apply
    why: str = ""  # in words, where it failed


@dataclass(frozen=True, eq=False)
class Graded:
    """One score with its tests."""

    column: Column
    sound: float  # what it gives a sound unit
    idle: float  # what it gives an idle one
    cells: tuple[Cell, ...]
    tau: tuple[float, float, float] = (math.nan, math.nan, math.nan)  # rank agreement with the truth, and its interval

    @property
    def failed(self) -> list[Cell]:
        """The tests that it fails."""
        return [cell for cell in self.cells if cell.passed is False]

    @property
    def share(self) -> float:
        """Share of the tests that apply which it passes."""
        applies = [cell.passed for cell in self.cells if cell.passed is not None]
        return sum(applies) / len(applies) if applies else math.nan

    @property
    def grade(self) -> str:
        """A to F, or - for what does not tell a sound unit from an idle one."""
        if not self.cells:
            return "-"
        best = "C" if any(cell.test.startswith(LABEL_TESTS) for cell in self.failed) else "A"
        earned = next((grade for grade, least in GRADES.items() if self.share >= least), "F")
        return max(best, earned)


GRADES = {"A": 0.95, "B": 0.85, "C": 0.75, "D": 0.65, "E": 0.5}  # share of tests passed, at least
RULE = (
    "Grade: share of the tests passed that apply, A from .95, B .85, C .75, D .65, E .50, else F; a score that fails a test of "
    "missing or extra labels gets C at most. - : no number, or the same one, for a sound unit and an idle one."
)
REACTS = 0.05  # of the way from sound to idle that a score must fall when half the labels are missing, or as many are extra
STEP = 0.02  # change of the truth along a dial that a score must not answer in the wrong direction
SAME = 0.02  # change of a score that counts as none
BLIND = 0.05  # whole change of a score along a dial, below which it is blind to it
FOLLOWS = 0.25  # share of the truth's change along a dial that a score must make at least
AGREES = 0.6  # rank agreement with the truth, at least
BIAS = 0.05  # largest bias at 500 images
COVERS = 0.88  # share of 95 % intervals that hold the score, at least: 80 draws cannot tell .95 from less than that
POWER = 0.8  # share of draws in which a 5 % fault is seen, at least
ROTATED = 0.8  # what may be left of a detection score when the layer is rotated at random
PREVALENT = 0.1  # change of a score that is let pass when the digit becomes four times rarer


def grade(column: Column, evidence: Evidence, metric: Metric | None = None) -> Graded:
    """Holds one score to every test; a score that is not on the shelf comes with its metric."""
    of = {name: _own(getattr(evidence, name), column) for name in PARTS}
    sound = float(of["dials"][of["dials"]["level"] == 0]["value"].mean())
    kind = DETECTS if column.of == "concepts" else column.kind  # of a concept its own unit must be idle, not a further one
    idle = _idle(
        of["idle"][of["idle"]["kind"] == kind]["value"], of["dials"]["value"], metric or collect("metrics")[column.metric]
    )
    span = sound - idle
    if not math.isfinite(span) or abs(span) < 1e-6 + REACTS * max(abs(sound), abs(idle)):
        return Graded(column, sound, idle, ())
    scaled = {name: table.assign(value=(table["value"] - idle) / span) for name, table in of.items() if name != "intervals"}
    truthless = column.summary and column.kind == ACTS
    tau = (math.nan, math.nan, math.nan) if truthless else _agreement(scaled["dials"], column)
    cells = [*_labels(of["labels"], span, column), *_along_dials(scaled["dials"], column)]
    cells.append(_cell("tau", tau[0], tau[0] >= AGREES, f"agrees with the truth by {tau[0]:.2f} only"))
    cells += [
        *_draws(scaled["draws"], scaled["large"]),
        _coverage(of["intervals"], of["large"]),
        *_changes(scaled["changes"], column),
    ]
    return Graded(column, sound, idle, tuple(cells), tau)


def _idle(idle: "pd.Series[float]", along: "pd.Series[float]", metric: Metric) -> float:
    """Gives what an idle unit scores; where it has no score, what the metric says of chance, or the lowest score of any plant."""
    if idle.notna().all():
        return float(idle.mean())
    said = re.match(r"\d*\.?\d+", metric.chance or "")
    return float(said[0]) if said else float(along.min())


def _own(table: pd.DataFrame, column: Column) -> pd.DataFrame:
    return table[(table["metric"] == column.metric) & (table["score"] == column.name)]


def _cell(test: str, value: float, passed: bool, why: str) -> Cell:
    return Cell(test, value, None if math.isnan(value) else bool(passed), "" if passed or math.isnan(value) else why)


def _labels(table: pd.DataFrame, span: float, column: Column) -> Iterator[Cell]:
    """Does the score fall when half of the labels are missing, or as many more are wrong? In the score's own units."""
    for kind in LABEL_TESTS:
        for prevalence in PREVALENCES:
            test = f"{kind}_{prevalence:g}"
            if not column.uses_presence:
                yield Cell(test, math.nan, None)
                continue
            values = table[table["prevalence"] == prevalence].groupby("labels")["value"].mean()
            if values.empty:
                yield Cell(test, math.nan, None)
                continue
            change = float(values[kind] - values["right"])
            fell = change * math.copysign(1, span) <= -REACTS * abs(span)
            yield _cell(test, change, fell, f"blind to {kind} labels at {prevalence:g} ({change:+.2f})")


def truths(dial: str, column: Column) -> list[float]:
    """Gives the truth along a dial, on the same scale: 1 for a sound unit, 0 for an idle one."""
    known = [truth(Faults(**{dial: level})) for level in LEVELS]
    if column.kind == ACTS:
        effects = [k.group_effect if column.of == "concepts" else k.effect for k in known]
        return [effect / effects[0] for effect in effects]
    quality = [2 * k.quality - 1 for k in known]
    return [q * k.overlap for q, k in zip(quality, known, strict=True)] if column.kind == PLACES else quality


def _along_dials(table: pd.DataFrame, column: Column) -> Iterator[Cell]:
    """Does the score go where the truth goes along each dial, and stay where it stays?"""
    for dial in DIALS:
        values = table[table["dial"] == dial].groupby("level")["value"].mean()
        pairs = [(t, s) for t, s in zip(truths(dial, column), values[list(LEVELS)], strict=True) if not math.isnan(s)]
        test = f"dial_{dial}"
        if len(pairs) < 3 or (column.summary and column.kind == ACTS):  # of a layer's reliance there is no truth to hold it to
            yield Cell(test, math.nan, None)
            continue
        steps = [(t - u, s - r) for (u, r), (t, s) in itertools.pairwise(pairs)]
        moved, answered = sum(abs(t) for t, _ in steps), sum(abs(s) for _, s in steps)
        against = [s for t, s in steps if abs(t) >= STEP and s * math.copysign(1, t) < -SAME]
        change = pairs[-1][1] - pairs[0][1]
        if moved < STEP:
            yield _cell(test, change, answered < BLIND * 2, f"moves with {dial}, which changes nothing ({change:+.2f})")
        elif against:
            yield _cell(test, change, False, f"goes against the truth along {dial}")
        else:
            expected = abs(pairs[-1][0] - pairs[0][0])
            follows = answered >= max(BLIND, FOLLOWS * expected)
            yield _cell(test, change, follows, f"{'barely follows' if answered >= BLIND else 'blind to'} {dial} ({change:+.2f})")


def _agreement(table: pd.DataFrame, column: Column, resamples: int = 200) -> tuple[float, float, float]:
    """Gives Kendall's tau of score and truth over all plants, with its 95 % bootstrap interval over plants."""
    means = table.groupby(["dial", "level"])["value"].mean()
    pairs = [(t, means[dial, v]) for dial in DIALS for v, t in zip(LEVELS, truths(dial, column), strict=True)]
    known = np.round([p for p in pairs if not math.isnan(p[1])], 6)
    if len(known) < 3:
        return math.nan, math.nan, math.nan
    g = np.random.default_rng(0)
    drawn = [known[g.integers(len(known), size=len(known))] for _ in range(resamples)]
    taus = [float(kendalltau(*rows.T).statistic) for rows in [known, *drawn]]
    lower, upper = np.nanquantile(taus[1:], [0.025, 0.975]) if not math.isnan(taus[0]) else (math.nan, math.nan)
    return taus[0], float(lower), float(upper)


def _draws(table: pd.DataFrame, large: pd.DataFrame) -> Iterator[Cell]:
    """How far off is the score at few images, how much does it scatter, and does it see a fault of 5 %?"""
    if table.empty:
        yield from (Cell(test, math.nan, None) for test in ("bias", "sd", "power_misses", "power_false_alarms"))
        return
    usual = table[table["unit"] == "usual"]["value"].dropna()
    bias, expected = float(usual.mean() - large["value"].mean()), float(large["value"].mean())
    yield _cell("bias", bias, abs(bias) <= BIAS, f"biased by {bias:+.2f} at few images")
    yield Cell("sd", float(usual.std()), None)
    least = usual.quantile(0.05)
    for fault in FAULTY:
        faulty = table[table["unit"] == fault]["value"].dropna()
        power = float((faulty < least).mean()) if len(usual) and not math.isnan(expected) else math.nan
        yield _cell(f"power_{fault}", power, power >= POWER, f"sees 5 % {fault.replace('_', ' ')} in {power:.0%} of draws")


def _coverage(table: pd.DataFrame, large: pd.DataFrame) -> Cell:
    """How often does the interval at few images hold the score at many?"""
    known = table.dropna()
    if len(known) < len(table) / 2 or known.empty:
        return Cell("coverage", math.nan, None)
    expected = float(large["value"].mean())
    share = float(((known["value"] <= expected) & (expected <= known["upper"])).mean())
    return _cell("coverage", share, share >= COVERS, f"its 95 % interval covers {share:.0%}")


def _changes(table: pd.DataFrame, column: Column) -> Iterator[Cell]:
    """Does the score stay when nothing about the unit changes, and fall when the layer is rotated?"""
    means = table.groupby("change")["value"].mean()
    for change in ("width", "duplication", "order", "scale", "prevalence"):
        moved = float(means[change] - means["usual"])
        most = PREVALENT if change == "prevalence" else SAME
        yield _cell(f"same_under_{change}", moved, abs(moved) <= most, f"moves by {moved:+.2f} under {change}")
    left = float(means["rotation"] / means["usual"])
    fell = None if column.kind == ACTS or math.isnan(left) else left <= ROTATED
    yield Cell("rotation", left, fell, "" if fell is not False else f"{left:.0%} is left under rotation")
