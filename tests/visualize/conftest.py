"""What tests of pictures share: a small net, canvases of scikit-learn's digits, a generator that draws anything."""

import pytest
import torch
from torch import nn

from mixmnist.data.mixture import draw
from mixmnist.visualize._generator import Drawing, Encoder, Generator, frozen, initialise
from mixmnist.visualize.imaging import Supplies


class Tiny(nn.Module):
    """Two convolutions with ReLUs, the second of which fires nearly everywhere."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Sequential(nn.Conv2d(1, 4, 5, stride=2), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(4, 5, 3, stride=2), nn.ReLU())
        self.head = nn.Linear(5, 3)
        nn.init.constant_(self.second[0].bias, 0.5)

    def forward(self, x):
        return self.head(self.second(self.first(x)).mean((2, 3)))


@pytest.fixture(scope="session")
def tiny():
    """Gives a function from a seed to a small net."""
    return lambda seed=0: Tiny(seed).eval()


@pytest.fixture(scope="session")
def canvases():
    """Sixty canvases of pairs."""
    return draw("pairs", "digits", "train", n=60, seed=0)


@pytest.fixture(scope="session")
def supplies(tiny, canvases):
    """The canvases, and a generator of the first small net with random weights, called a good one."""
    encoder = Encoder(tiny(), "first")
    drawing = Drawing((4, 14, 14), (1, 32, 32), (3, 3, 3))
    initialise(drawing, "he", torch.Generator().manual_seed(0))
    codes = encoder(canvases.images[:, None].float() / 255).detach()
    report = {"error": 0.5, "ink": 1.0, "pixels": 0.1}
    about = {"shape": [1, 32, 32], "widths": [3, 3, 3]}
    return Supplies(canvases, Generator(frozen(drawing), encoder, codes.mean(0), codes.std(0), report, about))
