"""Pixels climbed with nothing to hold them: the image that excites most, which as a rule shows nothing.

Formula: x <- clip(x + rate * g / mean|g|, 0, 1), g the gradient of the target with respect to the pixels; from faint noise.
Settings: steps, rate, jitter (pixels), grain (standard deviation of the noise), relu (what of a unit's
ReLU is climbed: output; input; auto, the input of a peak, whose gradient is the same and there where the unit is silent, too).
Needs: a gradient.

Source:
    D. Erhan et al. (2009), "Visualizing Higher-Layer Features of a Deep Network", University of Montreal 1341.
    Differs: the image lies within [0, 1]; the gradient is divided by its mean size.
"""

from collections.abc import Sequence

from mixmnist.core.records import Way
from mixmnist.visualize._climb import Climb, climb, noise, through
from mixmnist.visualize._targets import Target
from mixmnist.visualize.imaging import Supplies
from mixmnist.visualize.natural import device_of
from mixmnist.visualize.ways._parts import Pixels


def run(
    target: Target, supplies: Supplies, seeds: Sequence[int], steps: int, rate: float, jitter: int, grain: float, relu: str
) -> Pixels:
    """Climbs from noise."""
    start = faint(target, supplies, seeds, grain)
    return climb(through(target, relu), start, seeds, Climb(steps, rate, jitter), clip=lambda x: x.clamp(0, 1))


def faint(target: Target, supplies: Supplies, seeds: Sequence[int], size: float) -> Pixels:
    """Draws noise on black."""
    return (size * noise(seeds, supplies.shape)).clamp(0, 1).to(device_of(target))


WAY = Way(
    "pixels, no prior",
    "image",
    run,
    ("gradient", "canvases"),
    {"steps": 200, "rate": 0.02, "jitter": 0, "grain": 0.1, "relu": "auto"},
)
