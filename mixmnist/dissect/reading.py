"""Reading: what a judge says of canvases, and what follows from it alike for every judge.

A judge reads which digits a canvas shows, how often, and whether there is junk; and it gives each pixel the share of twelve
classes: ten digits, background and junk. The shares are differentiable, so rankings can follow their gradients.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597: a segmenter judges generated images.
    Differs: a judge reads counts and junk besides, so that a clean removal can be told from a broken canvas; it has a card.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

DIGITS = 10
BACKGROUND = 10  # classes of a pixel; below it stand the digits
JUNK = 11
CLASSES = 12
SURE = 0.8  # joint confidence from which a canvas may be valid
BATCH = 250  # images segmented at once
FEWEST = 2  # pixels that a row or column of a glyph has: fewer are a stray


@dataclass(frozen=True, eq=False)
class Said:
    """What a judge reads on each canvas."""

    counts: Int[Tensor, "n digits"]  # 0, 1, or 2 for two and more
    junk: Bool[Tensor, " n"]  # whether something is no digit
    sure: Float[Tensor, " n"]  # joint confidence in all of it

    @property
    def shown(self) -> Bool[Tensor, "n digits"]:
        """Which digits are read exactly once."""
        return self.counts == 1

    @property
    def valid(self) -> Bool[Tensor, " n"]:
        """Where exactly two different digits are read once each, no other and no junk, with confidence .8 or more."""
        return (self.shown.sum(dim=1) == 2) & (self.counts.sum(dim=1) == 2) & ~self.junk & (self.sure >= SURE)

    def some(self, samples: Tensor) -> "Said":
        """Gives what is read on some canvases, by their indices or a mask."""
        return Said(self.counts[samples], self.junk[samples], self.sure[samples])


@runtime_checkable
class Judge(Protocol):
    """Who reads and segments canvases."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def card(self) -> str:
        """How well it reads, in a sentence that stands on every table."""

    @property
    def faults(self) -> list[str]:
        """Why no verdict is passed by it, a sentence each; none where it may judge."""

    def read(self, images: Float[Tensor, "n 1 rows cols"]) -> Said:
        """Reads canvases."""

    def shares(self, images: Float[Tensor, "n 1 rows cols"]) -> Float[Tensor, "n classes rows cols"]:
        """Gives the probability of each of the twelve classes for each pixel; differentiable in the images."""


def classes_of(judge: Judge, images: Float[Tensor, "n 1 rows cols"]) -> Int[Tensor, "n rows cols"]:
    """Gives the likeliest class of each pixel, without gradients."""
    with torch.no_grad():
        return torch.cat([judge.shares(part).argmax(dim=1) for part in images.split(BATCH)])


def evidence(
    judge: Judge, images: Float[Tensor, "n 1 rows cols"], where: Bool[Tensor, "#n rows cols"] | None = None
) -> Float[Tensor, "n digits"]:
    """Sums the digits' shares over a canvas, or over a place on it.

    Args:
        judge: Whose shares are summed.
        images: Gradients flow to them.
        where: Pixels that count; None: all.

    Returns:
        Pixels of each digit; 0 where none of them is like it.
    """
    shares = judge.shares(images)[:, :DIGITS]
    return (shares if where is None else shares * where[:, None]).sum(dim=(2, 3))


def places_of(classes: Int[Tensor, "n rows cols"], counts: Int[Tensor, "n digits"], glyph: int) -> Int[Tensor, "n digits 2"]:
    """Finds the box of each digit that is read once: it lies around the middle of the digit's pixels.

    Args:
        classes: Of each pixel.
        counts: How often each digit is read.
        glyph: Rows and columns of a box.

    Returns:
        Row and column of each box's top left pixel; -1 where the digit is not read once or has no pixels.

    Example:
        >>> classes = torch.full((1, 6, 8), BACKGROUND)
        >>> classes[0, 2:5, 4:7] = 0
        >>> places_of(classes, torch.tensor([[1, 2]]), glyph=3)
        tensor([[[ 2,  4],
                 [-1, -1]]])
    """
    each = torch.arange(counts.shape[1], device=classes.device)
    mask = classes[:, None] == each[:, None, None]  # n digits rows cols
    found = []
    for axis, length in ((3, classes.shape[1]), (2, classes.shape[2])):
        lines = mask.sum(dim=axis)  # n digits length
        full = lines >= FEWEST
        some = torch.where(full.any(dim=2, keepdim=True), full, lines > 0).int()
        first, end = some.argmax(dim=2), length - some.flip(2).argmax(dim=2)
        found.append(((first + end - glyph).div(2, rounding_mode="floor")).clamp(0, length - glyph))
    known = (counts == 1) & mask.flatten(2).any(dim=2)
    return torch.where(known[..., None], torch.stack(found, dim=2), -1)
