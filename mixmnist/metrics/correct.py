"""Correct: how right the network is on each image, intact and with every unit silenced in turn. Ablation scores build on it.

Ties: an image whose right class ties with t - 1 others for the largest logit counts 1/t.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.readout import Without
from mixmnist.core.records import Metric

CHUNK = 2**20  # logits held at once: few enough for the processor's cache


def correct(logits: Float[Tensor, "*sets images classes"], labels: Int[Tensor, " images"]) -> Float[Tensor, "*sets images"]:
    """Gives 1 where the right class has the largest logit, 1/t where it ties with t - 1 others, else 0.

    Example:
        >>> correct(torch.tensor([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]]), torch.tensor([0, 0, 0]))
        tensor([1.0000, 0.0000, 0.5000])
    """
    right = logits.gather(-1, labels.expand(logits.shape[:-1])[..., None])
    best = logits.amax(dim=-1, keepdim=True)
    hit = (right == best)[..., 0]
    score = hit.to(logits.dtype)
    score[hit] = 1 / (logits[hit] == best[hit]).sum(dim=-1).to(logits.dtype)
    return score


def correct_without(
    without: Without, labels: Int[Tensor, " images"], sets: Bool[Tensor, "sets units"], values: Float[Tensor, " units"]
) -> Float[Tensor, "sets images"]:
    """Gives `correct` with each set of units silenced to the given values, a few sets at a time."""
    logits = without(sets[:1], values)
    step = max(1, CHUNK // (len(labels) * max(logits.shape[2], sets.shape[1])))
    rest = [correct(without(part, values), labels) for part in sets[1:].split(step)] if len(sets) > 1 else []
    return torch.cat([correct(logits, labels), *rest])


def _intact(
    without: Without, labels: Int[Tensor, " images"], response: Float[Tensor, "images units"]
) -> Float[Tensor, "1 images"]:
    none = torch.zeros(1, response.shape[1], dtype=torch.bool, device=response.device)
    return correct_without(without, labels, none, torch.zeros_like(response[0]))


def _each_to_zero(
    without: Without, labels: Int[Tensor, " images"], response: Float[Tensor, "images units"]
) -> Float[Tensor, "units images"]:
    each = torch.eye(response.shape[1], dtype=torch.bool, device=response.device)
    return correct_without(without, labels, each, torch.zeros_like(response[0]))


def _each_to_mean(
    without: Without, labels: Int[Tensor, " images"], rank_mean: Float[Tensor, "rank_images units"]
) -> Float[Tensor, "units images"]:
    each = torch.eye(rank_mean.shape[1], dtype=torch.bool, device=rank_mean.device)
    return correct_without(without, labels, each, rank_mean.mean(dim=0))


METRIC = Metric(
    "Correct predictions, intact and with each unit silenced",
    axes=("units", "images"),
    columns={"correct": _intact, "correct_without": _each_to_zero, "correct_without_mean": _each_to_mean},
    chance="1 / number of classes",
    ceiling="1",
)
