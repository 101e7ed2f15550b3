"""Correlation: Pearson's correlation of the unit's response and the concept's presence.

Formula: cov(s, y) / (sd(s) sd(y)), s the max response, y presence; in [-1, 1].
Ties: none: values count, not ranks.
Dead units: nan.
Cost: a product of units x n and n x concepts.

Source:
    T. Oikarinen et al. (2025), "Evaluating Neuron Explanations: A Unified Framework with Sanity Checks" (NeuronEval), ICML 2025,
    arXiv:2506.05774, which prints it rescaled to [0, 1]. Differs: in [-1, 1].
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._ranking import dead_units, undecided


def pearson(x: Float[Tensor, "images first"], y: Float[Tensor, "images second"]) -> Float[Tensor, "first second"]:
    """Correlates each column of x with each of y, in float64; a column that never changes has no correlation (`nan`).

    Example:
        >>> pearson(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[2.0, 0.0], [4.0, 1.0], [6.0, 1.0]])).float()
        tensor([[1.0000, 0.8660]])
    """
    x, y = ((v.double() - v.double().mean(dim=0)) for v in (x, y))
    x, y = (v / v.norm(dim=0) for v in (x, y))
    return (x.T @ y).clamp(-1, 1)


def correlation(
    response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]
) -> Float[Tensor, "units concepts"]:
    """Scores each unit by its correlation with each concept.

    Args:
        response: Any scale.
        present: Ground truth from the generator.

    Returns:
        Correlation in [-1, 1]; chance 0; `nan` for a dead unit or a concept that never or always occurs.

    Example:
        >>> response = torch.tensor([[1.0, 3.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
        >>> correlation(response, torch.tensor([[True], [False], [False], [False]]))
        tensor([[1.0000],
                [0.9272]])
    """
    scores = pearson(response, present.float()).to(torch.promote_types(response.dtype, torch.float32))
    return scores.masked_fill(dead_units(response)[:, None] | undecided(present), torch.nan)


METRIC = Metric(
    "Correlation of response and presence",
    axes=("units", "concepts"),
    columns={"correlation": correlation},
    chance="0",
    ceiling="1",
    plant="perfect",
)
