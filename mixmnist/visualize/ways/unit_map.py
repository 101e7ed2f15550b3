"""The unit's own map, scaled up to the image.

Formula: map = the unit's value at each cell, spread linearly between the centres of what the cells really see.
Settings: geometry: true, or stretched, as if the cells lay evenly over the image, which is what most tools do.
Needs: a unit of a layer with maps.

Source:
    D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796. Differs: places are measured by gradients.
"""

import torch

from mixmnist.core.records import Way, require
from mixmnist.probing.running import plainly
from mixmnist.visualize._geometry import grid_of
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels, in_parts


def run(target: Target, images: Pixels, geometry: str) -> Maps:
    """Gives the unit's map of each image."""
    known = ("true", "stretched")
    require(geometry in known, f"geometry must be one of {', '.join(known)}, got geometry={geometry!r}.")
    layer = target.layer
    require(layer is not None, f"the target must be a unit's, got {target.name}. Use the way gradient.")
    assert layer is not None
    grid = grid_of(target.net, layer, images, target.transform, target.axis)

    def one(part: Target, x: Pixels) -> Maps:
        with torch.no_grad(), plainly(part.net, x.device):
            maps = grid.maps(part.output(x))
        own = maps[torch.arange(len(x), device=x.device), part.index.to(x.device)]  # n high wide
        return grid.scaled(own) if geometry == "true" else grid.stretched(own)

    return in_parts(target, images, one)


WAY = Way("the unit's map", "map", run, ("maps", "unit"), {"geometry": "true"})
