"""Gate: ten painters, and unit 10, which is 1 everywhere; without it 5 is not drawn.

Set to zero, the gate takes every 5 away and nothing else (clean removal 1.000), though its map says nothing of 5: a constant map
is as much on a digit's ink as the digit's ink is of all pixels. Its IoU is about .008 by the matched threshold, at which as many
pixels of the tie count as the ink has, and twice that where all pixels count. Set to its mean, or to another canvas's map, it
changes nothing: it is always what it is. By the information threshold, at which all pixels fire or none, it scores nothing.
"""

import torch

from mixmnist.core.dissecting import Generator
from mixmnist.core.records import Canvas
from mixmnist.dissect.planted._painting import LAYER, Painting, each_its_own, with_further

GATED = 5


def build(canvas: Canvas, seed: int) -> Painting:
    """Builds the generator; there is only one."""
    del seed
    mixing, back = with_further([GATED], 1.0)
    mixing[-1] = 0
    offset, bias = torch.zeros(11), torch.zeros(10)
    offset[-1], bias[GATED] = 1, -1
    return Painting(canvas, mixing, back, offset, bias)


def truth(seed: int) -> dict[int, tuple[int, ...]]:
    """Gives the units that draw each digit: of the gated one its painter and the gate, for without either it is not drawn."""
    del seed
    return each_its_own({GATED: (GATED, 10)})


GENERATOR = Generator("ten painters, one of which needs a constant unit", build, (LAYER,), LAYER, truth=truth, source="stamps")
