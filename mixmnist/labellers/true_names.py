"""True names: what a unit really detects, by its alignment with every digit.

A digit is a true name of a unit if its alignment goes at least a tenth of the way from chance (how often the digit is there) to
1. A perfect detector of one digit has that name alone; a unit that fires for one of k digits has all k names up to k = 4.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.thresholds import THRESHOLD
from mixmnist.metrics.average_precision import average_precision

BEYOND = 0.1  # of the way from chance to 1
DETECTOR, MIXED, NOTHING = "detector", "mixed", "nothing"


def true_names(
    response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]
) -> Bool[Tensor, "units concepts"]:
    """Says which digits each unit detects; none of a unit that says the same of every image.

    Example:
        >>> response = torch.tensor([[9.0, 5.0], [8.0, 5.0], [1.0, 5.0], [0.0, 5.0]])
        >>> true_names(response, torch.tensor([[1, 0], [1, 0], [0, 0], [0, 1]]).bool())
        tensor([[ True, False],
                [False, False]])
    """
    return beyond_chance(average_precision(response, present), present) >= BEYOND


def beyond_chance(
    alignment: Float[Tensor, "units concepts"], present: Bool[Tensor, "images concepts"]
) -> Float[Tensor, "units concepts"]:
    """Gives how far alignment goes from chance (0) to 1; 0 where there is none."""
    chance = present.float().mean(dim=0)
    return ((alignment - chance) / (1 - chance).clamp(1e-9)).nan_to_num(0)


@dataclass(frozen=True, eq=False)
class Names:
    """What each unit of a layer really detects."""

    alignment: Float[Tensor, "units concepts"]
    names: Bool[Tensor, "units concepts"]
    kinds: tuple[str, ...]  # of each unit: detector (alignment at least .80), mixed (any true name), nothing


def names_of(response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]) -> Names:
    """Says what each unit really detects, and of what kind it is."""
    alignment = average_precision(response, present)
    names = beyond_chance(alignment, present) >= BEYOND
    best = alignment.nan_to_num(0).amax(dim=1)
    kinds = torch.where(best >= THRESHOLD, 2, names.any(dim=1).long()).tolist()
    return Names(alignment, names, tuple((NOTHING, MIXED, DETECTOR)[kind] for kind in kinds))
