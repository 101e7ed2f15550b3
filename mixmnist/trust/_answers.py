"""What a net's answers mean: how many are right, and which concepts an answer stands for."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.metrics._decisions import correct
from mixmnist.metrics.class_units import class_concepts


def accuracy(logits: Float[Tensor, "images classes"], labels: Int[Tensor, "images *classes"]) -> float:
    """Gives the share of decisions that are right, 0 to 1.

    Example:
        >>> accuracy(torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.tensor([0, 0]))
        0.5
    """
    return float(correct(logits, labels).double().mean())


def concepts_of_classes(
    present: Bool[Tensor, "images concepts"], labels: Int[Tensor, " images"], n_classes: int
) -> Bool[Tensor, "classes concepts"]:
    """Says which concepts belong to each class: those on all of its images; none to a class without images.

    Example:
        >>> concepts_of_classes(torch.tensor([[1, 0], [1, 1]]).bool(), torch.tensor([2, 2]), n_classes=3).int().tolist()
        [[0, 0], [0, 0], [1, 0]]
    """
    found = torch.zeros(n_classes, present.shape[1], dtype=torch.bool)
    for label, concepts in class_concepts(present, labels).items():
        found[label] = concepts
    return found
