"""Comparing: how much of what is missing a dictionary brings, and how much of it another seed finds again.

Source:
    Atoms matched over seeds: G. Paulo and N. Belrose (2025), "Sparse Autoencoders Trained on the Same Data Learn Different
    Features", arXiv:2501.16615, where 30 % of the atoms are found again. Differs: by the direction that is written alone.
"""

import math
from collections.abc import Sequence
from itertools import combinations

from jaxtyping import Float
from torch import Tensor

from mixmnist.features.matching import cosines, matched

LEAST_GAP = 0.05  # between random directions and the ceiling; a smaller one is noise, and no share of it is told
ALIKE = 0.9  # cosine above which two atoms are one


def gap_closed(coverage: float, random: float, ceiling: float) -> float:
    """Gives how far a dictionary comes from random directions to the ceiling.

    Args:
        coverage: Of the dictionary's atoms.
        random: Of as many random directions.
        ceiling: Of the best that labels give.

    Returns:
        1 at the ceiling and 0 at random; above 1 and below 0 beyond them. `nan` where these two are not .05 apart, the ceiling
        being the higher.

    Example:
        >>> gap_closed(0.875, random=0.75, ceiling=1.0), gap_closed(0.75, random=0.75, ceiling=0.78125)
        (0.5, nan)
    """
    gap = ceiling - random
    return (coverage - random) / gap if gap >= LEAST_GAP else math.nan


def stability(atoms_of_seeds: Sequence[Float[Tensor, "_ units"]]) -> float:
    """Gives how alike the atoms of one seed are to those of another, each matched to one of the other's.

    Args:
        atoms_of_seeds: Of any length; half-waves of one direction are two atoms, and signs count. Atoms that are left over, where
            numbers differ, are not counted.

    Returns:
        Mean cosine over the matched atoms, then over pairs of seeds, in [-1, 1]; `nan` of fewer than two seeds. In few dimensions
        random directions have a high one, too: it belongs beside it.

    Example:
        >>> import torch
        >>> stability([torch.eye(2), torch.tensor([[0.0, 2.0], [5.0, 0.0]]), torch.eye(2)])
        1.0
    """
    return _over_pairs([float(pairs.mean()) for pairs, _ in _matches(atoms_of_seeds)])


def share_recovered(atoms_of_seeds: Sequence[Float[Tensor, "_ units"]], above: float = ALIKE) -> float:
    """Gives the share of atoms that another seed has, too.

    Args:
        atoms_of_seeds: As in `stability`; atoms that are left over have no match.
        above: Cosine from which on, itself not included, a match counts.

    Returns:
        Share of the larger seed's atoms, the mean over pairs of seeds, in [0, 1]; `nan` of fewer than two seeds.

    Example:
        >>> import torch
        >>> share_recovered([torch.eye(2), torch.tensor([[0.0, 2.0], [1.0, 1.0]])])
        0.5
    """
    return _over_pairs([float((pairs > above).sum()) / most for pairs, most in _matches(atoms_of_seeds)])


def _matches(atoms_of_seeds: Sequence[Float[Tensor, "_ units"]]) -> list[tuple[Float[Tensor, " pairs"], int]]:
    """Matches every two seeds, and counts the atoms of the one that has more."""
    return [(matched(cosines(one, other)), max(len(one), len(other))) for one, other in combinations(atoms_of_seeds, 2)]


def _over_pairs(found: list[float]) -> float:
    return sum(found) / len(found) if found else math.nan
