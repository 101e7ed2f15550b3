"""Class units: what is left of a class when only the detectors of its concepts are kept, or when only they are removed.

Measured by the class's balanced one-vs-rest accuracy, chance .5, averaged over the classes all of whose concepts have a
detector (alignment of .80 or more on the rank images). A class's concepts are those on every one of its rank images.

Formula: mean over classes y of (share of y's images given to y + share of the others not given to y) / 2; in [0, 1].
Ties: right classes that tie for the largest logit count 1/t.
Dead units: no one's detectors.
Cost: by the head's algebra, classes x groups of units, n x classes logits each.

Source:
    D. Bau et al. (2020), "Understanding the role of individual units in a deep neural network", PNAS 117(48).
    Differs: units are chosen by the concepts of the class, not by their effect on it.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.readout import Without
from mixmnist.core.records import Metric
from mixmnist.metrics._decisions import groups, one_vs_rest
from mixmnist.metrics.group_drop import groups as detector_groups


def class_concepts(
    present: Bool[Tensor, "images concepts"], labels: Int[Tensor, "images *classes"]
) -> dict[int, Bool[Tensor, " concepts"]]:
    """Gives the concepts that are on every image of a class, for each class that has any.

    Example:
        >>> present = torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()
        >>> {label: found.int().tolist() for label, found in class_concepts(present, torch.tensor([4, 4, 7, 7])).items()}
        {4: [1, 0, 0], 7: [0, 0, 1]}
    """
    known = labels.unique().tolist() if labels.ndim == 1 else range(labels.shape[1])
    always = {label: present[member].all(dim=0) for label, member in zip(known, groups(labels).T, strict=True) if member.any()}
    return {label: found for label, found in always.items() if found.any()}


def owners(
    rank_present: Bool[Tensor, "rank_images concepts"],
    rank_labels: Int[Tensor, "rank_images *classes"],
    labels: Int[Tensor, "images *classes"],
) -> dict[int, Bool[Tensor, " concepts"]]:
    """Gives the concepts of each class that has any, and images to be told from others among those that are scored."""
    found = class_concepts(rank_present, rank_labels)
    shares = {label: (labels[:, label] > 0 if labels.ndim == 2 else labels == label).float().mean() for label in found}
    return {label: concepts for label, concepts in found.items() if 0 < shares[label] < 1}


def _accuracy(
    without: Without,
    labels: Int[Tensor, "images *classes"],
    rank_present: Bool[Tensor, "rank_images concepts"],
    rank_labels: Int[Tensor, "rank_images *classes"],
    rank_alignment: Float[Tensor, "units concepts"],
    rank_mean: Float[Tensor, "rank_images units"],
    silenced: Callable[[Tensor], Tensor],
    share: float,
) -> Float[Tensor, ""]:
    """Averages the classes' accuracies, a function of the class's units giving those that are silenced."""
    detects, values = detector_groups(rank_alignment), share * rank_mean.mean(dim=0)
    labels, found = labels[: without.n_images], []
    for label, concepts in owners(rank_present, rank_labels, labels).items():
        if detects[:, concepts].any(dim=0).all():
            gone = silenced(detects[:, concepts].any(dim=1))
            found.append(one_vs_rest(without(gone[None], values)[0], labels, label))
    return torch.stack(found).mean() if found else torch.tensor(torch.nan)


def _n_classes(
    rank_present: Bool[Tensor, "rank_images concepts"],
    rank_labels: Int[Tensor, "rank_images *classes"],
    rank_alignment: Float[Tensor, "units concepts"],
) -> Float[Tensor, ""]:
    detects = detector_groups(rank_alignment).any(dim=0)
    return torch.tensor(float(sum(bool(detects[c].all()) for c in class_concepts(rank_present, rank_labels).values())))


METRIC = Metric(
    "A class with only the detectors of its concepts, and without them",
    axes=(),
    bounds={
        "classes_with_detectors": (0, math.inf),
        **{f"class_accuracy{end}": (0, 1) for end in ("", "_kept", "_kept_mean", "_removed", "_removed_mean")},
    },
    columns={
        "classes_with_detectors": _n_classes,
        "class_accuracy": partial(_accuracy, silenced=torch.zeros_like, share=0.0),
        "class_accuracy_kept": partial(_accuracy, silenced=torch.logical_not, share=0.0),
        "class_accuracy_kept_mean": partial(_accuracy, silenced=torch.logical_not, share=1.0),
        "class_accuracy_removed": partial(_accuracy, silenced=torch.clone, share=0.0),
        "class_accuracy_removed_mean": partial(_accuracy, silenced=torch.clone, share=1.0),
    },
    chance=".5",
    ceiling="1",
    sets=True,
    aside=("classes_with_detectors",),
)
