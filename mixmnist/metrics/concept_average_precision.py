"""Concept average precision: the roles swapped, the concept as the score and the unit's firing as the truth.

Formula: r p + (1 - r) P(fires), r = P(shown | fires) and p = P(fires | shown): average precision with presence as the score and
    firing as the truth; in [0, 1].
Ties: presence has two values, so the curve has two thresholds.
Dead units: nan.
Cost: counts alone: a product of units x n and n x concepts.

Source:
    T. Oikarinen et al. (2025), "Evaluating Neuron Explanations: A Unified Framework with Sanity Checks" (NeuronEval), ICML 2025,
    arXiv:2506.05774: the AUPRC that reacts to missing and to extra labels alike. Differs: a unit fires where its response is
    above 0, or (`_fitted`) where it reaches the threshold of F1.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._ranking import undecided
from mixmnist.metrics.f1 import reached
from mixmnist.metrics.firing import fires


def concept_average_precision(
    fires: Bool[Tensor, "images units"], present: Bool[Tensor, "images concepts"]
) -> Float[Tensor, "units concepts"]:
    """Scores how well each concept's presence finds the images on which each unit fires.

    Args:
        fires: Where the unit fires.
        present: Ground truth from the generator; a score with two values, so the curve has two thresholds.

    Returns:
        Area in [0, 1]; chance is the unit's firing rate; `nan` for a unit that never or always fires or a concept that never
        or always occurs.

    Example:
        >>> fires = torch.tensor([[1, 1], [1, 0], [0, 0], [0, 0]]).bool()
        >>> present = torch.tensor([[1], [1], [0], [0]]).bool()
        >>> concept_average_precision(fires, present)
        tensor([[1.0000],
                [0.5000]])
    """
    shows, active = present.float(), fires.float()
    return _area(active.T @ shows, active.sum(dim=0)[:, None], present)


def _area(
    both: Float[Tensor, "units concepts"], n_fires: Float[Tensor, "units #concepts"], present: Bool[Tensor, "images concepts"]
) -> Float[Tensor, "units concepts"]:
    """Gives the area from the numbers of images on which a unit fires, and on which the concept is there besides."""
    recall, precision, rate = both / n_fires, both / present.float().sum(dim=0), n_fires / len(present)
    scores = recall * precision + (1 - recall) * rate
    return scores.masked_fill((rate == 0) | (rate == 1) | undecided(present), torch.nan)


def _above_zero(response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]) -> Tensor:
    return concept_average_precision(fires(response), present)


def _above_threshold(
    response: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
    f1_threshold: Float[Tensor, "units concepts"],
) -> Float[Tensor, "units concepts"]:
    return _area(*reached(response, present, f1_threshold), present).masked_fill(f1_threshold.isnan(), torch.nan)


METRIC = Metric(
    "Concept average precision",
    axes=("units", "concepts"),
    columns={"concept_average_precision": _above_zero, "concept_average_precision_fitted": _above_threshold},
    chance="the unit's firing rate",
    ceiling="1",
    plant="perfect",
)
