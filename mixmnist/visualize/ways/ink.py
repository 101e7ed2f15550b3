"""Ink, a control: the image itself; it looks at no net.

Formula: map = pixel, summed over channels.
Settings: none.
Needs: nothing.

Source:
    Control of J. Adebayo et al. (2018), "Sanity Checks for Saliency Maps", arXiv:1810.03292. Differs: signed as it is.
"""

from mixmnist.core.records import Way
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels


def run(target: Target, images: Pixels) -> Maps:
    """Gives the ink of each image."""
    del target
    return images.sum(dim=1)


WAY = Way("the image itself (control)", "map", run)
