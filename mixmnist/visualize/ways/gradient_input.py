"""Gradient x input: the gradient of each pixel, times its ink.

Formula: map = pixel * d target / d pixel, signed, summed over channels.
Settings: none.
Needs: a gradient. Nothing is ever shown where there is no ink. Of a net of ReLUs without biases it sums to the target.

Source:
    A. Shrikumar et al. (2016), "Not Just a Black Box", arXiv:1605.01713. Differs: summed over channels.
"""

from mixmnist.core.records import Way
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels, in_parts


def run(target: Target, images: Pixels) -> Maps:
    """Gives gradient times input of each image."""
    return in_parts(target, images, _one)


def _one(target: Target, x: Pixels) -> Maps:
    return (x * target.gradient(x)[1]).sum(dim=1)


WAY = Way("gradient times input", "map", run, ("gradient",))
