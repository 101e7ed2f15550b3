"""Gradient: how a little more of each pixel would change the target.

Formula: map = d target / d pixel, signed, summed over channels.
Settings: none.
Needs: a gradient. A pixel without ink has one, too: what is missing there counts as much as what is drawn.

Source:
    K. Simonyan, A. Vedaldi & A. Zisserman (2014), "Deep Inside Convolutional Networks", arXiv:1312.6034.
    Differs: signed, not the absolute value, so that sums can be held against worths; summed over channels, not their maximum.
"""

from mixmnist.core.records import Way
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels, gradient, in_parts


def run(target: Target, images: Pixels) -> Maps:
    """Gives the gradient of each image."""
    return in_parts(target, images, gradient)


WAY = Way("gradient", "map", run, ("gradient",))
