"""Ceiling: a small network for each cell, trained on what images show, read by its highest answer in an image.

Formula: code = log(1 + exp(two layers of 64 hidden units, on the cell)); trained as probe_max.
Assumes: the truth. What it does not find is not in single cells of the layer.
Cost: several seconds.

Source:
    Multiple-instance learning by the maximum.
"""

from collections.abc import Sequence

import torch
from torch import nn

from mixmnist.core.records import Dictionary
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._supervised import as_ceiling, train_by_max
from mixmnist.features.fitted import Fitted

HIDDEN = 64


def fit(cells: Cells, atoms: int, seeds: Sequence[int]) -> list[Fitted]:
    """Trains once for each seed; there are as many atoms as concepts, and they are no directions."""
    del atoms
    modules = [train_by_max(cells, seed, _build, "probe_cells") for seed in seeds]
    assert cells.present is not None
    none = torch.zeros(cells.present.shape[1], cells.n_units).to(cells.values)
    return [as_ceiling(module, none) for module in modules]


def _build(units: int, concepts: int) -> nn.Module:
    return nn.Sequential(nn.Linear(units, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, concepts))


DICTIONARY = Dictionary("ceiling: a network read by its maximum", fit, supervised=True)
