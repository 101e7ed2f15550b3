"""What the ceilings share: directions that are trained on what the images show, every cell of an image taken together."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import trange

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.features.cells import Cells
from mixmnist.features.fitted import Fitted

STEPS, BATCH, RATE = 400, 500, 0.02  # batches, images of one


def train_by_max(cells: Cells, seed: int, build: Callable[[int, int], nn.Module], title: str) -> nn.Module:
    """Trains a module from cells to concepts so that its highest answer in an image tells whether the image shows the concept.

    Args:
        cells: All that fire in their images, and what the images show.
        seed: Of the module's initialisation.
        build: Gives the module from the numbers of units and of concepts.
        title: Of the progress bar.
    """
    require(cells.present is not None, f"{title} needs what the images show, got none. It is a ceiling: give the truth.")
    assert cells.present is not None
    right, counts = cells.present.to(cells.values), torch.bincount(cells.image, minlength=len(cells.present))
    order, ends = cells.image.argsort(stable=True), counts.cumsum(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "dictionary", title))
        module = build(cells.n_units, right.shape[1]).to(cells.values)
    generator = torch.Generator().manual_seed(derive(seed, "dictionary", title, "batches"))
    optimiser = torch.optim.Adam(module.parameters(), lr=RATE, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, STEPS)
    for _ in trange(STEPS, desc=title, leave=False, delay=2, disable=None):
        images = torch.randint(len(right), (BATCH,), generator=generator).to(counts.device)
        of = torch.arange(BATCH, device=counts.device).repeat_interleave(counts[images])
        within = torch.arange(len(of), device=of.device) - (counts[images].cumsum(0) - counts[images])[of]
        rows = cells.values[order[(ends[images] - counts[images])[of] + within]]
        silent = module(torch.zeros_like(cells.values[:1])).expand(BATCH, -1)
        start = torch.where((counts[images] < cells.places)[:, None], silent, -torch.inf)
        loss = F.binary_cross_entropy_with_logits(highest_of(module(rows), of, start), right[images])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return module.requires_grad_(requires_grad=False)


def discriminants(cells: Cells, units: int, concepts: int) -> nn.Linear:
    """Gives a module that starts from the linear discriminants of cells, each of which is taken to show what its image shows.

    From a start at random the silent cells can be the highest everywhere, and nothing is learned.
    """
    module = nn.Linear(units, concepts)
    assert cells.present is not None
    rows, right = cells.values.double(), cells.present[cells.image].double()
    centred = rows - rows.mean(dim=0)
    covariance = centred.T @ centred / len(rows) + 1e-6 * torch.eye(units).to(rows)
    shares = right.sum(dim=0).clamp_min(1)
    apart = (right.T @ centred) / shares[:, None]  # concepts units
    weight = torch.linalg.solve(covariance, apart.T).T
    answers = rows @ weight.T
    scale = answers.std(dim=0).clamp_min(1e-12)[:, None] / 2
    with torch.no_grad():
        module.weight.copy_(weight / scale)
        module.bias.copy_(-(answers.mean(dim=0) / scale[:, 0]) - 2)
    return module


def highest_of(
    values: Float[Tensor, "cells concepts"], image: Int[Tensor, " cells"], start: Float[Tensor, "images concepts"]
) -> Float[Tensor, "images concepts"]:
    """Gives each image's highest value over its cells, and not less than what it starts from."""
    return start.scatter_reduce(0, image[:, None].expand_as(values), values, "amax")


def as_ceiling(module: nn.Module, atoms: Float[Tensor, "atoms units"]) -> Fitted:
    """Gives a module's answers as codes above 0; they write no cell."""
    return Fitted(atoms, lambda rows: F.softplus(module(rows)), torch.zeros_like(atoms[0]))
