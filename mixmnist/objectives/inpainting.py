"""Inpainting: a pretext; a square of the canvas is blanked, and a decoder draws what was there from the last maps.

Only pixels of the square count. What history calls accuracy is the share of their variance that is explained, 0 to 1. After it
a linear head for the task is fitted on the frozen units.

Source:
    D. Pathak et al. (2016), "Context Encoders: Feature Learning by Inpainting", arXiv:1604.07379.
    Differs: squared errors without an adversary; each canvas is shown with one square, drawn once.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mixmnist.core.records import Objective, require
from mixmnist.core.seeding import derive
from mixmnist.objectives._decoding import decoder, squared_errors


def prepare(
    images: UInt8[Tensor, "copies images rows cols"], labels: Tensor, seeds: Sequence[int], share: float | int = 0.5
) -> tuple[UInt8[Tensor, "copies images rows cols"], UInt8[Tensor, "copies images 2 rows cols"]]:
    """Blanks a square of each canvas, at a place that is drawn from its copy's seed.

    Args:
        images: Each copy's canvases.
        labels: Not looked at.
        seeds: One a copy.
        share: Side of the square, of that of the canvas: above 0 and below 1.

    Returns:
        The canvases with their squares blanked; and of each canvas its pixels as they were, and 1 in the square, 0 elsewhere.

    Raises:
        ValueError: If the share is no such number.

    Example:
        >>> images = torch.full((1, 5, 4, 4), 255, dtype=torch.uint8)
        >>> blanked, targets = prepare(images, torch.zeros(1, 5), seeds=(0,))
        >>> (blanked == 0).sum(dim=(2, 3)).tolist(), bool(((blanked == 0) == targets[:, :, 1].bool()).all())
        ([[4, 4, 4, 4, 4]], True)
    """
    require(0 < share < 1, f"share must lie between 0 and 1, got share={share}. It is the square's side, of the canvas's.")
    rows, cols = images.shape[2:]
    high, wide = max(1, round(share * rows)), max(1, round(share * cols))
    squares = torch.zeros_like(images)
    for own, seed in zip(squares, seeds, strict=True):
        generator = torch.Generator().manual_seed(derive(seed, "inpainting"))
        top, left = (torch.randint(n, (len(own), 1), generator=generator) for n in (rows - high + 1, cols - wide + 1))
        row, col = torch.arange(rows), torch.arange(cols)
        inside = ((row >= top) & (row < top + high))[:, :, None] & ((col >= left) & (col < left + wide))[:, None]
        own.copy_(inside)
    return images * (1 - squares), torch.stack([images, squares], dim=2)


def losses(
    outputs: Float[Tensor, "batch copies rows cols"], targets: UInt8[Tensor, "batch copies 2 rows cols"], share: float | int
) -> tuple[Float[Tensor, " copies"], Float[Tensor, " copies"]]:
    """Gives each copy's mean squared error within the squares, and the share of the variance there that is explained."""
    wanted, where = targets.to(outputs.dtype).unbind(dim=2)
    return squared_errors(outputs, wanted / 255, where)


def head(units: int, rows: int, cols: int, size: int, share: float | int) -> nn.Module:
    """Gives the decoder."""
    return decoder(units, size)


OBJECTIVE = Objective(
    "What was in a blanked square (a pretext)", prepare, settings={"share": 0.5}, outputs=1, losses=losses, head=head
)
