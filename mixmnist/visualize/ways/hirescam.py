"""HiResCAM: a layer's maps, each cell weighed by its own gradient, their sum scaled up.

Formula: map = sum over maps of cell x d target / d cell, signed, scaled up to the image by what the layer's cells really see.
Settings: layer; by default the last one with maps before the target's own, of a class the last one.
Needs: a gradient and a layer with maps.

Source:
    R. L. Draelos & L. Carin (2020), "Use HiResCAM Instead of Grad-CAM for Faithful Explanations", arXiv:2011.08891.
    Differs: true geometry instead of a stretch over the image; of units, too.
"""

from mixmnist.core.records import Way
from mixmnist.visualize._geometry import grid_of, layer_before, maps_and_gradients
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels, in_parts


def run(target: Target, images: Pixels, layer: str) -> Maps:
    """Gives the weighed cells of each image."""
    chosen = layer or layer_before(target, images)
    grid = grid_of(target.net, chosen, images, target.transform)

    def one(part: Target, x: Pixels) -> Maps:
        maps, grads = (grid.maps(found) for found in maps_and_gradients(part, chosen, x))  # n units high wide
        return grid.scaled((grads * maps).sum(dim=1))

    return in_parts(target, images, one)


WAY = Way("HiResCAM", "map", run, ("gradient", "maps"), {"layer": ""})
