"""DGN-AM: the code of a layer is climbed in place of pixels, and a generator that inverts the layer draws the image.

Formula: c <- clip((c + rate * sd * g / mean|g|) * (1 - decay), 0, mean + clip * sd); x = G(c); g the gradient of the target
with respect to c / sd, means and standard deviations those of natural codes.
Settings: steps, rate (in standard deviations), decay, clip (0: no upper limit), jitter (pixels), start (random: N(0, 1) in
standard deviations; natural: the code of a canvas), prior (own: the generator must be of the target's net; any), relu as in
pixels.
Needs: a gradient; a generator; canvases.

Source:
    A. Nguyen, A. Dosovitskiy, J. Yosinski, T. Brox & J. Clune (2016), "Synthesizing the preferred inputs for neurons in neural
    networks via deep generator networks", arXiv:1605.09304. Differs: the gradient is divided by its mean size once, at the code:
    dividing it at the image, too, changes nothing; each number of the code moves in its own standard deviation.
"""

from collections.abc import Sequence

import torch

from mixmnist.core.records import Way, require
from mixmnist.core.seeding import Stream
from mixmnist.visualize._climb import Climb, Code, climb, noise, through
from mixmnist.visualize._generator import Codes, Generator
from mixmnist.visualize._targets import Target
from mixmnist.visualize.imaging import Supplies
from mixmnist.visualize.mapping import as_pixels
from mixmnist.visualize.natural import device_of
from mixmnist.visualize.ways._parts import Pixels

STARTS = ("random", "natural")


def run(
    target: Target,
    supplies: Supplies,
    seeds: Sequence[int],
    steps: int,
    rate: float,
    decay: float,
    clip: float,
    jitter: int,
    start: str,
    prior: str,
    relu: str,
) -> Pixels:
    """Climbs codes."""
    assert supplies.generator is not None
    generator = supplies.generator
    generator.check(target, prior)
    require(start in STARTS, f"start must be one of {', '.join(STARTS)}, got start={start!r}.")
    require(clip >= 0, f"clip must be 0 standard deviations or more, got clip={clip}.")
    sd = generator.sd.clamp_min(1e-6)
    highest = (generator.mean + clip * sd) / sd if clip else torch.full_like(sd, float("inf"))

    def kept(code: Code) -> Code:
        return code.clamp_min(0).minimum(highest)

    first = _natural(supplies, seeds, generator) / sd if start == "natural" else noise(seeds, sd.shape).to(device_of(target))
    code = climb(
        through(target, relu), kept(first), seeds, Climb(steps, rate, jitter, decay), image=lambda c: generator(c * sd), clip=kept
    )
    with torch.no_grad():
        return generator(code * sd)


def _natural(supplies: Supplies, seeds: Sequence[int], generator: Generator) -> Codes:
    """Gives the codes of canvases, one drawn by each seed."""
    n = len(supplies.canvases)
    rows = [int(Stream(seed, "canvas").integers(0, n - 1, (1,))[0]) for seed in seeds]
    return generator.encode(as_pixels(supplies.canvases.images[rows]).to(generator.mean.device))


WAY = Way(
    "DGN-AM",
    "image",
    run,
    ("gradient", "generator", "canvases"),
    {
        "steps": 200,
        "rate": 0.1,
        "decay": 0.01,
        "clip": 3.0,
        "jitter": 0,
        "start": "random",
        "prior": "own",
        "relu": "auto",
    },
)
