"""Superposed: ten digits in six units, each a direction of its own, none below 0.

A digit's map is what the units have along its direction beyond what any other digit has there. One digit at a cell is therefore
drawn exactly: the canvases are those of the painters to 1e-5. No unit draws a digit, since each is part of several directions.
On 1,000 canvases the best IoU of a digit is .60 on average by the information threshold and above .7 for four of them, while no
unit takes away its digit alone in more than .70, and without any one of them four to six digits are mostly lost.
The ten directions are those of 2,000 random ones that lie furthest apart, chosen one after the other.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.dissecting import Generator
from mixmnist.core.records import Canvas
from mixmnist.core.seeding import derive
from mixmnist.dissect.planted._painting import LAYER, Painting

UNITS = 6
CANDIDATES = 2000


def build(canvas: Canvas, seed: int) -> Painting:
    """Builds the generator; the seed gives the directions."""
    directions = _directions(seed)  # digits units
    alike = float((directions @ directions.T - 2 * torch.eye(10)).max())  # of any two, below 1
    back = directions / (1 - alike)
    bias = torch.full((10,), -alike / (1 - alike))
    return Painting(canvas, directions.T.contiguous().float(), back.float(), bias=bias)


def _directions(seed: int) -> Float[Tensor, "digits units"]:
    """Chooses ten directions of length 1."""
    random = torch.Generator().manual_seed(derive(seed, "planted superposition"))
    known = torch.rand(CANDIDATES, UNITS, generator=random, dtype=torch.float64)
    known /= known.norm(dim=1, keepdim=True)
    chosen = [0]
    nearest = known @ known[0]
    for _ in range(9):
        chosen.append(int(nearest.argmin()))
        nearest = torch.maximum(nearest, known @ known[chosen[-1]])
    order = torch.tensor(chosen)[torch.randperm(10, generator=random)]
    directions: Tensor = known[order]
    return directions


def truth(seed: int) -> dict[int, tuple[int, ...]]:
    """Says that no unit by itself draws any digit."""
    del seed
    return dict.fromkeys(range(10), ())


GENERATOR = Generator("ten digits in six units", build, (LAYER,), LAYER, truth=truth, source="stamps")
