"""Sparse autoencoders of one hidden layer, several seeds side by side as one batched product.

code = keep(W (cell - b) + c), answer = code @ D + b, with rows of D of length 1. `keep` is what tells one kind from another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._starting import batches, some_cells
from mixmnist.features.fitted import Fitted, unit_rows

SETTLED = 20_000  # cells that a threshold is told by
LAST = 0.05  # of the rate is left at the end
WORSE = 1e3  # errors as a share of the cells' squares: what ends above has gone astray, as nan has
Codes = Float[Tensor, "seeds cells atoms"]


@dataclass(frozen=True, eq=False)
class Weights:
    """Of all seeds."""

    encoder: Float[Tensor, "seeds atoms units"]
    bias: Float[Tensor, "seeds 1 atoms"]
    decoder: Float[Tensor, "seeds atoms units"]
    centre: Float[Tensor, "seeds 1 units"]
    threshold: Float[Tensor, "seeds 1 atoms"]  # below which a code is 0; not every kind has one

    def before(self, rows: Float[Tensor, "seeds cells units"]) -> Codes:
        """Gives the codes before any is put to 0."""
        return (rows - self.centre) @ self.encoder.mT + self.bias

    def answer(self, codes: Codes) -> Float[Tensor, "seeds cells units"]:
        """Gives the cells that codes stand for."""
        return codes @ self.decoder + self.centre


@dataclass(frozen=True)
class Recipe:
    """How a kind is trained and read.

    `keep(before, weights)` gives the codes of a batch; `price(codes, before, weights)` is added to the error of each seed.
    """

    keep: Callable[[Tensor, Weights], Tensor]
    read: Callable[[Tensor, Tensor], Tensor]  # codes of cells one by one, from the codes before and the threshold
    price: Callable[[Tensor, Tensor, Weights], Tensor] | None = None
    parts: Callable[[int], Sequence[int]] = lambda atoms: (atoms,)  # first atoms that must explain the cells by themselves
    steps: int = 2000
    batch: int = 1024
    rate: float = 3e-3


def train(cells: Cells, atoms: int, seeds: Sequence[int], recipe: Recipe, title: str) -> Weights:
    """Trains all seeds side by side, each on its own batches, from directions that are cells of its own."""
    start = some_cells(cells, atoms, seeds)
    zeros = torch.zeros(len(seeds), 1, atoms).to(start)
    centre = torch.zeros(len(seeds), 1, cells.n_units).to(start)
    weights = Weights(start.clone(), zeros.clone(), start.clone(), centre, zeros + 0.1)
    every = [weights.encoder, weights.bias, weights.decoder, weights.centre, weights.threshold]
    optimiser = torch.optim.Adam([tensor.requires_grad_() for tensor in every], lr=recipe.rate, fused=True)
    parts = recipe.parts(atoms)
    for step, rows in enumerate(batches(cells, seeds, recipe.batch, recipe.steps, title)):
        optimiser.param_groups[0]["lr"] = recipe.rate * (1 - (1 - LAST) * step / recipe.steps)
        before = weights.before(rows)
        codes = recipe.keep(before, weights)
        errors = [_error(rows, codes, weights, part) for part in parts]
        loss = errors[0] if len(errors) == 1 else torch.stack(errors).mean(dim=0)
        if recipe.price is not None:
            loss = loss + recipe.price(codes, before, weights)
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
        with torch.no_grad():
            weights.decoder.copy_(unit_rows(weights.decoder))
            weights.threshold.clamp_(min=0)
    with torch.no_grad():
        left = _error(rows, recipe.keep(weights.before(rows), weights), weights, atoms) / rows.square().sum(dim=2).mean(dim=1)
    gone = f"got errors {float(left.max()):.2g} times their squares. Ask for a lower rate."
    require((left < WORSE).all(), f"{title} must explain cells, {gone}")
    return Weights(*(tensor.detach() for tensor in every))


def _error(rows: Tensor, codes: Tensor, weights: Weights, part: int) -> Float[Tensor, " seeds"]:
    first = (codes, weights.decoder) if part == codes.shape[2] else (codes[..., :part], weights.decoder[:, :part])
    left = rows - weights.centre - first[0] @ first[1]
    return left.square().sum(dim=(1, 2)) / rows.shape[1]


def fitted(weights: Weights, recipe: Recipe) -> list[Fitted]:
    """Gives a dictionary for each seed."""
    return [_one(weights, place, recipe) for place in range(len(weights.decoder))]


def _one(weights: Weights, place: int, recipe: Recipe) -> Fitted:
    encoder, bias, atoms, centre, threshold = (
        getattr(weights, name)[place] for name in ("encoder", "bias", "decoder", "centre", "threshold")
    )
    return Fitted(atoms, lambda rows: recipe.read((rows - centre) @ encoder.T + bias, threshold), centre[0])


def settled(weights: Weights, cells: Cells, k: int) -> Weights:
    """Gives thresholds, one a seed, above which cells have k codes on average."""
    rows = cells.values[:SETTLED].expand(len(weights.decoder), -1, -1)
    with torch.no_grad():
        highest = least_of_highest(weights.before(rows).relu().flatten(1), k * rows.shape[1])
    return replace(weights, threshold=torch.zeros_like(weights.threshold) + highest[:, None, None])


def most_in_batch(before: Codes, k: int) -> Codes:
    """Keeps, in a whole batch, the highest codes, k a cell on average."""
    codes = before.relu()
    least = least_of_highest(codes.detach().flatten(1), k * codes.shape[1])
    return torch.where(codes >= least[:, None, None], codes, 0)


def least_of_highest(values: Float[Tensor, "seeds values"], n: int) -> Float[Tensor, " seeds"]:
    """Gives the n-th highest value of each seed.

    Example:
        >>> least_of_highest(torch.tensor([[5.0, 1.0, 3.0]]), n=2)
        tensor([3.])
    """
    return values.kthvalue(values.shape[1] - n + 1, dim=1).values  # the highest n need not be sorted


def cut(before: Float[Tensor, "*cells atoms"], threshold: Float[Tensor, "*_ atoms"]) -> Float[Tensor, "*cells atoms"]:
    """Keeps what is above 0 and above a threshold, as it is."""
    positive = before.relu()
    return torch.where(positive > threshold, positive, 0)
