"""Ceiling: a small network for each cell, trained on what images show, read by its highest answer in an image.

Formula: code = log(1 + exp(w . cell + b + two layers of 64 hidden units, on the cell)); trained as probe_max, from its start with
    the two layers at 0.
Assumes: the truth. A net that trains badly is no ceiling: beside probe_max, of which it can do all, it may end lower.
Cost: several seconds.

Source:
    Multiple-instance learning by the maximum.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mixmnist.core.records import Dictionary
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._supervised import as_ceiling, discriminants, train_by_max
from mixmnist.features.fitted import Fitted

HIDDEN = 64


class Bent(nn.Module):
    """A linear answer, and what a small network adds to it; at first nothing."""

    def __init__(self, straight: nn.Linear) -> None:
        super().__init__()
        units, concepts = straight.in_features, straight.out_features
        self.straight = straight
        last = nn.Linear(HIDDEN, concepts)
        self.bend = nn.Sequential(nn.Linear(units, HIDDEN), nn.ReLU(), last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, cells: Tensor) -> Tensor:
        """Gives an answer for each concept."""
        found: Tensor = self.straight(cells) + self.bend(cells)
        return found


def fit(cells: Cells, atoms: int, seeds: Sequence[int]) -> list[Fitted]:
    """Trains once for each seed; there are as many atoms as concepts, and they are no directions."""
    del atoms
    modules = [train_by_max(cells, seed, lambda *sizes: Bent(discriminants(cells, *sizes)), "probe_cells") for seed in seeds]
    assert cells.present is not None
    none = torch.zeros(cells.present.shape[1], cells.n_units).to(cells.values)
    return [as_ceiling(module, none) for module in modules]


DICTIONARY = Dictionary("ceiling: a network read by its maximum", fit, supervised=True)
