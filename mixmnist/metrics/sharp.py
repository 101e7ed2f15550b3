"""Sharp detectors: units as good as the one on the talk's slide, precision@500 1.00 and precision at recall .75 at least .90.

Formula: counts of units with both numbers high enough for one concept.
Ties: as precision's.
Dead units: never sharp.
Cost: nothing beside the precisions.

Source:
    B. Zhou (2018/19), talk "Disentanglement of Visual Concepts from Classifying and Synthesizing Scenes": Unit03 detects 0.
    Its numbers have two decimals, so 1.00 stands for .995 and more.
"""

import math

from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Metric

TOP, RECALLED = 0.995, 0.895  # at two decimals 1.00 and .90


def sharp_detectors(
    precision_at_500: Float[Tensor, "units concepts"], precision_at_recall_75: Float[Tensor, "units concepts"]
) -> Float[Tensor, ""]:
    """Counts the units that are a sharp detector of some concept.

    Example:
        >>> import torch
        >>> sharp_detectors(torch.tensor([[1.0, 0.2], [1.0, 0.0]]), torch.tensor([[0.9, 0.9], [0.8, 0.0]]))
        tensor(1.)
    """
    return ((precision_at_500 >= TOP) & (precision_at_recall_75 >= RECALLED)).any(dim=1).sum().float()


def has_sharp_detector(
    precision_at_500: Float[Tensor, "units concepts"], precision_at_recall_75: Float[Tensor, "units concepts"]
) -> Float[Tensor, ""]:
    """Gives 1 if the layer has a sharp detector, else 0."""
    return (sharp_detectors(precision_at_500, precision_at_recall_75) > 0).float()


METRIC = Metric(
    "Detectors as sharp as the talk's",
    axes=(),
    bounds={"sharp_detectors": (0, math.inf), "has_sharp_detector": (0, 1)},
    shares=("has_sharp_detector",),
    columns={"sharp_detectors": sharp_detectors, "has_sharp_detector": has_sharp_detector},
    chance="0",
    ceiling="number of units, 1",
)
