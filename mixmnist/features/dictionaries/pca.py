"""PCA: orthogonal directions of the largest variance, both signs.

Formula: the first eigenvectors of the cells' covariance; code = direction . (cell - mean), read as two half-waves.
Assumes: that what matters varies most, and that it is orthogonal. It has no notion of one thing at a time.
Cost: below a second.

Source:
    scikit-learn's PCA. Differs: codes are split by sign, so that an atom is a unit that fires.
"""

from collections.abc import Sequence

import torch
from sklearn.decomposition import PCA

from mixmnist.core.records import Dictionary, require
from mixmnist.features.cells import Cells
from mixmnist.features.fitted import Fitted


def fit(cells: Cells, atoms: int, seeds: Sequence[int]) -> list[Fitted]:
    """Finds the directions once: no chance is in it."""
    most = cells.independent
    require(
        atoms <= most, f"pca finds at most as many directions as independent units, got {atoms} of {most}. Ask for fewer atoms."
    )
    found = PCA(atoms, svd_solver="covariance_eigh").fit(cells.values.double().cpu().numpy())
    directions, mean = (torch.from_numpy(values).to(cells.values) for values in (found.components_, found.mean_))
    return [Fitted(directions, lambda rows: (rows - mean) @ directions.T, mean, copies=atoms >= most)] * len(seeds)


DICTIONARY = Dictionary("principal components", fit, codes="signed", most="units")
