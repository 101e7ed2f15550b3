"""Grad-CAM: a layer's maps, each weighed by its mean gradient, their sum cut at 0 and scaled up.

Formula: weight of a map = mean over its cells of d target / d cell; map = max(0, sum of weight x map), scaled up to the image by
what the layer's cells really see.
Settings: layer; by default the last one with maps before the target's own, of a class the last one.
Needs: a gradient and a layer with maps.

Source:
    R. R. Selvaraju et al. (2017), "Grad-CAM", arXiv:1610.02391. Differs: true geometry instead of a stretch over the image.
"""

from mixmnist.core.records import Way
from mixmnist.visualize._geometry import grid_of, layer_before, maps_and_gradients
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels, in_parts


def run(target: Target, images: Pixels, layer: str) -> Maps:
    """Gives the weighed maps of each image."""
    chosen = layer or layer_before(target, images)
    grid = grid_of(target.net, chosen, images, target.transform)

    def one(part: Target, x: Pixels) -> Maps:
        maps, grads = (grid.maps(found) for found in maps_and_gradients(part, chosen, x))  # n units high wide
        weights = grads.mean((2, 3), keepdim=True)
        return grid.scaled((weights * maps).sum(dim=1).clamp_min(0))

    return in_parts(target, images, one)


WAY = Way("Grad-CAM", "map", run, ("gradient", "maps"), {"layer": ""})
