"""Concept drop: accuracy lost without the unit on the images that show a concept; and how much more than on the others.

Accuracy before minus accuracy after, the unit's map silenced to zero. Removing a perfect digit detector hurts exactly the images
that show its digit, nine of the 45 pair classes.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._ranking import undecided


def concept_drop(
    correct: Float[Tensor, "1 images"],
    correct_without: Float[Tensor, "units images"],
    present: Bool[Tensor, "images concepts"],
    dead: Bool[Tensor, " units"],
) -> Float[Tensor, "units concepts"]:
    """Gives the accuracy drop over the images that show the concept, in [-1, 1]; `nan` for a dead unit.

    Example:
        >>> import torch
        >>> intact, without = torch.ones(1, 4), torch.tensor([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]])
        >>> present = torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()
        >>> concept_drop(intact, without, present, torch.tensor([False, False]))
        tensor([[1.0000, 0.0000, 0.3333],
                [0.0000, 1.0000, 0.3333]])
    """
    return _drop_over(correct, correct_without, present, dead, undecided(present))


def damage_selectivity(
    correct: Float[Tensor, "1 images"],
    correct_without: Float[Tensor, "units images"],
    present: Bool[Tensor, "images concepts"],
    dead: Bool[Tensor, " units"],
) -> Float[Tensor, "units concepts"]:
    """Gives the drop over the images that show the concept minus the drop over the others, in [-2, 2]."""
    blank = undecided(present)
    inside = _drop_over(correct, correct_without, present, dead, blank)
    return inside - _drop_over(correct, correct_without, ~present, dead, blank)


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
