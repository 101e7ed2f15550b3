"""Deconvolution: the gradient, of which each ReLU lets back only what is positive, wherever it fired.

Formula: at a ReLU, back = max(0, gradient); the rest as the gradient.
Settings: none.
Needs: ReLUs that are modules; one that is a function is not seen by a hook and refused.

Source:
    M. D. Zeiler & R. Fergus (2014), "Visualizing and Understanding Convolutional Networks", arXiv:1311.2901.
    Differs: norms are kept; signed and summed over channels.
"""

from typing import Any

import torch
from torch import Tensor

from mixmnist.core.records import Way
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels, by_rule


class _Deconvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401 -- torch's own
        del ctx
        return x.clamp_min(0)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:  # noqa: ANN401 -- as above
        del ctx
        return grads[0].clamp_min(0)


def run(target: Target, images: Pixels) -> Maps:
    """Gives the deconvolution of each image."""
    return by_rule(target, images, _Deconvolution)


WAY = Way("deconvolution", "map", run, ("gradient", "relus"))
