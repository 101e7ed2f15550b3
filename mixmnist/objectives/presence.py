"""Presence: ten answers, which digits are on the canvas, whatever the task's classes are; a head for the task is fitted after it.

The net is told of digits outright, not of pairs of them: a ceiling beside the pretexts, which are told of none.
"""

from collections.abc import Sequence

from jaxtyping import Int, UInt8
from torch import Tensor

from mixmnist.core.records import Objective


def prepare(
    images: UInt8[Tensor, "copies images rows cols"], present: Int[Tensor, "copies images concepts"], seeds: Sequence[int]
) -> tuple[UInt8[Tensor, "copies images rows cols"], Int[Tensor, "copies images concepts"]]:
    """Gives canvases, and for each digit 1 where it is there and 0 where it is not."""
    return images, present


OBJECTIVE = Objective("Which digits are there (a head for the task is fitted)", prepare, outputs=10, truth="present")
