"""Pixels: the null. Sixteen units that are each every fourth pixel of the canvas, along rows and along columns.

The canvases are ready before the layer, which only puts them in another order; nothing in it knows of digits. What a score or an
effect gives these units is what it gives to ink. By the information threshold their best IoU with a digit is .05 to .08: above
.04 and .05, from which the literature lets a unit count.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.dissecting import Generator
from mixmnist.core.records import Canvas
from mixmnist.dissect.planted._painting import LATENT, LAYER, check, cut, drawn_codes, points, stamped, stamped_at

STEP = 4  # pixels


class Pixels(nn.Module):
    """Real canvases, their pixels dealt to units and put back."""

    stamps: Tensor
    latent = LATENT

    def __init__(self, canvas: Canvas) -> None:
        super().__init__()
        check(canvas)
        self.canvas = canvas
        self.units = nn.Sequential(nn.PixelUnshuffle(STEP), nn.ReLU())
        self.register_buffer("stamps", stamped())
        self.eval()

    def codes(self, n: int, seed: int) -> Float[Tensor, "n latent"]:
        """Draws n codes, the same for the same seed."""
        return drawn_codes(n, seed, self.canvas).to(self.stamps.device)

    def forward(self, codes: Float[Tensor, "n latent"]) -> Float[Tensor, "n 1 rows cols"]:
        """Draws the canvases of codes."""
        ink = stamped_at(points(codes, self.canvas.size, 1), self.stamps).sum(dim=1, keepdim=True)
        return cut(F.pixel_shuffle(self.units(cut(ink)), STEP))


def build(canvas: Canvas, seed: int) -> Pixels:
    """Builds the generator; there is only one."""
    del seed
    return Pixels(canvas)


def truth(seed: int) -> dict[int, tuple[int, ...]]:
    """Says that no unit draws any digit."""
    del seed
    return dict.fromkeys(range(10), ())


GENERATOR = Generator("pixels of real canvases in another order, the null", build, (LAYER,), LAYER, truth=truth, source="stamps")
