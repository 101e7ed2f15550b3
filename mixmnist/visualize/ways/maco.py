"""MACO: how strong each frequency is stays as on canvases; only the phases are climbed, the image moved a little at each step.

Formula: x = clip(inverse FFT of m * exp(i z), 0, 1), m the mean size of the canvases' spectra; z <- z + rate * g / mean|g|.
Settings: steps, rate (radians), jitter (pixels; 0 for none), relu as in pixels.
Needs: a gradient; canvases, whose spectrum it is.

Source:
    T. Fel et al. (2023), "Unlocking Feature Visualization for Deep Networks with MAgnitude Constrained Optimization",
    arXiv:2306.06805. Differs: the spectrum of the net's own canvases; jitter over black in place of crops and noise; pixels are
    clipped to [0, 1]; no map of which pixels count.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mixmnist.core.records import Way
from mixmnist.visualize._climb import Climb, Code, climb, phases, through
from mixmnist.visualize._targets import Target
from mixmnist.visualize.imaging import Supplies
from mixmnist.visualize.mapping import as_pixels
from mixmnist.visualize.natural import device_of
from mixmnist.visualize.ways._parts import Pixels
from mixmnist.visualize.ways.variation import FEW


def run(target: Target, supplies: Supplies, seeds: Sequence[int], steps: int, rate: float, jitter: int, relu: str) -> Pixels:
    """Climbs phases."""
    channels, rows, cols = supplies.shape
    size = (
        torch.fft.rfft2(as_pixels(supplies.canvases.images[:FEW])).abs().mean(dim=0).to(device_of(target))
    )  # channels rows half

    def image(z: Code) -> Pixels:
        found: Tensor = torch.fft.irfft2(torch.polar(size.expand_as(z), z), s=(rows, cols))
        return found.clamp(0, 1)

    start = phases(seeds, (channels, rows, cols // 2 + 1)).to(device_of(target))
    return image(climb(through(target, relu), start, seeds, Climb(steps, rate, jitter), image=image))


WAY = Way("MACO", "image", run, ("gradient", "canvases"), {"steps": 400, "rate": 0.05, "jitter": 4, "relu": "auto"})
