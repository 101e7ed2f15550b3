"""BatchTopK autoencoder: of a whole batch's codes the highest are kept, k a cell on average.

Formula: as topk, over a batch; cells read one by one keep what is above a threshold, set so that they have k codes on average.
Settings: k: codes a cell on average; steps, batch, rate: of Adam, the rate falling to its twentieth.
Assumes: as topk, but cells may hold more or fewer things than others.
Cost: a few seconds, all seeds together.

Source:
    B. Bussmann et al. (2024), "BatchTopK Sparse Autoencoders", arXiv:2412.06410.
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
    recipe = Recipe(partial(_keep, k), cut, steps=steps, batch=batch, rate=rate)
    return fitted(settled(train(cells, atoms, seeds, recipe, "batchtopk"), cells, k), recipe)


def _keep(k: int, before: Tensor, weights: Weights) -> Tensor:
    del weights
    return most_in_batch(before, k)


DICTIONARY = Dictionary(
    "autoencoder that keeps k codes of a cell on average", fit, {"k": 2, "steps": 2000, "batch": 1024, "rate": 3e-3}
)
