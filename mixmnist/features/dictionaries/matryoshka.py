"""Matryoshka autoencoder: the first atoms must explain the cells by themselves, and the first of these again.

Formula: as batchtopk; the loss is the mean of the errors with the first quarter, the first half and all of the atoms.
Settings: k: codes a cell on average; steps, batch, rate: of Adam, the rate falling to its twentieth.
Assumes: that few coarse things come before many fine ones. The digits are equals.
Cost: a few seconds, all seeds together.

Source:
    B. Bussmann et al. (2025), "Learning Multi-Level Features with Matryoshka Sparse Autoencoders", arXiv:2503.17547.
"""

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from mixmnist.core.records import Dictionary, require
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._autoencoder import Recipe, Weights, cut, fitted, most_in_batch, settled, train
from mixmnist.features.fitted import Fitted


def fit(cells: Cells, atoms: int, seeds: Sequence[int], k: int, steps: int, batch: int, rate: float) -> list[Fitted]:
    """Trains all seeds side by side."""
    require(1 <= k <= atoms, f"k must lie between 1 and the number of atoms, got k={k} of {atoms}. Ask for more atoms.")
    recipe = Recipe(partial(_keep, k), cut, parts=nested, steps=steps, batch=batch, rate=rate)
    return fitted(settled(train(cells, atoms, seeds, recipe, "matryoshka"), cells, k), recipe)


def nested(atoms: int) -> list[int]:
    """Gives the sizes of the dolls.

    Example:
        >>> nested(20), nested(1)
        ([5, 10, 20], [1])
    """
    return sorted({max(1, atoms // 4), max(1, atoms // 2), atoms})


def _keep(k: int, before: Tensor, weights: Weights) -> Tensor:
    del weights
    return most_in_batch(before, k)


DICTIONARY = Dictionary("nested autoencoders, one in the other", fit, {"k": 2, "steps": 2000, "batch": 1024, "rate": 3e-3})
