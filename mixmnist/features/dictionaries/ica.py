"""ICA: directions whose codes are as independent, and so as far from normal, as can be; both signs.

Formula: FastICA (logcosh, in parallel) after whitening by PCA; code = unmixing row . (cell - mean), read as two half-waves.
Settings: steps: most iterations.
Assumes: as many sources as atoms halved, no more than units, mixed linearly. Sparse sources are far from normal, so they are found.
Cost: about a second.

Source:
    A. Hyvarinen (1999), "Fast and Robust Fixed-Point Algorithms for Independent Component Analysis"; scikit-learn's FastICA.
"""

import warnings
from collections.abc import Sequence

import torch
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from mixmnist.core.records import Dictionary, require
from mixmnist.core.seeding import derive
from mixmnist.features.cells import Cells
from mixmnist.features.fitted import Fitted


def fit(cells: Cells, atoms: int, seeds: Sequence[int], steps: int) -> list[Fitted]:
    """Finds the directions from another start for each seed."""
    require(atoms <= cells.n_units, f"ica finds at most as many directions as there are units, got {atoms} of {cells.n_units}. Ask for fewer atoms.")
    return [_found(cells, atoms, seed, steps) for seed in seeds]


def _found(cells: Cells, atoms: int, seed: int, steps: int) -> Fitted:
    rows = cells.values.double().cpu().numpy()
    random = derive(seed, "dictionary", "ica") % 2**32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by the table instead
        found = FastICA(atoms, whiten="unit-variance", max_iter=steps, random_state=random).fit(rows)
    unmixing, mixing, mean = (torch.from_numpy(v).to(cells.values) for v in (found.components_, found.mixing_, found.mean_))
    said = "" if found.n_iter_ < steps else f"not converged in {steps} steps"
    return Fitted(mixing.T, lambda rows: (rows - mean) @ unmixing.T, mean, said)


DICTIONARY = Dictionary("independent components", fit, {"steps": 400}, codes="signed")
