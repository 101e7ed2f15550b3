"""Vision transformer in miniature: patches that look at each other.

Patches of 4x4 pixels, each with a learned vector of its place - three blocks - a 1x1 convolution with ReLU - mean over the map -
linear. A block: layer norm, attention of four heads, added; layer norm, two linear layers with GELU in between, added. On a
32-pixel canvas all maps have 8 rows. 63,729 parameters at 45 classes.

Source:
    A. Dosovitskiy et al. (2020), "An image is worth 16x16 words", arXiv:2010.11929.
    Differs: every layer gives maps [n, units, rows, cols], a cell a patch; no token of the class: the mean over all cells is
    read, as in L. Beyer et al. (2022), "Better plain ViT baselines", arXiv:2205.01580; between the last norm and the head stands
    the layer `units`, which is never negative, so that a unit's response and silence mean what they mean in a convnet. Three
    blocks, hidden layers twice as wide as the cells, not four times; torch's own start of each linear layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import Net, require
from mixmnist.nets._layers import check_counts, headed
from mixmnist.nets._patches import Maps, Patches, Thought, as_cells, as_maps, check_patches, last_layer
from mixmnist.nets._side_by_side import SideBySide, split

LAYERS = ("patches", "block1", "block2", "block3", "units")


@dataclass(frozen=True)
class Widths:
    """Settings of the vision transformer in miniature."""

    patch: int = 4
    """Rows and columns of a patch, pixels; a divisor of size."""
    width: int = 48
    """Units of a cell; a multiple of heads."""
    heads: int = 4
    """Heads of attention in each block."""
    hidden: int = 96
    """Units of the hidden layer of each block."""
    units: int = 30
    """Units of the last layer, which is read by the head and scored."""
    size: int = 32
    """Rows and columns of the canvas, pixels: the net takes no other."""
    dropout: float = 0.0
    """Share of the last layer's units that is dropped in training."""

    def __post_init__(self) -> None:
        check_patches(self)
        check_counts(self, "heads")
        said = f"heads must divide width, got heads={self.heads} with width={self.width}. Change either."
        require(self.width % self.heads == 0, said)


class Attention(nn.Module):
    """Each cell takes from all cells, by several heads, what answers to it; added to it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.asked, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Maps) -> Maps:
        """Keeps the form of the maps."""
        found: Tensor = self.asked(self.norm(as_cells(x))).unflatten(2, (3, self.heads, -1))
        query, key, value = found.permute(2, 0, 3, 1, 4)  # images heads places each
        weights = torch.softmax(query @ key.transpose(2, 3) / query.shape[3] ** 0.5, dim=3)
        joined: Float[Tensor, "images places width"] = (weights @ value).transpose(1, 2).flatten(2)
        return x + as_maps(self.out(joined), x)


def load(settings: Widths, n_classes: int) -> nn.Sequential:
    """Gives one ordinary net, to be filled with weights.

    Example:
        >>> net = load(Widths(), n_classes=45)
        >>> net(torch.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
        (torch.Size([2, 45]), 63729)
    """
    s = settings
    layers: dict[str, nn.Module] = {"patches": Patches(s.size, s.patch, s.width, placed=True)}
    for name in LAYERS[1:-1]:
        layers[name] = nn.Sequential(Attention(s.width, s.heads), Thought(s.width, s.hidden))
    layers["units"] = last_layer(s.width, s.units)
    return headed(layers, s.units, n_classes, s.dropout)


def build(settings: Widths, n_classes: int, seeds: Sequence[int]) -> SideBySide:
    """Builds nets side by side, one copy a seed.

    Example:
        >>> build(Widths(patch=8), n_classes=7, seeds=(0, 1, 2))(torch.zeros(4, 3, 32, 32)).shape
        torch.Size([4, 3, 7])
    """
    return SideBySide(lambda: load(settings, n_classes), seeds, settings.dropout)


NET = Net("Vision transformer in miniature: patches that look at each other", Widths, build, split, load, LAYERS)
