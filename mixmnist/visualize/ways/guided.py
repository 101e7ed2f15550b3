"""Guided backpropagation: the gradient, of which each ReLU lets back only what is positive, and only where it fired.

Formula: at a ReLU, back = max(0, gradient) where its input is above 0, else 0; the rest as the gradient.
Settings: none.
Needs: ReLUs that are modules; one that is a function is not seen by a hook and refused.

Source:
    J. T. Springenberg et al. (2015), "Striving for Simplicity: The All Convolutional Net", arXiv:1412.6806.
    Differs: signed and summed over channels.
"""

from typing import Any

import torch
from torch import Tensor

from mixmnist.core.records import Way
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels, by_rule


class _Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401 -- torch's own
        ctx.save_for_backward(x)
        return x.clamp_min(0)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:  # noqa: ANN401 -- as above
        (x,) = ctx.saved_tensors
        return torch.where(x > 0, grads[0].clamp_min(0), 0)


def run(target: Target, images: Pixels) -> Maps:
    """Gives the guided gradient of each image."""
    return by_rule(target, images, _Guided)


WAY = Way("guided backpropagation", "map", run, ("gradient", "relus"))
