"""What the tests of dissected generators share: a small painter whose every unit is known, and its judge."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.data.sources.stamps import load
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.sampling import take
from mixmnist.dissect.subject import Subject

CANVAS = Canvas()


class Painter(nn.Module):
    """Draws two stamps of a code (digit, row, column of each); its layer `maps` has a unit a digit, and dead ones.

    With `marks` a unit is 1 in the cell at its stamp's middle and a transposed convolution draws the stamp; else it is the ink.
    """

    latent = 6

    def __init__(self, marks=False, order=range(12)) -> None:
        super().__init__()
        self.marks, self.order = marks, list(order)
        self.maps = nn.ReLU()
        stamps = torch.from_numpy(load(None, "test").images).float()[:, None] / 255  # digits 1 side side
        self.register_buffer("stamps", stamps)

    def codes(self, n, seed):
        """Draws pairs of digits at places that are legal."""
        mixture = draw(source="stamps", n=n, seed=seed)
        return torch.cat([mixture.shown[:, :, None], mixture.positions], dim=2).flatten(1).float()

    def forward(self, codes):
        found = codes.new_zeros(len(codes), 12, CANVAS.size, CANVAS.size)
        each = torch.arange(len(codes))
        for slot in codes.long().view(-1, 2, 3).unbind(1):
            digit, row, col = slot.unbind(1)
            found[each, digit, row + 6, col + 6] = 1
        if not self.marks:
            found = torch.cat([self.stamped(found[:, :10]), found[:, 10:]], dim=1)
        maps = self.maps(found[:, self.order])
        drawn = maps[:, [self.order.index(digit) for digit in range(10)]]
        if self.marks:
            drawn = self.stamped(drawn)
        return drawn.sum(dim=1, keepdim=True).clamp(0, 1)

    def stamped(self, marks):
        """Draws each digit's stamp around its marks."""
        return F.conv_transpose2d(marks, self.stamps, groups=10)[:, :, 6:-5, 6:-5]


@pytest.fixture(scope="session")
def painter():
    """Gives a subject whose units are the ink of their digits; 10 and 11 are dead."""
    return Subject(Painter().eval(), "maps", CANVAS, "painter", {digit: (digit,) for digit in range(10)})


@pytest.fixture(scope="session")
def marker():
    """Gives a subject whose units mark the middle of their digits; 10 and 11 are dead."""
    return Subject(Painter(marks=True).eval(), "maps", CANVAS, "marker", {digit: (digit,) for digit in range(10)})


@pytest.fixture(scope="session")
def turned():
    """Gives the painter with its units in another order, and the order."""
    order = [3, 11, 0, 7, 9, 1, 10, 2, 8, 5, 4, 6]
    return Subject(Painter(order=order).eval(), "maps", CANVAS, "turned"), torch.tensor(order)


@pytest.fixture(scope="session")
def judge():
    """Gives the exact judge of stamps."""
    return ExactJudge(CANVAS)


@pytest.fixture(scope="session")
def rank(painter, judge):
    """Gives the painter's rank sample."""
    return take(painter, judge, n=90, seed=1)


@pytest.fixture(scope="session")
def sample(painter, judge):
    """Gives the painter's test sample."""
    return take(painter, judge, n=110, seed=0)


@pytest.fixture(scope="session")
def marked(marker, judge):
    """Gives the marker's test sample."""
    return take(marker, judge, n=70, seed=0)
