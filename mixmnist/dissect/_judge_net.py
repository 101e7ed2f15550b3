"""The net of a trained judge: one small encoder and decoder that finds glyphs, counts them and names each pixel's class.

It is fully convolutional. At a quarter of the canvas's resolution each cell says what has its centre there: a digit, junk or
nothing. Counts are sums over the cells, so a digit counts wherever it lies. The decoder adds what the far view knows to the
near one, and a small net of the pixels themselves finds the edge of the ink. All that a judge is, its card included, lies in the
state dict.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mixmnist.core.records import Canvas
from mixmnist.dissect.reading import BACKGROUND, CLASSES, DIGITS, JUNK

LOW, MID, HIGH, WIDE = 24, 48, 96, 128  # units at half resolution, there again, at a quarter, and there before the answer
STEP = 4  # pixels a cell
SLOPE = 8.0  # of a count's log odds, for each glyph more; what training begins with
EDGE = 0.02  # half of full ink in the eyes of the net of pixels


class Found(NamedTuple):
    """What the net says of canvases."""

    pixels: Float[Tensor, "n classes rows cols"]  # logits
    cells: Float[Tensor, "n classes high wide"]  # logits
    counts: Float[Tensor, "n digits 3"]  # log probabilities of 0, 1, and 2 or more
    junk: Float[Tensor, "n 2"]  # log probabilities of none and some


class JudgeNet(nn.Module):
    """Finds digits and junk on canvases whose size four divides.

    Args:
        numbers: How many numbers its card has.
        generator: Of the weights; None: of weights that are to be filled in.
    """

    report: Tensor

    def __init__(self, numbers: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.stem = _block(4, LOW)
        self.near = _block(LOW, MID)
        self.down = _block(MID, HIGH, stride=2)
        self.far = _block(HIGH, HIGH)
        self.cells = nn.Sequential(_block(HIGH, WIDE, side=1), nn.Conv2d(WIDE, CLASSES, 1))
        self.back = nn.Conv2d(HIGH, LOW, 1)
        self.skip = nn.Conv2d(MID, LOW, 1)
        self.join = _block(LOW, LOW)
        self.fine = nn.Conv2d(LOW, 4 * CLASSES, 1)
        self.ink = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, CLASSES, 1))
        self.sharp = nn.Parameter(torch.ones(()))  # how much surer a cell is where it counts than where it is asked
        self.slopes = nn.Parameter(torch.full((2,), SLOPE))  # of counts, of junk
        self.register_buffer("report", torch.full((numbers,), torch.nan, dtype=torch.float64))
        if generator is not None:
            _initialise(self, generator)

    def forward(self, images: Float[Tensor, "n 1 rows cols"]) -> Found:
        """Looks at canvases, with values in [0, 1]."""
        near = self.near(self.stem(F.pixel_unshuffle(images, 2)))
        down = self.down(near)
        far = down + self.far(down)
        cells = self.cells(far)
        up = F.interpolate(self.back(far), scale_factor=2.0, mode="bilinear", align_corners=False)
        fine = self.fine(self.join(F.relu(up + self.skip(near))))
        ink = self.ink(torch.cat([images, images / (images + EDGE)], dim=1))
        return Found(F.pixel_shuffle(fine, 2) + ink, cells, *self.counted(cells))

    def counted(self, cells: Float[Tensor, "n classes high wide"]) -> tuple[Tensor, Tensor]:
        """Sums what cells say, and gives log probabilities of each digit's count and of junk."""
        sums = (cells * self.sharp).softmax(dim=1).sum(dim=(2, 3))  # n classes
        one, two = (self.slopes[0] * (sums[:, :DIGITS] - edge) for edge in (0.5, 1.5))
        some = self.slopes[1] * (sums[:, JUNK] - 0.5)
        counts = (F.logsigmoid(-one), F.logsigmoid(one) + F.logsigmoid(-two), F.logsigmoid(one) + F.logsigmoid(two))
        return torch.stack(counts, dim=-1), torch.stack([F.logsigmoid(-some), F.logsigmoid(some)], dim=-1)


def cell_targets(
    slots: Int[Tensor, "n slots"], positions: Int[Tensor, "n slots 2"], canvas: Canvas
) -> Float[Tensor, "n classes high wide"]:
    """Says what has its centre in each cell; a centre between cells is shared out among the nearest four.

    Example:
        >>> targets = cell_targets(torch.tensor([[7]]), torch.tensor([[[4, 8]]]), Canvas(size=24))
        >>> targets[0, 7, 1:4, 2:5].tolist()  # the middle of its box is that of a cell
        [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    axis = torch.arange(canvas.size // STEP)
    centre = (positions + canvas.glyph / 2) / STEP - 0.5  # of the box, in cells
    rows, cols = ((1 - (centre[..., k : k + 1] - axis).abs()).clamp(min=0) for k in (0, 1))  # n slots cells
    mass = rows[..., :, None] * cols[..., None, :] * (slots >= 0)[..., None, None]
    kinds = F.one_hot(slots.clamp(min=0), CLASSES).to(mass.dtype)
    targets = torch.einsum("nsc,nsij->ncij", kinds, mass)
    targets = targets / targets.sum(dim=1, keepdim=True).clamp(min=1)
    targets[:, BACKGROUND] = 1 - targets.sum(dim=1)
    return targets


def _block(into: int, out: int, stride: int = 1, side: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, out, side, stride, side // 2, bias=False), nn.BatchNorm2d(out), nn.ReLU())


def _initialise(net: nn.Module, generator: torch.Generator) -> None:
    """Draws the weights of all convolutions in place, as torch does by default but from a generator of one's own."""
    with torch.no_grad():
        for conv in net.modules():
            if isinstance(conv, nn.Conv2d):
                bound = 1 / math.sqrt(conv.weight[0].numel())
                for part in (conv.weight, conv.bias):
                    if part is not None:
                        part.uniform_(-bound, bound, generator=generator)
