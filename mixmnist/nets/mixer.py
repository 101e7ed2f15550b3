"""MLP-Mixer in miniature: linear layers over the places of each unit, and over the units of each place, in turns.

Patches of 4x4 pixels - three blocks - a 1x1 convolution with ReLU - mean over the map - linear. A block: layer norm, two linear
layers over the places with GELU in between, the same for every unit, added; layer norm, two linear layers over the units, the
same at every place, added. On a 32-pixel canvas all maps have 8 rows. 45,009 parameters at 45 classes.

Source:
    I. Tolstikhin et al. (2021), "MLP-Mixer: an all-MLP architecture for vision", arXiv:2105.01601.
    Differs: every layer gives maps [n, units, rows, cols], a cell a patch; between the last norm and the head stands the layer
    `units`, which is never negative, so that a unit's response and silence mean what they mean in a convnet. Three blocks, hidden
    layers half as long as the places and twice as wide as the cells; torch's own start of each linear layer.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from mixmnist.core.records import Net
from mixmnist.nets._layers import check_counts, headed
from mixmnist.nets._patches import Maps, Patches, Thought, as_cells, check_patches, last_layer
from mixmnist.nets._side_by_side import SideBySide, split

LAYERS = ("patches", "block1", "block2", "block3", "units")


@dataclass(frozen=True)
class Widths:
    """Settings of MLP-Mixer in miniature."""

    patch: int = 4
    """Rows and columns of a patch, pixels; a divisor of size."""
    width: int = 48
    """Units of a cell."""
    across: int = 32
    """Units of the hidden layer over places, of each block."""
    hidden: int = 96
    """Units of the hidden layer over units."""
    units: int = 30
    """Units of the last layer, which is read by the head and scored."""
    size: int = 32
    """Rows and columns of the canvas, pixels: the net takes no other."""
    dropout: float = 0.0
    """Share of the last layer's units that is dropped in training."""

    def __post_init__(self) -> None:
        check_patches(self)
        check_counts(self, "across")


class Across(nn.Module):
    """Linear layers over all places of each unit; what they give is added."""

    def __init__(self, width: int, places: int, across: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.within = nn.Sequential(
            OrderedDict(first=nn.Linear(places, across), gelu=nn.GELU(), second=nn.Linear(across, places))
        )

    def forward(self, x: Maps) -> Maps:
        """Keeps the form of the maps."""
        rows = self.norm(as_cells(x)).transpose(1, 2)  # images width places
        maps: Tensor = x + self.within(rows).unflatten(2, x.shape[2:])
        return maps


def load(settings: Widths, n_classes: int) -> nn.Sequential:
    """Gives one ordinary net, to be filled with weights.

    Example:
        >>> import torch
        >>> net = load(Widths(), n_classes=45)
        >>> net(torch.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
        (torch.Size([2, 45]), 45009)
    """
    s = settings
    layers: dict[str, nn.Module] = {"patches": Patches(s.size, s.patch, s.width, placed=False)}
    for name in LAYERS[1:-1]:
        layers[name] = nn.Sequential(Across(s.width, (s.size // s.patch) ** 2, s.across), Thought(s.width, s.hidden))
    layers["units"] = last_layer(s.width, s.units)
    return headed(layers, s.units, n_classes, s.dropout)


def build(settings: Widths, n_classes: int, seeds: Sequence[int]) -> SideBySide:
    """Builds nets side by side, one copy a seed.

    Example:
        >>> import torch
        >>> build(Widths(patch=8), n_classes=7, seeds=(0, 1, 2))(torch.zeros(4, 3, 32, 32)).shape
        torch.Size([4, 3, 7])
    """
    return SideBySide(lambda: load(settings, n_classes), seeds, settings.dropout)


NET = Net("MLP-Mixer in miniature: linear layers over places and over units, in turns", Widths, build, split, load, LAYERS)
