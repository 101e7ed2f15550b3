"""Fourier: the image's frequencies are climbed, low ones with longer steps, and the image is moved a little at each step.

Formula: x = sigmoid(b + inverse FFT of z / max(f, 1/size)), z <- z + rate * g / mean|g|; b so that the start is as dark as a
canvas.
Settings: steps, rate, jitter (pixels; 0 for none), grain (standard deviation of the start), relu as in pixels.
Needs: a gradient; canvases, which say how dark a start is.

Source:
    C. Olah, A. Mordvintsev & L. Schubert (2017), "Feature Visualization", Distill.
    Differs: jitter alone, no rotation or scaling; normalised steps; the start is as dark as canvases are.
"""

import math
from collections.abc import Sequence

import torch

from mixmnist.core.records import Way
from mixmnist.visualize._climb import Climb, Code, climb, noise, through
from mixmnist.visualize._targets import Target
from mixmnist.visualize.imaging import Supplies
from mixmnist.visualize.mapping import as_pixels
from mixmnist.visualize.natural import device_of
from mixmnist.visualize.ways._parts import Pixels
from mixmnist.visualize.ways.variation import FEW


def run(
    target: Target, supplies: Supplies, seeds: Sequence[int], steps: int, rate: float, jitter: int, grain: float, relu: str
) -> Pixels:
    """Climbs frequencies."""
    channels, rows, cols = supplies.shape
    down, across = torch.fft.fftfreq(rows), torch.fft.rfftfreq(cols)
    low = 1 / (down[:, None].square() + across.square()).sqrt().clamp_min(1 / max(rows, cols))  # rows half
    low = low[..., None].to(device_of(target)) / math.sqrt(rows * cols)
    dark = as_pixels(supplies.canvases.images[:FEW]).mean().clamp(0.01, 0.99).logit().to(device_of(target))

    def image(z: Code) -> Pixels:
        spectrum = torch.view_as_complex((z * low).contiguous())
        return torch.sigmoid(dark + torch.fft.irfft2(spectrum, s=(rows, cols), norm="ortho"))

    start = grain * noise(seeds, (channels, rows, cols // 2 + 1, 2)).to(device_of(target))
    return image(climb(through(target, relu), start, seeds, Climb(steps, rate, jitter), image=image))


WAY = Way(
    "Fourier", "image", run, ("gradient", "canvases"), {"steps": 200, "rate": 0.5, "jitter": 4, "grain": 0.1, "relu": "auto"}
)
