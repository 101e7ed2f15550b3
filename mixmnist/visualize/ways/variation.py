"""Pixels climbed with a price on ink and on its edges: L2 and total variation.

Formula: as pixels, of target / best natural number - total * TV - square * L2; TV the mean absolute difference of neighbours, L2
the mean square of the pixels, both in units of what a canvas has of them on average. Either is left out by a price of 0.
Settings: total, square (prices), steps, rate, jitter, grain, relu as in pixels.
Needs: a gradient; canvases, which say how much ink and edge is usual.

Source:
    A. Mahendran & A. Vedaldi (2015), "Understanding Deep Image Representations by Inverting Them", arXiv:1412.0035.
    Differs: prices are relative to natural numbers, so that they mean the same for every unit.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Way, require
from mixmnist.visualize._climb import Climb, Price, climb, through
from mixmnist.visualize._targets import Target
from mixmnist.visualize.imaging import Supplies
from mixmnist.visualize.mapping import as_pixels
from mixmnist.visualize.natural import best_natural, device_of
from mixmnist.visualize.ways._parts import Pixels
from mixmnist.visualize.ways.pixels import faint

FEW = 1000  # canvases on which ink and edges are measured


def run(
    target: Target,
    supplies: Supplies,
    seeds: Sequence[int],
    total: float,
    square: float,
    steps: int,
    rate: float,
    jitter: int,
    grain: float,
    relu: str,
) -> Pixels:
    """Climbs from noise, at a price."""
    for name, price in (("total", total), ("square", square)):
        require(price >= 0, f"{name} must be a price of 0 or more, got {name}={price}.")
    usual = as_pixels(supplies.canvases.images[:FEW]).to(device_of(target))
    edges, ink = edge(usual).mean(), usual.square().mean()
    best = best_natural(target, supplies.canvases).expand(len(seeds))  # of each picture

    def off(x: Pixels) -> Float[Tensor, " n"]:
        return total * edge(x) / edges + square * x.square().mean((1, 2, 3)) / ink

    start, how = faint(target, supplies, seeds, grain), Climb(steps, rate, jitter)
    return climb(through(target, relu), start, seeds, how, clip=lambda x: x.clamp(0, 1), price=Price(off, best))


def edge(x: Pixels) -> Float[Tensor, " n"]:
    """Gives the mean absolute difference of neighbouring pixels."""
    return x.diff(dim=2).abs().mean((1, 2, 3)) + x.diff(dim=3).abs().mean((1, 2, 3))


WAY = Way(
    "total variation and L2",
    "image",
    run,
    ("gradient", "canvases"),
    {"total": 0.3, "square": 0.0, "steps": 200, "rate": 0.02, "jitter": 0, "grain": 0.1, "relu": "auto"},
)
