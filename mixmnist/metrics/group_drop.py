"""Group drop: what the network loses when all detectors of a concept are silenced together; a concept so lost is *used*.

A concept's group are the units whose own concept it is, with alignment of .80 or more on the rank images. Single drops shrink
where a layer holds several detectors of one concept; the group's drop does not.

Formula: mean of correct before minus mean of correct after, over all images; in [-1, 1]; nan for a concept without detectors.
Ties: right classes that tie for the largest logit count 1/t.
Dead units: no one's detectors.
Cost: by the head's algebra n x classes logits a concept.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.readout import Without
from mixmnist.core.records import Metric
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.metrics.correct import correct_without


def groups(alignment: Float[Tensor, "units concepts"]) -> Bool[Tensor, "units concepts"]:
    """Tells which units detect which concept: their own, with alignment of .80 or more.

    Example:
        >>> groups(torch.tensor([[0.9, 0.85, 0.1], [0.3, 0.2, 0.7], [0.85, 0.0, 0.1], [torch.nan] * 3])).int()
        tensor([[1, 0, 0],
                [0, 0, 0],
                [1, 0, 0],
                [0, 0, 0]], dtype=torch.int32)
    """
    known = alignment.nan_to_num(-1)
    own = torch.nn.functional.one_hot(known.argmax(dim=1), known.shape[1]).bool()
    return own & (known >= THRESHOLD)


def group_drop(
    correct: Float[Tensor, "1 decisions"],
    without: Without,
    labels: Int[Tensor, "images *classes"],
    members: Bool[Tensor, "units concepts"],
    values: Float[Tensor, " units"],
) -> Float[Tensor, " concepts"]:
    """Gives the accuracy drop without each concept's group, in [-1, 1]; `nan` where there is no detector.

    Args:
        correct: The intact network's decisions.
        without: Logits with sets of units silenced.
        labels: The right answers.
        members: The groups.
        values: What a silenced unit's map is set to.
    """
    left = correct_without(without, labels, members.T, values).mean(dim=1)
    return torch.where(members.any(dim=0), correct.mean() - left, torch.nan)


def _size(rank_alignment: Float[Tensor, "units concepts"]) -> Float[Tensor, " concepts"]:
    return groups(rank_alignment).sum(dim=0).float()


def _to_zero(
    correct: Float[Tensor, "1 decisions"],
    without: Without,
    labels: Int[Tensor, "images *classes"],
    rank_alignment: Float[Tensor, "units concepts"],
) -> Float[Tensor, " concepts"]:
    zero = torch.zeros(len(rank_alignment), dtype=correct.dtype, device=correct.device)
    return group_drop(correct, without, labels, groups(rank_alignment), zero)


def _to_mean(
    correct: Float[Tensor, "1 decisions"],
    without: Without,
    labels: Int[Tensor, "images *classes"],
    rank_alignment: Float[Tensor, "units concepts"],
    rank_mean: Float[Tensor, "rank_images units"],
) -> Float[Tensor, " concepts"]:
    return group_drop(correct, without, labels, groups(rank_alignment), rank_mean.mean(dim=0))


METRIC = Metric(
    "Accuracy drop without all detectors of the concept",
    axes=("concepts",),
    columns={"group_size": _size, "group_drop": _to_zero, "group_drop_mean": _to_mean},
    chance="0",
    ceiling="the intact accuracy",
    sets=True,
    aside=("group_size",),
)
