"""Linear probe: how well a weighted sum of all units tells the concept; what is not detected by a unit may still be encoded.

Least squares from the units' mean responses to presence, fitted on the rank images; average precision of its answer.

Formula: average precision of w . m + b, m the mean responses, w and b by least squares on the rank images; in [0, 1].
Ties: tied images are one threshold; answers that differ by less than 2**-32 tie, since rounding alone may part them.
Dead units: a column without information.
Cost: one least squares of n x units, two sorts of the images by all units, one sort a concept.

Source:
    G. Alain and Y. Bengio (2016), "Understanding intermediate layers using linear classifier probes", arXiv:1610.01644.
    Differs: least squares in place of logistic regression, and average precision in place of accuracy.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics.average_precision import average_precision

STEPS = 2**32  # in a whole presence, that answers are told apart by


def linear_probe(
    mean: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
    rank_mean: Float[Tensor, "rank_images units"],
    rank_present: Bool[Tensor, "rank_images concepts"],
) -> Float[Tensor, " concepts"]:
    """Scores how well each concept can be read from all units together.

    Args:
        mean: Mean responses on the images to be scored.
        present: What is on them.
        rank_mean: Mean responses on the images that the weights are fitted on.
        rank_present: What is on those.

    Returns:
        Average precision in [0, 1]; chance is the concept's prevalence; `nan` for a concept that never or always occurs.

    Example:
        >>> mean = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
        >>> linear_probe(mean, torch.tensor([[False], [True], [False], [False]]), mean, mean[:, :1] * mean[:, 1:] > 0)
        tensor([1.])
    """
    means, shown = _sorted(rank_mean, rank_present)
    different, place = mean.double().unique(dim=0, return_inverse=True)  # the same means give the same answer to the last bit
    inputs, outputs = (torch.cat([m, torch.ones_like(m[:, :1])], dim=1) for m in (means, different))
    # on the processor, whose driver alone can do without full rank, which dead units take away
    weights = torch.linalg.lstsq(inputs.cpu(), shown.cpu(), driver="gelsd").solution.to(inputs)
    answers = (outputs @ weights * STEPS).round()[place] / STEPS  # images concepts
    return average_precision(answers, present).diagonal().to(torch.promote_types(mean.dtype, torch.float32))


def _sorted(mean: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]) -> tuple[Tensor, Tensor]:
    """Puts images into an order that is their own, so that sums over them are the same in whatever order they came."""
    rows, times = torch.cat([mean.double(), present.double()], dim=1).unique(dim=0, return_counts=True)
    rows = rows.repeat_interleave(times, dim=0)
    return rows[:, : mean.shape[1]], rows[:, mean.shape[1] :]


METRIC = Metric(
    "Average precision of a linear probe on all units",
    axes=("concepts",),
    columns={"linear_probe": linear_probe},
    chance="the concept's prevalence",
    ceiling="1",
)
