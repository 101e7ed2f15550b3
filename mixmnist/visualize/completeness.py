"""Completeness: does a map add up to what the target gives for the image, above what it gives for a black one?"""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.visualize._targets import Target

LARGEST = 0.05  # gap of a way that promises to add up


def rise(target: Target, images: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, " n"]:
    """Gives how far the target rises from a black image to each image."""
    return target.values(images) - target.values(torch.zeros_like(images))


def completeness_gap(maps: Float[Tensor, "n rows cols"], rises: Float[Tensor, " n"]) -> float:
    """Says how far sums of maps are off what they should be.

    Args:
        maps: Signed.
        rises: What each should sum to, by `rise`.

    Returns:
        Sum of the absolute differences, as a share of the sum of the absolute rises, 0 or more; a map of zeros has 1. `nan` where
        the target never rises.

    Example:
        >>> completeness_gap(torch.ones(2, 2, 2), torch.tensor([4.0, 5.0]))
        0.1111111111111111
    """
    total = rises.double().abs().sum()
    off = (maps.double().sum((1, 2)) - rises.double()).abs().sum()
    return float(off / total) if total > 0 else float("nan")
