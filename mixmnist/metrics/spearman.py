"""What goes with what: rank correlation, over the units of the layer, of an attribute and a measure of damage.

Attributes: alignment, selectivity, mutual information (of the unit's own concept), weight norm, class correlation. Damage: the
drop, the largest drop of a class, the drop on the images of its own concept; to zero. Dead units are left out.

Formula: Pearson's correlation of the ranks over units; in [-1, 1]; nan with fewer than three units.
Ties: tied units share their mean rank.
Dead units: left out.
Cost: sorts of as many numbers as units.

Source:
    B. Zhou et al. (2018), arXiv:1806.02891, and A. Morcos et al. (2018), arXiv:1803.06959, relate such attributes to ablation.
"""

import math
from collections.abc import Callable
from inspect import Parameter, Signature

import torch
from jaxtyping import Float
from scipy.stats import spearmanr
from torch import Tensor

from mixmnist.core.records import Metric

ATTRIBUTES = ("alignment", "selectivity", "mutual_information", "weight_norm", "class_correlation")
DAMAGE = ("drop", "max_class_drop", "concept_drop")
FEWEST = 3  # units below which nothing is correlated


def spearman(attribute: Float[Tensor, " units"], damage: Float[Tensor, " units"]) -> Float[Tensor, ""]:
    """Gives the rank correlation, in [-1, 1]; `nan` for fewer than 3 live units or where one does not change.

    Example:
        >>> spearman(torch.tensor([0.1, 0.2, 0.3, torch.nan]), torch.tensor([1.0, 3.0, 2.0, 0.0]))
        tensor(0.5000)
    """
    known = ~(attribute.isnan() | damage.isnan())
    x, y = attribute[known].cpu().double(), damage[known].cpu().double()
    few = len(x) < FEWEST or bool((x == x[0]).all()) or bool((y == y[0]).all())
    return torch.tensor(math.nan if few else float(spearmanr(x, y).statistic))


def _own(scores: Tensor, alignment: Float[Tensor, "units concepts"]) -> Float[Tensor, " units"]:
    """Picks each unit's score for its own concept where it has one for each."""
    return scores if scores.ndim == 1 else scores.gather(1, alignment.nan_to_num(-1).argmax(dim=1, keepdim=True))[:, 0]


def _column(attribute: str, damage: str) -> Callable[..., Tensor]:
    """Makes the column's function; its parameters, which say what it needs, are named after the two columns."""

    def column(**found: Tensor) -> Float[Tensor, ""]:
        own = [_own(found[name], found["alignment"]) for name in (attribute, damage)]
        return spearman(*own)

    names = dict.fromkeys(("alignment", attribute, damage))
    column.__signature__ = Signature([Parameter(name, Parameter.KEYWORD_ONLY) for name in names])  # type: ignore[attr-defined]
    return column


METRIC = Metric(
    "Rank correlation of attributes and damage over units",
    axes=(),
    bounds={f"spearman_{attribute}_{damage}": (-1, 1) for attribute in ATTRIBUTES for damage in DAMAGE},
    columns={f"spearman_{attribute}_{damage}": _column(attribute, damage) for attribute in ATTRIBUTES for damage in DAMAGE},
    chance="0",
    ceiling="1",
)
