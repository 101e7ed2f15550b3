"""Top images, the natural ones: the canvases on which the target is highest. Every other picture stands beside them.

Formula: the picture of seed k is the canvas with the (k+1)-th highest number.
Settings: none.
Needs: canvases. They show all that lies on a canvas, not only what the target wants.

Source:
    B. Zhou et al. (2015), "Object Detectors Emerge in Deep Scene CNNs", arXiv:1412.6856: units shown by their top images.
    Differs: whole canvases; ties in the order of the canvases.
"""

from collections.abc import Sequence

import torch

from mixmnist.core.records import Way, require
from mixmnist.visualize._targets import Target
from mixmnist.visualize.imaging import Supplies
from mixmnist.visualize.mapping import as_pixels
from mixmnist.visualize.natural import responses
from mixmnist.visualize.ways._parts import Pixels


def run(target: Target, supplies: Supplies, seeds: Sequence[int]) -> Pixels:
    """Gives the top canvases."""
    n = len(supplies.canvases)
    require(
        max(seeds) < n,
        f"pictures of a unit must be at most as many as canvases, {n:,}, got rank {max(seeds)}. Ask for fewer, or draw more.",
    )
    order = responses(target, supplies.canvases).argsort(dim=1, descending=True, stable=True).cpu()
    rows = torch.arange(len(seeds)) % len(order)  # a picture's own unit, or the one of all
    return as_pixels(supplies.canvases.images[order[rows, torch.tensor(seeds)]])


WAY = Way("top images", "image", run, ("canvases",))
