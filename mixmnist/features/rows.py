"""Rows: activations of one's own as cells, a row a cell, and what each of them shows."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.features.cells import Cells, check_cells


def as_cells(cells: Any) -> Cells:  # noqa: ANN401 -- cells, or an array of any library
    """Gives rows as cells, each an image of its own; cells stay what they are.

    Args:
        cells: Cells, or numbers [n, units]: numpy, torch, or lists.

    Raises:
        ValueError: If they are no finite numbers of that shape, or all of them are 0.

    Example:
        >>> len(as_cells([[0.5, 0.0, 1.0], [0.0, 2.0, 0.0]]))
        2
    """
    if isinstance(cells, Cells):
        return check_cells(cells)
    rows = as_rows(cells)
    return check_cells(Cells(rows, torch.arange(len(rows), device=rows.device)))


def as_rows(rows: Any) -> Float[Tensor, "n units"]:  # noqa: ANN401 -- an array of any library
    """Gives activations as a tensor, in single precision at least.

    Raises:
        ValueError: If they are no finite numbers [n, units].
    """
    found = _tensor("rows", rows, "[n, units]")
    found = found if found.dtype == torch.float64 else found.float()
    bad = int((~found.isfinite()).sum())
    require(bad == 0, f"rows must hold finite numbers, got {bad} that are nan or infinite. Leave those rows out.")
    return found


def as_truth(present: Any) -> Bool[Tensor, "n concepts"]:  # noqa: ANN401 -- as above
    """Gives which concepts each row shows.

    Raises:
        ValueError: If these are no truths [n, concepts]: true and false, or 1 and 0.
    """
    found = _tensor("present", present, "[n, concepts]")
    certain = bool(((found == 0) | (found == 1)).all())
    require(certain, "present must be true or false, got numbers besides 0 and 1. Write 1 where a row shows the concept.")
    return found.bool()


def _tensor(name: str, given: Any, shape: str) -> Tensor:  # noqa: ANN401 -- as above
    if not isinstance(given, Tensor):
        try:
            array = np.asarray(given)
        except ValueError as error:
            raise ValueError(f"{name} must be {shape}, got rows of different lengths. Make them equal.") from error
        require(array.dtype.kind in "buif", f"{name} must hold numbers, got {array.dtype}. Convert them, e.g. to np.float32.")
        given = torch.from_numpy(np.ascontiguousarray(array))
    require(given.ndim == 2 and given.numel() > 0, f"{name} must be {shape} and not empty, got {list(given.shape)}. Reshape it.")
    found: Tensor = given.detach()
    return found
