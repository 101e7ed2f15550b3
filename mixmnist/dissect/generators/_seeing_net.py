"""The net that looks at canvases while generators are trained: as a critic, or as an encoder. None of it is recorded."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import require

SMALLEST = 8  # rows and columns of a canvas that three halvings leave something of
WIDTHS = (24, 48, 96)
LEAK = 0.2


class Seeing(nn.Module):
    """Three convolutions, each of half the size, then two linear layers.

    Args:
        size: Rows and columns of the canvases.
        answers: Numbers that it gives for each.
        hidden: Numbers between the two linear layers.
    """

    def __init__(self, size: int, answers: int, hidden: int = 64) -> None:
        super().__init__()
        require(size >= SMALLEST, f"size must be {SMALLEST} or more to be looked at, got size={size}. Use a larger canvas.")
        widths = (1, *WIDTHS)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in zip(widths, WIDTHS, strict=False))
        self.hidden = nn.Linear(WIDTHS[-1] * (size // 8) ** 2, hidden)
        self.last = nn.Linear(hidden, answers)

    def forward(self, images: Float[Tensor, "n 1 rows cols"]) -> Float[Tensor, "n answers"]:
        """Gives the answers to canvases in [0, 1]."""
        maps = 2 * images - 1
        for conv in self.convs:
            maps = F.leaky_relu(conv(maps), LEAK)
        answers: Tensor = self.last(F.leaky_relu(self.hidden(maps.flatten(1)), LEAK))
        return answers
