"""The exact judge: reads stamps by matched filters, up to a pixel tolerance, and explains every pixel of ink or calls it junk.

A stamp is black and white, so the mean absolute difference of a window and a stamp is linear in the window: one convolution
tells how far every window is from every stamp. The best windows are taken first; boxes that are taken do not overlap.

The tolerance is below half of the smallest difference of two stamps in one place (16 of 144 pixels, of 0 and 8), so no window is
within it of two of them, and what lies halfway between two digits is none. It is below the smallest difference of a stamp and
itself moved by a pixel (8 pixels, of 1), so of a perfect glyph only one window is within it.

Source:
    A planted reader, as in `mixmnist.plants`: exact on source `stamps`. Differs: it has a tolerance, as generators are not exact.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import Canvas, require
from mixmnist.data.sources.stamps import load
from mixmnist.dissect.reading import CLASSES, DIGITS, SURE, Said

TOLERANCE = 0.05  # mean absolute difference to its stamp up to which a glyph is read: 7.2 of 144 pixels
STRAY = 0.02  # share of the ink that may be unexplained before it is junk: 3 of the 150 pixels of two stamps
FAINT = 1e-4  # variance of a window below which it has no shape
SHARP = 8  # how fast a share falls beyond the tolerance
INK = 0.5  # value above which a pixel is ink


@dataclass(frozen=True)
class Found:
    """The glyphs that are read on each canvas, best first."""

    digit: Int[Tensor, "n most"]  # -1 where there is none
    place: Int[Tensor, "n most 2"]  # top left pixel
    misfit: Float[Tensor, "n most"]  # mean absolute difference to the stamp


@dataclass(frozen=True)
class ExactJudge:
    """Reads the canvases of source `stamps`, exactly.

    Example:
        >>> from mixmnist import draw
        >>> mixture = draw(source="stamps", n=5)
        >>> said = ExactJudge(mixture.canvas).read(mixture.images[:, None] / 255)
        >>> bool(said.valid.all()), bool(((said.counts == 1) == mixture.present).all())
        (True, True)
    """

    canvas: Canvas

    def __post_init__(self) -> None:
        side = load(None, "test").images.shape[1]
        fits = self.canvas.glyph == side
        require(fits, f"glyph must be {side} pixels for stamps to be read exactly, got glyph={self.canvas.glyph}. Train a judge.")

    @property
    def name(self) -> str:
        """What tables call it."""
        return "exact"

    @property
    def card(self) -> str:
        """How well it reads."""
        return f"exact on stamps: a glyph is read within a mean difference of {TOLERANCE} to its stamp"

    @property
    def faults(self) -> list[str]:
        """Nothing speaks against its verdicts."""
        return []

    @cached_property
    def _stamps(self) -> Float[Tensor, "digits 1 side side"]:
        return torch.from_numpy(load(None, "test").images.astype(np.float32) / 255)[:, None]

    @cached_property
    def _painted(self) -> Float[Tensor, "digits windows pixels"]:
        """Each stamp drawn at each place of its own canvas."""
        windows = self.canvas.size - self.canvas.glyph + 1
        one = torch.eye(windows**2).view(-1, 1, windows, windows)
        return torch.stack([F.conv_transpose2d(one, stamp[None]).flatten(1) for stamp in self._stamps])

    def misfits(self, images: Float[Tensor, "n 1 rows cols"]) -> Float[Tensor, "n digits high wide"]:
        """Gives the mean absolute difference of every window to every stamp; differentiable."""
        stamps = self._stamps.to(images)
        return F.conv2d(images, 1 - 2 * stamps, stamps.sum(dim=(1, 2, 3))) / self.canvas.glyph**2

    def find(self, images: Float[Tensor, "n 1 rows cols"]) -> Found:
        """Finds the glyphs on each canvas: the best fit first, then the best of those whose box does not overlap its box."""
        with torch.no_grad():
            misfits = self.misfits(images.clamp(0, 1))
        n, _, high, wide = misfits.shape
        best, digits = misfits.min(dim=1)  # n high wide
        rows, cols = torch.arange(high, device=images.device), torch.arange(wide, device=images.device)
        taken: list[tuple[Tensor, Tensor, Tensor]] = []
        while True:
            misfit, at = best.flatten(1).min(dim=1)
            known = misfit <= TOLERANCE
            if not known.any():
                break
            place = torch.stack([at // wide, at % wide], dim=1)
            digit = digits.flatten(1).gather(1, at[:, None])[:, 0]
            taken.append((torch.where(known, digit, -1), place, misfit))
            near_rows = (rows - place[:, :1]).abs() < self.canvas.glyph
            near_cols = (cols - place[:, 1:]).abs() < self.canvas.glyph
            near = near_rows[:, :, None] & near_cols[:, None] & known[:, None, None]
            best = best.masked_fill(near, torch.inf)
        if not taken:
            none = torch.zeros(n, 0, dtype=torch.long, device=images.device)
            return Found(none, none[..., None].expand(-1, -1, 2), none.to(images.dtype))
        digit, place, misfit = (torch.stack(part, dim=1) for part in zip(*taken, strict=True))
        return Found(digit, place, misfit)

    def read(self, images: Float[Tensor, "n 1 rows cols"]) -> Said:
        """Reads canvases.

        Args:
            images: In [0, 1].

        Returns:
            Counts of each digit; junk where more than .02 of the ink belongs to no glyph that is read; `sure` falls from 1 for a
            perfect glyph to .8 for one at the tolerance, and is that of the worst glyph.
        """
        found = self.find(images)
        known = found.digit >= 0
        counts = F.one_hot(found.digit.clamp_min(0), DIGITS) * known[..., None]
        ink = images[:, 0] > INK
        loose = (ink & ~self._explained(found, len(images))).sum(dim=(1, 2))
        junk = loose > STRAY * ink.sum(dim=(1, 2))
        worst = torch.where(known, found.misfit, 0).clamp_min(0)
        worst = worst.amax(dim=1) if worst.shape[1] else worst.new_zeros(len(images))
        return Said(counts.sum(dim=1).clamp_max(2), junk, 1 - (1 - SURE) * worst / TOLERANCE)

    def _explained(self, found: Found, n: int) -> Bool[Tensor, "n rows cols"]:
        """Marks the ink of the glyphs that are read."""
        size = self.canvas.size
        windows = size - self.canvas.glyph + 1
        painted = self._painted.to(found.misfit.device) > 0
        explained = torch.zeros(n, size**2, dtype=torch.bool, device=found.misfit.device)
        for digit, place in zip(found.digit.T, found.place.movedim(1, 0), strict=True):
            rows = (digit >= 0).nonzero()[:, 0]
            explained[rows] |= painted[digit[rows], place[rows, 0] * windows + place[rows, 1]]
        return explained.view(n, size, size)

    def shares(self, images: Float[Tensor, "n 1 rows cols"]) -> Float[Tensor, "n classes rows cols"]:
        """Shares each pixel's value out among the digits whose stamps fit around it; what fits none is junk.

        A stamp fits by its correlation with the window, so a glyph that fades keeps its shape and its share falls evenly with
        its ink: there is a gradient all the way. Of a window in black and white the misfit is about that of `misfits`.

        Args:
            images: In [0, 1]; gradients flow to them.

        Returns:
            Probabilities: background is 1 - value. Of the value a digit has half where its misfit is the tolerance, and nearly
            all of it where the glyph is perfect.
        """
        if not len(images):
            return images.new_zeros(0, CLASSES, *images.shape[2:])
        stamps, window = self._stamps.to(images), self.canvas.glyph
        part = stamps.mean(dim=(1, 2, 3))[:, None, None]  # digits 1 1
        mean, square = (F.avg_pool2d(x, window, stride=1) for x in (images, images**2))  # n 1 high wide
        spread = ((square - mean**2).clamp_min(0) + FAINT) * part * (1 - part)  # n digits high wide
        alike = (F.conv2d(images, stamps) / window**2 - mean * part) / spread.sqrt()
        fit = 1 / (1 + (2 * part * (1 - part) * (1 - alike) / TOLERANCE) ** SHARP)
        shape = images.shape[2:]  # so large that nothing wraps around
        drawn = torch.fft.rfft2(fit, s=shape) * torch.fft.rfft2(stamps[:, 0], s=shape)
        painted = torch.fft.irfft2(drawn, s=shape).clamp_min(0).flatten(2)  # n digits pixels
        digits = painted / painted.sum(dim=1, keepdim=True).clamp_min(1)
        value = images.flatten(2)  # n 1 pixels
        junk = (1 - digits.sum(dim=1, keepdim=True)).clamp_min(0)
        shares = torch.cat([value * digits, 1 - value, value * junk], dim=1)
        assert shares.shape[1] == CLASSES
        return shares.view(len(images), CLASSES, *images.shape[2:])
