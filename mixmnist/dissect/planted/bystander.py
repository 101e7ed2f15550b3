"""Bystander: ten painters, and unit 10, which answers to 1 and to 4 and goes nowhere.

It looks like half a unit of either digit. Its IoU is .31 with 1 and .36 with 4 by the matched threshold, where half of the pixels
of a tie count, and .48 and .52 by the information threshold, where all of them do. Without it every canvas is what it was.
"""

from mixmnist.core.dissecting import Generator
from mixmnist.core.records import Canvas
from mixmnist.dissect.planted._painting import LAYER, Painting, each_its_own, with_further

SEEN = (1, 4)


def build(canvas: Canvas, seed: int) -> Painting:
    """Builds the generator; there is only one."""
    del seed
    return Painting(canvas, *with_further(SEEN, 0.0))


def truth(seed: int) -> dict[int, tuple[int, ...]]:
    """Gives the units that draw each digit: the bystander draws none."""
    del seed
    return each_its_own()


GENERATOR = Generator("ten painters, and an idle unit for two digits", build, (LAYER,), LAYER, truth=truth, source="stamps")
