"""Edges, a control: how strongly the image's brightness changes at each pixel; it looks at no net.

Formula: map = root of the squared Sobel derivatives along rows and along columns, the image continued at its border.
Settings: none.
Needs: nothing. What a way shows beyond edges is what it tells of the net.

Source:
    J. Adebayo et al. (2018), "Sanity Checks for Saliency Maps", arXiv:1810.03292: maps that look like edge detectors.
    Differs: a plain Sobel filter.
"""

import torch
import torch.nn.functional as F

from mixmnist.core.records import Way
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels


def run(target: Target, images: Pixels) -> Maps:
    """Gives the edges of each image."""
    del target
    smooth, slope = torch.tensor([1.0, 2.0, 1.0]).to(images), torch.tensor([-1.0, 0.0, 1.0]).to(images)
    filters = torch.stack([slope[:, None] * smooth, smooth[:, None] * slope])[:, None]
    across = F.conv2d(F.pad(images.sum(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate"), filters)
    return across.square().sum(dim=1).sqrt()


WAY = Way("edges (control)", "map", run)
