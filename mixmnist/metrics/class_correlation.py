"""Class correlation: the largest correlation, over classes, of the unit's mean response and the predicted probability.

Formula: max over classes y of Pearson's correlation of the mean response and softmax(logits)_y; in [-1, 1].
Ties: none: values count, not ranks.
Dead units: nan.
Cost: a product of units x n and n x classes.

Source:
    B. Zhou et al. (2018), "Revisiting the Importance of Individual Units in CNNs via Ablation", arXiv:1806.02891.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._decisions import probabilities
from mixmnist.metrics.correlation import pearson


def class_correlation(
    mean: Float[Tensor, "images units"],
    logits: Float[Tensor, "images classes"],
    labels: Int[Tensor, "images *classes"],
    dead: Bool[Tensor, " units"],
) -> Float[Tensor, " units"]:
    """Scores each unit by its largest correlation with a class's predicted probability, in [-1, 1]; `nan` for a dead unit.

    Example:
        >>> logits = torch.tensor([[9.0, -9.0], [-9.0, 9.0], [-9.0, 9.0]])
        >>> class_correlation(torch.tensor([[1.0], [0.0], [0.0]]), logits, torch.tensor([0, 1, 1]), torch.tensor([False]))
        tensor([1.])
    """
    found = pearson(mean, probabilities(logits, labels)).nan_to_num(-1).amax(dim=1)
    return found.to(torch.promote_types(mean.dtype, torch.float32)).masked_fill(dead, torch.nan)


METRIC = Metric(
    "Correlation with a class's predicted probability",
    axes=("units",),
    columns={"class_correlation": class_correlation},
    chance="a little above 0: the largest of many",
    ceiling="1",
)
