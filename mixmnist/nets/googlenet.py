"""GoogLeNet in miniature: modules in which kernels of several sizes stand side by side.

conv 5x5 - pool 3/2 - two inception modules - pool 3/2 - an inception module - mean over the map - linear. A module joins four
branches: conv 1x1; conv 1x1 and 3x3; conv 1x1 and 5x5; pool 3/1 and conv 1x1. Each convolution keeps rows and columns and is
followed by batch norm and ReLU. On a 32-pixel canvas the layers' maps have 32, 15, 15 and 7 rows. 6,211 parameters at 45 classes.

Source:
    C. Szegedy et al. (2014), "Going deeper with convolutions", arXiv:1409.4842.
    Differs: three modules, not nine; one convolution before them, not three; batch norm, as in later copies, in place of local
    response norm (a setting: without it four passes over 20,000 canvases at a peak of 0.1 left accuracy at chance); no further
    heads in between; dropout, if any, is of the last module's units before the mean. A module's units go to its branches as in
    the first one that was published: 1/4, 1/2, 1/8 and 1/8.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import Net, require
from mixmnist.nets._layers import check_counts, check_dropout, check_norm, headed, layer
from mixmnist.nets._side_by_side import SideBySide, split

LAYERS = ("conv1", "inception1", "inception2", "inception3")
FEWEST = 8  # units of a module: one for each of the narrowest branches


@dataclass(frozen=True)
class Widths:
    """Settings of GoogLeNet in miniature."""

    conv1: int = 8
    """Units of the first convolution."""
    inception1: int = 16
    """Units of the first module, of all branches together; 8 or more."""
    inception2: int = 24
    """Units of the second."""
    units: int = 30
    """Units of the third, inception3, which is read by the head and scored."""
    norm: str = "batch"
    """Batch (norm behind each convolution) or none."""
    dropout: float = 0.0
    """Share of the last layer's units that is dropped in training."""

    def __post_init__(self) -> None:
        check_counts(self, "conv1", "inception1", "inception2", "units")
        for name in ("inception1", "inception2", "units"):
            width = getattr(self, name)
            require(width >= FEWEST, f"{name} must be {FEWEST} units or more, got {name}={width}. A module has four branches.")
        check_norm(self.norm)
        check_dropout(self.dropout)


class Inception(nn.Module):
    """Four branches on the same maps, their units one after another: of 1x1, 3x3 and 5x5 pixels, and of pooled ones."""

    def __init__(self, fan_in: int, units: int, norm: str) -> None:
        super().__init__()
        first, fifth = units // 4, units // 8
        third = units - first - 2 * fifth
        narrow, narrowest = max(1, 3 * third // 4), max(1, fifth // 2)  # units before the large kernels, as published
        self.ones = layer(fan_in, first, 1, norm)
        self.threes = nn.Sequential(OrderedDict(reduce=layer(fan_in, narrow, 1, norm), conv=layer(narrow, third, 3, norm)))
        self.fives = nn.Sequential(OrderedDict(reduce=layer(fan_in, narrowest, 1, norm), conv=layer(narrowest, fifth, 5, norm)))
        self.pooled = nn.Sequential(OrderedDict(pool=nn.MaxPool2d(3, 1, padding=1), conv=layer(fan_in, fifth, 1, norm)))

    def forward(self, x: Float[Tensor, "images fan_in rows cols"]) -> Float[Tensor, "images units rows cols"]:
        """Gives the maps of all branches."""
        return torch.cat([self.ones(x), self.threes(x), self.fives(x), self.pooled(x)], dim=1)


def load(settings: Widths, n_classes: int) -> nn.Sequential:
    """Gives one ordinary net, to be filled with weights.

    Example:
        >>> net = load(Widths(), n_classes=45)
        >>> net(torch.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
        (torch.Size([2, 45]), 6211)
    """
    s = settings
    layers = {
        "conv1": layer(1, s.conv1, 5, s.norm),
        "pool1": nn.MaxPool2d(3, 2),
        "inception1": Inception(s.conv1, s.inception1, s.norm),
        "inception2": Inception(s.inception1, s.inception2, s.norm),
        "pool2": nn.MaxPool2d(3, 2),
        "inception3": Inception(s.inception2, s.units, s.norm),
    }
    return headed(layers, s.units, n_classes, s.dropout)


def build(settings: Widths, n_classes: int, seeds: Sequence[int]) -> SideBySide:
    """Builds nets side by side, one copy a seed.

    Example:
        >>> build(Widths(), n_classes=7, seeds=(0, 1, 2))(torch.zeros(4, 3, 32, 32)).shape
        torch.Size([4, 3, 7])
    """
    return SideBySide(lambda: load(settings, n_classes), seeds, settings.dropout)


NET = Net("GoogLeNet in miniature: kernels of several sizes side by side", Widths, build, split, load, LAYERS)
