"""Picturing: the images at either end of a unit's responses, what they show, and where on them the unit fired."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.probing import Drawn
from mixmnist.probing.fields import Pixels, as_grid, spread
from mixmnist.probing.running import up_to

TOP = 12  # images shown of each unit at either end of its responses
LEVELS = 255  # steps of a map, from nothing to the highest value


def pictures(readout: Readout, mixture: Drawn) -> dict[str, Any]:
    """Gives the images at either end of each unit's responses, what they show and where it fired, as an exhibit has them."""
    found: dict[str, Any] = {}
    for name, falling in (("top", True), ("bottom", False)):
        places = readout.response.argsort(dim=0, descending=falling, stable=True)[:TOP].T  # units shown
        found[name] = channels_last(mixture.images[places.to(mixture.images.device)], mixture)
        found[f"{name}_present"] = readout.present[places].cpu().numpy()
        found[f"{name}_response"] = readout.response.T.gather(1, places).float().cpu().numpy()
        if falling:
            where = getattr(readout.pixels, "where", None)  # a layer of vectors has no places, and arrays tell none
            found["fields"] = None if where is None else where(places).cpu().numpy()
            pixels = readout.pixels
            found["maps"] = quantised(maps_on(pixels, places)).cpu().numpy() if isinstance(pixels, Pixels) else None
    return found


def channels_last(images: Tensor, mixture: Drawn) -> NDArray[np.uint8]:
    """Gives images [..., rows, cols], and those in colour [..., 3, rows, cols] as [..., rows, cols, 3]."""
    coloured = mixture.images.ndim == 4
    pixels: NDArray[np.uint8] = (images.movedim(-3, -1) if coloured else images).cpu().numpy()
    return pixels


def maps_on(pixels: Pixels, places: Int[Tensor, "units shown"]) -> Float[Tensor, "units shown rows cols"]:
    """Gives each unit's map on some images of its own, scaled up to the image by the layer's geometry.

    Args:
        pixels: The layer's.
        places: Indices of images, any of the mixture.
    """
    some, where = places.unique(return_inverse=True)  # the second: units shown
    unit = torch.arange(len(places), device=places.device)[:, None].expand_as(places)
    parts, done = torch.empty(0), 0
    for x in pixels.every.in_order(some):
        grid = as_grid(up_to(pixels.net, pixels.module, x), pixels.axis, pixels.patches)  # some units rows cols
        if not done:
            parts = grid.new_zeros((*places.shape, *grid.shape[2:]))  # units shown rows cols, of cells
        here = (where >= done) & (where < done + len(grid))
        parts[here] = grid[where[here] - done, unit[here]]
        done += len(grid)
    lengths = (parts.shape[2:], pixels.every.pixels.shape[-2:], pixels.field.stride, pixels.field.first)
    rows, cols = (spread(*one).to(parts) for one in zip(*lengths, strict=True))
    return rows @ parts @ cols.T


def quantised(maps: Float[Tensor, "units shown rows cols"]) -> UInt8[Tensor, "units shown rows cols"]:
    """Gives maps in steps from 0 to 255: of each unit from zero, or its lowest value below, to its highest on these images.

    Example:
        >>> quantised(torch.tensor([[[[0.0, 1.0], [2.0, 4.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])).flatten(1).tolist()
        [[0, 64, 128, 255], [0, 0, 0, 0]]
    """
    low, high = (end(maps.flatten(1), dim=1)[:, None, None, None] for end in (torch.amin, torch.amax))
    low = low.clamp_max(0)
    span = (high - low).clamp_min(torch.finfo(maps.dtype).tiny)
    return ((maps - low).clamp_min(0) / span * LEVELS).round().to(torch.uint8)
