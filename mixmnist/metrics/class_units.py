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
from mixmnist.metrics._decisions import accuracies_of, groups
from mixmnist.metrics.group_drop import groups as detector_groups

CHUNK = 2**20  # logits held at once


def class_concepts(
    present: Bool[Tensor, "images concepts"], labels: Int[Tensor, "images *classes"]
) -> dict[int, Bool[Tensor, " concepts"]]:
    """Gives the concepts that are on every image of a class, for each class that has any.

    Example:
        >>> present = torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()
        >>> {label: found.int().tolist() for label, found in class_concepts(present, torch.tensor([4, 4, 7, 7])).items()}
        {4: [1, 0, 0], 7: [0, 0, 1]}
    """
    known = labels.unique() if labels.ndim == 1 else torch.arange(labels.shape[1], device=labels.device)
    member = groups(labels)
    sizes = member.sum(dim=0)
    always = (member.T.double() @ present.double() == sizes[:, None]) & (sizes > 0)[:, None]  # classes concepts
    rows = zip(known.tolist(), always, always.any(dim=1).tolist(), strict=True)
    return {label: found for label, found, some in rows if some}


def owners(
    rank_present: Bool[Tensor, "rank_images concepts"],
    rank_labels: Int[Tensor, "rank_images *classes"],
    labels: Int[Tensor, "images *classes"],
) -> dict[int, Bool[Tensor, " concepts"]]:
    """Gives the concepts of each class that has any, and images to be told from others among those that are scored."""
    found = class_concepts(rank_present, rank_labels)
    told = torch.tensor(list(found), dtype=torch.int64, device=labels.device)
    shares = (labels[:, told] > 0 if labels.ndim == 2 else labels[:, None] == told).double().mean(dim=0).tolist()
    return {label: concepts for (label, concepts), share in zip(found.items(), shares, strict=True) if 0 < share < 1}


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
    labels = labels[: without.n_images]
    own = owners(rank_present, rank_labels, labels)
    if not own:
        return torch.tensor(torch.nan)
    concepts, told = torch.stack(list(own.values())), torch.tensor(list(own), device=labels.device)
    whole = _all_detected(detects, concepts)
    if not whole.any():
        return torch.tensor(torch.nan)
    gone = silenced((concepts[whole].float() @ detects.T.float()) > 0)  # classes units
    about = told[whole]
    first = without(gone[:1], values)
    step = max(1, CHUNK // (len(labels) * max(first.shape[2], len(values))))
    found = [accuracies_of(first, labels, about[:1])]
    rest = zip(gone[1:].split(step), about[1:].split(step), strict=True) if len(gone) > 1 else ()
    return torch.cat([*found, *(accuracies_of(without(some, values), labels, which) for some, which in rest)]).mean()


def _all_detected(
    detects: Bool[Tensor, "units concepts"], concepts: Bool[Tensor, "classes concepts"]
) -> Bool[Tensor, " classes"]:
    """Says of which classes every concept has a detector."""
    return (detects.any(dim=0) | ~concepts).all(dim=1)


def _n_classes(
    rank_present: Bool[Tensor, "rank_images concepts"],
    rank_labels: Int[Tensor, "rank_images *classes"],
    rank_alignment: Float[Tensor, "units concepts"],
) -> Float[Tensor, ""]:
    own = class_concepts(rank_present, rank_labels)
    whole = _all_detected(detector_groups(rank_alignment), torch.stack(list(own.values()))) if own else torch.zeros(0)
    return whole.sum().float()


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
