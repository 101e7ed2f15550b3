"""Pixel counts: how many pixels of a unit's map lie between neighbouring thresholds, on all images and inside each mask.

Thresholds are fitted on the rank images. IoU and its ceilings build on it.

Formula: histograms of pixels over thresholds.
Ties: pixels that differ by less than a 128th of their value are tied.
Dead units: all pixels in one step.
Cost: the maps of the probed images three times (two passes over the rank images, one over the scored ones), one gather a pixel
    and one count a masked pixel.
"""

from mixmnist.core.readout import MapsAndMasks
from mixmnist.core.records import Metric
from mixmnist.metrics._pixels import Counted, Cuts, count_steps, fit


def _cuts(rank_pixels: MapsAndMasks) -> Cuts:
    return fit(rank_pixels)


def _counted(pixels: MapsAndMasks, cuts: Cuts) -> Counted:
    return count_steps(pixels, cuts.step, cuts.n_steps)


METRIC = Metric(
    "Pixels between thresholds, inside masks and in all", axes=("units", "steps"), columns={"cuts": _cuts, "counted": _counted}
)
