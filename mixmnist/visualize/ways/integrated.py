"""Integrated gradients: gradient x input, the gradient taken as its mean on the straight way from black to the image.

Formula: map = pixel * mean over steps k of d target / d pixel at (k - 1/2) / steps of the image, summed over channels.
Settings: steps.
Needs: a gradient. It sums to the rise of the target from black, if the steps are enough: where they are not, a gap above .05 is
told. A unit that fires on the last stretch of the way alone is missed by few steps altogether.

Source:
    M. Sundararajan, A. Taly & Q. Yan (2017), "Axiomatic Attribution for Deep Networks", arXiv:1703.01365.
    Differs: middles of equal steps; the start is black.
"""

import warnings

import torch

from mixmnist.core.records import Way, require
from mixmnist.probing import Caution
from mixmnist.visualize._targets import Target
from mixmnist.visualize.completeness import LARGEST, completeness_gap, rise
from mixmnist.visualize.ways._parts import Maps, Pixels, in_parts


def run(target: Target, images: Pixels, steps: int) -> Maps:
    """Gives the integrated gradients of each image."""
    require(steps >= 1, f"steps must be 1 or more, got steps={steps}.")

    def one(part: Target, x: Pixels) -> Maps:
        total = torch.zeros_like(x)
        for step in range(steps):
            total += part.gradient(x * ((step + 0.5) / steps))[1]
        return (x * total / steps).sum(dim=1)

    maps = in_parts(target, images, one)
    gap = completeness_gap(maps, rise(target, images))
    if gap > LARGEST:
        said = f"integrated gradients are off by {gap:.2f} of what they should sum to with {steps} steps"
        warnings.warn(f"{said}; take more of them", Caution, stacklevel=2)
    return maps


WAY = Way("integrated gradients", "map", run, ("gradient",), {"steps": 32})
