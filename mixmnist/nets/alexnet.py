"""AlexNet in miniature: five convolutions with large kernels first and overlapping pooling.

conv 5x5 - pool 3/2 - conv 5x5 - pool 3/2 - three times conv 3x3 - mean over the map - linear; each convolution keeps rows and
columns and is followed by batch norm and ReLU. On a 32-pixel canvas the maps have 32, 15, 7, 7 and 7 rows. 20,119 parameters at
45 classes.

Source:
    A. Krizhevsky, I. Sutskever, G. Hinton (2012), "ImageNet classification with deep convolutional neural networks", NeurIPS.
    Differs: a first kernel of 5, not 11, without stride; batch norm in place of local response norm (a setting: without it four
    passes over 20,000 canvases at a peak of 0.1 left accuracy at chance); two poolings, not three; a mean and one linear layer in
    place of three, so dropout, if any, is of the last convolution's units.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from mixmnist.core.records import Net
from mixmnist.nets._layers import check_counts, check_dropout, check_norm, headed, layer
from mixmnist.nets._side_by_side import SideBySide, split

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5")


@dataclass(frozen=True)
class Widths:
    """Settings of AlexNet in miniature."""

    conv1: int = 8
    """Units of the first convolution."""
    conv2: int = 16
    """Units of the second."""
    conv3: int = 24
    """Units of the third."""
    conv4: int = 24
    """Units of the fourth."""
    units: int = 30
    """Units of the fifth, which is read by the head and scored."""
    norm: str = "batch"
    """Batch (norm behind each convolution) or none."""
    dropout: float = 0.0
    """Share of the last layer's units that is dropped in training."""

    def __post_init__(self) -> None:
        check_counts(self, "conv1", "conv2", "conv3", "conv4", "units")
        check_norm(self.norm)
        check_dropout(self.dropout)


def load(settings: Widths, n_classes: int) -> nn.Sequential:
    """Gives one ordinary net, to be filled with weights.

    Example:
        >>> import torch
        >>> net = load(Widths(), n_classes=45)
        >>> net(torch.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
        (torch.Size([2, 45]), 20119)
    """
    s = settings
    layers = {
        "conv1": layer(1, s.conv1, 5, s.norm),
        "pool1": nn.MaxPool2d(3, 2),
        "conv2": layer(s.conv1, s.conv2, 5, s.norm),
        "pool2": nn.MaxPool2d(3, 2),
        "conv3": layer(s.conv2, s.conv3, 3, s.norm),
        "conv4": layer(s.conv3, s.conv4, 3, s.norm),
        "conv5": layer(s.conv4, s.units, 3, s.norm),
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


NET = Net("AlexNet in miniature: large kernels first", Widths, build, split, load, LAYERS)
