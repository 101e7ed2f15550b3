"""Twins: ten painters, and unit 10, which draws 7 as well as unit 7 does. Each alone is enough.

Without one of them 7 is drawn as before (clean removal 0); without both it is gone (1.000). Their maps are added up and cut at 1,
so that no gradient goes through either of them: what follows gradients cannot find them.
"""

from mixmnist.core.dissecting import Generator
from mixmnist.core.records import Canvas
from mixmnist.dissect.planted._painting import LAYER, Painting, each_its_own, with_further

SHARED = 7


def build(canvas: Canvas, seed: int) -> Painting:
    """Builds the generator; there is only one."""
    del seed
    return Painting(canvas, *with_further([SHARED], 1.0))


def truth(seed: int) -> dict[int, tuple[int, ...]]:
    """Gives the units that draw each digit: both twins draw theirs."""
    del seed
    return each_its_own({SHARED: (SHARED, 10)})


GENERATOR = Generator("ten painters, one of which has a twin", build, (LAYER,), LAYER, truth=truth, source="stamps")
