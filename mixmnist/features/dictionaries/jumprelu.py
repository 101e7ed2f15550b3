"""JumpReLU autoencoder: each atom has a threshold of its own, learned, below which its code is 0.

Formula: code = x where x = W (cell - b) + c lies above the atom's threshold, else 0; loss |cell - answer|^2 + price *
    (L0 / k - 1)^2, with L0 the codes a cell on average. Thresholds learn through a rectangle of the given width around them.
Settings: k: codes a cell that are aimed at; price: of missing them; width; steps, batch, rate: of Adam.
Assumes: as batchtopk, with a scale of its own for each atom.
Cost: a few seconds, all seeds together.

Source:
    S. Rajamanoharan et al. (2024), "Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse Autoencoders",
    arXiv:2407.14435. Differs: the number of codes is aimed at, not paid for each.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mixmnist.core.records import Dictionary, require
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._autoencoder import Recipe, Weights, cut, fitted, train
from mixmnist.features.fitted import Fitted


class Step(torch.autograd.Function):
    """1 above a threshold, 0 below; the threshold's gradient is that of a ramp of some width."""

    @staticmethod
    def forward(ctx: Any, before: Tensor, threshold: Tensor, width: float) -> Tensor:  # noqa: ANN401 -- torch's own
        """Gives 0 or 1."""
        ctx.save_for_backward(before, threshold)
        ctx.width = width
        return (before > threshold).to(before)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:  # noqa: ANN401 -- torch's own
        """Gives the gradient of the threshold alone, summed over what shares it."""
        before, threshold = ctx.saved_tensors
        near = ((before - threshold).abs() < ctx.width / 2).to(before) / ctx.width
        return None, -(near * gradients[0]).sum_to_size(threshold.shape), None


def fit(
    cells: Cells, atoms: int, seeds: Sequence[int], k: int, price: float, width: float, steps: int, batch: int, rate: float
) -> list[Fitted]:
    """Trains all seeds side by side."""
    require(1 <= k <= atoms, f"k must lie between 1 and the number of atoms, got k={k} of {atoms}. Ask for more atoms.")
    recipe = Recipe(partial(_keep, width), cut, partial(_price, k, price, width), steps=steps, batch=batch, rate=rate)
    return fitted(train(cells, atoms, seeds, recipe, "jumprelu"), recipe)


def _keep(width: float, before: Tensor, weights: Weights) -> Tensor:
    kept: Tensor = Step.apply(before, weights.threshold, width)
    return before.relu() * kept


def _price(k: int, price: float, width: float, codes: Tensor, before: Tensor, weights: Weights) -> Tensor:
    del codes
    kept: Tensor = Step.apply(before, weights.threshold, width)
    return price * (kept.sum(dim=2).mean(dim=1) / k - 1) ** 2


DICTIONARY = Dictionary(
    "autoencoder with a learned threshold for each atom",
    fit,
    {"k": 2, "price": 0.1, "width": 0.1, "steps": 2000, "batch": 1024, "rate": 3e-3},
)
