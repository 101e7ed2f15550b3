"""Vaegan: a generator that draws canvases of the codes that an encoder finds, while a critic looks at what random codes give.

`penalty` is the strength of the critic's two penalties, asked for at one step in `every`; `weight` how many nats its word counts.

Source:
    A. Larsen et al. (2016), "Autoencoding beyond pixels using a learned similarity metric", arXiv:1512.09300. Differs: canvases
    are compared by pixels; the critic is relativistic; the generator is the one that all of ours share; averaged weights.
"""

from types import MappingProxyType

from mixmnist.core.dissecting import Generator
from mixmnist.core.entries import Number
from mixmnist.core.records import Canvas
from mixmnist.dissect.fitting import Lesson
from mixmnist.dissect.generators._adversarial import untrained
from mixmnist.dissect.generators._drawing_net import LAYERS, Drawing
from mixmnist.dissect.generators._encoding import SETTINGS, encoded
from mixmnist.training import Outcome


def build(canvas: Canvas, seed: int, **settings: Number) -> Drawing:
    """Makes one, untrained."""
    return untrained(canvas, seed, settings)


def train(lesson: Lesson, **settings: Number) -> list[tuple[Drawing, Outcome]]:
    """Trains one a seed."""
    return encoded(lesson, True, settings)


GENERATOR = Generator(
    "An encoder finds its codes, and a critic looks on",
    build,
    LAYERS,
    "layer1",
    train=train,
    settings=MappingProxyType({**SETTINGS, "penalty": 0.1, "every": 4, "weight": 10.0}),
)
