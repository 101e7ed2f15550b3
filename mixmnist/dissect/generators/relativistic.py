"""Relativistic: a generator and a critic that is asked which of two canvases, a real and a drawn one, is the real one.

Source:
    Y. Huang et al. (2024), "The GAN is dead; long live the GAN!" (R3GAN), arXiv:2501.05441. Differs: the generator is the one
    that all of ours share; the penalties are asked for at one step in four; averaged weights.
"""

from mixmnist.core.dissecting import Generator
from mixmnist.core.entries import Number
from mixmnist.core.records import Canvas
from mixmnist.dissect.critics import RELATIVISTIC
from mixmnist.dissect.fitting import Lesson
from mixmnist.dissect.generators._adversarial import SETTINGS, taught, untrained
from mixmnist.dissect.generators._drawing_net import LAYERS, Drawing
from mixmnist.training import Outcome


def build(canvas: Canvas, seed: int, **settings: Number) -> Drawing:
    """Makes one, untrained."""
    return untrained(canvas, seed, settings)


def train(lesson: Lesson, **settings: Number) -> list[tuple[Drawing, Outcome]]:
    """Trains one a seed."""
    return taught(lesson, RELATIVISTIC, settings)


GENERATOR = Generator("A critic compares a real with a drawn canvas", build, LAYERS, "layer1", train=train, settings=SETTINGS)
