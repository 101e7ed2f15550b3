"""Removal: a set of units is switched off everywhere; is the digit gone, and what else goes with it?

Formulas, over the samples that show digit c once:
    removed: c is no longer read. kept: all others that were read once still are.
    clean_removal: what is read is what was read, without c, and there is no junk.
And over all samples: off_target, the share of the samples with digit d on which d is no longer read once, mean over the nine d.

What is written: `zero`; `mean` (each unit's mean over the rank sample's cells); `resampled` (the unit's map of another sample).
Chance: random sets of the same size. A generator that is broken by any edit has a high removed, and no clean removal.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597; D. Bau et al. (2020), PNAS 117: units set to zero, the share of the
    concept's pixels that go. Differs: what is read counts, not pixels; clean removal, off target and other values are ours.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.dissect.editing import Edit
from mixmnist.dissect.reading import DIGITS, Judge, Said
from mixmnist.dissect.sampling import Sample
from mixmnist.dissect.subject import images_of

VALUES = ("zero", "mean", "resampled")
LIMIT = 20  # units tried for a causal set
CAUSAL = 0.5  # clean removal that makes a set causal


@dataclass(frozen=True, eq=False)
class Removal:
    """What became of each sample, without a set of units; of a digit's samples where `had` says so."""

    digit: int
    had: Bool[Tensor, " n"]  # showed the digit once
    removed: Bool[Tensor, " n"]
    kept: Bool[Tensor, " n"]
    clean: Bool[Tensor, " n"]
    shown: Bool[Tensor, "n digits"]  # before
    lost: Bool[Tensor, "n digits"]  # shown before, no longer read once

    @property
    def n(self) -> int:
        """How many samples showed the digit."""
        return int(self.had.sum())

    def scores(self) -> dict[str, float]:
        """Gives removed, kept, clean_removal and off_target, `nan` where no sample shows what they count."""
        found = {"removed": self.removed, "kept": self.kept, "clean_removal": self.clean}
        scores = {name: share(outcome, self.had) for name, outcome in found.items()}
        others = [share(self.lost[:, d], self.shown[:, d]) for d in range(DIGITS) if d != self.digit]
        return scores | {"off_target": float(torch.tensor(others).nanmean())}


def share(outcome: Bool[Tensor, " n"], among: Bool[Tensor, " n"]) -> float:
    """Gives the share of some samples with an outcome; `nan` of none."""
    return float(outcome[among].double().mean()) if bool(among.any()) else float("nan")


def replacing(sample: Sample, value: str = "zero", rank: Sample | None = None, seed: int = 0) -> Float[Tensor, "#n units #h #w"]:
    """Gives what is written into units that are switched off.

    Args:
        sample: Whose units are switched off.
        value: One of zero, mean, resampled.
        rank: Whose mean it is; needed for mean alone.
        seed: Of who gets whose map, for resampled; nobody gets the own.

    Raises:
        ValueError: On an unknown value, or a mean of nothing.
    """
    require(value in VALUES, f"value must be one of {', '.join(VALUES)}, got value={value!r}.")
    if value == "zero":
        return sample.maps.new_zeros(1, sample.maps.shape[1], 1, 1)
    if value == "mean":
        require(rank is not None, "rank must be a sample for value='mean', got rank=None. Give the rank sample.")
        assert rank is not None
        return rank.maps.mean(dim=(0, 2, 3))[None, :, None, None]
    order = torch.randperm(len(sample), generator=torch.Generator().manual_seed(derive(seed, "resampled")))
    donors = torch.empty_like(order).scatter_(0, order, order.roll(1))
    return sample.maps[donors.to(sample.maps.device)]


def remove(
    sample: Sample,
    judge: Judge,
    units: Bool[Tensor, " units"],
    digit: int,
    value: Float[Tensor, "#n units #h #w"] | None = None,
) -> Removal:
    """Switches a set of units off everywhere and reads what is left.

    Args:
        sample: The test sample.
        judge: Who reads.
        units: Which of them are switched off.
        digit: The one that they are held to draw.
        value: What is written into them, of `replacing`; by default zero.

    Raises:
        ValueError: If the set is of another number of units, or there is no such digit.

    Example:
        `remove(test, judge, top(ranking, 1)[3], digit=3).scores()` says what the first unit of 3 does.
    """
    return removal(sample, read_without(sample, judge, units, value), digit)


def read_without(
    sample: Sample, judge: Judge, units: Bool[Tensor, " units"], value: Float[Tensor, "#n units #h #w"] | None = None
) -> Said:
    """Reads what a sample's codes draw with a set of units switched off."""
    written = replacing(sample) if value is None else value
    return judge.read(images_of(sample.subject, sample.codes, Edit(units.to(sample.maps), written)))


def removal(sample: Sample, said: Said, digit: int) -> Removal:
    """Compares what is read after an edit with what was read before, for one digit; an edit may be compared for all of them."""
    require(0 <= digit < DIGITS, f"digit must be 0 to {DIGITS - 1}, got digit={digit}.")
    before, after = sample.said.counts, said.counts
    others = torch.arange(DIGITS, device=before.device) != digit
    lost = sample.said.shown & ~said.shown
    wanted = torch.where(others, before, 0)
    return Removal(
        digit=digit,
        had=sample.said.shown[:, digit],
        removed=after[:, digit] == 0,
        kept=~(lost & others).any(dim=1),
        clean=(after == wanted).all(dim=1) & ~said.junk,
        shown=sample.said.shown,
        lost=lost,
    )


def top(ranking: Float[Tensor, "units digits"], k: int) -> Bool[Tensor, "digits units"]:
    """Gives each digit's first k units by a ranking; ties go to the lower number, nan comes last.

    Example:
        >>> top(torch.tensor([[0.1, 0.9], [0.4, torch.nan], [0.4, 0.2]]), k=1)
        tensor([[False,  True, False],
                [ True, False, False]])
    """
    order = ranking.nan_to_num(-torch.inf).argsort(dim=0, descending=True, stable=True)[:k]
    return torch.zeros_like(ranking, dtype=torch.bool).scatter_(0, order, True).T


def random_sets(n: int, size: int, units: int, seed: int) -> Bool[Tensor, "n units"]:
    """Draws sets of units of one size, each unit as likely as any other.

    Raises:
        ValueError: If a set is larger than the layer.

    Example:
        >>> random_sets(3, size=2, units=5, seed=0).sum(dim=1)
        tensor([2, 2, 2])
    """
    require(0 <= size <= units, f"size must be between 0 and the layer's {units} units, got size={size}.")
    drawn = torch.rand(n, units, generator=torch.Generator().manual_seed(derive(seed, "random sets")))
    return torch.zeros(n, units, dtype=torch.bool).scatter_(1, drawn.argsort(dim=1)[:, :size], True)


@dataclass(frozen=True, eq=False)
class CausalSet:
    """The smallest set, in a ranking's order, that removes a digit cleanly on half of its samples."""

    digit: int
    size: int  # 0: none within the limit
    units: Bool[Tensor, " units"]  # all that were tried, where there is none
    clean: Float[Tensor, " tried"]  # clean removal with 1, 2, ... units

    @property
    def found(self) -> bool:
        """Whether there is one within the limit."""
        return self.size > 0


def causal_set(
    sample: Sample,
    judge: Judge,
    order: Float[Tensor, " units"],
    digit: int,
    limit: int = LIMIT,
) -> CausalSet:
    """Finds the smallest k for which the first k units by a ranking remove a digit cleanly (.5 of its samples), set to zero.

    Args:
        sample: Samples that do not show the digit once are left out.
        judge: Who reads.
        order: The ranking's column of the digit; the larger, the earlier.
        digit: Which.
        limit: Largest set that is tried.

    Example:
        `causal_set(test, judge, ranking[:, 7], digit=7).size` is 2 where two units draw sevens, one beside the other.
    """
    some = sample.some(sample.said.shown[:, digit])
    clean: list[float] = []
    units = torch.zeros_like(order, dtype=torch.bool)
    for k in range(1, min(limit, len(order)) + 1 if len(some) else 1):
        units = top(order[:, None], k)[0]
        clean.append(remove(some, judge, units, digit).scores()["clean_removal"])
        if clean[-1] >= CAUSAL:
            return CausalSet(digit, k, units, torch.tensor(clean))
    return CausalSet(digit, 0, units, torch.tensor(clean))
