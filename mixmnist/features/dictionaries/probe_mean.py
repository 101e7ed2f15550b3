"""Ceiling: a linear probe on the mean over an image's cells.

Formula: w by logistic regression of what the image shows on the mean cell; code = w . cell, read by its mean.
Assumes: the truth, and that concepts add up over the places. It can be beaten: codes that are not linear may have better means.
Cost: below a second.

Source:
    G. Alain, Y. Bengio (2016), "Understanding Intermediate Layers Using Linear Classifier Probes", arXiv:1610.01644;
    scikit-learn's LogisticRegression.
"""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from mixmnist.core.records import Dictionary, require
from mixmnist.features.cells import Cells
from mixmnist.features.fitted import Fitted

STRENGTH = 10.0  # of the penalty, inverse


def fit(cells: Cells, atoms: int, seeds: Sequence[int]) -> list[Fitted]:
    """Fits once: no chance is in it; there are as many atoms as concepts."""
    del atoms
    require(cells.present is not None, "probe_mean needs what the images show, got none. It is a ceiling: give the truth.")
    assert cells.present is not None
    sums = torch.zeros(len(cells.present), cells.n_units, dtype=torch.float64)
    sums.index_add_(0, cells.image.cpu(), cells.values.double().cpu())
    scale = float(sums.std().clamp_min(1e-12))
    rows, right = (sums / scale).numpy(), cells.present.cpu().numpy()
    weight = np.stack([_direction(rows, right[:, concept]) for concept in range(right.shape[1])])
    directions = torch.from_numpy(weight).to(cells.values)
    fitted = Fitted(directions, lambda values: values @ directions.T, torch.zeros_like(directions[0]))
    return [fitted] * len(seeds)


def _direction(rows: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Gives the weights for one concept; none where every image shows it, or no image does."""
    if right.all() or not right.any():
        return np.zeros(rows.shape[1])
    found: np.ndarray = LogisticRegression(C=STRENGTH, max_iter=2000).fit(rows, right).coef_[0]
    return found


DICTIONARY = Dictionary("ceiling: linear probe on means", fit, codes="signed", supervised=True, read="mean")
