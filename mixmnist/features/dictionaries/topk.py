"""TopK autoencoder: of each cell's codes the k highest are kept.

Formula: code = the k highest of max(0, W (cell - b) + c), the others 0; loss |cell - answer|^2, rows of the decoder of length 1.
Settings: k: codes kept; steps, batch, rate: of Adam, the rate falling to its twentieth.
Assumes: that it is known how many things are at a place. A k that is too small merges them, one too large splits or hedges.
Cost: a few seconds, all seeds together.

Source:
    L. Gao et al. (2024), "Scaling and Evaluating Sparse Autoencoders", arXiv:2406.04093. Differs: no loss of dead atoms.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from mixmnist.core.records import Dictionary, require
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._autoencoder import Recipe, Weights, fitted, train
from mixmnist.features.fitted import Fitted


def fit(cells: Cells, atoms: int, seeds: Sequence[int], k: int, steps: int, batch: int, rate: float) -> list[Fitted]:
    """Trains all seeds side by side."""
    require(1 <= k <= atoms, f"k must lie between 1 and the number of atoms, got k={k} of {atoms}. Ask for more atoms.")
    recipe = Recipe(partial(_keep, k), lambda before, _: highest(before, k), steps=steps, batch=batch, rate=rate)
    return fitted(train(cells, atoms, seeds, recipe, "topk"), recipe)


def _keep(k: int, before: Tensor, weights: Weights) -> Tensor:
    del weights
    return highest(before, k)


def highest(before: Tensor, k: int) -> Tensor:
    """Keeps the k highest codes of each cell that are above 0.

    Example:
        >>> highest(torch.tensor([[3.0, -1.0, 2.0, 1.0]]), k=2)
        tensor([[3., 0., 2., 0.]])
    """
    found = before.relu().topk(k, dim=-1)
    return torch.zeros_like(before).scatter(-1, found.indices, found.values)


DICTIONARY = Dictionary("autoencoder that keeps k codes of a cell", fit, {"k": 2, "steps": 2000, "batch": 1024, "rate": 3e-3})
