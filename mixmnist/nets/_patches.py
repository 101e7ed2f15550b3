"""What nets of patches share: the canvas cut into squares, each a cell of maps, and blocks that keep the form of the maps."""

from collections import OrderedDict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.nets._layers import check_counts, check_dropout

Maps = Float[Tensor, "images width rows cols"]


def check_patches(settings: Any) -> None:  # noqa: ANN401 -- each net has settings of its own
    """Makes sure that patches fill a canvas, and that counts and dropout are some.

    Raises:
        ValueError: If not; the message names the setting.
    """
    check_counts(settings, "patch", "size", "width", "hidden", "units")
    said = f"patch must divide the canvas, got patch={settings.patch} with size={settings.size}. Change either."
    require(settings.size % settings.patch == 0, said)
    check_dropout(settings.dropout)


class Patches(nn.Module):
    """Cuts a canvas into square patches and gives each as a cell with `width` units; with a vector a place if asked for."""

    def __init__(self, size: int, patch: int, width: int, placed: bool) -> None:
        super().__init__()
        self.size = size
        self.cut = nn.Conv2d(1, width, patch, patch)
        side = size // patch
        self.places = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, width, side, side), std=0.02)) if placed else None

    def forward(self, x: Float[Tensor, "images 1 rows cols"]) -> Float[Tensor, "images width high wide"]:
        """Gives maps; refuses canvases of another size, whose places would be others."""
        got = " x ".join(map(str, x.shape[2:]))
        said = f"size must be that of the canvas, got size={self.size} with a canvas of {got} pixels. Change the net's setting."
        require(x.shape[2:] == (self.size, self.size), said)
        found: Tensor = self.cut(x)
        return found if self.places is None else found + self.places


class Thought(nn.Module):
    """What each cell thinks by itself: layer norm over its units, two 1x1 convolutions with GELU in between; added to it."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        within = OrderedDict(first=nn.Conv2d(width, hidden, 1), gelu=nn.GELU(), second=nn.Conv2d(hidden, width, 1))
        self.within = nn.Sequential(within)

    def forward(self, x: Maps) -> Maps:
        """Keeps the form of the maps."""
        maps: Tensor = x + self.within(as_maps(self.norm(as_cells(x)), x))
        return maps


def as_cells(x: Maps) -> Float[Tensor, "images places width"]:
    """Gives maps as a row of cells, in reading order."""
    return x.flatten(2).transpose(1, 2)


def as_maps(cells: Float[Tensor, "images places width"], like: Maps) -> Maps:
    """Gives cells the form of some maps."""
    maps: Tensor = cells.transpose(1, 2).unflatten(2, like.shape[2:])
    return maps


def last_layer(width: int, units: int) -> nn.Sequential:
    """Gives the layer that the head reads: a 1x1 convolution to `units`, and a ReLU, so that none is negative.

    Each cell is normed first, as at the end of both published nets.
    """
    return nn.Sequential(OrderedDict(norm=CellNorm(width), conv=nn.Conv2d(width, units, 1), relu=nn.ReLU()))


class CellNorm(nn.Module):
    """Layer norm over the units of each cell."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Maps) -> Maps:
        """Keeps the form of the maps."""
        return as_maps(self.norm(as_cells(x)), x)
