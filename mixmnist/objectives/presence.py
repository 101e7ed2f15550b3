"""Presence: ten answers, which digits are on the canvas, whatever the task's classes are; a head for the task is fitted after it.

The net is told of digits outright, not of pairs of them: a ceiling beside the pretexts, which are told of none.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from mixmnist.core.records import Objective, require

DIGITS = 10


def prepare(
    images: UInt8[Tensor, "copies images rows cols"], present: Int[Tensor, "copies images concepts"], seeds: Sequence[int]
) -> tuple[UInt8[Tensor, "copies images rows cols"], Int[Tensor, "copies images digits"]]:
    """Gives canvases, and for each digit 1 where it is there and 0 where it is not.

    Args:
        images: Each copy's canvases.
        present: 1 for each concept of the task that is there, 0 for the others; concepts are the ten digits, or the first few.
        seeds: Not used: nothing is drawn.

    Raises:
        ValueError: If the task has more concepts than digits.

    Example:
        >>> _, targets = prepare(torch.zeros(1, 1, 4, 4, dtype=torch.uint8), torch.tensor([[[0, 1]]]), seeds=(0,))
        >>> targets.tolist()
        [[[0, 1, 0, 0, 0, 0, 0, 0, 0, 0]]]
    """
    n = present.shape[2]
    require(n <= DIGITS, f"concepts must be at most the {DIGITS} digits for the objective presence, got {n}. Choose another.")
    return images, torch.nn.functional.pad(present, (0, DIGITS - n))


OBJECTIVE = Objective("Which digits are there (a head for the task is fitted)", prepare, outputs=DIGITS, truth="present")
