"""Attacks on a net's pixels: small changes, each at most a size, that make its loss as large as can be.

They take any function of images to outputs and any loss, draw only from a generator that is given, and change no parameter.

Source:
    I. Goodfellow et al. (2015), "Explaining and Harnessing Adversarial Examples", arXiv:1412.6572 (FGSM).
    A. Madry et al. (2018), "Towards Deep Learning Models Resistant to Adversarial Attacks", arXiv:1706.06083 (PGD).
    Differs: of all images that PGD came by the one with the highest loss may be kept, that of FGSM among them.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import require

Answers = Callable[[Tensor], Tensor]  # images -> outputs, a row an image
Losses = Callable[[Tensor, Tensor], Tensor]  # outputs, targets -> the loss of each image, or one of all


def each_loss(logits: Float[Tensor, "*images classes"], targets: Tensor) -> Float[Tensor, "*images"]:
    """Gives the cross-entropy of each image: of one class, or the mean over yes or no for each class.

    Args:
        logits: Of images, or of images and copies [batch, copies, classes].
        targets: A class an image; or 0 or 1 for each class.

    Example:
        >>> each_loss(torch.zeros(3, 2), torch.tensor([0, 1, 1]))
        tensor([0.6931, 0.6931, 0.6931])
        >>> each_loss(torch.zeros(3, 4, 2), torch.zeros(3, 4, 2)).shape
        torch.Size([3, 4])
    """
    if targets.ndim == logits.ndim:
        return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none").mean(dim=-1)
    flat = F.cross_entropy(logits.flatten(0, -2), targets.flatten(), reduction="none")
    return flat.view(targets.shape)


@dataclass(frozen=True)
class Ball:
    """Where an attack may go."""

    size: float | int
    """Largest change of a pixel, 0 to 1."""
    steps: int | float = 10
    """Of PGD, 1 or more."""
    relative_step: float | int = 0.25
    """Length of a step of PGD, as a share of the size, above 0."""

    def __post_init__(self) -> None:
        require(0 <= self.size <= 1, f"eps must lie between 0 and 1, the range of a pixel, got eps={self.size}. Use 0.1, say.")
        whole = isinstance(self.steps, int) and self.steps >= 1
        require(whole, f"steps must be a whole number, 1 or more, got steps={self.steps}. Use 7, say.")
        known = f"got relative_step={self.relative_step}. Use 0.25, say."
        require(self.relative_step > 0, f"relative_step must be above 0, {known}")


def fgsm(net: Answers, images: Tensor, targets: Tensor, size: float | int, loss: Losses = each_loss) -> Tensor:
    """Moves each pixel by the size to where the loss grows, in one step.

    Args:
        net: Gives outputs of images.
        images: [images, channels, rows, cols], or [batch, copies, rows, cols] of a stack of nets; in [0, 1].
        targets: What the loss holds outputs against.
        size: Largest change of a pixel, 0 to 1.
        loss: Of outputs and targets: one of each image, or of all.

    Returns:
        Images in [0, 1], none of whose pixels has moved by more than the size, up to rounding; those that were given, bit by
        bit, where the size is 0. A pixel without a gradient stays.

    Raises:
        ValueError: If the size is out of range.

    Example:
        >>> net = lambda images: torch.stack([images.sum((1, 2, 3)), -images.sum((1, 2, 3))], dim=1)  # class 0: bright
        >>> fgsm(net, torch.full((1, 1, 1, 2), 0.5), torch.tensor([0]), size=0.25)
        tensor([[[[0.2500, 0.2500]]]])
    """
    Ball(size)
    if size == 0:
        return images.clone()
    return _moved(images, _gradient(net, images, targets, loss)[0], images, size, size)


def pgd(
    net: Answers,
    images: Tensor,
    targets: Tensor,
    ball: Ball,
    loss: Losses = each_loss,
    start: Tensor | None = None,
    keep: bool = True,
) -> Tensor:
    """Takes steps to where the loss grows, none of which leaves the ball around the images.

    Args:
        net: Gives outputs of images.
        images: As for `fgsm`.
        targets: As for `fgsm`.
        ball: Largest change, number and length of steps.
        loss: As for `fgsm`. Of a loss of all images the best is kept for all together.
        start: Where to begin, as `random_start` gives it; by default at the images.
        keep: Whether of the images themselves, those of FGSM and those after each step the ones with the highest loss are given,
            each image its own, so that no loss is below that of FGSM; else those after the last step.

    Returns:
        Images in [0, 1], none of whose pixels has moved by more than the size, up to rounding; those that were given, bit by
        bit, where the size is 0.

    Example:
        >>> net = lambda images: torch.stack([images.sum((1, 2, 3)), -images.sum((1, 2, 3))], dim=1)  # class 0: bright
        >>> pgd(net, torch.full((1, 1, 1, 2), 0.5), torch.tensor([0]), Ball(0.25, steps=2))
        tensor([[[[0.2500, 0.2500]]]])
    """
    if ball.size == 0:
        return images.clone()
    best = _Best(net, images, targets, loss) if keep else None
    if best is not None:
        slope, known = _gradient(net, images, targets, loss)
        best.offer(images, known)
        best.offer(_moved(images, slope, images, ball.size, ball.size))
    now = images if start is None else start
    for step in range(int(ball.steps)):
        at_images = best is not None and step == 0 and start is None
        if not at_images:
            slope, known = _gradient(net, now, targets, loss)
            if best is not None:
                best.offer(now, known)
        now = _moved(now, slope, images, ball.size * ball.relative_step, ball.size)
    if best is None:
        return now
    best.offer(now)
    return best.images


def random_start(images: Tensor, size: float | int, generator: torch.Generator) -> Tensor:
    """Gives images anywhere in the ball, each pixel drawn by itself, and cut to [0, 1].

    Example:
        >>> found = random_start(torch.zeros(2, 1, 3, 3), 0.1, torch.Generator().manual_seed(0))
        >>> bool((found >= 0).all()), bool((found <= 0.1).all()), bool((found > 0).any())
        (True, True, True)
    """
    drawn = torch.rand(images.shape, generator=generator, device=images.device, dtype=images.dtype)
    return (images + size * (2 * drawn - 1)).clamp(0, 1)


def sign_noise(images: Tensor, size: float | int, generator: torch.Generator) -> Tensor:
    """Moves each pixel up or down by the size, at random, and cuts to [0, 1]: a change as large that knows nothing.

    Example:
        >>> found = sign_noise(torch.full((1, 1, 2, 2), 0.5), 0.25, torch.Generator().manual_seed(0))
        >>> sorted(set(found.flatten().tolist()))
        [0.25, 0.75]
    """
    drawn = torch.rand(images.shape, generator=generator, device=images.device)
    return (images + size * torch.where(drawn < 0.5, -1.0, 1.0).to(images.dtype)).clamp(0, 1)


@contextlib.contextmanager
def in_eval_mode(module: nn.Module) -> Iterator[None]:
    """Puts a module and all in it into eval mode, and each back into its own afterwards."""
    before = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, was in before.items():
            part.training = was


class _Best:
    """Holds, of the images that are offered, those with the highest loss."""

    def __init__(self, net: Answers, images: Tensor, targets: Tensor, loss: Losses) -> None:
        self._told = lambda some: loss(net(some), targets).detach()
        self.images = images
        self._loss: Tensor | None = None

    def offer(self, images: Tensor, loss: Tensor | None = None) -> None:
        """Takes images in the places of those with a lower loss."""
        with torch.no_grad():
            found = self._told(images) if loss is None else loss
        if self._loss is None:
            self.images, self._loss = images.clone(), found
            return
        better = found > self._loss
        self.images = torch.where(better.view(better.shape + (1,) * (images.ndim - better.ndim)), images, self.images)
        self._loss = torch.where(better, found, self._loss)


def _gradient(net: Answers, images: Tensor, targets: Tensor, loss: Losses) -> tuple[Tensor, Tensor]:
    """Gives the gradient of the losses' sum by the images, and the losses."""
    with torch.enable_grad():
        at = images.detach().clone().requires_grad_()
        found = loss(net(at), targets)
        (slope,) = torch.autograd.grad(found.sum(), at)
    return slope, found.detach()


def _moved(now: Tensor, slope: Tensor, images: Tensor, step: float, size: float) -> Tensor:
    """Takes a step by the signs of a gradient, back into the ball around the images and into [0, 1]."""
    found = now + step * slope.sign()
    return torch.maximum(torch.minimum(found, images + size), images - size).clamp(0, 1)
