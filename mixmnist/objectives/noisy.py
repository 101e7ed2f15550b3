"""Noisy: each label replaced, with probability q, by that of another training canvas.

What replaces a label is drawn with the frequencies of the classes, so it is the right one now and then. q = 0 is the task; at
q = 1 nothing can be learned.

Source:
    A. Morcos et al. (2018), "On the importance of single directions for generalization", arXiv:1803.06959.
    Differs: they draw the replacement uniformly over the classes, which is not to be had where these do not exclude each other.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from mixmnist.core.records import Objective, require
from mixmnist.core.seeding import derive


def prepare(
    images: UInt8[Tensor, "copies images rows cols"],
    labels: Int[Tensor, "copies images *classes"],
    seeds: Sequence[int],
    q: float | int = 0.5,
) -> tuple[UInt8[Tensor, "copies images rows cols"], Int[Tensor, "copies images *classes"]]:
    """Replaces labels, each copy's by draws from its seed. A larger q replaces those that a smaller one does, and more.

    Args:
        images: Each copy's canvases; they stay.
        labels: Their classes.
        seeds: One a copy.
        q: Share of the labels that are drawn anew, 0 to 1.

    Raises:
        ValueError: If q is no such share.

    Example:
        >>> images, labels = torch.zeros(1, 6, 1, 1, dtype=torch.uint8), torch.arange(6)[None]
        >>> prepare(images, labels, seeds=(0,), q=0.0)[1].tolist()
        [[0, 1, 2, 3, 4, 5]]
    """
    require(0 <= q <= 1, f"q must lie between 0 and 1, got q={q}.")
    replaced = []
    for own, seed in zip(labels, seeds, strict=True):
        generator = torch.Generator().manual_seed(derive(seed, "noise"))
        chosen = (torch.rand(len(own), generator=generator) < q).to(own.device)
        others = torch.randint(len(own), (len(own),), generator=generator).to(own.device)
        replaced.append(own[torch.where(chosen, others, torch.arange(len(own), device=own.device))])
    return images, torch.stack(replaced)


OBJECTIVE = Objective("Labels replaced with probability q", prepare, settings={"q": 0.5})
