"""Matching: which atom is which direction, one to one, so that the sum of their likenesses is as large as can be.

Source:
    H. Kuhn (1955), "The Hungarian method for the assignment problem", in scipy's linear_sum_assignment.
"""

import torch
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mixmnist.features.fitted import unit_rows


def cosines(first: Float[Tensor, "first units"], second: Float[Tensor, "second units"]) -> Float[Tensor, "first second"]:
    """Gives the cosine of each direction of the first with each of the second, in float64; what has no length has 0.

    Example:
        >>> cosines(torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([[3.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])).tolist()
        [[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]]
    """
    return unit_rows(first.double()) @ unit_rows(second.double()).T


def matched(likeness: Float[Tensor, "first second"]) -> Float[Tensor, " pairs"]:
    """Pairs rows with columns one to one, and gives the likeness of each pair, by the row; who is left over has no pair.

    Args:
        likeness: Finite numbers.

    Returns:
        As many as there are rows or columns, whichever are fewer.

    Example:
        >>> matched(torch.tensor([[0.75, 0.5, 0.0], [0.875, 0.25, 0.0]])).tolist()
        [0.5, 0.875]
    """
    rows, columns = (torch.from_numpy(found) for found in linear_sum_assignment(likeness.cpu().numpy(), maximize=True))
    return likeness.cpu()[rows, columns]
