"""Climbing: gradient ascent on images, or on what images are made of, for many pictures side by side in one batch.

A step is the gradient divided by its mean size, picture by picture, so that one rate serves every unit and every net. Each
picture draws its numbers from its own seed: it becomes what it would have become alone.

Source:
    A. Nguyen et al. (2016), "Synthesizing the preferred inputs for neurons in neural networks via deep generator networks",
    arXiv:1605.09304: the step, decay and clip. C. Olah et al. (2017), "Feature Visualization": jitter.
    Differs: jitter moves the image over black, which is what lies around a canvas; it does not wrap around.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.core.seeding import Stream, derive
from mixmnist.probing.running import plainly
from mixmnist.visualize._targets import Target

AT_ONCE = 250  # pictures climbed together: bounds the memory
RELU = ("auto", "output", "input")  # what of a unit's ReLU is climbed
TINY = 1e-30  # far below any gradient: only zero is divided by it

Code = Float[Tensor, "n *numbers"]
Pixels = Float[Tensor, "n channels rows cols"]


@dataclass(frozen=True)
class Climb:
    """How far and how roughly it goes."""

    steps: int = 200
    """Steps of each picture."""
    rate: float = 0.05
    """Mean size of a step, in units of what is climbed."""
    jitter: int = 0
    """Pixels by which the image is moved at most, each step anew."""
    decay: float = 0.0
    """Share that is taken off after each step."""

    def __post_init__(self) -> None:
        require(self.steps >= 1, f"steps must be 1 or more, got steps={self.steps}.")
        require(self.rate > 0, f"rate must be above 0, got rate={self.rate}.")
        require(self.jitter >= 0, f"jitter must be 0 pixels or more, got jitter={self.jitter}.")
        require(0 <= self.decay < 1, f"decay must be at least 0 and below 1, got decay={self.decay}.")


@dataclass(frozen=True, eq=False)
class Price:
    """What is taken off the target, picture by picture, which is brought to its scale before."""

    of: Callable[[Pixels], Float[Tensor, " n"]]
    scale: Float[Tensor, " n"]  # what the target is divided by


def climb(
    target: Target,
    start: Code,
    seeds: Sequence[int],
    how: Climb,
    *,
    image: Callable[[Code], Pixels] = lambda code: code,
    clip: Callable[[Code], Code] = lambda code: code,
    price: Price | None = None,
) -> Code:
    """Climbs from a start, each picture to more of its target, and gives where the last step leads.

    Args:
        target: One number for all pictures, or one of its own for each.
        start: What is climbed, one for each picture.
        seeds: One for each picture; of its jitter.
        how: Steps, rate, jitter, decay.
        image: Makes images in [0, 1] of what is climbed; by default it is the images.
        clip: Brings what is climbed back to where it may be, after each step.
        price: What is taken off the target.

    Raises:
        ValueError: If a picture has no gradient where it starts.
    """
    found = []
    shifts = _shifts(seeds, how).to(start.device)
    for rows in torch.arange(len(start)).split(AT_ONCE):
        part, code = target.some(rows), start[rows].detach().clone()
        _refuse_dead(part, _gradient(lambda x: part(image(x)), code, part))  # noqa: B023 -- it is called at once
        for step in range(how.steps):
            shift = shifts[step, rows]

            def number(x: Code) -> Float[Tensor, " n"]:
                pixels = image(x)
                value = part(moved(pixels, shift, how.jitter))  # noqa: B023 -- as above
                return value if price is None else value / price.scale[rows] - price.of(pixels)  # noqa: B023 -- as above

            grad = _gradient(number, code, part)
            size = grad.abs().flatten(1).mean(dim=1).clamp_min(TINY).view(-1, *[1] * (code.ndim - 1))
            code = clip((code + how.rate * grad / size) * (1 - how.decay))
        found.append(code)
    return torch.cat(found)


def through(target: Target, relu: str) -> Target:
    """Gives what is climbed: what a unit's ReLU gives, or what it gets, which has a gradient where the unit is silent.

    Args:
        target: Of a unit or a class.
        relu: output; input; or auto: the input of a peak or a cell, whose gradient is the same where the unit fires, if the layer
            ends in a module that is a ReLU, else the output.

    Raises:
        ValueError: If it is another word, or the input is asked for and there is no module that is a ReLU.
    """
    require(relu in RELU, f"relu must be one of {', '.join(RELU)}, got relu={relu!r}.")
    if relu == "auto":
        relu = "input" if target.last_relu is not None and target.of in ("peak", "cell") else "output"
    return target.before_relu() if relu == "input" else target


def moved(images: Pixels, shift: Int[Tensor, "n 2"], most: int) -> Pixels:
    """Moves each image by some pixels, down and to the right, over black.

    Example:
        >>> moved(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.tensor([[1, 0]]), most=1)
        tensor([[[[0., 0.],
                  [1., 2.]]]])
    """
    if most == 0:
        return images
    n, channels, rows, cols = images.shape
    wide = F.pad(images, (most, most, most, most)).flatten(2)
    row = most - shift[:, :1] + torch.arange(rows, device=images.device)  # n rows
    col = most - shift[:, 1:] + torch.arange(cols, device=images.device)
    pixels = row[:, :, None] * (cols + 2 * most) + col[:, None]  # n rows cols
    return wide.gather(2, pixels.flatten(1)[:, None].expand(n, channels, -1)).view_as(images)


def noise(seeds: Sequence[int], shape: Sequence[int]) -> Code:
    """Draws normal numbers, of each picture from its own seed."""
    generators = [torch.Generator().manual_seed(derive(seed, "start")) for seed in seeds]
    return torch.stack([torch.randn(tuple(shape), generator=generator) for generator in generators])


def phases(seeds: Sequence[int], shape: Sequence[int]) -> Code:
    """Draws phases, uniform on the circle, of each picture from its own seed."""
    generators = [torch.Generator().manual_seed(derive(seed, "start")) for seed in seeds]
    return torch.stack([2 * torch.pi * torch.rand(tuple(shape), generator=generator) for generator in generators])


def _shifts(seeds: Sequence[int], how: Climb) -> Int[Tensor, "steps n 2"]:
    """Draws by how many pixels each picture is moved in each step."""
    drawn = [torch.from_numpy(Stream(seed, "jitter").integers(-how.jitter, how.jitter, (how.steps, 2))) for seed in seeds]
    return torch.stack(drawn, dim=1)


def _gradient(number: Callable[[Code], Float[Tensor, " n"]], code: Code, target: Target) -> Code:
    """Gives the gradient of one number a picture; zeros where it does not lead to what is climbed."""
    with torch.enable_grad(), plainly(target.net, code.device):
        at = code.detach().clone().requires_grad_()
        values = number(at)
        require(values.requires_grad, f"a gradient must lead from {target.name} to the pixels, got none. Show natural images.")
        (found,) = torch.autograd.grad(values.sum(), at, allow_unused=True)
    return torch.zeros_like(code) if found is None else found


def _refuse_dead(target: Target, grad: Code) -> None:
    """Refuses starts from which nothing can be climbed.

    Raises:
        ValueError: If there are any.
    """
    dead = int((grad.flatten(1) == 0).all(dim=1).sum())
    require(
        not dead,
        f"a start must have a gradient, got {dead} of {len(grad)} without: {target.name} is silent there. "
        "Set relu=input, which climbs what its ReLU gets, or take another seed.",
    )
