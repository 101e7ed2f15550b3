"""Correct: how right each of the network's decisions is, intact and with every unit silenced in turn. Ablation builds on it.

Where classes do not exclude each other a decision is a yes or no about one class, weighted so that the mean is the balanced
accuracy. Where a unit's map comes from another image the answer is the mean over all images that it may come from, or over two
random orders of the images where the network must be run again.

Formula: 1 if the right class has the largest logit, else 0; where classes do not exclude each other, 1 for each class whose
    logit is on the right side of 0, times the decision's weight; the mean is in [0, 1].
Ties: a right class that ties with t - 1 others for the largest logit counts 1/t.
Dead units: silencing changes nothing.
Cost: at the head a rank-one step on n x classes logits a unit; below it the network's rest is run again for every unit.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.readout import Without
from mixmnist.core.records import Metric
from mixmnist.metrics._decisions import correct
from mixmnist.metrics._resampling import resampled_correct

CHUNK = 2**20  # logits held at once: few enough for the processor's cache


def correct_without(
    without: Without, labels: Int[Tensor, "images *classes"], sets: Bool[Tensor, "sets units"], values: Float[Tensor, " units"]
) -> Float[Tensor, "sets decisions"]:
    """Gives `correct` with each set of units silenced to the given values, on as many of the first images as can be silenced."""
    return _a_few_at_a_time(lambda part: without(part, values), labels[: without.n_images], sets)


def _a_few_at_a_time(
    logits_of: Callable[[Tensor], Tensor], labels: Int[Tensor, "images *classes"], sets: Bool[Tensor, "sets units"]
) -> Float[Tensor, "sets decisions"]:
    """Gives `correct` for each set."""
    logits = logits_of(sets[:1])
    step = max(1, CHUNK // (len(labels) * max(logits.shape[2], sets.shape[1])))
    rest = [correct(logits_of(part), labels) for part in sets[1:].split(step)] if len(sets) > 1 else []
    return torch.cat([correct(logits, labels), *rest])


def _intact(
    without: Without, labels: Int[Tensor, "images *classes"], response: Float[Tensor, "images units"]
) -> Float[Tensor, "1 decisions"]:
    none = torch.zeros(1, response.shape[1], dtype=torch.bool, device=response.device)
    return correct_without(without, labels, none, torch.zeros_like(response[0]))


def _each_to_zero(
    without: Without, labels: Int[Tensor, "images *classes"], response: Float[Tensor, "images units"]
) -> Float[Tensor, "units decisions"]:
    each = torch.eye(response.shape[1], dtype=torch.bool, device=response.device)
    return correct_without(without, labels, each, torch.zeros_like(response[0]))


def _each_to_mean(
    without: Without, labels: Int[Tensor, "images *classes"], rank_mean: Float[Tensor, "rank_images units"]
) -> Float[Tensor, "units decisions"]:
    each = torch.eye(rank_mean.shape[1], dtype=torch.bool, device=rank_mean.device)
    return correct_without(without, labels, each, rank_mean.mean(dim=0))


def _each_resampled(
    without: Without, labels: Int[Tensor, "images *classes"], response: Float[Tensor, "images units"]
) -> Float[Tensor, "units decisions"]:
    return resampled_correct(without, labels, response.shape[1])


METRIC = Metric(
    "Correct predictions, intact and with each unit silenced",
    axes=("units", "images"),
    columns={
        "correct": _intact,
        "correct_without": _each_to_zero,
        "correct_without_mean": _each_to_mean,
        "correct_without_resample": _each_resampled,
    },
    chance="1 / number of classes; .5 where classes do not exclude each other",
    ceiling="1",
)
