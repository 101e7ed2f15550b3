"""L0: with how many atoms a cell is written, and which share of the atoms no cell is written with.

Formula: l0 = mean over cells of the number of codes above 0; atoms_dead = atoms with no code above 0 / atoms.
Known bias: a code of any size counts as one, so codes without a threshold are dense whatever they say. The right value is the
    number of concepts in a cell, which only planted cells tell: both below and above it atoms mix concepts. An atom that writes
    rare cells alone seems dead where the cells are few.

Source:
    The usual sparsity of sparse autoencoders, as in L. Gao et al. (2024), arXiv:2406.04093, where an atom is dead that did not
    fire for 10 million tokens. D. Chanin and A. Garriga-Alonso (2025), arXiv:2508.16560, on wrong values of it.
    Differs: dead on the cells at hand.
"""

import math

from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Score


def l0(codes: Float[Tensor, "cells atoms"]) -> Float[Tensor, ""]:
    """Counts the atoms that a cell is written with.

    Returns:
        Mean over cells, from 0 to the number of atoms; `nan` without cells.

    Example:
        >>> import torch
        >>> l0(torch.tensor([[0.5, 0.0, 2.0], [0.0, 0.0, 1.0]])).item()
        1.5
    """
    return (codes > 0).double().sum(dim=1).mean()


def atoms_dead(codes: Float[Tensor, "cells atoms"]) -> Float[Tensor, ""]:
    """Gives the share of atoms that no cell is written with.

    Returns:
        Share in [0, 1].

    Example:
        >>> import torch
        >>> atoms_dead(torch.tensor([[0.5, 0.0, 2.0, 0.0], [0.0, 0.0, 1.0, 0.0]])).item()
        0.5
    """
    return (~(codes > 0).any(dim=0)).double().mean()


SCORE = Score(
    "Atoms a cell is written with, and atoms that none is",
    {"l0": l0, "atoms_dead": atoms_dead},
    chance="half of the atoms, and none dead",
    bounds={"l0": (0, math.inf), "atoms_dead": (0, 1)},
)
