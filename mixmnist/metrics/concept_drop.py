"""Concept drop: accuracy lost without the unit on the images that show a concept; and how much more than on the others.

Accuracy before minus accuracy after, the unit's map silenced to zero. Removing a perfect digit detector hurts exactly the images
that show its digit, nine of the 45 pair classes. Where classes do not exclude each other an image counts as it does in the
overall accuracy, so that the overall drop is the mean of both parts, weighted by their images.

Formula: mean of correct before minus correct after over the images with the concept; `damage_selectivity`: that minus the same
    over the others; in [-1, 1].
Ties: right classes that tie for the largest logit count 1/t.
Dead units: 0: nothing is lost.
Cost: a product of units x n and n x concepts, after `correct`.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._decisions import per_decision
from mixmnist.metrics._ranking import undecided


def concept_drop(
    correct: Float[Tensor, "1 decisions"],
    correct_without: Float[Tensor, "units decisions"],
    present: Bool[Tensor, "images concepts"],
    labels: Int[Tensor, "images *classes"],
    dead: Bool[Tensor, " units"],
) -> Float[Tensor, "units concepts"]:
    """Gives the accuracy drop over the images that show the concept, in [-1, 1]; `nan` for a dead unit.

    Example:
        >>> import torch
        >>> intact, without = torch.ones(1, 4), torch.tensor([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]])
        >>> present = torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()
        >>> concept_drop(intact, without, present, torch.arange(4), torch.tensor([False, False]))
        tensor([[1.0000, 0.0000, 0.3333],
                [0.0000, 1.0000, 0.3333]])
    """
    shows = per_decision(present, labels)[: correct.shape[1]]
    return _drop_over(correct, correct_without, shows, dead, undecided(present))


def damage_selectivity(
    correct: Float[Tensor, "1 decisions"],
    correct_without: Float[Tensor, "units decisions"],
    present: Bool[Tensor, "images concepts"],
    labels: Int[Tensor, "images *classes"],
    dead: Bool[Tensor, " units"],
) -> Float[Tensor, "units concepts"]:
    """Gives the drop over the images that show the concept minus the drop over the others, in [-2, 2]."""
    blank, shows = undecided(present), per_decision(present, labels)[: correct.shape[1]]
    inside = _drop_over(correct, correct_without, shows, dead, blank)
    return inside - _drop_over(correct, correct_without, ~shows, dead, blank)


def _drop_over(correct: Tensor, correct_without: Tensor, chosen: Tensor, dead: Tensor, blank: Tensor) -> Tensor:
    member = chosen.to(correct.dtype)
    drops = (correct - correct_without) @ member / member.sum(dim=0)  # units concepts
    return drops.masked_fill(dead[:, None] | blank, float("nan"))


METRIC = Metric(
    "Accuracy drop on the concept's images",
    axes=("units", "concepts"),
    columns={"concept_drop": concept_drop, "damage_selectivity": damage_selectivity},
    chance="the overall drop; 0 for the difference",
    ceiling="the intact accuracy",
)
