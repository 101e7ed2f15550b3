"""Rotation: a pretext; each canvas is turned by 0, 90, 180 or 270 degrees, and the net is asked by which.

After it a linear head for the task is fitted on the frozen units; accuracy is then that of linear evaluation.

Source:
    S. Gidaris, P. Singh, N. Komodakis (2018), "Unsupervised representation learning by predicting image rotations",
    arXiv:1803.07728.
    Differs: a canvas is shown under one of its four rotations, drawn once, not under all four in every batch.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from mixmnist.core.records import Objective
from mixmnist.core.seeding import derive

TURNS = 4  # of 90 degrees


def prepare(
    images: UInt8[Tensor, "copies images rows cols"],
    labels: Tensor,
    seeds: Sequence[int],
) -> tuple[UInt8[Tensor, "copies images rows cols"], Int[Tensor, "copies images"]]:
    """Turns each canvas counter-clockwise by a multiple of 90 degrees that is drawn from its copy's seed.

    Returns:
        The turned canvases, and the number of turns of each, 0 to 3.

    Example:
        >>> images = torch.tensor([[[[1, 0], [0, 0]]]], dtype=torch.uint8)
        >>> turned, turns = prepare(images, torch.zeros(1, 1), seeds=(3,))
        >>> bool((turned[0, 0] == images[0, 0].rot90(int(turns))).all())
        True
    """
    draws = [
        torch.randint(TURNS, (images.shape[1],), generator=torch.Generator().manual_seed(derive(seed, "rotation")))
        for seed in seeds
    ]
    turns = torch.stack(draws).to(images.device)  # copies images
    turned = images.clone()
    for turn in range(1, TURNS):
        turned[turns == turn] = images[turns == turn].rot90(turn, dims=(1, 2))
    return turned, turns


OBJECTIVE = Objective("By how many quarters the canvas is turned (a pretext)", prepare, outputs=TURNS)
