"""Class curves: a class's accuracy with only its n best units, and without them, n = 0 .. all, averaged over classes.

A class's best units are those with the highest alignment, on the rank images, with any of its concepts. Silenced to zero;
balanced one-vs-rest accuracy, chance .5.

Formula: mean over classes y of (share of y's images given to y + share of the others not given to y) / 2, with n units kept or
    removed; in [0, 1].
Ties: right classes that tie for the largest logit count 1/t; units with equal alignment go in their order.
Dead units: behind all others in the order.
Cost: by the head's algebra a rank-one step on n x classes logits for each unit and class.

Source:
    D. Bau et al. (2020), "Understanding the role of individual units in a deep neural network", PNAS 117(48).
    Differs: units are chosen by the concepts of the class, not by their effect on it.
"""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.readout import Without
from mixmnist.core.records import Metric
from mixmnist.metrics._decisions import balanced, contrast, exact, members_of, one_vs_rest
from mixmnist.metrics._returning import share_returning
from mixmnist.metrics.class_units import owners


def class_curve(
    without: Without,
    logits: Float[Tensor, "images classes"],
    labels: Int[Tensor, "images *classes"],
    rank_present: Bool[Tensor, "rank_images concepts"],
    rank_labels: Int[Tensor, "rank_images *classes"],
    rank_alignment: Float[Tensor, "units concepts"],
    keep: bool,
) -> Float[Tensor, " steps"]:
    """Gives the mean accuracy of a class with its n best units alone, or without them, n = 0 .. all.

    Args:
        without: Logits with sets of units silenced.
        logits: The intact network's, from which the accuracy with all units is told, so that rounding decides no tie there.
        labels: The right answers.
        rank_present: What is on the rank images; says which concepts belong to a class.
        rank_labels: Their classes.
        rank_alignment: Orders the units.
        keep: Whether the n best units are kept or removed.

    Returns:
        units + 1 accuracies in [0, 1]; `nan` where no class has a concept of its own. Classes on none or all of the images
        are left out.
    """
    labels, zero = labels[: without.n_images], torch.zeros_like(rank_alignment[:, 0])
    own = owners(rank_present, rank_labels, labels)
    if not own:
        return torch.full((len(zero) + 1,), torch.nan, device=zero.device)
    merit = torch.stack([rank_alignment[:, concepts].nan_to_num(-1).amax(dim=1) for concepts in own.values()])
    best_first = merit.argsort(dim=1, descending=True, stable=True)
    orders = best_first.flip(1) if keep else best_first  # the last of an order comes back first
    found = accuracy_returning(without, labels, list(own), orders, zero)
    found[:, -1] = accuracy_of_each(logits[: len(labels)], labels)[list(own)]
    mean = found.mean(dim=0)
    return mean if keep else mean.flip(0)


def accuracy_of_each(
    logits: Float[Tensor, "images classes"], labels: Int[Tensor, "images *classes"]
) -> Float[Tensor, " classes"]:
    """Gives `one_vs_rest` of every class."""
    if labels.ndim == 2:
        said = (logits > 0).T
    else:
        best = logits == logits.amax(dim=1, keepdim=True)
        said = (best.double() / best.sum(dim=1, keepdim=True)).T
    return balanced(said, members_of(labels, torch.arange(len(said), device=labels.device))).to(exact(logits))


def accuracy_returning(
    without: Without,
    labels: Int[Tensor, "images *classes"],
    told: Sequence[int],
    orders: Int[Tensor, "told units"],
    values: Float[Tensor, " units"],
) -> Float[Tensor, "told steps"]:
    """Gives `one_vs_rest` of each class that is told, with all units silenced and after each comes back in the class's order."""
    if labels.ndim == 2:
        each = zip(told, orders, strict=True)
        back = [[one_vs_rest(now, labels, label) for now in without.returning(order, values)] for label, order in each]
        return torch.stack([torch.stack(one) for one in back])
    about = torch.tensor(told, device=labels.device)[:, None].expand(-1, len(labels))
    return ((1 + share_returning(without, orders, values, about, contrast(about == labels))) / 2).to(exact(values))


METRIC = Metric(
    "A class with only its best units, and without them",
    axes=("curve",),
    bounds={"curve_keep": (0, 1), "curve_remove": (0, 1)},
    columns={"curve_keep": partial(class_curve, keep=True), "curve_remove": partial(class_curve, keep=False)},
    chance=".5",
    ceiling="1",
    sets=True,
)
