"""What can be written into a generator's layer: digits at places of each kind, beside a donor's whole patch; and ACE.

ACE is read where it was written and over the canvas, of each digit's set, of sets by other rankings, and of single units.
"""

import math
from collections.abc import Iterator, Mapping

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.dissect.ace import ace, value_at
from mixmnist.dissect.effects import random_sets, top
from mixmnist.dissect.inserting import insert
from mixmnist.dissect.places import PLACES, choose_places
from mixmnist.dissect.reading import DIGITS
from mixmnist.trust._generators_nets import mean_of
from mixmnist.trust._generators_sets import of_sample
from mixmnist.trust._generators_units import Looked

DONOR = "donor"  # in the place of a ranking: all units, a donor's own patch
PATCH = "patch"  # of a ranking's units: a donor's, instead of their mean
WRITTEN = ("inserted", "clean", "place_error")


def insertion(
    looked: Looked, rankings: Mapping[str, Float[Tensor, "units digits"]], k: int, most: int
) -> Iterator[dict[str, object]]:
    """Gives a row a kind of place and what is written: a donor's patch (the ceiling), k units of it, or these at their mean.

    Args:
        looked: Donors and means are of its rank sample.
        rankings: By name.
        k: Units that are written.
        most: Samples of the test sample that are written into, for each digit.
    """
    test = of_sample(looked.test, most)
    sets: dict[str, tuple[Tensor | None, str]] = {DONOR: (None, "patch")}
    for name, scores in rankings.items():
        own = top(scores, min(k, looked.n_units))
        sets |= {name: (own, "mean"), f"{name}, {PATCH}": (own, "patch")}
    for kind in PLACES:
        placed = [choose_places(test, looked.rank, digit, kind) for digit in range(DIGITS)]
        for name, (units, way) in sets.items():
            found = []
            for digit, one in enumerate(placed):
                if bool(one.known.any()):
                    some = None if units is None else units[digit]
                    found.append(insert(test, looked.judge, looked.rank, one, some, way))
            row: dict[str, object] = {
                "place": kind,
                "ranking": name,
                "k": looked.n_units if units is None else int(units[0].sum()),
            }
            for what in WRITTEN:
                values = [getattr(one, what)[one.tried].double() for one in found]
                mean, low, high = mean_of(torch.cat(values) if values else [])
                name_of = "clean_insertion" if what == "clean" else what
                row |= {name_of: mean, f"{name_of}_lower": low, f"{name_of}_upper": high}
            row["n"] = sum(int(one.tried.sum()) for one in found)
            wanted = sum(int(one.wanted.sum()) for one in placed)
            row["without"] = sum(one.n_without for one in placed) / max(1, wanted)  # share of the samples that have no such place
            yield row


def effects(
    looked: Looked, rankings: Mapping[str, Float[Tensor, "units digits"]], k: int, most: int
) -> Iterator[dict[str, object]]:
    """Gives a row a digit and ranking: the ACE of its first k units, where it was written and over the canvas."""
    test = of_sample(looked.test, most)
    sets = {name: top(scores, min(k, looked.n_units)) for name, scores in rankings.items()}
    sets["random"] = random_sets(DIGITS, min(k, looked.n_units), looked.n_units, seed=0)
    for digit in range(DIGITS):
        written = value_at(test, looked.rank, digit)
        if not bool(written.isfinite().all()):
            continue
        for name, units in sets.items():
            yield {
                "digit": digit,
                "ranking": name,
                "k": k,
                **ace(test, looked.judge, units[digit].float(), written, digit).scores(),
            }


def of_single_units(looked: Looked, own: list[int], most: int) -> pd.DataFrame:
    """Gives the ACE of each unit alone on its own digit.

    Args:
        looked: As above.
        own: Each unit's digit.
        most: Samples that are looked at.
    """
    test, rows = of_sample(looked.test, most), []
    means = [value_at(test, looked.rank, digit) for digit in range(DIGITS)]
    for unit, digit in enumerate(own):
        alpha = torch.zeros(looked.n_units)
        alpha[unit] = 1
        known = bool(means[digit].isfinite().all())
        nothing = dict.fromkeys(("ace", "ace_canvas", "ace_removed"), math.nan)
        scores = ace(test, looked.judge, alpha, means[digit], digit).scores() if known else nothing
        rows.append({"unit": unit, **scores})
    return pd.DataFrame(rows)
