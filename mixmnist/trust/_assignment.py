"""Which unit of one network is which of another, by their responses on the same images.

Source:
    Y. Li, J. Yosinski et al. (2016), "Convergent Learning: Do different neural networks learn the same representations?",
    arXiv:1511.07543: units matched one to one by the correlation of their responses. Differs: the peak of a unit's map, not
    each of its values; a null.
    H. Kuhn (1955), "The Hungarian method for the assignment problem", in scipy's linear_sum_assignment.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mixmnist.metrics._ranking import dead_units


@dataclass(frozen=True, eq=False)
class Matched:
    """Units of two networks paired one to one; of the wider one some are left over."""

    ours: Int[Tensor, " pairs"]  # units of the first
    theirs: Int[Tensor, " pairs"]  # units of the second
    correlation: Float[Tensor, " pairs"]  # of their responses


def standardise(response: Float[Tensor, "images units"]) -> Float[Tensor, "images units"]:
    """Centres each unit and divides by its length, in float64, so that products are correlations; `nan` for a dead unit.

    Example:
        >>> one = standardise(torch.tensor([[1.0], [2.0], [3.0]]))
        >>> (one.T @ standardise(torch.tensor([[2.0, 0.0], [4.0, 1.0], [6.0, 1.0]]))).float()
        tensor([[1.0000, 0.8660]])
    """
    dead = dead_units(response)
    centred = response.double() - response.double().mean(dim=0)
    length = centred.square().sum(dim=0).sqrt()
    return (centred / length).masked_fill(dead, torch.nan)


def match(correlation: Float[Tensor, "our_units their_units"]) -> Matched:
    """Pairs the units of two networks so that the sum of their correlations is as large as can be; dead units are left out.

    Args:
        correlation: Of each unit of the first with each of the second, on the same images; `nan` for dead units.

    Returns:
        As many pairs as the network with fewer live units has of them, by the first's unit.

    Example:
        >>> found = match(torch.tensor([[0.1, 0.9, torch.nan], [0.3, 0.8, torch.nan]]))
        >>> found.ours, found.theirs, found.correlation
        (tensor([0, 1]), tensor([1, 0]), tensor([0.9000, 0.3000]))
    """
    known = ~correlation.isnan()
    first, second = (known.any(dim=dim).nonzero()[:, 0] for dim in (1, 0))
    table = correlation[first][:, second]
    rows, cols = (torch.from_numpy(found) for found in linear_sum_assignment(table.numpy(), maximize=True))
    return Matched(first[rows], second[cols], table[rows, cols])
