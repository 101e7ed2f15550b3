"""Selectivity: how far a unit's mean response to its best group of images stands above the other groups'.

Formula: (mu_max - mu_rest) / (mu_max + mu_rest), mu the groups' means of the mean response, mu_rest the mean of the other
    groups'; in [0, 1].
Ties: of groups as high, any: the value is the same.
Dead units: nan.
Cost: a product of units x n and n x groups.

Source:
    A. Morcos et al. (2018), "On the importance of single directions for generalization", arXiv:1803.06959: over classes.
    Differs: also over concepts. Bias: a perfect digit detector has only (1 - 8/44)/(1 + 8/44) = .692 over the 45 pair classes,
    since a digit is in nine of them; a perfect pair detector has 1.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics import _decisions
from mixmnist.metrics._ranking import dead_units


def selectivity(mean: Float[Tensor, "images units"], groups: Bool[Tensor, "images groups"]) -> Float[Tensor, " units"]:
    """Scores each unit by (mu_max - mu_rest) / (mu_max + mu_rest), mu being the groups' means of the mean response.

    Args:
        mean: Spatial means. A unit with negative values is shifted by its minimum.
        groups: Which groups an image belongs to (classes, or concepts); groups without images are left out.

    Returns:
        Share in [0, 1]; 0 if all groups are alike; `nan` for a dead unit or fewer than two groups.

    Example:
        >>> mean = torch.tensor([[1.0, 3.0], [0.0, 1.0], [0.0, 1.0]])
        >>> selectivity(mean, torch.eye(3).bool())
        tensor([1.0000, 0.5000])
    """
    mean = mean.double() if mean.dtype == torch.float64 else mean.float()
    shifted = mean - mean.amin(dim=0).clamp_max(0)
    groups = groups[:, groups.any(dim=0)]
    if groups.shape[1] < 2:
        return torch.full_like(mean[0], torch.nan)
    weights = groups.to(mean.dtype)
    mu = weights.T @ shifted / weights.sum(dim=0)[:, None]  # groups units
    best = mu.amax(dim=0)
    rest = (mu.sum(dim=0) - best) / (len(mu) - 1)
    scores = torch.where(best > 0, (best - rest) / (best + rest), 0)
    scores[dead_units(mean)] = torch.nan
    return scores


def _over_classes(mean: Float[Tensor, "images units"], labels: Int[Tensor, "images *classes"]) -> Float[Tensor, " units"]:
    return selectivity(mean, _decisions.groups(labels))


def _over_concepts(mean: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]) -> Float[Tensor, " units"]:
    return selectivity(mean, present)


def _signed(mean: Float[Tensor, "images units"]) -> Bool[Tensor, " units"]:
    return (mean < 0).any(dim=0)


METRIC = Metric(
    "Class and concept selectivity",
    axes=("units",),
    columns={"selectivity": _over_classes, "concept_selectivity": _over_concepts, "signed": _signed},
    chance="near 0",
    ceiling="1; .692 over the 45 pair classes for a perfect digit detector",
    plant="perfect",
    aside=("signed",),
)
