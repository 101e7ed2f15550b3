"""Natural images: what a target says of canvases, which every picture is held against."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.data.mixture import Mixture
from mixmnist.probing.running import BATCH, plainly
from mixmnist.visualize._generator import digest
from mixmnist.visualize._targets import Target
from mixmnist.visualize.mapping import as_pixels


@dataclass(frozen=True)
class _Layer:
    """What the numbers of all units of a layer depend on, besides the canvases."""

    net: nn.Module
    weights: str  # their digest: a net whose weights were changed is another
    layer: str
    of: str
    axis: int
    before: bool


def responses(target: Target, canvases: Mixture) -> Float[Tensor, "cases images"]:
    """Gives the target's number on every canvas, of each picture's unit or class; the net runs once where that is enough.

    Of peaks and means the numbers of all units of a layer are kept for the next call, of the last few layers and canvases.

    Args:
        target: Of one unit for all pictures (one row), or of one for each (a row a picture).
        canvases: On any device; they are taken to the net's a few at a time.
    """
    if target.of in ("peak", "mean") and target.layer is not None and target.transform is None:
        target.some(torch.tensor([0])).values(next(_batches(target, canvases))[:1])  # refuses units that are not there
        known = _Layer(target.net, digest(target.net), target.layer, target.of, target.axis, target.before)
        units = _of_units(known, canvases)
        return units[:, target.index.to(units.device)].T
    rows = torch.arange(len(target.index))
    parts = [_of_all(target, rows, x) for x in _batches(target, canvases)]
    return torch.cat(parts, dim=1)


@lru_cache(maxsize=4)
def _of_units(at: _Layer, canvases: Mixture) -> Float[Tensor, "images units"]:
    """Gives the numbers of all units of a layer on every canvas."""
    target = Target(at.net, at.of, torch.tensor([0]), at.layer, axis=at.axis, before=at.before)
    return torch.cat([_of_layer(target, x) for x in _batches(target, canvases)])


def _of_layer(target: Target, x: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, "n units"]:
    with torch.no_grad(), plainly(target.net, x.device):
        maps = target.maps(x)
    return maps.amax(dim=2) if target.of == "peak" else maps.mean(dim=2)


def device_of(target: Target) -> torch.device:
    """Says where the target's net lies."""
    return next((p.device for p in target.net.parameters()), torch.device("cpu"))


def _batches(target: Target, canvases: Mixture) -> Iterator[Tensor]:
    return (as_pixels(part).to(device_of(target)) for part in canvases.images.split(BATCH))


def _of_all(target: Target, rows: Tensor, x: Tensor) -> Float[Tensor, "cases images"]:
    """Gives the number of each case on some canvases."""
    if target.of in ("peak", "mean"):
        target.some(rows[:1]).values(x[:1])  # refuses units that are not there
        each = _of_layer(target, x)
        return each[:, target.index.to(each.device)].T
    return torch.stack([_single(target, int(row)).values(x) for row in rows])


def _single(target: Target, row: int) -> Target:
    """Gives the target of one picture, whatever it is shown."""
    return target if len(target.index) == 1 else target.some(torch.tensor([row]))


def best_natural(target: Target, canvases: Mixture) -> Float[Tensor, " cases"]:
    """Gives the highest number on any canvas.

    Raises:
        ValueError: If a unit is 0 on all of them.
    """
    found = responses(target, canvases)
    refuse_silent(target, found)
    return found.amax(dim=1)


def refuse_silent(target: Target, found: Float[Tensor, "cases images"]) -> None:
    """Refuses units that are 0 on every canvas: they want nothing that is there.

    Raises:
        ValueError: If there are any.
    """
    if target.layer is None:
        return
    silent = sorted({int(unit) for unit, row in zip(target.index, found, strict=True) if not row.any()})
    name = replace(target, index=torch.tensor(silent[:1] or [0])).name
    require(not silent, f"a unit must fire on one canvas or more, got {name}, which is 0 on all {found.shape[1]}. Name another.")
