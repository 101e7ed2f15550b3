"""Concept drop: accuracy lost without the unit on the images that show a concept; and how much more than on the others.

Accuracy before minus accuracy after, the unit's map silenced to zero. Removing a perfect digit detector hurts exactly the images
that show its digit, nine of the 45 pair classes. Where classes do not exclude each other, a decision keeps the weight w that it
has in the overall accuracy, and the drop is the weighted mean over the decisions on such images. So the overall drop is the mean
of both parts, weighted by the sums of their w.

Formula: sum of w x (right before - right after) / sum of w, over the decisions on images with the concept, w = 1 for one class of
    many; in [-1, 1]; `damage_selectivity`: that minus the same over the others, within -2 and 2.
Ties: right classes that tie for the largest logit count 1/t.
Dead units: 0: nothing is lost.
Cost: a product of units x n and n x concepts, after `correct`.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._decisions import per_decision, weights_of
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
    lost, weight, shows = _decisions(correct, correct_without, present, labels)
    return _drop_over(lost, weight, shows).masked_fill(dead[:, None] | undecided(present), float("nan"))


def damage_selectivity(
    correct: Float[Tensor, "1 decisions"],
    correct_without: Float[Tensor, "units decisions"],
    present: Bool[Tensor, "images concepts"],
    labels: Int[Tensor, "images *classes"],
    dead: Bool[Tensor, " units"],
) -> Float[Tensor, "units concepts"]:
    """Gives the drop over the images that show the concept minus the drop over the others, in [-2, 2]."""
    lost, weight, shows = _decisions(correct, correct_without, present, labels)
    more = _drop_over(lost, weight, shows) - _drop_over(lost, weight, ~shows)
    return more.masked_fill(dead[:, None] | undecided(present), float("nan"))


def _decisions(correct: Tensor, correct_without: Tensor, present: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gives what each unit's absence costs each decision, its weight, and what is on its image; of the images it was tried on."""
    some = labels[: correct.shape[1] // labels[0].numel()]
    return correct - correct_without, weights_of(some).to(correct), per_decision(present[: len(some)], some)


def _drop_over(
    lost: Float[Tensor, "units decisions"], weight: Float[Tensor, " decisions"], chosen: Bool[Tensor, "decisions concepts"]
) -> Float[Tensor, "units concepts"]:
    member = chosen.to(lost)
    return lost @ member / (weight @ member)


METRIC = Metric(
    "Accuracy drop on the concept's images",
    axes=("units", "concepts"),
    columns={"concept_drop": concept_drop, "damage_selectivity": damage_selectivity},
    chance="the overall drop; 0 for the difference",
    ceiling="the intact accuracy",
)
