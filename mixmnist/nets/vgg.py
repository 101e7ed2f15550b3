"""VGG in miniature: three stages of two 3x3 convolutions, rows and columns halved in between.

Each convolution keeps rows and columns and is followed by batch norm and ReLU; pool 2/2 behind the first and the second stage;
then the mean over the map and a linear head. On a 32-pixel canvas the stages' maps have 32, 16 and 8 rows. 18,967 parameters at
45 classes.

Source:
    K. Simonyan and A. Zisserman (2014), "Very deep convolutional networks for large-scale image recognition", arXiv:1409.1556.
    Differs: six convolutions, not thirteen; batch norm, as in later copies (a setting: the published ones had none); a mean and
    one linear layer in place of three, so dropout, if any, is of the last convolution's units.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from mixmnist.core.records import Net
from mixmnist.nets._layers import check_counts, check_dropout, check_norm, headed, layer
from mixmnist.nets._side_by_side import SideBySide, split

LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2")


@dataclass(frozen=True)
class Widths:
    """Settings of VGG in miniature."""

    stage1: int = 8
    """Units of each of the first two convolutions."""
    stage2: int = 16
    """Units of the third and of the fourth."""
    stage3: int = 32
    """Units of the fifth."""
    units: int = 30
    """Units of the sixth, conv3_2, which is read by the head and scored."""
    norm: str = "batch"
    """Batch (norm behind each convolution) or none."""
    dropout: float = 0.0
    """Share of the last layer's units that is dropped in training."""

    def __post_init__(self) -> None:
        check_counts(self, "stage1", "stage2", "stage3", "units")
        check_norm(self.norm)
        check_dropout(self.dropout)


def load(settings: Widths, n_classes: int) -> nn.Sequential:
    """Gives one ordinary net, to be filled with weights.

    Example:
        >>> import torch
        >>> net = load(Widths(), n_classes=45)
        >>> net(torch.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
        (torch.Size([2, 45]), 18967)
    """
    s = settings
    layers = {
        "conv1_1": layer(1, s.stage1, 3, s.norm),
        "conv1_2": layer(s.stage1, s.stage1, 3, s.norm),
        "pool1": nn.MaxPool2d(2),
        "conv2_1": layer(s.stage1, s.stage2, 3, s.norm),
        "conv2_2": layer(s.stage2, s.stage2, 3, s.norm),
        "pool2": nn.MaxPool2d(2),
        "conv3_1": layer(s.stage2, s.stage3, 3, s.norm),
        "conv3_2": layer(s.stage3, s.units, 3, s.norm),
    }
    return headed(layers, s.units, n_classes, s.dropout)


def build(settings: Widths, n_classes: int, seeds: Sequence[int]) -> SideBySide:
    """Builds nets side by side, one copy a seed.

    Example:
        >>> import torch
        >>> build(Widths(), n_classes=7, seeds=(0, 1, 2))(torch.zeros(4, 3, 32, 32)).shape
        torch.Size([4, 3, 7])
    """
    return SideBySide(lambda: load(settings, n_classes), seeds, settings.dropout)


NET = Net("VGG in miniature: stages of two small convolutions", Widths, build, split, load, LAYERS)
