"""Random: directions drawn uniformly over the sphere, the null of every dictionary.

Formula: code = max(0, direction . cell).
Assumes: nothing. What it reaches is what any directions reach; as many of them as the dictionary that it is held against has.
Cost: none.

Source:
    Null of P. Leask et al. (2025), "Sparse Autoencoders Do Not Find Canonical Units of Analysis", and of rotation tests (D. Bau
    et al., 2017). Differs: read by the highest code of an image's cells.
"""

from collections.abc import Sequence

import torch

from mixmnist.core.records import Dictionary
from mixmnist.core.seeding import derive
from mixmnist.features.cells import Cells
from mixmnist.features.fitted import Fitted, unit_rows


def fit(cells: Cells, atoms: int, seeds: Sequence[int]) -> list[Fitted]:
    """Draws as many directions as asked for, for each seed."""
    return [_drawn(cells, atoms, seed) for seed in seeds]


def _drawn(cells: Cells, atoms: int, seed: int) -> Fitted:
    generator = torch.Generator().manual_seed(derive(seed, "dictionary", "random"))
    drawn = torch.randn(atoms, cells.n_units, generator=generator, dtype=torch.float64)
    directions = unit_rows(drawn).to(cells.values)
    return Fitted(directions, lambda rows: (rows @ directions.T).relu(), torch.zeros_like(directions[0]))


DICTIONARY = Dictionary("random directions", fit)
