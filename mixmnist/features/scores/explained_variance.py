"""Explained variance: how much of the cells a dictionary writes.

Formula: 1 - sum |cell - answer|^2 / sum |cell - mean cell|^2. Below 0 where the answer is worse than the mean cell.
Known bias: it says how well cells are copied, not whether atoms are concepts; with as many atoms as units it proves nothing.

Source:
    The usual score of sparse autoencoders, as in L. Gao et al. (2024), arXiv:2406.04093.
"""

import math

from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Score


def explained_variance(cells: Float[Tensor, "cells units"], answer: Float[Tensor, "cells units"]) -> Float[Tensor, ""]:
    """Scores a dictionary's answer to cells.

    Returns:
        Share, at most 1; `nan` where all cells are the same.

    Example:
        >>> import torch
        >>> cells = torch.tensor([[0.0, 2.0], [2.0, 0.0]])
        >>> explained_variance(cells, cells), explained_variance(cells, torch.ones(2, 2))
        (tensor(1.), tensor(0.))
    """
    return 1 - (cells - answer).pow(2).sum() / (cells - cells.mean(dim=0)).pow(2).sum()


SCORE = Score(
    "Explained variance",
    {"explained_variance": explained_variance},
    ceiling="1",
    chance="that of as many random directions",
    bounds={"explained_variance": (-math.inf, 1)},
)
