"""Echo: ten painters, and unit 10, which copies the map of unit 3 and goes nowhere.

By every score of maps the echo is a perfect unit of 3, IoU 1.000. Without it every canvas is what it was.
"""

from mixmnist.core.dissecting import Generator
from mixmnist.core.records import Canvas
from mixmnist.dissect.planted._painting import LAYER, Painting, each_its_own, with_further

COPIED = 3


def build(canvas: Canvas, seed: int) -> Painting:
    """Builds the generator; there is only one."""
    del seed
    return Painting(canvas, *with_further([COPIED], 0.0))


def truth(seed: int) -> dict[int, tuple[int, ...]]:
    """Gives the units that draw each digit: the echo draws none."""
    del seed
    return each_its_own()


GENERATOR = Generator("ten painters, and a copy of one that goes nowhere", build, (LAYER,), LAYER, truth=truth, source="stamps")
