"""Plain convolutions in a row, of any depth, with batch norm or without it.

conv 5x5 (no padding) - pool 3/2 - depth-2 times conv 3x3 - pool 3/2 - conv 3x3 - mean over the map - linear; each convolution is
followed by batch norm, unless it is left out, and ReLU. On a 32-pixel canvas the maps have 28, 13 and 6 rows. With depth 3, norm
and the same widths it is the same function as `convnet`, by torch's own modules. 9,025 parameters at 45 classes.

Source:
    metalbubble/mixture_mnist (2017) on GitHub, facts only: the architecture at depth 3 with norm.
    Differs: further convolutions stand in the second layer, where maps are not made smaller; a last layer of 30 units, not 10.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from mixmnist.core.records import Net, require
from mixmnist.nets._layers import check_counts, check_dropout, check_norm, headed
from mixmnist.nets._side_by_side import SideBySide, split

FEWEST = 3  # convolutions


@dataclass(frozen=True)
class Widths:
    """Settings of the plain net."""

    conv1: int = 10
    """Units of the first convolution."""
    conv2: int = 20
    """Units of each of those between the first and the last."""
    units: int = 30
    """Units of the last, conv3, which is read by the head and scored."""
    depth: int = 3
    """Convolutions, 3 or more."""
    norm: str = "batch"
    """Batch (norm behind each convolution) or none."""
    dropout: float = 0.0
    """Share of the last layer's units that is dropped in training."""

    def __post_init__(self) -> None:
        check_counts(self, "conv1", "conv2", "units", "depth")
        require(self.depth >= FEWEST, f"depth must be {FEWEST} or more, got depth={self.depth}. There are three named layers.")
        check_norm(self.norm)
        check_dropout(self.dropout)


def load(settings: Widths, n_classes: int) -> nn.Sequential:
    """Gives one ordinary net, to be filled with weights.

    Example:
        >>> import torch
        >>> net = load(Widths(), n_classes=45)
        >>> net(torch.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
        (torch.Size([2, 45]), 9025)
    """

    def layer(fan_in: int, units: int, side: int, padding: int) -> nn.Sequential:
        parts: OrderedDict[str, nn.Module] = OrderedDict(conv=nn.Conv2d(fan_in, units, side, padding=padding))
        if settings.norm == "batch":
            parts["norm"] = nn.BatchNorm2d(units)
        return nn.Sequential(parts | OrderedDict(relu=nn.ReLU()))

    fans = [settings.conv1, *[settings.conv2] * (settings.depth - FEWEST)]
    layers = {
        "conv1": layer(1, settings.conv1, 5, 0),
        "pool1": nn.MaxPool2d(3, 2),
        "conv2": nn.Sequential(*(layer(fan_in, settings.conv2, 3, 1) for fan_in in fans)),
        "pool2": nn.MaxPool2d(3, 2),
        "conv3": layer(settings.conv2, settings.units, 3, 1),
    }
    return headed(layers, settings.units, n_classes, settings.dropout)


def build(settings: Widths, n_classes: int, seeds: Sequence[int]) -> SideBySide:
    """Builds nets side by side, one copy a seed.

    Example:
        >>> import torch
        >>> build(Widths(depth=5, norm="none"), n_classes=7, seeds=(0, 1, 2))(torch.zeros(4, 3, 32, 32)).shape
        torch.Size([4, 3, 7])
    """
    return SideBySide(lambda: load(settings, n_classes), seeds, settings.dropout)


NET = Net("Plain convolutions of any depth, with batch norm or without", Widths, build, split, load, ("conv1", "conv2", "conv3"))
