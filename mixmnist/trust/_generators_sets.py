"""What becomes of digits when sets of units go: by ranking, number of units and what is written in their place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.dissect.effects import CAUSAL, random_sets, remove, replacing, top
from mixmnist.dissect.reading import DIGITS
from mixmnist.dissect.sampling import Sample
from mixmnist.trust._generators_nets import ends, weights
from mixmnist.trust._generators_units import Looked

OUTCOMES = ("removed", "kept", "clean_removal", "off_target")
RANDOM = "random"  # sets that know nothing
BAND = (0.025, 0.975)  # of random sets


@dataclass(frozen=True)
class Tried:
    """How sets are tried."""

    sizes: tuple[int, ...]  # numbers of units
    samples: int  # of each digit, from which sets are removed
    sets: int  # random ones of each size


@dataclass(frozen=True, eq=False)
class Removed:
    """What became of each sample without each digit's set; `nan` where the sample was not tried."""

    outcome: Mapping[str, Float[Tensor, "n digits"]]

    def row(self, seed: int = 0) -> dict[str, float]:
        """Gives means over digits and samples with 95 % bootstrap intervals over samples, which stay whole."""
        found: dict[str, float] = {}
        for name, values in self.outcome.items():
            known = ~values.isnan()
            some = known.any(dim=1)
            if not bool(some.any()):
                found |= dict.fromkeys((name, f"{name}_lower", f"{name}_upper"), float("nan"))
                continue
            counts = known[some].sum(dim=1).float()
            sums = values[some].nan_to_num(0).sum(dim=1)
            drawn = weights(int(some.sum()), seed, "sets")
            low, high = ends((drawn @ sums) / (drawn @ counts))
            found |= {name: float(sums.sum() / counts.sum()), f"{name}_lower": float(low), f"{name}_upper": float(high)}
        return found

    def of_digits(self, name: str = "clean_removal") -> Float[Tensor, " digits"]:
        """Gives an outcome's mean over samples, digit by digit."""
        return self.outcome[name].nanmean(dim=0)


def without(looked: Looked, sets: Bool[Tensor, "digits units"], samples: int, value: str = "zero") -> Removed:
    """Removes each digit's set from samples that show it.

    Args:
        looked: Of its test sample some are drawn again; a mean is that of its rank sample.
        sets: One a digit.
        samples: Of each digit, the first ones that show it once.
        value: What is written: zero, mean, resampled.
    """
    test, judge = looked.test, looked.judge
    written = replacing(test, value, looked.rank)
    found = {name: torch.full((len(test), DIGITS), torch.nan) for name in OUTCOMES}
    for digit in range(DIGITS):
        rows = test.said.shown[:, digit].nonzero()[:samples, 0]
        if not len(rows):
            continue
        part = remove(test.some(rows), judge, sets[digit], digit, written if len(written) == 1 else written[rows])
        others = torch.arange(DIGITS) != digit
        there = part.shown[:, others].sum(dim=1)
        lost = torch.where(there > 0, part.lost[:, others].sum(dim=1) / there.clamp_min(1), torch.nan)
        known = {"removed": part.removed, "kept": part.kept, "clean_removal": part.clean, "off_target": lost}
        for name, values in known.items():
            found[name][rows, digit] = values.float()
    return Removed(found)


def curves(looked: Looked, rankings: Mapping[str, Float[Tensor, "units digits"]], tried: Tried) -> Iterator[dict[str, object]]:
    """Gives a row a ranking and number of units, set to zero; the clean removal of each digit besides."""
    for name, scores in rankings.items():
        for k in sizes(tried, looked.n_units):
            found = without(looked, top(scores, k), tried.samples)
            yield {"ranking": name, "value": "zero", "k": k, **found.row(), **_by_digit(found)}


def values(
    looked: Looked, rankings: Mapping[str, Float[Tensor, "units digits"]], tried: Tried, others: Sequence[str]
) -> Iterator[dict[str, object]]:
    """Gives a row a ranking and number of units for other values than zero."""
    for name, scores in rankings.items():
        for value in others:
            for k in sizes(tried, looked.n_units):
                found = without(looked, top(scores, k), tried.samples, value)
                yield {"ranking": name, "value": value, "k": k, **found.row(), **_by_digit(found)}


def at_random(looked: Looked, tried: Tried) -> Iterator[dict[str, object]]:
    """Gives a row a number of units for random sets: means over sets, and the band in which sets lie."""
    few = max(1, tried.samples // 2)
    for k in sizes(tried, looked.n_units):
        drawn = random_sets(tried.sets * DIGITS, k, looked.n_units, seed=k).unflatten(0, (tried.sets, DIGITS))
        found = [without(looked, sets, few) for sets in drawn]
        row = {name: torch.tensor([float(one.outcome[name].nanmean()) for one in found]).double() for name in OUTCOMES}
        band: dict[str, object] = {"ranking": RANDOM, "value": "zero", "k": k}
        for name, each in row.items():
            low, high = (float(torch.nanquantile(each, q)) for q in BAND)
            band |= {name: float(each.nanmean()), f"{name}_lower": low, f"{name}_upper": high}
        each_digit = torch.stack([one.of_digits() for one in found]).nanmean(dim=0)
        yield band | {f"clean_{digit}": float(value) for digit, value in enumerate(each_digit)}


def sizes(tried: Tried, n_units: int) -> list[int]:
    """Gives the numbers of units that are tried, none larger than the layer."""
    return [k for k in tried.sizes if k <= n_units]


def _by_digit(found: Removed) -> dict[str, float]:
    return {f"clean_{digit}": float(value) for digit, value in enumerate(found.of_digits())}


def causal(table: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a ranking and digit: the smallest number of units tried whose removal is clean in half of the samples.

    Args:
        table: Rows of curves, of one layer.

    Returns:
        `size`, empty where no set that was tried is one; `clean`, the highest clean removal of any size.
    """
    rows = []
    for ranking, own in table[table["value"].eq("zero") & table["ranking"].ne(RANDOM)].groupby("ranking", sort=False):
        ordered = own.sort_values("k")
        for digit in range(DIGITS):
            clean = ordered[f"clean_{digit}"]
            enough = ordered["k"][clean >= CAUSAL]
            size = int(enough.iloc[0]) if len(enough) else None
            rows.append({"ranking": ranking, "digit": digit, "size": size, "clean": float(clean.max())})
    return pd.DataFrame(rows)


def of_sample(sample: Sample, most: int) -> Sample:
    """Gives the first samples."""
    return sample.some(torch.arange(min(most, len(sample))))
