"""Vae: a generator that draws canvases of codes which an encoder finds in them; only the generator is kept.

Source:
    D. Kingma & M. Welling (2014), "Auto-Encoding Variational Bayes", arXiv:1312.6114. Differs: the generator is the one that all
    of ours share; the weight of the code grows from 0; averaged weights.
"""

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
    return encoded(lesson, False, settings)


GENERATOR = Generator(
    "An encoder finds its codes",
    build,
    LAYERS,
    "layer1",
    train=train,
    settings=SETTINGS,
)
