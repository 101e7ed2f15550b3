"""Halves: canvases of pairs as they are, and canvases of pairs that are changed as a whole; 90 classes, 45 of either half.

A change is the same for every canvas: `inverted` (white for black), `tiles` (each quarter goes across the middle), `blurred` (a
Gaussian). Each can be undone: a quarter goes back to where it was, a blur by Wiener's filter.

Source:
    A. Nguyen et al. (2016), arXiv:1605.09304: a net is trained on normal classes and as many changed ones, the prior on normal
    images alone. Differs: two digits on a canvas; every change is one fixed function of the canvas, so that it can be undone.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Num, UInt8
from torch import Tensor

from mixmnist.core.records import Canvas, require
from mixmnist.data.mixture import Mixture, draw

CHANGES = ("inverted", "tiles", "blurred")
TILE = 16  # pixels of a tile's side: on a canvas of 32 four of five digits are cut
SPREAD, REACH = 1.0, 3  # standard deviation of the blur, and how far it reaches, pixels
NOISE = 1e-4  # of Wiener's filter: power of the noise over that of the picture

Pixels = Float[Tensor, "n channels rows cols"]


@dataclass(frozen=True, eq=False)
class Halves(Mixture):
    """A mixture some of whose canvases are changed; their classes come after those of the others."""

    how: str  # the change
    changed: Bool[Tensor, " images"]

    @cached_property
    def images(self) -> UInt8[Tensor, "images rows cols"]:
        """The canvases."""
        plain = super().images
        return torch.where(self.changed[:, None, None], change(plain, self.how), plain)

    def to(self, device: str | torch.device) -> "Halves":
        """Moves it to a device."""
        moved = {name: getattr(self, name).to(device) for name in ("labels", "shown", "glyphs", "positions", "tiles", "changed")}
        return replace(self, **moved)


def draw_halves(
    how: str,
    source: str = "auto",
    split: str = "test",
    n: int = 10_000,
    *,
    canvas: Canvas | None = None,
    root: str | None = None,
    seed: int = 0,
) -> Halves:
    """Draws canvases of pairs, every second one of which is changed.

    Args:
        how: inverted, tiles, or blurred.
        source: Of the glyphs.
        split: As in `mixmnist.draw`, as all that follows.
        n: Number of canvases.
        canvas: The layout.
        root: Folder of the source's files.
        seed: Of the plan.

    Raises:
        ValueError: If there is no such change, or as `mixmnist.draw` does.

    Example:
        >>> both = draw_halves("inverted", "digits", n=4, seed=0)
        >>> both.labels.tolist(), [int(image[0, 0]) for image in both.images]
        ([36, 56, 9, 52], [0, 255, 0, 255])
    """
    _check(how)
    plain = draw("pairs", source, split, n, canvas=canvas, root=root, seed=seed)
    changed = torch.arange(n) % 2 == 1
    half = len(plain.classes)
    classes = (*plain.classes, *(f"{name} {how}" for name in plain.classes))
    plan = {name: getattr(plain, name) for name in ("concepts", "canvas", "shown", "glyphs", "positions", "tiles")}
    return Halves(**plan, classes=classes, labels=plain.labels + half * changed, how=how, changed=changed)


def change(images: Num[Tensor, "n *channels rows cols"], how: str) -> Num[Tensor, "n *channels rows cols"]:
    """Changes images as a whole.

    Args:
        images: Of whole numbers up to 255, or in [0, 1].
        how: inverted, tiles, or blurred.

    Raises:
        ValueError: If there is no such change.

    Example:
        >>> change(torch.tensor([[[0, 255]]], dtype=torch.uint8), "inverted").tolist()
        [[[255, 0]]]
    """
    _check(how)
    if how == "inverted":
        return (1 if images.is_floating_point() else 255) - images
    if how == "tiles":
        return _in_order(images, order(*images.shape[-2:]))
    kernel = _kernel().to(images.device)
    flat = images.float().reshape(-1, 1, *images.shape[-2:])
    flat = F.conv2d(F.conv2d(flat, kernel[None, None, :, None], padding=(REACH, 0)), kernel[None, None, None], padding=(0, REACH))
    found = flat.view(images.shape)
    return found if images.is_floating_point() else found.round().to(images.dtype)


def undo(images: Pixels, how: str) -> Pixels:
    """Takes a change back; of a blur what can be had of it.

    Args:
        images: In [0, 1].
        how: inverted, tiles, or blurred.

    Raises:
        ValueError: If there is no such change.

    Example:
        >>> image = torch.rand(1, 1, 32, 32)
        >>> torch.equal(undo(change(image, "tiles"), "tiles"), image)
        True
    """
    _check(how)
    if how == "inverted":
        return 1 - images
    rows, cols = images.shape[-2:]
    if how == "tiles":
        return _in_order(images, order(rows, cols).argsort())
    wide = F.pad(images, (REACH, REACH, REACH, REACH))
    size = [rows + 2 * REACH, cols + 2 * REACH]
    line = _kernel().to(images.device)
    blur = torch.zeros(size, device=images.device)
    blur[: 2 * REACH + 1, : 2 * REACH + 1] = line[:, None] * line
    blur = torch.fft.rfft2(blur.roll((-REACH, -REACH), (0, 1))).real  # it is symmetric
    sharp: Tensor = torch.fft.irfft2(torch.fft.rfft2(wide) * blur / (blur.square() + NOISE), s=size)
    return sharp[..., REACH:-REACH, REACH:-REACH].clamp(0, 1)


def order(rows: int, cols: int) -> Tensor:
    """Says which tile comes to lie at each place: the one across the middle, so that no two stay neighbours on the same side.

    Raises:
        ValueError: If the sides are no multiples of a tile's, or there is but one tile.

    Example:
        >>> order(32, 32)
        tensor([3, 2, 1, 0])
    """
    sides = rows % TILE == 0 and cols % TILE == 0 and rows * cols > TILE * TILE
    require(sides, f"a canvas must have sides of several times {TILE} pixels to be cut, got {rows} x {cols}. Use another size.")
    return torch.arange(rows * cols // TILE**2).flip(0)


def _in_order(images: Tensor, places: Tensor) -> Tensor:
    """Puts the tiles of images into another order."""
    rows, cols = images.shape[-2:]
    high, wide = rows // TILE, cols // TILE
    cut = images.reshape(-1, high, TILE, wide, TILE).transpose(2, 3).reshape(-1, high * wide, TILE, TILE)
    cut = cut[:, places.to(images.device)]
    return cut.reshape(-1, high, wide, TILE, TILE).transpose(2, 3).reshape(images.shape)


def _kernel() -> Tensor:
    """Gives the blur along a line."""
    line = torch.exp(-torch.arange(-REACH, REACH + 1).float().square() / (2 * SPREAD**2))
    return line / line.sum()


def _check(how: str) -> None:
    require(how in CHANGES, f"the change must be one of {', '.join(CHANGES)}, got {how!r}. Name one of them.")
