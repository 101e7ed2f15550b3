"""Reliance: how much the layer's work hangs on single units.

Mean and maximum of the units' accuracy drops, their Gini coefficient, and what the random-order ablation curve says: `reliance`
is the share of what the intact net knows beyond chance that is lost on the way, averaged over the share of units silenced, so
more means that fewer units can go. A net that knows nothing relies on nothing that could be measured. `reliance_area` is the
area under the curve relative to the intact net, chance not taken out: 1 for a net at chance, too. Dead units count as a drop
of 0.

Formula: mean and max of E(u), Gini of max(E, 0), reliance 1 - trapezoid of (acc(n) - chance) / (acc(0) - chance) over n / units,
    chance the share of the most frequent class (.5 where classes do not exclude each other); nan where acc(0) lies no more than
    2.33 standard errors above chance; reliance_area: trapezoid of acc(n) / acc(0).
Ties: as the drops'.
Dead units: a drop of 0.
Cost: nothing beside the drops and the random curve.
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import Metric

BEYOND = 2.33  # standard errors: one net in a hundred at chance lies further above it


def mean_drop(drop: Float[Tensor, " units"]) -> Float[Tensor, ""]:
    """Gives the mean single-unit drop.

    Example:
        >>> mean_drop(torch.tensor([0.3, 0.1, -0.1, torch.nan]))
        tensor(0.0750)
    """
    return drop.nan_to_num(0).mean()


def max_drop(drop: Float[Tensor, " units"]) -> Float[Tensor, ""]:
    """Gives the largest single-unit drop."""
    return drop.nan_to_num(0).amax()


def gini(drop: Float[Tensor, " units"]) -> Float[Tensor, ""]:
    """Gives the Gini coefficient of max(drop, 0): 0 if all units matter alike, 1 - 1/units if one alone
    does; `nan` if no unit's drop is positive.

    Example:
        >>> gini(torch.tensor([0.0, 0.0, 0.0, 0.2]))
        tensor(0.7500)
    """
    harm = drop.nan_to_num(0).clamp_min(0).sort().values
    n = len(harm)
    weight = 2 * torch.arange(1, n + 1, device=harm.device, dtype=harm.dtype) - n - 1
    return (weight * harm).sum() / (n * harm.sum())


def _max_drop_to_mean(drop_mean: Float[Tensor, " units"]) -> Float[Tensor, ""]:
    return max_drop(drop_mean)


def reliance_area(curve_random: Float[Tensor, " steps"]) -> Float[Tensor, ""]:
    """Gives the trapezoid area of accuracy(n) / accuracy(0) over the share n / units, in [0, 1] or little above.

    Example:
        >>> reliance_area(torch.tensor([0.8, 0.4, 0.0]))
        tensor(0.5000)
    """
    return torch.trapezoid(curve_random / curve_random[0], dx=1 / (len(curve_random) - 1))


def _area_to_mean(curve_random_mean: Float[Tensor, " steps"]) -> Float[Tensor, ""]:
    return reliance_area(curve_random_mean)


def _mean_drop_to_mean(drop_mean: Float[Tensor, " units"]) -> Float[Tensor, ""]:
    return mean_drop(drop_mean)


def _mean_drop_resampled(drop_resample: Float[Tensor, " units"]) -> Float[Tensor, ""]:
    return mean_drop(drop_resample)


def _largest_class_drop(max_class_drop: Float[Tensor, " units"], dead: Bool[Tensor, " units"]) -> Float[Tensor, ""]:
    return torch.where(dead, 0, max_class_drop).amax()  # nan where no class has enough images


def reliance(curve_random: Float[Tensor, " steps"], labels: Int[Tensor, "images *classes"]) -> Float[Tensor, ""]:
    """Gives the share of the accuracy beyond chance that is lost, averaged over the share of units silenced at random.

    Returns:
        0 of a layer that does nothing, .5 where accuracy falls along a line, 1 where it is at chance as soon as units go; little
        below 0 or above 1 at most; `nan` for a net at chance.

    Example:
        >>> reliance(torch.tensor([0.9, 0.7, 0.5]), torch.tensor([0, 1] * 50))
        tensor(0.5000)
        >>> reliance(torch.tensor([0.55, 0.5, 0.5]), torch.tensor([0, 1] * 50))
        tensor(nan)
    """
    level = chance_of(labels)
    known = curve_random[0] - level
    left = torch.trapezoid((curve_random - level) / known, dx=1 / (len(curve_random) - 1))
    return torch.where(known > BEYOND * math.sqrt(level * (1 - level) / len(labels)), 1 - left, torch.nan)


def chance_of(labels: Int[Tensor, "images *classes"]) -> float:
    """Gives the accuracy of the best constant answer, in [0, 1]; .5 where classes do not exclude each other.

    Example:
        >>> chance_of(torch.tensor([0, 1, 1, 1]))
        0.75
    """
    return 0.5 if labels.ndim == 2 else float(labels.bincount().max()) / len(labels)


def _reliance_to_mean(curve_random_mean: Float[Tensor, " steps"], labels: Int[Tensor, "images *classes"]) -> Float[Tensor, ""]:
    return reliance(curve_random_mean, labels)


METRIC = Metric(
    "Reliance on single units",
    axes=(),
    bounds={
        **dict.fromkeys(("mean_drop", "mean_drop_mean", "mean_drop_resample", "max_drop", "max_drop_mean"), (-1, 1)),
        "max_class_drop": (-1, 1),
        "gini": (0, 1),
        "reliance": (-math.inf, math.inf),
        "reliance_mean": (-math.inf, math.inf),
        "reliance_area": (0, math.inf),
        "reliance_area_mean": (0, math.inf),
    },
    columns={
        "mean_drop": mean_drop,
        "mean_drop_mean": _mean_drop_to_mean,
        "mean_drop_resample": _mean_drop_resampled,
        "max_drop": max_drop,
        "max_drop_mean": _max_drop_to_mean,
        "max_class_drop": _largest_class_drop,
        "gini": gini,
        "reliance": reliance,
        "reliance_mean": _reliance_to_mean,
        "reliance_area": reliance_area,
        "reliance_area_mean": _area_to_mean,
    },
    chance="0; area: of a layer that does nothing, or a net at chance, 1",
)
