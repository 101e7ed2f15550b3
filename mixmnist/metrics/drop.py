"""Drop: how much accuracy the network loses without the unit, overall and in the class that loses most.

Accuracy before minus accuracy after, so a positive drop means harm. The unit's map is silenced to zero (`drop`), to its mean
over the rank images (`drop_mean`) or to its map on another random image (`drop_resample`: with a linear head the mean over all
images, elsewhere over two random orders of them); all are printed, since they can disagree about a whole network. A class counts
for the largest class drop if 30 of the images on which units are silenced are its own: of fewer, one that goes wrong by chance
makes a large drop.

Formula: mean of correct before minus mean of correct after, over all images or over a class's; in [-1, 1]; nan for the largest
    class drop where no class has 30 images.
Ties: right classes that tie for the largest logit count 1/t; of classes that lose as much, the first.
Dead units: 0: nothing is lost.
Cost: a product of units x n and n x classes, after `correct`.

Source:
    B. Zhou et al. (2018), "Revisiting the Importance of Individual Units in CNNs via Ablation", arXiv:1806.02891.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.core.thresholds import LEAST_OF_CLASS
from mixmnist.metrics._decisions import classes_of


def drop(
    correct: Float[Tensor, "1 decisions"], correct_without: Float[Tensor, "units decisions"], dead: Bool[Tensor, " units"]
) -> Float[Tensor, " units"]:
    """Gives the overall accuracy drop of each unit, in [-1, 1]; `nan` for a dead unit.

    Example:
        >>> intact = torch.tensor([[1.0, 1.0, 0.0, 1.0]])
        >>> without = torch.tensor([[0.0, 1.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
        >>> drop(intact, without, torch.tensor([False, False]))
        tensor([ 0.2500, -0.2500])
    """
    return _live(correct.mean() - correct_without.mean(dim=1), dead)


def _drop_to_mean(
    correct: Float[Tensor, "1 decisions"],
    correct_without_mean: Float[Tensor, "units decisions"],
    dead: Bool[Tensor, " units"],
) -> Float[Tensor, " units"]:
    return drop(correct, correct_without_mean, dead)


def _drop_resampled(
    correct: Float[Tensor, "1 decisions"],
    correct_without_resample: Float[Tensor, "units decisions"],
    dead: Bool[Tensor, " units"],
) -> Float[Tensor, " units"]:
    return drop(correct, correct_without_resample, dead)


def class_drops(
    correct: Float[Tensor, "1 decisions"],
    correct_without: Float[Tensor, "units decisions"],
    labels: Int[Tensor, "images *classes"],
) -> Float[Tensor, "units classes"]:
    """Gives each class's accuracy drop; -inf for a class of fewer than 30 images."""
    about = classes_of(labels)[: correct.shape[1]]
    member = (about[:, None] == torch.arange(int(about.max()) + 1, device=about.device)).to(correct.dtype)
    drops = (correct - correct_without) @ member / member.sum(dim=0)
    return drops.masked_fill(member.sum(dim=0) < LEAST_OF_CLASS, -torch.inf)


def max_class_drop(
    correct: Float[Tensor, "1 decisions"],
    correct_without: Float[Tensor, "units decisions"],
    labels: Int[Tensor, "images *classes"],
    dead: Bool[Tensor, " units"],
) -> Float[Tensor, " units"]:
    """Gives the largest accuracy drop of one class, in [-1, 1]; `nan` for a dead unit, and where no class has 30 images."""
    largest = class_drops(correct, correct_without, labels).amax(dim=1)
    return _live(torch.where(largest.isfinite(), largest, torch.nan), dead)


def max_class(
    correct: Float[Tensor, "1 decisions"],
    correct_without: Float[Tensor, "units decisions"],
    labels: Int[Tensor, "images *classes"],
    dead: Bool[Tensor, " units"],
) -> Int[Tensor, " units"]:
    """Gives the class that loses most; -1 for a dead unit, and where no class has 30 images."""
    largest, which = class_drops(correct, correct_without, labels).max(dim=1)
    return which.masked_fill(dead | largest.isinf(), -1)


def _live(drops: Float[Tensor, " units"], dead: Bool[Tensor, " units"]) -> Float[Tensor, " units"]:
    return torch.where(dead, torch.nan, drops)


METRIC = Metric(
    "Accuracy drop without the unit",
    axes=("units",),
    bounds=dict.fromkeys(("drop", "drop_mean", "drop_resample", "max_class_drop"), (-1, 1)),
    columns={
        "drop": drop,
        "drop_mean": _drop_to_mean,
        "drop_resample": _drop_resampled,
        "max_class_drop": max_class_drop,
        "max_class": max_class,
    },
    names={"max_class": "classes"},
    chance="0",
    ceiling="the intact accuracy",
)
