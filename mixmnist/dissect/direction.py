"""The layer's linear ceiling: how well the best direction of its units marks a digit's pixels.

If a digit is held by several units together, no single one marks it well, but a direction does. The best unit's share of the
direction's IoU says how far the layer's units are its own axes.

Formula: w = argmin sum over cells of (w . r + b - s)^2 + lambda |w|^2, with r the units in a cell, s the digit's share of the
cell's pixels, and lambda .001 of the units' mean square; its IoU as of a unit, with the matched threshold.

Source:
    R. Fong, A. Vedaldi (2018), "Net2Vec", arXiv:1801.03454: a linear combination of units segments better than one.
    Differs: least squares in closed form, fitted on other samples than those that are scored. It minimises squares, not 1 - IoU:
    a unit that fires on exactly the digit may be found a little worse than it is.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mixmnist.dissect.reading import DIGITS
from mixmnist.dissect.readout import ious_of, readout
from mixmnist.dissect.sampling import Sample

RIDGE = 1e-3  # of the units' mean square


def cell_shares(sample: Sample) -> Float[Tensor, "n digits high wide"]:
    """Gives the share of each cell's pixels that belong to each digit.

    Cells whose sides are no whole pixels are taken over the whole pixels they touch.
    """
    masks = torch.stack([sample.classes == digit for digit in range(DIGITS)], dim=1)
    return F.adaptive_avg_pool2d(masks.float(), sample.subject.cells)


def directions(sample: Sample, ridge: float = RIDGE) -> Float[Tensor, "units digits"]:
    """Fits the layer's direction of each digit; the constant is left out, since it changes no order of pixels.

    Args:
        sample: The rank sample.
        ridge: Penalty, as a share of the units' mean square.

    Returns:
        Weights; dead units have 0, and so has a digit that is never segmented.
    """
    units = sample.maps.movedim(1, 3).flatten(0, 2).double()  # cells units
    wanted = cell_shares(sample).movedim(1, 3).flatten(0, 2).double()  # cells digits
    units, wanted = units - units.mean(dim=0), wanted - wanted.mean(dim=0)
    products = units.T @ units / len(units)
    penalty = ridge * products.diagonal().mean().clamp_min(1e-12)
    eye = torch.eye(len(products), dtype=products.dtype, device=products.device)
    found: Tensor = torch.linalg.solve(products + penalty * eye, units.T @ wanted / len(units))
    return found.float()


def linear_iou(rank: Sample, test: Sample, threshold: str = "matched") -> Float[Tensor, " digits"]:
    """Scores the best linear direction of each digit as if it were a unit.

    Args:
        rank: On which directions and thresholds are fitted.
        test: On which they are scored.
        threshold: As in `mixmnist.metrics.iou`.

    Returns:
        IoU in [0, 1]; `nan` for a digit without pixels, or whose direction never changes.

    Example:
        `ious(rank, test).amax(dim=0) / linear_iou(rank, test)` is the share that the best unit has of what the layer knows.
    """
    weights = directions(rank)

    def along(sample: Sample) -> Tensor:
        return torch.einsum("nuhw,ud->ndhw", sample.maps, weights)

    found = ious_of(readout(rank, along(rank)), readout(test, along(test)), threshold)  # digits digits
    return found.diagonal()
