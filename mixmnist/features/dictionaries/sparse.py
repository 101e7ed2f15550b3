"""Sparse coding: few codes that are not negative, found anew for each cell, and atoms of length 1 that make them few.

Formula: min |cell - code @ atoms|^2 / 2 + price * sum(code), code >= 0, |atom| = 1; codes of a batch by FISTA, then each atom in
    turn by what all batches so far, the late ones more, leave to it.
Settings: price: of a code, where cells have length 1 on average; steps: batches; batch: cells of one.
Assumes: few things at a place, which add up. More atoms than units are welcome.
Cost: a few seconds; reading costs 100 steps a cell.

Source:
    B. Olshausen, D. Field (1996), "Emergence of Simple-Cell Receptive Field Properties by Learning a Sparse Code for Natural
    Images"; J. Mairal et al. (2009), "Online Dictionary Learning for Sparse Coding". Differs: codes are not negative.
"""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Dictionary
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._nonnegative import best_codes
from mixmnist.features.dictionaries._starting import batches, some_cells
from mixmnist.features.fitted import Fitted, unit_rows


def fit(cells: Cells, atoms: int, seeds: Sequence[int], price: float, steps: int, batch: int) -> list[Fitted]:
    """Fits all seeds side by side."""
    found = some_cells(cells, atoms, seeds)  # seeds atoms units
    together, with_cells = found.new_zeros(len(seeds), atoms, atoms), torch.zeros_like(found)
    for step, rows in enumerate(batches(cells, seeds, batch, steps, "sparse"), start=1):
        codes = best_codes(rows, found, price, steps=50)
        kept = (1 - 1 / step) ** 2  # so that what was found with early atoms is forgotten
        together = kept * together + codes.mT @ codes
        with_cells = kept * with_cells + codes.mT @ rows
        found = improved(found, together, with_cells)
    return [Fitted(one, partial(_encode, one, price), torch.zeros_like(one[0])) for one in found]


def improved(
    atoms: Float[Tensor, "seeds atoms units"],
    together: Float[Tensor, "seeds atoms atoms"],
    with_cells: Float[Tensor, "seeds atoms units"],
) -> Float[Tensor, "seeds atoms units"]:
    """Moves each atom in turn to where the error is least with the others as they are; one that is never used stays."""
    atoms = atoms.clone()
    for place in range(atoms.shape[1]):
        weight = together[:, place, place, None]
        left = with_cells[:, place] - (together[:, place, None] @ atoms)[:, 0] + weight * atoms[:, place]
        atoms[:, place] = torch.where(weight > 1e-9, unit_rows(left), atoms[:, place])
    return atoms


def _encode(atoms: Tensor, price: float, rows: Tensor) -> Tensor:
    return best_codes(rows, atoms, price)


DICTIONARY = Dictionary("non-negative sparse coding", fit, {"price": 0.1, "steps": 200, "batch": 1024})
