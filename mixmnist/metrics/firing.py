"""Firing: the share of images on which the unit's response is above 0.

Formula: mean of [s > 0]; in [0, 1].
Ties: none.
Dead units: 0 or 1.
Cost: one pass over n responses a unit.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric


def fires(response: Float[Tensor, "images units"]) -> Bool[Tensor, "images units"]:
    """Tells where a unit responds at all."""
    return response > 0


def firing(response: Float[Tensor, "images units"], dead: Bool[Tensor, " units"]) -> Float[Tensor, " units"]:
    """Gives each unit's share of images, in [0, 1]; `nan` for a dead unit.

    Example:
        >>> response = torch.tensor([[9.0, 0.0], [8.0, 0.0], [0.0, 0.5], [0.0, 0.0]])
        >>> firing(response, torch.tensor([False, False]))
        tensor([0.5000, 0.2500])
    """
    return fires(response).float().mean(dim=0).masked_fill(dead, torch.nan)


METRIC = Metric("Share of images on which the unit fires", axes=("units",), columns={"firing": firing}, aside=("firing",))
