"""Detectors: how many units of the layer detect a concept, how many concepts are detected, and how well.

A detector is a unit whose alignment (average precision by max response) with its best concept is .80 or more. Dead units are
counted and left out of the means.

Formula: counts and means of A(u) = max over concepts of alignment; coverage: mean over concepts of max over units. By mean
    response: `mean_alignment_mean` is the mean over units for the concept that each has by max response,
    `mean_best_alignment_mean` for the one that each has by mean response.
Ties: as alignment's.
Dead units: counted, and left out of the means.
Cost: nothing beside alignment.

Source:
    D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796: detectors and unique detectors of a layer.
    Differs: alignment in place of IoU.
"""

import math

from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.core.thresholds import THRESHOLD


def best(alignment: Float[Tensor, "units concepts"]) -> Float[Tensor, " live"]:
    """Gives the alignment of each unit that has one with its best concept."""
    scores = alignment.nan_to_num(-1).amax(dim=1)
    return scores[scores >= 0]


def detectors(alignment: Float[Tensor, "units concepts"]) -> Float[Tensor, ""]:
    """Counts the units with alignment of .80 or more.

    Example:
        >>> import torch
        >>> detectors(torch.tensor([[0.9, 0.1, 0.2], [0.3, 0.2, 0.7], [0.85, 0.0, 0.1], [torch.nan] * 3]))
        tensor(2.)
    """
    return (best(alignment) >= THRESHOLD).sum().float()


def unique_concepts(alignment: Float[Tensor, "units concepts"]) -> Float[Tensor, ""]:
    """Counts the concepts that have a detector.

    Example:
        >>> import torch
        >>> unique_concepts(torch.tensor([[0.9, 0.1, 0.2], [0.3, 0.2, 0.7], [0.85, 0.0, 0.1], [torch.nan] * 3]))
        tensor(1.)
    """
    return (alignment.nan_to_num(-1).amax(dim=0) >= THRESHOLD).sum().float()


def coverage(alignment: Float[Tensor, "units concepts"]) -> Float[Tensor, ""]:
    """Gives the mean over concepts of the best unit's alignment, in [0, 1]; concepts without scores are left out.

    Example:
        >>> import torch
        >>> coverage(torch.tensor([[0.9, 0.1, 0.2], [0.3, 0.2, 0.7], [0.85, 0.0, 0.1], [torch.nan] * 3]))
        tensor(0.6000)
    """
    scores = alignment.nan_to_num(-1).amax(dim=0)
    return scores[scores >= 0].mean()


def _mean_alignment(alignment: Float[Tensor, "units concepts"]) -> Float[Tensor, ""]:
    return best(alignment).mean()


def _mean_alignment_mean(
    alignment: Float[Tensor, "units concepts"], alignment_mean: Float[Tensor, "units concepts"]
) -> Float[Tensor, ""]:
    own = alignment.nan_to_num(-1).argmax(dim=1, keepdim=True)  # as in the table of units, whose mean this is
    found = alignment_mean.gather(1, own)[~alignment.isnan().all(dim=1)]
    return found.nanmean()


def _mean_best_alignment_mean(alignment_mean: Float[Tensor, "units concepts"]) -> Float[Tensor, ""]:
    return best(alignment_mean).mean()


def _dead(dead: Bool[Tensor, " units"]) -> Float[Tensor, ""]:
    return dead.sum().float()


def _chance(chance: Float[Tensor, " concepts"]) -> Float[Tensor, ""]:
    return chance.mean()


METRIC = Metric(
    "Detectors, unique concepts and coverage",
    axes=(),
    bounds={
        **dict.fromkeys(("coverage", "mean_alignment", "mean_alignment_mean", "mean_best_alignment_mean", "chance"), (0, 1)),
        **dict.fromkeys(("dead", "detectors", "unique_concepts"), (0, math.inf)),
    },
    columns={
        "dead": _dead,
        "detectors": detectors,
        "unique_concepts": unique_concepts,
        "coverage": coverage,
        "mean_alignment": _mean_alignment,
        "mean_alignment_mean": _mean_alignment_mean,
        "mean_best_alignment_mean": _mean_best_alignment_mean,
        "chance": _chance,
    },
    chance="0 detectors; coverage: prevalence, or a little more as it is a best of many",
    ceiling="number of units, number of concepts, 1",
    aside=("dead", "chance"),
)
