"""Whether a fit of scikit-learn converged: told by what it gives, not by a warning."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning


def converged(model: Any, rows: NDArray[np.float64]) -> tuple[Any, bool]:  # noqa: ANN401 -- scikit-learn has no types
    """Fits a model on rows [cells, units].

    Returns:
        The fitted model, and whether it gave up before it had converged.
    """
    with warnings.catch_warnings(record=True) as caught, np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("always", ConvergenceWarning)
        found = model.fit(rows)  # what a dead unit is divided by is 0, and is not among the directions that are kept
    for one in caught:
        if not issubclass(one.category, ConvergenceWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return found, any(issubclass(one.category, ConvergenceWarning) for one in caught)
