"""L1 autoencoder: a ReLU, and a price on the sum of the codes.

Formula: code = max(0, W (cell - b) + c); loss |cell - answer|^2 + price * sum(code), rows of the decoder of length 1.
Settings: price: of a code, where cells have length 1 on average; steps, batch, rate: of Adam, the rate falling to its twentieth.
Assumes: few things at a place. The price shrinks every code.
Cost: a few seconds, all seeds together.

Source:
    T. Bricken et al. (2023), "Towards Monosemanticity"; H. Cunningham et al. (2023), arXiv:2309.08600. Differs: no resampling.
"""

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from mixmnist.core.records import Dictionary
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._autoencoder import Recipe, Weights, fitted, train
from mixmnist.features.fitted import Fitted


def fit(cells: Cells, atoms: int, seeds: Sequence[int], price: float, steps: int, batch: int, rate: float) -> list[Fitted]:
    """Trains all seeds side by side."""
    recipe = Recipe(_keep, lambda before, _: before.relu(), partial(_price, price), steps=steps, batch=batch, rate=rate)
    return fitted(train(cells, atoms, seeds, recipe, "l1"), recipe)


def _keep(before: Tensor, weights: Weights) -> Tensor:
    del weights
    return before.relu()


def _price(each: float, codes: Tensor, before: Tensor, weights: Weights) -> Tensor:
    del before, weights
    return each * codes.sum(dim=2).mean(dim=1)


DICTIONARY = Dictionary("autoencoder with a price on codes", fit, {"price": 0.1, "steps": 2000, "batch": 1024, "rate": 3e-3})
