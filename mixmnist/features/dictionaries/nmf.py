"""NMF: atoms and codes that are both not negative, so that parts add up and nothing is taken away.

Formula: min |cells - codes @ atoms|^2, codes >= 0, atoms >= 0 (coordinate descent); codes of other cells by FISTA.
Settings: steps: most iterations.
Assumes: cells that are not negative, as after a ReLU. With as many atoms as units or more it explains all and proves nothing.
Cost: a few seconds.

Source:
    D. Lee, H. Seung (1999), "Learning the Parts of Objects by Non-Negative Matrix Factorization"; scikit-learn's NMF.
"""

from collections.abc import Sequence

import torch
from sklearn.decomposition import NMF

from mixmnist.core.records import Dictionary
from mixmnist.core.seeding import derive
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._converging import converged
from mixmnist.features.dictionaries._nonnegative import best_codes
from mixmnist.features.fitted import Fitted

ROWS = 10_000  # cells that the atoms are found on


def fit(cells: Cells, atoms: int, seeds: Sequence[int], steps: int) -> list[Fitted]:
    """Finds atoms from another random start for each seed."""
    return [_found(cells, atoms, seed, steps) for seed in seeds]


def _found(cells: Cells, atoms: int, seed: int, steps: int) -> Fitted:
    rows = cells.values[:ROWS].double().cpu().numpy()
    random = derive(seed, "dictionary", "nmf") % 2**32
    found, failed = converged(NMF(atoms, init="random", tol=1e-4, max_iter=steps, random_state=random), rows)
    left = (found.reconstruction_err_**2 / (rows**2).sum()).item()
    parts = torch.from_numpy(found.components_).to(cells.values)
    said = f"not converged in {steps} steps: {left:.2g} of the cells' squares are left" if failed else ""
    copies = atoms >= cells.independent
    return Fitted(parts, lambda rows: best_codes(rows, parts), torch.zeros_like(parts[0]), said, copies)


DICTIONARY = Dictionary("non-negative matrix factorisation", fit, {"steps": 400}, needs="non-negative")
