"""Adversarial: the task's labels; each batch's images are replaced by those of an attack on the net as it is then.

The attack is PGD from a random start in the ball of largest change eps, and the net is in eval mode under it, so that it moves
no statistics of batch norm and no dropout; the step is then taken on the attacked images alone.

Source:
    A. Madry et al. (2018), "Towards Deep Learning Models Resistant to Adversarial Attacks", arXiv:1706.06083.
    Differs: fewer steps, as they cost as much as the training itself each.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import Objective
from mixmnist.objectives._attacks import Ball, in_eval_mode, pgd, random_start


def prepare(
    images: Tensor,
    labels: Tensor,
    seeds: Sequence[int],
    eps: float | int = 0.05,
    steps: int | float = 3,
    relative_step: float | int = 0.5,
) -> tuple[Tensor, Tensor]:
    """Gives images and labels as they are.

    Args:
        images: Each copy's canvases.
        labels: Their classes.
        seeds: One a copy.
        eps: Largest change of a pixel by the attack, 0 to 1.
        steps: Of the attack, 1 or more.
        relative_step: Length of each, as a share of eps, above 0.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> prepare(torch.zeros(1), torch.zeros(1), (0,), eps=2)
        Traceback (most recent call last):
        ...
        ValueError: eps must lie between 0 and 1, the range of a pixel, got eps=2. Use 0.1, say.
    """
    Ball(eps, steps, relative_step)
    return images, labels


def view(
    images: Float[Tensor, "batch copies rows cols"],
    targets: Tensor,
    module: nn.Module,
    generators: Sequence[torch.Generator],
    eps: float | int = 0.05,
    steps: int | float = 3,
    relative_step: float | int = 0.5,
) -> Float[Tensor, "batch copies rows cols"]:
    """Replaces a batch's images by those of an attack, each copy's by an attack on that copy.

    Args:
        images: In [0, 1].
        targets: [batch, copies], or with 0 or 1 for each class behind.
        module: Gives logits [batch, copies, classes].
        generators: One a copy, which draws where its attack begins.
        eps: As for `prepare`.
        steps: As for `prepare`.
        relative_step: As for `prepare`.

    Example:
        >>> bright = lambda: torch.nn.Sequential(torch.nn.Flatten(2), torch.nn.Linear(4, 2))
        >>> images, generator = torch.rand(3, 1, 2, 2), torch.Generator().manual_seed(0)
        >>> found = view(images, torch.zeros(3, 1).long(), bright(), [generator], eps=0.25)
        >>> bool(((found - images).abs() <= 0.25 + 1e-6).all()), torch.equal(found, images)
        (True, False)
    """
    starts = [random_start(images[:, copy], eps, generator) for copy, generator in enumerate(generators)]
    with in_eval_mode(module):
        return pgd(module, images, targets, Ball(eps, steps, relative_step), start=torch.stack(starts, dim=1), keep=False)


OBJECTIVE = Objective(
    "The task's labels, on images that an attack on the net has changed",
    prepare,
    settings={"eps": 0.05, "steps": 3, "relative_step": 0.5},
    view=view,
)
