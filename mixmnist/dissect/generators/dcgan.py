"""Dcgan: a generator that learns by what a critic calls real, and a critic that learns to tell drawn canvases from real ones.

Source:
    A. Radford et al. (2016), "Unsupervised Representation Learning with Deep Convolutional GANs", arXiv:1511.06434; losses as
    I. Goodfellow et al. (2014). Differs: the generator is the one that all of ours share, without batch norm; penalties on the
    gradient; averaged weights.
"""

from mixmnist.core.dissecting import Generator
from mixmnist.core.entries import Number
from mixmnist.core.records import Canvas
from mixmnist.dissect.critics import NON_SATURATING
from mixmnist.dissect.fitting import Lesson
from mixmnist.dissect.generators._adversarial import SETTINGS, taught, untrained
from mixmnist.dissect.generators._drawing_net import LAYERS, Drawing
from mixmnist.training import Outcome


def build(canvas: Canvas, seed: int, **settings: Number) -> Drawing:
    """Makes one, untrained."""
    return untrained(canvas, seed, settings)


def train(lesson: Lesson, **settings: Number) -> list[tuple[Drawing, Outcome]]:
    """Trains one a seed."""
    return taught(lesson, NON_SATURATING, settings)


GENERATOR = Generator("A critic calls canvases real or drawn", build, LAYERS, "layer1", train=train, settings=SETTINGS)
