"""MCC: how near atoms come to the true directions, and their codes to the true codes; one atom for each concept.

Formula: mcc = sum over the pairs of an assignment of cos(atom, direction) / concepts, the assignment being the one with the
    largest sum; mcc_codes likewise, of Pearson's correlation of codes over cells, with an assignment of its own. A likeness below
    0 counts as 0, and so does a concept without an atom.
Known bias: in few dimensions many atoms come near any direction by chance (20 random ones in 3, 5, 10, 30 dimensions: .89, .75,
    .54, .33), so the value of as many random directions belongs beside it. Right directions do not make right codes, nor the
    other way round: both are printed. What else the dictionary holds costs nothing.

Source:
    A. Hyvarinen and H. Morioka (2016), arXiv:1605.06336: mean correlation of sources with those found, after an assignment; of
    dictionaries' directions as in L. Sharkey et al. (2022), "Taking features out of superposition with sparse autoencoders".
    Differs: no |cosine| and no |correlation|, as an atom has codes of one sign: of a direction that is read with both signs both
    half-waves are atoms, each with its own sign, and the right one is assigned.
"""

from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Score
from mixmnist.features.matching import cosines, matched
from mixmnist.metrics._ranking import dead_units
from mixmnist.metrics.correlation import pearson


def mcc(atoms: Float[Tensor, "atoms units"], directions: Float[Tensor, "concepts units"]) -> Float[Tensor, ""]:
    """Scores atoms by the true directions.

    Args:
        atoms: Of any length; one without length is like none.
        directions: The true ones, of any length.

    Returns:
        Mean cosine in [0, 1]; `nan` without directions.

    Example:
        >>> import torch
        >>> mcc(torch.tensor([[0.0, 2.0], [3.0, 4.0]]), torch.eye(2)).item()
        0.8
    """
    return matched(cosines(directions, atoms).clamp_min(0)).sum() / len(directions)


def mcc_codes(codes: Float[Tensor, "cells atoms"], true_codes: Float[Tensor, "cells concepts"]) -> Float[Tensor, ""]:
    """Scores codes by the true codes.

    Args:
        codes: Of any scale and offset; one that never changes is like none.
        true_codes: Of the same cells.

    Returns:
        Mean correlation in [0, 1] over the concepts whose code changes; `nan` where none does.

    Example:
        >>> import torch
        >>> found = mcc_codes(torch.tensor([[0.0], [4.0], [2.0]]), torch.tensor([[1.0, 0.0], [3.0, 0.0], [2.0, 1.0]]))
        >>> round(found.item(), 6)
        0.5
    """
    varied = true_codes[:, ~dead_units(true_codes)]
    likeness = pearson(varied, codes).masked_fill(dead_units(codes), 0)
    return matched(likeness.clamp_min(0)).sum() / varied.shape[1]


SCORE = Score(
    "Likeness to the true directions and codes",
    {"mcc": mcc, "mcc_codes": mcc_codes},
    ceiling="1",
    chance="that of as many random directions",
    bounds={"mcc": (0, 1), "mcc_codes": (0, 1)},
)
