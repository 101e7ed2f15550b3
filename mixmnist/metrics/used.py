"""Used concepts: how many of the detected concepts the network relies on, and what their detectors are worth together.

A concept is used if accuracy drops by .05 or more without all of its detectors.

Formula: counts of concepts with group_drop >= .05; means of group_drop over concepts with detectors.
Ties: as group_drop's.
Dead units: no one's detectors.
Cost: nothing beside `group_drop`.
"""

import math

from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.core.thresholds import USED


def used_concepts(group_drop: Float[Tensor, " concepts"]) -> Float[Tensor, ""]:
    """Counts the concepts whose detectors together are worth .05 or more of the accuracy.

    Example:
        >>> import torch
        >>> used_concepts(torch.tensor([0.2, 0.05, 0.01, torch.nan]))
        tensor(2.)
    """
    return (group_drop >= USED).sum().float()


def mean_group_drop(group_drop: Float[Tensor, " concepts"]) -> Float[Tensor, ""]:
    """Averages the drop over the concepts that have detectors; `nan` if none has."""
    return group_drop.nanmean()


def _to_mean(group_drop_mean: Float[Tensor, " concepts"]) -> Float[Tensor, ""]:
    return mean_group_drop(group_drop_mean)


METRIC = Metric(
    "Concepts that are detected and used",
    axes=(),
    bounds={"used_concepts": (0, math.inf), "mean_group_drop": (-1, 1), "mean_group_drop_mean": (-1, 1)},
    columns={"used_concepts": used_concepts, "mean_group_drop": mean_group_drop, "mean_group_drop_mean": _to_mean},
    chance="0",
    ceiling="number of concepts; the intact accuracy",
    sets=True,
)
