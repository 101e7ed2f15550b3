"""Spherical k-means: atoms are the directions along which cells gather.

Formula: atoms are the mean directions of groups of cells, each cell in the group whose atom it points along most;
    code = max(0, cell . atom), for every atom: a cell that holds two things answers to both.
Settings: starts: of which the best is kept.
Assumes: one thing at a place, of any strength, in most cells. Codes overlap and explain no cell.
Cost: about two seconds.

Source:
    A. Coates, A. Ng (2012), "Learning Feature Representations with K-Means"; scikit-learn's KMeans on cells of length 1.
"""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.cluster import KMeans

from mixmnist.core.records import Dictionary
from mixmnist.core.seeding import derive
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._converging import converged
from mixmnist.features.fitted import Fitted, unit_rows


def fit(cells: Cells, atoms: int, seeds: Sequence[int], starts: int) -> list[Fitted]:
    """Groups the cells from other starts for each seed."""
    return [_found(cells, atoms, seed, starts) for seed in seeds]


def _found(cells: Cells, atoms: int, seed: int, starts: int) -> Fitted:
    rows = unit_rows(cells.values).double().cpu().numpy()
    random = derive(seed, "dictionary", "kmeans") % 2**32
    found, failed = converged(KMeans(atoms, init="random", n_init=starts, random_state=random), rows)
    said = f"{len(np.unique(found.labels_))} groups of {atoms}: no more cells are different" if failed else ""
    centres = unit_rows(torch.from_numpy(found.cluster_centers_).to(cells.values))
    return Fitted(centres, lambda rows: (rows @ centres.T).relu(), torch.zeros_like(centres[0]), said)


DICTIONARY = Dictionary("spherical k-means", fit, {"starts": 3})
