"""Dissecting: a generator of anyone's, its units held against what a judge reads, and edited; as tables, sheets and sentences.

Orders and thresholds are fitted on one sample and measured on another. Beside each number stands what it must beat: the masks of
another sample, rotated units, random sets of units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core import registry
from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.data.mixture import draw
from mixmnist.dissect import sampling
from mixmnist.dissect.direction import linear_iou
from mixmnist.dissect.effects import causal_set, random_sets, read_without, removal, top
from mixmnist.dissect.fidelity import LIMIT
from mixmnist.dissect.reading import DIGITS, Judge
from mixmnist.dissect.readout import ious, ious_of, readout
from mixmnist.dissect.sampling import Sample, take
from mixmnist.dissect.subject import Subject
from mixmnist.metrics.average_precision import average_precision

PASSES = 0.05  # IoU from which the literature counts a unit
THIRD = 1 / 3  # of the ceiling of valid, below which no verdict is passed
SCORES = ("removed", "kept", "clean_removal", "off_target")
RANDOM = "random sets"


@dataclass(frozen=True)
class Asked:
    """What is measured, on how much."""

    samples: int = 500
    """Samples that orders and thresholds are fitted on, and as many that are measured."""
    edited: int = 200
    """Samples that are edited."""
    rankings: tuple[str, ...] = ("iou", "alignment", "removal")
    """Orders of units, names of `mixmnist list rankings`."""
    sizes: tuple[int, ...] = (1, 2, 4, 8)
    """Units that are switched off at a time."""
    sets: int = 5
    """Random sets of each size."""

    def __post_init__(self) -> None:
        for name in ("samples", "edited", "sets"):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be 1 or more, got {name}={value}.")
        require(self.rankings, "rankings must be one or more, got none. `mixmnist list rankings` names them.")
        for name in self.rankings:
            registry.choose("rankings", name)


@dataclass(frozen=True, eq=False, repr=False)
class Dissected:
    """What was found."""

    about: str  # a sentence
    judge: Judge
    rank: Sample
    test: Sample
    rankings: Mapping[str, Float[Tensor, "units digits"]]  # fitted on the rank sample
    units: pd.DataFrame
    """A row a unit: its digit, IoU with it, the same against masks of another sample, alignment, chance."""
    digits: pd.DataFrame
    """A row a digit: its best unit, the layer's best direction, the best of rotated units, sizes of causal sets."""
    removals: pd.DataFrame
    """A row a ranking, size of the set and digit; and of random sets."""
    quality: Mapping[str, float]  # valid and its ceiling, junk, none, pairs
    said: tuple[str, ...]  # what must be known of it, and why there is no verdict where there is none

    def __repr__(self) -> str:
        """Says what it is, in a line."""
        return f"{len(self.units)} units. {self.about}"


def dissect(subject: Subject, judge: Judge, asked: Asked = Asked(), source: str = "", root: str | None = None) -> Dissected:
    """Dissects a generator's layer.

    Args:
        subject: The generator and its layer, of `mixmnist.dissect.subject.subject_of`.
        judge: Who reads and segments.
        asked: On how many samples, by which rankings.
        source: Of the glyphs, for the ceiling of valid; empty: no ceiling.
        root: Folder of the source's files.

    Returns:
        Tables, the samples, and what must be said of them.

    Raises:
        ValueError: If there are fewer samples than units, all are alike, or a ranking is unknown or needs a truth that is not
            known.

    Example:
        >>> from mixmnist.core.records import Canvas
        >>> from mixmnist.dissect.exact import ExactJudge
        >>> from mixmnist.dissect.planted.painter import build
        >>> from mixmnist.dissect.subject import subject_of
        >>> painter = subject_of(build(Canvas(), seed=0), "units", Canvas(), name="painter")
        >>> found = dissect(painter, ExactJudge(Canvas()), Asked(samples=40, edited=20, rankings=("iou",), sizes=(1,)))
        >>> found.removals.groupby("ranking")["clean_removal"].mean().round(2).to_dict()["iou"]
        1.0
    """
    rank, test = (take(subject, judge, asked.samples, seed) for seed in (sampling.RANK, sampling.TEST))
    rankings = {name: _ranked(name, rank, judge, asked) for name in asked.rankings}
    few = test.some(torch.arange(min(asked.edited, len(test))))
    quality = _quality(subject, judge, test, source, root)
    name = subject.name or type(subject.net).__name__
    about = (
        f"{name}, layer {subject.layer}: {subject.n_units} units of {' x '.join(map(str, subject.cells))} cells; "
        f"{asked.samples:,} samples measured, as many to fit on; {len(few):,} edited."
    )
    units, digits = _units(rank, test), _digits(rank, test)
    for title, ranking in rankings.items():
        sizes = [causal_set(few, judge, ranking[:, digit], digit, LIMIT).size for digit in range(DIGITS)]
        digits[f"causal_{title}"] = sizes
    removals = _removals(few, judge, rankings, asked)
    said = (judge.card, *_said(quality, units, removals, asked))
    return Dissected(about, judge, rank, test, rankings, units, digits, removals, quality, said)


def ranked(name: str, sample: Sample, judge: Judge, **settings: Any) -> Float[Tensor, "units digits"]:  # noqa: ANN401 -- numbers
    """Ranks a layer's units by one entry of the shelf.

    Raises:
        ValueError: If there is no such ranking or setting.
    """
    entry = registry.choose("rankings", name)
    entry.with_settings(settings)  # refuses unknown names; what is not named is as the function has it
    found: Tensor = entry.run(sample, judge, **settings)
    return found


def _ranked(name: str, rank: Sample, judge: Judge, asked: Asked) -> Tensor:
    more = {"most": min(asked.edited, len(rank))} if "most" in registry.choose("rankings", name).settings else {}
    return ranked(name, rank, judge, **more)


def _quality(subject: Subject, judge: Judge, test: Sample, source: str, root: str | None) -> dict[str, float]:
    """Says how much of a sample can be read at all, beside real canvases."""
    said, shown = test.said, test.said.shown
    pairs = {tuple(row.nonzero()[:, 0].tolist()) for row in shown[said.valid]}
    found = {
        "valid": float(said.valid.double().mean()),
        "junk": float(said.junk.double().mean()),
        "none": float((said.counts.sum(dim=1) == 0).double().mean()),
        "pairs": float(len(pairs)),
    }
    if source:
        real = draw("pairs", source, "test", len(test), canvas=subject.canvas, root=root).images[:, None] / 255
        found["ceiling"] = float(judge.read(real).valid.double().mean())
    return found


def _other(sample: Sample) -> Sample:
    """Gives each sample the masks and the readings of the one before it."""
    rolled = torch.arange(len(sample)).roll(1)
    return replace(sample, said=sample.said.some(rolled), classes=sample.classes[rolled], places=sample.places[rolled])


def _units(rank: Sample, test: Sample) -> pd.DataFrame:
    """Gives a row a unit; the digit is the one that its IoU on the rank sample names."""
    fitted, measured, null = (one.nan_to_num(0) for one in (ious(rank), ious(rank, test), ious(_other(rank), _other(test))))
    digit = fitted.argmax(dim=1)
    each = torch.arange(len(digit))
    present = test.said.counts >= 1
    told = present.any(dim=0) & ~present.all(dim=0)
    alignment = torch.full(fitted.shape, torch.nan)
    if told.any():
        alignment[:, told] = average_precision(test.maps.amax(dim=(2, 3)), present[:, told])
    dead = test.maps.amax(dim=(0, 2, 3)) == test.maps.amin(dim=(0, 2, 3))
    rows = {
        "unit": each,
        "digit": digit,
        "iou": measured[each, digit],
        "iou_null": null.amax(dim=1),
        "alignment": alignment[each, digit],
        "chance": present.double().mean(dim=0)[digit],
        "dead": dead,
    }
    return pd.DataFrame({name: values.tolist() for name, values in rows.items()})


def _digits(rank: Sample, test: Sample) -> pd.DataFrame:
    """Gives a row a digit: the best unit by the rank sample, the best direction, the best of rotated units."""
    fitted, measured, null = (one.nan_to_num(0) for one in (ious(rank), ious(rank, test), ious(_other(rank), _other(test))))
    best = fitted.argmax(dim=0)
    digits = torch.arange(DIGITS)
    turn = _rotation(rank.maps.shape[1]).to(rank.maps)
    turned = [torch.einsum("nuhw,uv->nvhw", sample.maps, turn) for sample in (rank, test)]
    rotated = ious_of(readout(rank, turned[0]), readout(test, turned[1])).nan_to_num(0).amax(dim=0)
    linear = linear_iou(rank, test)
    iou = measured[best, digits]
    rows = {
        "digit": digits,
        "samples": test.said.shown.sum(dim=0),
        "unit": best,
        "iou": iou,
        "iou_null": null.amax(dim=0),
        "rotated_iou": rotated,
        "linear_iou": linear,
        "unit_share": iou / linear.clamp_min(1e-9),
    }
    return pd.DataFrame({name: values.tolist() for name, values in rows.items()})


def _rotation(n: int) -> Float[Tensor, "n n"]:
    generator = torch.Generator().manual_seed(derive(0, "rotated units"))
    found: Tensor = torch.linalg.qr(torch.randn(n, n, generator=generator))[0]
    return found


def _removals(few: Sample, judge: Judge, rankings: Mapping[str, Tensor], asked: Asked) -> pd.DataFrame:
    """Switches the first units of each ranking off, and random sets of the same size; gives a row a ranking, size and digit."""
    rows: list[dict[str, Any]] = []
    n_units = few.maps.shape[1]
    sizes = [size for size in asked.sizes if size <= n_units]
    for name, ranking in rankings.items():
        for size in sizes:
            for digit, units in enumerate(top(ranking, size)):
                found = removal(few, read_without(few, judge, units), digit)
                rows.append({"ranking": name, "size": size, "digit": digit, "n": found.n, **found.scores()})
    for size in sizes:
        drawn = [read_without(few, judge, units) for units in random_sets(asked.sets, size, n_units, seed=0)]
        for digit in range(DIGITS):
            each = [removal(few, said, digit) for said in drawn]
            means = {str(name): float(mean) for name, mean in pd.DataFrame([one.scores() for one in each]).mean().items()}
            rows.append({"ranking": RANDOM, "size": size, "digit": digit, "n": each[0].n, **means})
    return pd.DataFrame(rows)


def over_digits(removals: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a ranking and size of the set: means over the digits that are shown."""
    shown = removals[removals["n"].gt(0)]
    means = shown.groupby(["ranking", "size"], sort=False)[list(SCORES)].mean()
    return means.assign(n=shown.groupby(["ranking", "size"], sort=False)["n"].sum()).reset_index()


def _said(quality: Mapping[str, float], units: pd.DataFrame, removals: pd.DataFrame, asked: Asked) -> Sequence[str]:
    """Says what can be read, and what follows; or why nothing follows."""
    ceiling = quality.get("ceiling")
    beside = "" if ceiling is None else f", of real canvases {ceiling:.3f}"
    read = (
        f"valid (two different digits read once each, no junk): {quality['valid']:.3f} of {asked.samples:,} samples{beside}; "
        f"junk on {quality['junk']:.3f}, nothing read on {quality['none']:.3f}; {quality['pairs']:.0f} of 45 pairs occur."
    )
    if ceiling is not None and quality["valid"] < THIRD * ceiling:
        return (
            read,
            f"No verdict: valid is below a third of its ceiling ({THIRD * ceiling:.3f}), so what is read of edits says little.",
        )
    if not removals["n"].gt(0).any():
        return read, "No verdict: on no sample that is edited is any digit read once."
    passing, null = int(units["iou"].gt(PASSES).sum()), int(units["iou_null"].gt(PASSES).sum())
    means = over_digits(removals)
    best = means[means["ranking"].ne(RANDOM)].sort_values("clean_removal").iloc[-1]
    chance = float(means["clean_removal"][means["ranking"].eq(RANDOM) & means["size"].eq(best["size"])].iloc[0])
    name = f"{best['ranking']}, {best['size']:.0f} units"
    return (
        read,
        f"IoU above {PASSES}: {passing} of {len(units)} units; against the masks of another sample: {null}.",
        f"Removed cleanly, at best ({name}): {best['clean_removal']:.3f}; random sets {chance:.3f}.",
    )
