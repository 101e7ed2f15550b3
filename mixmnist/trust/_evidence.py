"""Evidence: every score of the shelf, measured on planted units with faults that are dialled in."""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from pathlib import Path

import pandas as pd
import torch

from mixmnist.core.readout import Readout
from mixmnist.core.records import Metric
from mixmnist.core.registry import choose, collect
from mixmnist.metrics._strangers import check_metrics
from mixmnist.plants._rotation import random_rotation
from mixmnist.plants._scene import PREVALENCE
from mixmnist.plants.units import DIALS, FEW, Faults, plant
from mixmnist.scoring import Sheet
from mixmnist.stats import t_interval
from mixmnist.trust import _edits
from mixmnist.trust._columns import ACTS, DETECTS, PLACES, Column, columns, columns_of
from mixmnist.trust._side_by_side import side_by_side

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of every dial
LABEL_TESTS = ("missing", "extra")
PREVALENCES = (0.25, 0.2, 0.1, 0.02)  # at which labels are made wrong
IDLE = Faults(misses=0.5, false_alarms=0.5)
USUAL = Faults(noise=0.15)  # a good unit as trained ones are: told apart on 98 of 100
FAULTY = {"misses": replace(USUAL, misses=0.05), "false_alarms": replace(USUAL, false_alarms=0.05)}  # its 5 % faults
EDITS: dict[str, Callable[[Readout, int], Readout]] = {
    "": lambda readout, _: readout,
    "missing": lambda readout, last: _edits.lacking(readout, range(last + 1)),
    "extra": lambda readout, last: _edits.surplus(readout, range(last + 1)),
    "scale": lambda readout, _: _edits.rescaled(readout, 3.0),
    "order": lambda readout, seed: _edits.reordered(readout, seed),
    "rotation": lambda readout, seed: _edits.rotated(readout, random_rotation(readout.n_units, seed).float()),
}
ROTATIONS = 5  # random ones a repeat
FEWEST_A_PROCESS = 20  # jobs that are worth the start of a process
RANK = 1_000_000  # added to a seed for the images on which thresholds are fitted
GROUPS = 20  # of images, each of which is left out once for an interval
Key = tuple[str, str]  # a column's metric and name
Measured = dict[Key, float]


@dataclass(frozen=True)
class Job:
    """One planted layer, read, perhaps edited, and scored."""

    faults: Faults = USUAL
    prevalence: float = PREVALENCE
    units: int = 10
    n: int = 10_000
    few: int = FEW
    seed: int = 0
    unit: int = 0  # that is scored, for concept 0
    edit: str = ""
    turn: int = 0  # seed of the edit; for labels the last concept that it is about
    parts: tuple[str, ...] = ("units", "maps")  # columns that are scored; for summaries every unit has the faults

    def readouts(self) -> tuple[Readout, Readout]:
        """Gives the layer on the images to be scored and on those for thresholds."""
        everyone = "summaries" in self.parts
        grown = partial(plant, self.faults, self.n, prevalence=self.prevalence, units=self.units, few=self.few, everyone=everyone)
        first, rank = (EDITS[self.edit](grown(seed=seed), self.turn) for seed in (self.seed, self.seed + RANK))
        return first, rank


def asked(own: str | None) -> tuple[dict[str, Metric], tuple[Column, ...]]:
    """Gives the metrics that are not on the shelf and the columns that are graded: those of one's own file, else the shelf's."""
    return ({}, columns()) if own is None else _loaded(own, Path(own).stat().st_mtime_ns)


@cache
def _loaded(own: str, _changed: int) -> tuple[dict[str, Metric], tuple[Column, ...]]:
    name, metric = Path(own).stem, choose("metrics", own)
    check_metrics({name: metric}, collect("metrics"))
    return {name: metric}, columns_of(name, metric)


def measure(job: Job, own: str | None = None) -> Measured:
    """Scores the planted unit by every column of the shelf, or of the metric in a file."""
    more, _ = asked(own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a k above the number of images is no news here
        first, rank = job.readouts()
        return _measured(Sheet(first, Sheet(rank, more=more), more=more), job, own)


def bounds(job: Job, own: str | None = None) -> dict[Key, tuple[float, float]]:
    """Gives the 95 % interval of every score over images: the t interval of its pseudo-values, without one image in 20 in turn.

    Planted images share no glyph, so this is the interval over glyphs too.
    """
    first, rank = job.readouts()
    more, _ = asked(own)
    sheet, group = Sheet(rank, more=more), torch.arange(job.n) % GROUPS
    every = [_edits.some(first, group != g) for g in range(GROUPS)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        whole, *parts = (_measured(Sheet(readout, sheet, more=more), job, own) for readout in (first, *every))
    found = {}
    for key, value in whole.items():
        pseudo = [GROUPS * value - (GROUPS - 1) * part[key] for part in parts]
        interval = t_interval(pseudo) if not any(map(math.isnan, pseudo)) else t_interval([])
        found[key] = (interval.lower, interval.upper)
    return found


def _measured(sheet: Sheet, job: Job, own: str | None) -> Measured:
    return {(c.metric, c.name): c.value(sheet, job.unit, concept=0) for c in asked(own)[1] if c.part in job.parts}


@dataclass(frozen=True)
class Sizes:
    """How much is drawn for a card."""

    images: int = 10_000
    images_of_summaries: int = 1_000
    few: int = 500  # that have maps
    few_of_labels: int = 1_000
    repeats: int = 3  # of what scatters: rotations, changes
    draws: int = 100  # of what needs many
    intervals: int = 80  # draws whose interval is taken
    images_a_draw: int = 500
    images_of_truth: int = 20_000


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that was measured, as tables with a row a measurement; `metric`, `score` and `value` in each."""

    dials: pd.DataFrame  # dial, level
    idle: pd.DataFrame  # kind
    labels: pd.DataFrame  # prevalence, labels (right, missing, extra)
    draws: pd.DataFrame  # unit (usual, misses, false_alarms), draw
    large: pd.DataFrame  # the usual unit on many images
    intervals: pd.DataFrame  # draw; `value` and `upper` are the bounds for the usual unit
    changes: pd.DataFrame  # change (usual, width, duplication, order, scale, prevalence, rotation), repeat


def gather(sizes: Sizes, own: str | None = None) -> Evidence:
    """Measures all that the cards need: single units and, with the faults in every unit, summaries of the layer.

    Args:
        sizes: How much is drawn.
        own: The file of a metric of one's own, which alone is measured then; by default the whole shelf is.

    Raises:
        ValueError: If one's own metric does not run, or gives what its axes do not say.
    """
    wanted = {column.part for column in asked(own)[1]}
    named = [each for each in (*_jobs(sizes), *_jobs_of_summaries(sizes)) if wanted & set(each[2].parts)]
    once = list(dict.fromkeys(job for _, _, job in named))  # every dial begins with the same sound unit
    n_drawn = sizes.intervals if "units" in wanted else 0
    drawn = [Job(n=sizes.images_a_draw, seed=draw, parts=("units",)) for draw in range(n_drawn)]
    calls = [*((measure, (job, own)) for job in once), *((bounds, (job, own)) for job in drawn)]
    found = side_by_side(calls, "planted units", FEWEST_A_PROCESS)
    measured: dict[Job, Measured] = dict(zip(once, found, strict=False))
    parts: dict[str, list[dict[str, object]]] = {}
    for part, keys, job in named:
        parts.setdefault(part, []).extend(
            {**keys, "metric": metric, "score": name, "value": value} for (metric, name), value in measured[job].items()
        )
    parts["intervals"] = [
        {"draw": draw, "metric": metric, "score": name, "value": low, "upper": high}
        for draw, each in enumerate(found[len(once) :])
        for (metric, name), (low, high) in each.items()
    ]
    return Evidence(**{part: pd.DataFrame(parts.get(part) or [], columns=None if parts.get(part) else NOTHING) for part in PARTS})


Named = tuple[str, dict[str, object], Job]  # a part of the evidence, what tells its rows apart, and how it is measured


def _jobs(sizes: Sizes) -> Iterator[Named]:
    """Lists what is measured of single units."""
    plain = Job(n=sizes.images, few=sizes.few)
    for dial, level in ((d, v) for d in DIALS for v in LEVELS):
        yield "dials", {"dial": dial, "level": level}, replace(plain, faults=Faults(**{dial: level}))
    for kind in (DETECTS, PLACES):
        yield "idle", {"kind": kind}, replace(plain, faults=IDLE)
    yield "idle", {"kind": ACTS}, replace(plain, faults=Faults(), units=11, unit=10)
    for repeat in range(sizes.repeats):
        for change, job in _changed(replace(plain, seed=repeat)).items():
            yield "changes", {"change": change, "repeat": repeat}, job
        for turn in range(ROTATIONS * repeat, ROTATIONS * (repeat + 1)):
            job = replace(plain, seed=repeat, edit="rotation", turn=turn)
            yield "changes", {"change": "rotation", "repeat": turn}, job
    for prevalence, edit in ((p, e) for p in PREVALENCES for e in ("", *LABEL_TESTS)):  # nothing in it is left to chance
        keys = {"prevalence": prevalence, "labels": edit or "right"}
        yield "labels", keys, Job(Faults(), prevalence, n=sizes.images, few=sizes.few_of_labels, edit=edit)
    for unit, faults in {"usual": USUAL, **FAULTY}.items():
        for draw in range(sizes.draws):
            keys = {"unit": unit, "draw": draw}
            yield "draws", keys, Job(faults, n=sizes.images_a_draw, seed=draw, parts=("units",))
    yield "large", {}, Job(n=sizes.images_of_truth, seed=RANK // 2, parts=("units",))


def _jobs_of_summaries(sizes: Sizes) -> Iterator[Named]:
    """Lists what is measured of summaries; the labels of all ten digits are made wrong at a time."""
    plain = Job(n=sizes.images_of_summaries, parts=("summaries",))
    for dial, level in ((d, v) for d in DIALS for v in LEVELS):
        yield "dials", {"dial": dial, "level": level}, replace(plain, faults=Faults(**{dial: level}))
    for kind in (ACTS, DETECTS, PLACES):
        yield "idle", {"kind": kind}, replace(plain, faults=IDLE)
    for change, job in _changed(plain).items():
        yield "changes", {"change": change, "repeat": 0}, job
    for turn in range(ROTATIONS):
        yield "changes", {"change": "rotation", "repeat": turn}, replace(plain, edit="rotation", turn=turn)
    for edit in ("", *LABEL_TESTS):
        keys = {"prevalence": PREVALENCE, "labels": edit or "right"}
        yield "labels", keys, replace(plain, faults=Faults(), edit=edit, turn=9)


def _changed(plain: Job) -> dict[str, Job]:
    """Gives the layers in which nothing about the unit itself is changed."""
    return {
        "usual": plain,
        "width": replace(plain, units=30),
        "duplication": replace(plain, faults=replace(USUAL, duplicates=2 / 9)),
        "order": replace(plain, edit="order", turn=1),
        "scale": replace(plain, edit="scale"),
        "prevalence": replace(plain, prevalence=0.05),
    }


PARTS = tuple(field.name for field in fields(Evidence))
NOTHING = ["metric", "score", "value", "upper"]  # columns of a part for which nothing was asked
