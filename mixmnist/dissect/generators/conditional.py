"""Conditional: a generator that is told which two digits to draw, against a critic that knows what was asked for.

Its code ends in two times ten numbers, 1 for a digit that is asked for, else 0. The two canvases that the critic compares were
asked for the same.

Source:
    M. Mirza & S. Osindero (2014), arXiv:1411.1784; T. Miyato & M. Koyama (2018), arXiv:1802.05637. Differs: what is asked for are
    two digits at once; losses are relativistic (Y. Huang et al., 2024, arXiv:2501.05441).
"""

from types import MappingProxyType

from mixmnist.core.dissecting import Generator
from mixmnist.core.entries import Number
from mixmnist.core.records import Canvas
from mixmnist.dissect.critics import RELATIVISTIC
from mixmnist.dissect.fitting import Lesson
from mixmnist.dissect.generators._adversarial import SETTINGS, Asked, taught, untrained
from mixmnist.dissect.generators._drawing_net import LAYERS, Drawing
from mixmnist.training import Outcome

ASKED = MappingProxyType({**SETTINGS, "kinds": 10})  # kinds are the digits


def build(canvas: Canvas, seed: int, **settings: Number) -> Drawing:
    """Makes one, untrained."""
    return untrained(canvas, seed, settings, Asked)


def train(lesson: Lesson, **settings: Number) -> list[tuple[Drawing, Outcome]]:
    """Trains one a seed."""
    return taught(lesson, RELATIVISTIC, settings, Asked)


GENERATOR = Generator("Told which two digits; its critic compares", build, LAYERS, "layer1", train=train, settings=ASKED)
