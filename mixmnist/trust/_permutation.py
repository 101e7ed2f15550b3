"""What a score would be if a unit knew nothing: presence given to other images, whole rows at a time.

A row of presence is kept whole, so that how often each digit occurs and which digits occur together stay as they are; only
their tie to the unit's responses is cut. A unit's own score is the best over concepts, so its null is the best over concepts too.

Over a layer every order is asked for its highest unit: a unit's p-value is the share of orders whose highest unit is as high.
So one null serves all units, and how many they are does not limit how small a p-value can be. Nulls differ: the scores of units
that rarely fire scatter widely, and would set the bar for all. Each unit is therefore counted in spreads of its own null from
that null's mean. Mean and spread are over all orders with the true one among them, so that no order is treated otherwise than
the others and the p-value is exact.

Source:
    B. Phipson and G. Smyth (2010), "Permutation P-values should never be zero": p = (1 + b) / (1 + n).
    P. Westfall and S. Young (1993), "Resampling-Based Multiple Testing", ch. 2: the single-step maximum over a family; T. Nichols
    and A. Holmes (2002), "Nonparametric permutation tests for functional neuroimaging".
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.metrics.average_precision import average_precision
from mixmnist.trust._ranked import Ranked

Score = Callable[[Tensor, Tensor], Tensor]  # of response [images, units] and presence [images, concepts]: [units, concepts]
SAME = 1e-9  # scores that are no further apart count as equal
FEWEST = 20  # permutations below which no p-value can fall below .05, and none is given
AT_ONCE = 2**17  # images x concepts x permutations scored in one call, and
UNITS = 5  # of how many units: what a processor's cache holds


@dataclass(frozen=True, eq=False)
class AgainstNull:
    """A layer's units, each held against its null."""

    score: Float[Tensor, " units"]  # the best over concepts
    concept: list[int]  # which concept that is; -1 for a unit without a score
    null: Float[Tensor, "permutations units"]
    standard: Float[Tensor, " units"]  # the score in spreads of its null from that null's mean
    highest: Float[Tensor, " permutations"]  # the same of the highest unit in each order; -inf where no unit has a score
    p: Float[Tensor, " units"]  # by the unit's own null
    corrected: Float[Tensor, " units"]  # 0: what a unit that knows nothing has; 1: a perfect detector

    @property
    def p_layer(self) -> Float[Tensor, " units"]:
        """The p-values by the highest of these units in each order: one in 20 layers that know nothing has a p < .05 at all."""
        return over_layer([self])


def permutation_null(
    response: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
    score: Score = average_precision,
    n: int = 1000,
    seed: int = 0,
) -> Float[Tensor, "permutations units"]:
    """Gives each unit's best score over concepts with whole rows of presence permuted over the images.

    Args:
        response: Any scale.
        present: Ground truth from the generator.
        score: A score of units and concepts that looks at one concept at a time. Alignment is computed from one sort.
        n: Permutations, the same for all units; 1 or more.
        seed: Of the permutations.

    Returns:
        A row a permutation; `nan` for a unit that has no score.

    Example:
        >>> response = torch.tensor([[9.0], [8.0], [1.0], [0.0]])
        >>> present = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1]]).bool()
        >>> (permutation_null(response, present, n=3000) > 0.99).double().mean().round(decimals=1) # two of six ways are perfect
        tensor(0.3000, dtype=torch.float64)
    """
    require(n >= 1, f"n must be 1 permutation or more, got n={n}. Use 1000, say.")
    generator = torch.Generator().manual_seed(seed)
    orders = torch.stack([torch.randperm(len(present), generator=generator) for _ in range(n)])  # permutations images
    if score is average_precision:
        return best(Ranked.of(response).average_precision(present, orders))[0]
    n_concepts, found = present.shape[1], []
    for some in orders.split(max(1, AT_ONCE // present.numel())):
        moved = present[some].permute(1, 0, 2).flatten(1)  # images permutations*concepts
        scores = torch.cat([score(part, moved) for part in response.split(UNITS, dim=1)])  # units permutations*concepts
        found.append(scores.unflatten(1, (-1, n_concepts)).transpose(0, 1))  # permutations units concepts
    return best(torch.cat(found))[0]


def hold_against_null(
    response: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
    score: Score = average_precision,
    n: int = 1000,
    seed: int = 0,
) -> AgainstNull:
    """Gives each unit's score, its p-value under the null, corrected over the layer, and its score corrected for chance.

    Args:
        response: Any scale.
        present: Ground truth from the generator.
        score: As for `permutation_null`.
        n: Permutations; the smallest p-value is 1 / (1 + n), for a layer of any width.
        seed: Of the permutations.

    Returns:
        p-values in [1 / (1 + n), 1], `nan` below 20 permutations, which could not reach p < .05; the corrected score is
        (score - mean of the null) / (ceiling - mean of the null), the ceiling that of a unit which responds with 1 where the
        concept is there and 0 elsewhere; `nan` for a unit without a score.

    Example:
        >>> response = torch.arange(40.0)[:, None]
        >>> tested = hold_against_null(response, torch.stack([response[:, 0] >= 30, response[:, 0] < 20], dim=1), n=99)
        >>> tested.p_layer, tested.corrected.float(), tested.concept
        (tensor([0.0100], dtype=torch.float64), tensor([1.]), [0])
    """
    null = permutation_null(response, present, score, n, seed).double()
    own, concept = own_score(response, present, score)
    ceiling = score(present.to(response.dtype), present).diagonal().double()[concept]
    mean, standard = null.mean(dim=0), _standardise(torch.cat([own[None], null]))
    return AgainstNull(
        score=own,
        concept=torch.where(own.isnan(), -1, concept).tolist(),
        null=null,
        standard=standard[0],
        highest=standard[1:].nan_to_num(-torch.inf).amax(dim=1),
        p=p_values(own, null) if n >= FEWEST else torch.full_like(own, math.nan),
        corrected=(own - mean) / (ceiling - mean),
    )


def over_layer(parts: Sequence[AgainstNull]) -> Float[Tensor, " units"]:
    """Gives the p-values of a layer's units, held against their nulls some at a time under the same permutations.

    Returns:
        For each unit the share of orders, the true one among them, whose highest unit of the whole layer is as high; `nan` for a
        unit without a score, and for all below 20 permutations.
    """
    own = torch.cat([part.standard for part in parts])
    highest = torch.stack([part.highest for part in parts]).amax(dim=0).sort().values
    n = len(highest)
    if n < FEWEST:
        return torch.full_like(own, math.nan)
    as_high = n - torch.searchsorted(highest, own.nan_to_num(0) - SAME)
    return ((1 + as_high).double() / (1 + n)).masked_fill(own.isnan(), torch.nan)


def _standardise(scores: Float[Tensor, "orders units"]) -> Float[Tensor, "orders units"]:
    """Counts each unit's scores in their spreads from their mean; 0 where all are the same."""
    spread = scores.std(dim=0)
    return torch.where(spread < SAME, 0.0, (scores - scores.mean(dim=0)) / spread)


def own_score(
    response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"], score: Score = average_precision
) -> tuple[Float[Tensor, " units"], Int[Tensor, " units"]]:
    """Gives each unit's best score over concepts, by the arithmetic that its null is computed with, and that concept.

    Example:
        >>> response = torch.tensor([[9.0, 1.0], [8.0, 2.0], [1.0, 8.0], [0.0, 9.0]])
        >>> own, concept = own_score(response, torch.tensor([[0, 1], [0, 1], [0, 0], [1, 0]]).bool())
        >>> own, concept
        (tensor([1., 1.], dtype=torch.float64), tensor([1, 0]))
    """
    if score is average_precision:
        scores = Ranked.of(response).average_precision(present, torch.arange(len(present))[None])[0]
    else:
        scores = score(response, present)
    return best(scores.double())


def p_values(own: Float[Tensor, " units"], null: Float[Tensor, "permutations units"]) -> Float[Tensor, " units"]:
    """Gives the share of scores under the null that are as high as the unit's own, which counts as one of them.

    Example:
        >>> p_values(torch.tensor([0.9, 0.2]), torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.2, 0.1]]))
        tensor([0.2500, 0.7500], dtype=torch.float64)
    """
    as_high = (null >= own - SAME).double().sum(dim=0)
    return ((1 + as_high) / (1 + len(null))).masked_fill(own.isnan(), torch.nan)


def best(scores: Float[Tensor, "*orders units concepts"]) -> tuple[Float[Tensor, "*orders units"], Int[Tensor, "*orders units"]]:
    """Gives each unit's best score over the concepts that have one, and that concept."""
    values, concepts = scores.nan_to_num(-torch.inf).max(dim=-1)
    return values.masked_fill(values == -torch.inf, torch.nan), concepts
