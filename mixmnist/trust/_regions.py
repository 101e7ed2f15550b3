"""Regions: where the maps of recorded nets are high on the top images that their records keep, for pictures."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.core.records import require
from mixmnist.grid import origins
from mixmnist.grid.layers import few_of
from mixmnist.metrics._pixels import quantile_values
from mixmnist.probing.fields import Pixels
from mixmnist.report.pictures import Regions, RegionsOf
from mixmnist.trust._networks import Recorded, recorded


def regions_of(folder: Path, root: str | None) -> RegionsOf:
    """Gives a function that finds the regions of a recorded net's units, of the layer that feeds the head.

    It loads the weights, and draws the mixture on which thresholds were fitted.

    Args:
        folder: Of a study and source.
        root: Folder that holds the source's files.

    Returns:
        A function of a variant and seed.

    Raises:
        FileNotFoundError: By that function, if there are no weights or no glyphs.
        ValueError: By that function, if there is no such net, or its layer has no maps.
    """

    @cache
    def nets() -> dict[tuple[str, int], Recorded]:
        return {(net.variant, net.seed): net for net in recorded(folder)}

    @cache
    def find(variant: str, seed: int) -> Regions:
        net = nets().get((variant, seed))
        require(net is not None, f"a network's record must be whole, got none of {variant}, seed {seed}.")
        assert net is not None
        read, rank = origins.kind_of(net.settings).read, net.mixture("rank", root)
        require(read is not None, f"a network must be one that is scored, got {variant}, seed {seed}.")
        assert read is not None
        (readout,) = read(net.net(), rank, (net.layer,), None, few_of(net.settings.probe_images))  # as it was scored
        return kept_regions(readout, net.place)

    return find


def kept_regions(rank: Readout, place: Path) -> Regions:
    """Gives the regions on the top images that a run's folder keeps.

    Args:
        rank: The layer on the images on which thresholds are fitted.
        place: The run's folder.

    Raises:
        ValueError: If the layer has no maps.
    """
    require(isinstance(rank.pixels, Pixels), f"a layer must give maps, got layer={rank.layer!r}, whose units have no places.")
    assert isinstance(rank.pixels, Pixels)
    with np.load(place / "top.npz", allow_pickle=False) as stored:
        return regions(rank.pixels, torch.from_numpy(stored["images"]))


def regions(pixels: Pixels, tops: UInt8[Tensor, "units shown *channels rows cols"]) -> Regions:
    """Gives each unit's maps on its own images, and the threshold above which .005 of the pixels of a layer's maps lie.

    Args:
        pixels: The layer's maps on the images on which thresholds are fitted.
        tops: Images of each unit.
    """
    images = replace(pixels.images, pixels=tops.flatten(0, 1))
    maps: Float[Tensor, "all rows cols"] = torch.empty(len(images), *tops.shape[-2:])
    for some, found in replace(pixels, every=images, images=images):
        own = some // tops.shape[1]  # the unit whose image it is
        maps[some] = found[torch.arange(len(some)), own].float().cpu()
    threshold = quantile_values(pixels).cpu()
    return Regions(maps.unflatten(0, tops.shape[:2]).numpy(), threshold.numpy())
