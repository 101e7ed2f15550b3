"""Cumulative ablation: accuracy after silencing n units, n = 0 .. all, in several orders fitted on the rank images.

`curve_random` is the mean of 20 random orders; `_alignment`: best detectors first; `_drop_first`, `_drop_last`: most and least
important units first; `_weight`: largest head weights (L1) first. With the suffix `_mean` units are silenced to their mean over
the rank images instead of to zero.

Formula: mean of correct after the first n units of an order are silenced; in [0, 1].
Ties: right classes that tie for the largest logit count 1/t; units with equal keys go in their order.
Dead units: behind all others by alignment; a drop of 0.
Cost: by the head's algebra a rank-one step on n x classes logits for each unit and order, 20 orders for the random one.
"""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixmnist.core.readout import Without
from mixmnist.core.records import Metric
from mixmnist.metrics._decisions import correct, exact
from mixmnist.metrics._returning import share_returning

ORDERS = 20  # random orders averaged
SEED = 0  # of the random orders


def curve(
    without: Without,
    logits: Float[Tensor, "images classes"],
    labels: Int[Tensor, "images *classes"],
    orders: Int[Tensor, "orders units"],
    values: Float[Tensor, " units"],
) -> Float[Tensor, " steps"]:
    """Gives the accuracy with the first n units of an order silenced, n = 0 .. units, averaged over orders.

    Args:
        without: Logits with sets of units silenced.
        logits: The intact network's, from which the first accuracy is told, so that rounding decides no tie there.
        labels: The right classes.
        orders: Each row is a permutation of the units.
        values: What a silenced unit's map is set to.

    Returns:
        units + 1 accuracies in [0, 1].
    """
    labels = labels[: without.n_images]
    if labels.ndim == 2:
        back = [torch.stack([correct(now, labels).mean() for now in without.returning(order, values)]) for order in orders]
        found = torch.stack(back).mean(dim=0).flip(0)
    else:
        every = torch.full((1, len(labels)), 1 / len(labels), dtype=torch.float64, device=labels.device)
        found = share_returning(without, orders, values, labels[None], every).mean(dim=0).flip(0).to(exact(logits))
    found[0] = correct(logits[: len(labels)], labels).mean()
    return found


def random_orders(n_units: int, seed: int = SEED) -> Int[Tensor, "orders units"]:
    """Gives the random orders; the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(n_units, generator=generator) for _ in range(ORDERS)])


def _random(
    without: Without,
    logits: Float[Tensor, "images classes"],
    labels: Int[Tensor, "images *classes"],
    rank_mean: Float[Tensor, "rank_images units"],
    share: float,
) -> Float[Tensor, " steps"]:
    orders = random_orders(rank_mean.shape[1]).to(rank_mean.device)
    return curve(without, logits, labels, orders, share * rank_mean.mean(dim=0))


def _by_alignment(
    without: Without,
    logits: Float[Tensor, "images classes"],
    labels: Int[Tensor, "images *classes"],
    rank_mean: Float[Tensor, "rank_images units"],
    rank_alignment: Float[Tensor, "units concepts"],
    share: float,
) -> Float[Tensor, " steps"]:
    return curve(without, logits, labels, _falling(rank_alignment.nan_to_num(-1).amax(dim=1)), share * rank_mean.mean(dim=0))


def _by_drop(
    without: Without,
    logits: Float[Tensor, "images classes"],
    labels: Int[Tensor, "images *classes"],
    rank_mean: Float[Tensor, "rank_images units"],
    rank_drop: Float[Tensor, " units"],
    sign: int,
    share: float,
) -> Float[Tensor, " steps"]:
    return curve(without, logits, labels, _falling(sign * rank_drop.nan_to_num(0)), share * rank_mean.mean(dim=0))


def _by_weight(
    without: Without,
    logits: Float[Tensor, "images classes"],
    labels: Int[Tensor, "images *classes"],
    rank_mean: Float[Tensor, "rank_images units"],
    head: Float[Tensor, "classes units"],
    share: float,
) -> Float[Tensor, " steps"]:
    return curve(without, logits, labels, _falling(head.abs().sum(dim=0)), share * rank_mean.mean(dim=0))


def _falling(values: Float[Tensor, " units"]) -> Int[Tensor, "1 units"]:
    return values.argsort(descending=True, stable=True)[None]


def _columns() -> dict[str, Callable[..., Tensor]]:
    columns: dict[str, Callable[..., Tensor]] = {}
    for suffix, share in (("", 0.0), ("_mean", 1.0)):
        columns |= {
            f"curve_random{suffix}": partial(_random, share=share),
            f"curve_alignment{suffix}": partial(_by_alignment, share=share),
            f"curve_drop_first{suffix}": partial(_by_drop, sign=1, share=share),
            f"curve_drop_last{suffix}": partial(_by_drop, sign=-1, share=share),
            f"curve_weight{suffix}": partial(_by_weight, share=share),
        }
    return columns


METRIC = Metric(
    "Cumulative ablation curves",
    axes=("curve",),
    bounds=dict.fromkeys(_columns(), (0, 1)),
    columns=_columns(),
    chance="1 / number of classes; .5 where classes do not exclude each other",
    ceiling="the intact accuracy",
    sets=True,
)
