"""Planted cells: ten concepts as known directions in few or many numbers, so that the right dictionary is known beforehand.

Each image is one cell: the sum of the directions of the concepts that it shows, each with a strength of its own, and noise. In
fewer than ten numbers the directions cannot be orthogonal: they are superposed, as far apart as they get. In five they are five
axes with both signs, so that two concepts of an axis cancel each other.

Source:
    N. Elhage et al. (2022), "Toy Models of Superposition", arXiv:2209.10652; D. Chanin, A. Garriga-Alonso (2026),
    "SynthSAEBench", arXiv:2602.14687. Differs: ten concepts, a truth for each image, the bench's own scores.
"""

from dataclasses import dataclass, fields
from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.features.cells import Cells
from mixmnist.features.fitted import unit_rows

CONCEPTS = 10
PUSHES, SHARP = 2000, 30.0  # steps of pushing directions apart, and how much the nearest count


@dataclass(frozen=True)
class Superposition:
    """How concepts are written into cells."""

    dimensions: int = 10
    """Numbers in a cell, 2 or more; from 10 on directions are orthogonal."""
    shown: int = 2
    """Concepts in a cell, 1 to 10."""
    noise: float = 0.05
    """Standard deviation of normal noise on each number."""
    weakest: float = 0.5
    """Least strength of a concept."""
    strongest: float = 1.5
    """Largest strength of a concept."""
    together: float = 0.0
    """Share of the cells that show a pair of concepts that go together: 0 and 1, 2 and 3, and so on."""
    frequent: float = 1.0
    """How many times more often than others the pair of concepts 0 and 1 is drawn; 20 plants absorption."""
    positive: bool = False
    """Whether no number is below 0, as after a ReLU: directions overlap then, and noise is cut at 0."""

    def __post_init__(self) -> None:
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        require(self.dimensions >= 2, f"dimensions must be 2 or more, got dimensions={self.dimensions}.")
        require(1 <= self.shown <= CONCEPTS, f"shown must lie between 1 and {CONCEPTS}, got shown={self.shown}.")
        require(0 <= self.together <= 1, f"together must lie between 0 and 1, got together={self.together}.")
        require(0 < self.weakest <= self.strongest, f"weakest must lie between 0 and strongest, got {known}.")
        require(self.noise >= 0 and self.frequent >= 1, f"noise must be 0 or more and frequent 1 or more, got {known}.")
        require(self.shown >= 2 or (self.together == 0 and self.frequent == 1), f"pairs need shown=2 or more, got {known}.")


@dataclass(frozen=True, eq=False)
class Planted:
    """Planted cells with the dictionary that made them."""

    cells: Cells
    directions: Float[Tensor, "concepts units"]  # of length 1
    codes: Float[Tensor, "cells concepts"]  # the strengths


def plant_cells(how: Superposition, n: int = 10_000, seed: int = 0) -> Planted:
    """Plants n cells; another seed gives other cells of the same directions.

    Example:
        >>> planted = plant_cells(Superposition(dimensions=5), n=100)
        >>> planted.cells.values.shape, planted.directions.shape, int(planted.cells.present.sum())
        (torch.Size([100, 5]), torch.Size([10, 5]), 200)
    """
    generator = torch.Generator().manual_seed(derive(seed, "planted cells"))
    present = _shown(how, n, generator)
    strength = how.weakest + (how.strongest - how.weakest) * torch.rand(n, CONCEPTS, generator=generator, dtype=torch.float64)
    codes, directions = strength * present, packing(how.dimensions, how.positive)
    noise = how.noise * torch.randn(n, how.dimensions, generator=generator, dtype=torch.float64)
    values = (codes @ directions + noise).float()
    values = values.relu() if how.positive else values
    return Planted(Cells(values, torch.arange(n), present), directions.float(), codes.float())


def _shown(how: Superposition, n: int, generator: torch.Generator) -> Bool[Tensor, "cells concepts"]:
    """Draws which concepts each cell shows: those with the lowest of random keys, of a pair that is set both."""
    keys, others = torch.rand(n, CONCEPTS, generator=generator), torch.rand(2, n, generator=generator)
    n_pairs = CONCEPTS * (CONCEPTS - 1) / 2
    beyond_chance = (how.frequent - 1) / (n_pairs + how.frequent - 1)
    pair = torch.where(others[0] < how.together, keys.argmin(dim=1) // 2, -1)
    pair = torch.where(others[1] < beyond_chance, 0, pair)
    rows = (pair >= 0).nonzero()[:, 0]
    for one in (0, 1):
        keys[rows, 2 * pair[rows] + one] = -1.0
    shown = keys.argsort(dim=1)[:, : how.shown]
    return torch.zeros(n, CONCEPTS, dtype=torch.bool).scatter(1, shown, value=True)


@cache
def packing(dimensions: int, positive: bool = False) -> Float[Tensor, "concepts units"]:
    """Gives ten directions: orthogonal from ten dimensions on, else pushed apart until they lie as far apart as they get.

    Those that are not negative are drawn at random from ten dimensions on: only the units themselves would be orthogonal.

    Example:
        >>> found = packing(10)
        >>> bool((found @ found.T - torch.eye(10)).abs().max() < 1e-9), bool(packing(10, positive=True).min() >= 0)
        (True, True)
    """
    generator = torch.Generator().manual_seed(derive(0, "packing", str(dimensions)))
    drawn = torch.randn(max(dimensions, CONCEPTS), max(dimensions, CONCEPTS), generator=generator, dtype=torch.float64)
    start = drawn[:CONCEPTS, :dimensions]
    if dimensions >= CONCEPTS:
        return unit_rows(start**2) if positive else torch.linalg.qr(drawn).Q[:CONCEPTS, :dimensions]
    free = (start**2 if positive else start).requires_grad_()
    optimiser = torch.optim.Adam([free], lr=0.01)
    itself = 2 * torch.eye(CONCEPTS, dtype=torch.float64)
    for _ in range(PUSHES):
        directions = _directions(free, positive)
        crowd = (SHARP * (directions @ directions.T - itself)).exp().sum().log()
        optimiser.zero_grad()
        crowd.backward()
        optimiser.step()
    return _directions(free.detach(), positive)


def _directions(free: Tensor, positive: bool) -> Tensor:
    return unit_rows(free.abs() if positive else free)
