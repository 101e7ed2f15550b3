"""What is measured of rankings on planted generators: units fitted on the rank sample, sets of them judged on the test sample."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core import registry
from mixmnist.core.dissecting import Generator, Ranking
from mixmnist.core.records import Canvas
from mixmnist.core.seeding import derive
from mixmnist.dissect.effects import random_sets, read_without, removal, top
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.inserting import insert
from mixmnist.dissect.places import Placed, choose_places
from mixmnist.dissect.reading import DIGITS, Judge, Said
from mixmnist.dissect.readout import ious
from mixmnist.dissect.sampling import RANK, TEST, Sample, take
from mixmnist.dissect.subject import Subject
from mixmnist.trust._networks import Recorded

NULL = "pixels"
COUNTS = 0.05  # IoU from which the literature lets a unit count
BEST = 8  # units of the null that are removed together
REMOVED = ("removed", "clean_removal", "off_target")
INSERTED = ("inserted", "clean_insertion", "place_error")


@dataclass(frozen=True)
class Sizes:
    """How much is drawn."""

    samples: int = 300  # of the rank sample and of the test sample
    random: int = 10  # random sets of a size
    steps: int = 10  # of the search of alpha


def subject_of(name: str, net: Recorded | None = None) -> Subject:
    """Gives a planted generator: the recorded one, else one that is built."""
    entry: Generator = registry.choose("planted", name)
    canvas, seed = (Canvas(), 0) if net is None else (net.settings.canvas, net.seed)
    module = entry.build(canvas, seed) if net is None else net.net()
    return Subject(module, entry.layer, canvas, name, entry.truth(seed) if entry.truth else None)


@dataclass(frozen=True, eq=False)
class Bench:
    """One generator's samples, and what was already asked of it."""

    rank: Sample
    test: Sample
    judge: Judge
    sizes: Sizes
    _removed: dict[tuple[int, ...], Said] = field(default_factory=dict)
    _inserted: dict[tuple[int, tuple[int, ...]], dict[str, float]] = field(default_factory=dict)
    _placed: dict[int, Placed] = field(default_factory=dict)

    @cached_property
    def n_units(self) -> int:
        """Units of the layer."""
        return self.test.maps.shape[1]

    def removed(self, units: Bool[Tensor, " units"], digit: int) -> dict[str, float]:
        """Gives what becomes of a digit without a set of units."""
        key = tuple(units.nonzero()[:, 0].tolist())
        if key not in self._removed:
            self._removed[key] = read_without(self.test, self.judge, units)
        return removal(self.test, self._removed[key], digit).scores()

    def at_random(self, size: int, digit: int) -> dict[str, float]:
        """Gives the same of random sets, the mean over them; of single units over all that there are."""
        sets = torch.eye(self.n_units).bool() if size == 1 else random_sets(self.sizes.random, size, self.n_units, seed=0)
        found = pd.DataFrame([self.removed(units, digit) for units in sets])
        return {f"{name}_random": float(value) for name, value in found.mean().items()}

    def inserted(self, units: Bool[Tensor, " units"], digit: int) -> dict[str, float]:
        """Gives what becomes of a digit that is written into a set of units at legal places, each at its usual height."""
        key = digit, tuple(units.nonzero()[:, 0].tolist())
        if key not in self._inserted:
            if digit not in self._placed:
                self._placed[digit] = choose_places(self.test, self.rank, digit)
            scores = insert(self.test, self.judge, self.rank, self._placed[digit], units, way="mean").scores()
            self._inserted[key] = {name: scores[name] for name in INSERTED}
        return self._inserted[key]


def bench_of(subject: Subject, sizes: Sizes) -> Bench:
    """Draws both samples of a generator and has them read exactly."""
    judge = ExactJudge(subject.canvas)
    rank, test = (take(subject, judge, sizes.samples, seed) for seed in (RANK, TEST))
    return Bench(rank, test, judge, sizes)


def measured(name: str, net: Recorded | None, rankings: Sequence[str], sizes: Sizes) -> pd.DataFrame:
    """Measures rankings on one planted generator.

    Args:
        name: Of the generator.
        net: Its record, if there is one.
        rankings: Names, or files.
        sizes: How much is drawn.

    Returns:
        A row a ranking, digit and measure, with n, the test samples that show the digit.
    """
    bench = bench_of(subject_of(name, net), sizes)
    rows = []
    for ranking in rankings:
        entry: Ranking = registry.choose("rankings", ranking)
        settings = {"steps": sizes.steps} if "steps" in entry.settings else {}
        scores = entry.run(bench.rank, bench.judge, **settings)
        for digit in range(DIGITS):
            n = int(bench.test.said.shown[:, digit].sum())
            for measure, value in _of_digit(bench, scores[:, digit], digit):
                rows.append([name, ranking, digit, measure, value, n])
    return pd.DataFrame(rows, columns=["generator", "ranking", "digit", "measure", "value", "n"])


def _of_digit(bench: Bench, scores: Float[Tensor, " units"], digit: int) -> Iterator[tuple[str, float]]:
    """Gives each measure of one digit's order of units."""
    drawn = (bench.test.subject.truth or {}).get(digit, ())
    size = max(1, len(drawn))
    others = [unit for unit in range(len(scores)) if unit not in drawn]
    yield "best", float(scores.max())
    yield "others", float(scores[others].mean())
    if drawn:
        yield "own", float(scores[list(drawn)].mean())
        yield "recovered", recovered(scores, drawn)
    if len(scores) == DIGITS + 1 and DIGITS in others:
        yield "idle", float(scores[DIGITS])
    units = first(scores, size)
    found = bench.removed(units, digit) | bench.at_random(size, digit)
    yield from ((f"{name}{end}", found[f"{name}{end}"]) for name in REMOVED for end in ("", "_random"))
    yield from bench.inserted(units, digit).items()


def recovered(scores: Float[Tensor, " units"], drawn: Sequence[int]) -> float:
    """Gives how many of the units that draw a digit are among as many first ones, as a share: precision and recall at once.

    Tied units count by their expected number under a random order.

    Example:
        >>> recovered(torch.tensor([0.9, 0.5, 0.5, 0.1]), (0, 1))
        0.75
    """
    least = scores.sort(descending=True)[0][len(drawn) - 1]
    above, tied = scores > least, scores == least
    left = len(drawn) - int(above.sum())
    of_drawn = list(drawn)
    return float(above[of_drawn].sum() + tied[of_drawn].sum() * left / tied.sum()) / len(drawn)


def first(scores: Float[Tensor, " units"], size: int) -> Bool[Tensor, " units"]:
    """Gives a digit's first units; which of tied ones is drawn at random, the same each time."""
    order = torch.randperm(len(scores), generator=torch.Generator().manual_seed(derive(0, "ties")))
    chosen = torch.zeros(len(scores), dtype=torch.bool)
    chosen[order] = top(scores[order, None], size)[0]
    return chosen


def null(net: Recorded | None, sizes: Sizes) -> pd.DataFrame:
    """Measures pixels as if they were units: a row a threshold, how many count as units, and what the best ones remove."""
    bench = bench_of(subject_of(NULL, net), sizes)
    sets = random_sets(sizes.random, BEST, bench.n_units, seed=0)
    at_random = pd.DataFrame([bench.removed(units, digit) for units in sets for digit in range(DIGITS)]).mean()
    rows = []
    for threshold in ("matched", "information"):
        found = ious(bench.rank, bench.test, threshold).nan_to_num(0)
        fitted = ious(bench.rank, threshold=threshold).nan_to_num(0)
        best = pd.DataFrame([bench.removed(first(fitted[:, digit], BEST), digit) for digit in range(DIGITS)]).mean()
        row: dict[str, object] = {"threshold": threshold, "n": len(bench.test), "units": bench.n_units}
        row |= {"best_iou": float(found.max()), "units_that_count": float((found.amax(dim=1) > COUNTS).float().mean())}
        row |= {name: float(best[name]) for name in REMOVED} | {f"{name}_random": float(at_random[name]) for name in REMOVED}
        rows.append(row)
    return pd.DataFrame(rows)
