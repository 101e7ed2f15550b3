"""Shuffled: labels permuted over the training canvases, as many of each class, none learnable; a control.

Source:
    C. Zhang et al. (2017), "Understanding deep learning requires rethinking generalization", arXiv:1611.03530.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from mixmnist.core.records import Objective
from mixmnist.core.seeding import derive


def prepare(
    images: UInt8[Tensor, "copies images rows cols"], labels: Int[Tensor, "copies images *classes"], seeds: Sequence[int]
) -> tuple[UInt8[Tensor, "copies images rows cols"], Int[Tensor, "copies images *classes"]]:
    """Permutes each copy's labels over its images, by a permutation from its seed.

    Example:
        >>> images, labels = torch.zeros(2, 4, 1, 1, dtype=torch.uint8), torch.arange(4).repeat(2, 1)
        >>> prepare(images, labels, seeds=(0, 1))[1].sort(dim=1).values
        tensor([[0, 1, 2, 3],
                [0, 1, 2, 3]])
    """
    permuted = []
    for own, seed in zip(labels, seeds, strict=True):
        order = torch.randperm(len(own), generator=torch.Generator().manual_seed(derive(seed, "shuffle")))
        permuted.append(own[order.to(own.device)])
    return images, torch.stack(permuted)


OBJECTIVE = Objective("Labels permuted over the training canvases", prepare)
