"""What several ways share: images taken a few at a time, and rules put in the place of ReLUs."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.probing.running import plainly
from mixmnist.visualize._targets import Target, through_relus

AT_ONCE = 100  # images whose gradients are held together
FUNCTIONS = ("ReluBackward", "ThresholdBackward", "HardtanhBackward", "ClampMinBackward")  # steps of a graph that are ReLUs

Maps = Float[Tensor, "n rows cols"]
Pixels = Float[Tensor, "n channels rows cols"]


def in_parts(target: Target, images: Pixels, one: Callable[[Target, Pixels], Maps]) -> Maps:
    """Makes maps of a few images at a time."""
    every = torch.arange(len(images), device=images.device)
    return torch.cat([one(target.some(part), images[part]) for part in every.split(AT_ONCE)])


def gradient(target: Target, x: Pixels) -> Maps:
    """Gives the gradient with respect to each pixel, summed over channels."""
    return target.gradient(x)[1].sum(dim=1)


def by_rule(target: Target, images: Pixels, rule: type[torch.autograd.Function]) -> Maps:
    """Gives the gradient with another rule for the way back through each ReLU.

    Raises:
        ValueError: If there is no module that is a ReLU on the way, or a ReLU that is a function, which no hook reaches.
    """
    with through_relus(target.net, rule):
        with torch.enable_grad(), plainly(target.net, images.device):
            steps = _steps(target.some(torch.tensor([0]))(images[:1].clone().requires_grad_()))
        functions = sorted({step.partition("Backward")[0].lower() for step in steps if step.startswith(FUNCTIONS)})
        at = f"on the way to {target.name}"
        require(not functions, f"ReLUs must be modules, got the function {functions[:1]} {at}. Write nn.ReLU() in its place.")
        require(f"{rule.__name__}Backward" in steps, f"the net must have ReLUs, got none {at}. Use the way gradient.")
        return in_parts(target, images, gradient)


def _steps(values: Tensor) -> set[str]:
    """Names the steps of the graph that leads to some values."""
    left, seen = [values.grad_fn], set()
    while left:
        step = left.pop()
        if step is not None and step not in seen:
            seen.add(step)
            left += [before for before, _ in step.next_functions]
    return {step.name().rpartition("::")[2] for step in seen}
