"""Prevalence: the share of the scored images that show the concept; the chance level of precision and average precision.

Formula: images with the concept / images; in [0, 1].
Ties: none.
Dead units: none: it is the concept's.
Cost: one pass over n x concepts.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric


def prevalence(present: Bool[Tensor, "images concepts"]) -> Float[Tensor, " concepts"]:
    """Gives each concept's share of the images, in [0, 1].

    Example:
        >>> import torch
        >>> prevalence(torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool())
        tensor([0.5000, 0.2500, 0.7500])
    """
    return present.float().mean(dim=0)


METRIC = Metric("Prevalence", axes=("concepts",), columns={"chance": prevalence}, aside=("chance",))
