"""ICA: directions whose codes are as independent, and so as far from normal, as can be; both signs.

Formula: FastICA (logcosh, in parallel) after whitening by PCA; code = unmixing row . (cell - mean), read as two half-waves.
Settings: steps: most iterations.
Assumes: as many sources as atoms halved, no more than units, mixed linearly. Sparse sources are far from normal, so they are
    found.
Cost: about a second.

Source:
    A. Hyvarinen (1999), "Fast and Robust Fixed-Point Algorithms for Independent Component Analysis"; scikit-learn's FastICA.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import FastICA

from mixmnist.core.records import Dictionary, require
from mixmnist.core.seeding import derive
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._converging import converged
from mixmnist.features.fitted import Fitted


def fit(cells: Cells, atoms: int, seeds: Sequence[int], steps: int) -> list[Fitted]:
    """Finds the directions from another start for each seed."""
    most = cells.independent
    require(
        atoms <= most, f"ica finds at most as many directions as independent units, got {atoms} of {most}. Ask for fewer atoms."
    )
    return [replace(_found(cells, atoms, seed, steps), copies=atoms >= most) for seed in seeds]


def _found(cells: Cells, atoms: int, seed: int, steps: int) -> Fitted:
    rows = cells.values.double().cpu().numpy()
    random = derive(seed, "dictionary", "ica") % 2**32
    found, failed = converged(FastICA(atoms, whiten="unit-variance", max_iter=steps, random_state=random), rows)
    unmixing, mixing, mean = (torch.from_numpy(v).to(cells.values) for v in (found.components_, found.mixing_, found.mean_))
    said = f"not converged in {steps} steps: directions still turn by {_turns(found, rows):.2g} a step" if failed else ""
    return Fitted(mixing.T, lambda rows: (rows - mean) @ unmixing.T, mean, said)


def _turns(found: FastICA, rows: NDArray[np.float64]) -> float:
    """Says how far one step more turns the direction that turns most: 1 less the |cosine|, which must fall below .0001."""
    white = (rows - found.mean_) @ found.whitening_.T * len(rows) ** 0.5  # of variance 1, as the steps see them
    before = found.components_ @ np.linalg.pinv(found.whitening_)
    before /= np.linalg.norm(before, axis=1, keepdims=True)
    after, _ = converged(FastICA(whiten=False, max_iter=1, w_init=before), white)
    return float(1 - np.abs((after.components_ * before).sum(axis=1)).min())


DICTIONARY = Dictionary("independent components", fit, {"steps": 400}, codes="signed", most="units")
