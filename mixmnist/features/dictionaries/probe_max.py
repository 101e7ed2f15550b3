"""Ceiling: a direction for each concept, trained on what images show, read by its highest code in an image.

Formula: code = log(1 + exp(w . cell + b)); w, b by logistic regression of what the image shows on the highest w . cell + b over
    its cells (Adam on all images).
Assumes: the truth. It is the bar for dictionaries, whose codes are linear as well; some, as sparse codes, are not, and may
    pass it.
Cost: a few seconds.

Source:
    Multiple-instance learning by the maximum; the linear probe of G. Alain, Y. Bengio (2016), arXiv:1610.01644, cell by cell.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn

from mixmnist.core.records import Dictionary
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._supervised import as_ceiling, train_by_max
from mixmnist.features.fitted import Fitted


def fit(cells: Cells, atoms: int, seeds: Sequence[int]) -> list[Fitted]:
    """Trains once for each seed; there are as many atoms as concepts."""
    del atoms
    modules = [train_by_max(cells, seed, partial(_build, cells), "probe_max") for seed in seeds]
    return [as_ceiling(module, module.weight.detach()) for module in modules]  # type: ignore[operator]


def _build(cells: Cells, units: int, concepts: int) -> nn.Module:
    """Starts from the linear discriminants of cells, each of which is taken to show what its image shows.

    From a start at random the silent cells can be the highest everywhere, and nothing is learned.
    """
    module = nn.Linear(units, concepts)
    assert cells.present is not None
    rows, right = cells.values.double(), cells.present[cells.image].double()
    centred = rows - rows.mean(dim=0)
    covariance = centred.T @ centred / len(rows) + 1e-6 * torch.eye(units).to(rows)
    shares = right.sum(dim=0).clamp_min(1)
    apart = (right.T @ centred) / shares[:, None]  # concepts units
    weight = torch.linalg.solve(covariance, apart.T).T
    answers = rows @ weight.T
    scale = answers.std(dim=0).clamp_min(1e-12)[:, None] / 2
    with torch.no_grad():
        module.weight.copy_(weight / scale)
        module.bias.copy_(-(answers.mean(dim=0) / scale[:, 0]) - 2)
    return module


DICTIONARY = Dictionary("ceiling: directions read by their maximum", fit, supervised=True)
