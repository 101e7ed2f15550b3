"""ResNet in miniature: what a block finds is added to what came in.

conv 3x3 - three stages of blocks - mean over the map - linear. A block is conv 3x3, batch norm, ReLU, conv 3x3, batch norm; to it
is added what came in, and a ReLU follows. The first block of the second and of the third stage halves rows and columns; where
sizes change, what came in goes through a 1x1 convolution with batch norm. On a 32-pixel canvas the layers' maps have 32, 32, 16
and 8 rows. 19,427 parameters at 45 classes.

Source:
    K. He, X. Zhang, S. Ren, J. Sun (2015), "Deep residual learning for image recognition", arXiv:1512.03385.
    Differs: one block a stage, not three or more (a setting), as in the nets for CIFAR; of their shortcuts those with weights.
    Batch norm is a setting.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import Net
from mixmnist.nets._layers import check_counts, check_dropout, check_norm, convolution, headed, layer
from mixmnist.nets._side_by_side import SideBySide, split

LAYERS = ("conv1", "stage1", "stage2", "stage3")


@dataclass(frozen=True)
class Widths:
    """Settings of ResNet in miniature."""

    stage1: int = 8
    """Units of the first convolution and of the first stage."""
    stage2: int = 16
    """Units of the second stage."""
    units: int = 30
    """Units of the third, stage3, which is read by the head and scored."""
    blocks: int = 1
    """Blocks a stage."""
    norm: str = "batch"
    """Batch (norm behind each convolution) or none."""
    dropout: float = 0.0
    """Share of the last layer's units that is dropped in training."""

    def __post_init__(self) -> None:
        check_counts(self, "stage1", "stage2", "units", "blocks")
        check_norm(self.norm)
        check_dropout(self.dropout)


class Block(nn.Module):
    """Two convolutions, and what came in added to what they give."""

    def __init__(self, fan_in: int, units: int, stride: int, norm: str) -> None:
        super().__init__()
        self.first = layer(fan_in, units, 3, norm, stride)
        self.second = _without_relu(units, units, 3, 1, norm)
        same = fan_in == units and stride == 1
        self.shortcut = nn.Identity() if same else _without_relu(fan_in, units, 1, stride, norm)

    def forward(self, x: Float[Tensor, "images fan_in rows cols"]) -> Float[Tensor, "images units high wide"]:
        """Gives maps after the ReLU."""
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


def _without_relu(fan_in: int, units: int, side: int, stride: int, norm: str) -> nn.Sequential:
    """Gives a convolution, and its batch norm if it has one."""
    parts: OrderedDict[str, nn.Module] = OrderedDict(conv=convolution(fan_in, units, side, norm, stride))
    if norm == "batch":
        parts["norm"] = nn.BatchNorm2d(units)
    return nn.Sequential(parts)


def load(settings: Widths, n_classes: int) -> nn.Sequential:
    """Gives one ordinary net, to be filled with weights.

    Example:
        >>> import torch
        >>> net = load(Widths(), n_classes=45)
        >>> net(torch.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
        (torch.Size([2, 45]), 19427)
    """
    s = settings

    def stage(fan_in: int, units: int, stride: int) -> nn.Sequential:
        further = [Block(units, units, 1, s.norm) for _ in range(s.blocks - 1)]
        return nn.Sequential(Block(fan_in, units, stride, s.norm), *further)

    layers = {
        "conv1": layer(1, s.stage1, 3, s.norm),
        "stage1": stage(s.stage1, s.stage1, 1),
        "stage2": stage(s.stage1, s.stage2, 2),
        "stage3": stage(s.stage2, s.units, 2),
    }
    return headed(layers, s.units, n_classes, s.dropout)


def build(settings: Widths, n_classes: int, seeds: Sequence[int]) -> SideBySide:
    """Builds nets side by side, one copy a seed.

    Example:
        >>> import torch
        >>> build(Widths(blocks=2), n_classes=7, seeds=(0, 1, 2))(torch.zeros(4, 3, 32, 32)).shape
        torch.Size([4, 3, 7])
    """
    return SideBySide(lambda: load(settings, n_classes), seeds, settings.dropout)


NET = Net("ResNet in miniature: blocks around which what came in is added", Widths, build, split, load, LAYERS)
