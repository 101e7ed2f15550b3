"""Painter: ten units, each of which draws one digit. Unit d holds the ink of digit d, and nothing else does.

On 1,000 canvases read exactly: IoU of each unit with its digit 1.000 by the matched threshold; without the unit the digit is
gone and all else as it was (clean removal 1.000); written into a legal empty place, it draws the digit there and changes nothing
else. Its map is 0 or 1 on cells of 2 x 2 pixels, which linear upscaling leaves above .5 inside the ink and below .5 outside.
"""

import torch

from mixmnist.core.dissecting import Generator
from mixmnist.core.records import Canvas
from mixmnist.dissect.planted._painting import LAYER, Painting, each_its_own


def build(canvas: Canvas, seed: int) -> Painting:
    """Builds the generator; there is only one."""
    del seed
    return Painting(canvas, torch.eye(10), torch.eye(10))


def truth(seed: int) -> dict[int, tuple[int, ...]]:
    """Gives the units that draw each digit."""
    del seed
    return each_its_own()


GENERATOR = Generator("ten units that draw a digit each", build, (LAYER,), LAYER, truth=truth, source="stamps")
