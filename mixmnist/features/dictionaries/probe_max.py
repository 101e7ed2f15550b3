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

from mixmnist.core.records import Dictionary
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._supervised import as_ceiling, discriminants, train_by_max
from mixmnist.features.fitted import Fitted


def fit(cells: Cells, atoms: int, seeds: Sequence[int]) -> list[Fitted]:
    """Trains once for each seed; there are as many atoms as concepts."""
    del atoms
    modules = [train_by_max(cells, seed, partial(discriminants, cells), "probe_max") for seed in seeds]
    return [as_ceiling(module, module.weight.detach()) for module in modules]  # type: ignore[operator]


DICTIONARY = Dictionary("ceiling: directions read by their maximum", fit, supervised=True)
