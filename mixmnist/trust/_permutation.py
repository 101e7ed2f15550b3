"""What a score would be if a unit knew nothing: presence given to other images, whole rows at a time.

A row of presence is kept whole, so that how often each digit occurs and which digits occur together stay as they are; only
their tie to the unit's responses is cut. A unit's own score is the best over concepts, so its null is the best over concepts too.

Source:
    B. Phipson and G. Smyth (2010), "Permutation P-values should never be zero": p = (1 + b) / (1 + n).
    S. Holm (1979), "A simple sequentially rejective multiple test procedure", over the units of a layer.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.metrics.average_precision import average_precision
from mixmnist.stats import holm
from mixmnist.trust._ranked import Ranked

Score = Callable[[Tensor, Tensor], Tensor]  # of response [images, units] and presence [images, concepts]: [units, concepts]
SAME = 1e-9  # scores that are no further apart count as equal
AT_ONCE = 2**17  # images x concepts x permutations scored in one call, and
UNITS = 5  # of how many units: what a processor's cache holds


@dataclass(frozen=True, eq=False)
class AgainstNull:
    """A layer's units, each held against its null."""

    score: Float[Tensor, " units"]  # the best over concepts
    concept: list[int]  # which concept that is; -1 for a unit without a score
    null: Float[Tensor, "permutations units"]
    p: Float[Tensor, " units"]
    p_holm: Float[Tensor, " units"]  # corrected over the layer
    corrected: Float[Tensor, " units"]  # 0: what a unit that knows nothing has; 1: a perfect detector


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
        n: Permutations; the smallest p-value is 1 / (1 + n), so that Holm over 30 units needs 600 or more.
        seed: Of the permutations.

    Returns:
        p-values in [1 / (1 + n), 1]; the corrected score is (score - mean of the null) / (ceiling - mean of the null), the
        ceiling that of a unit which responds with 1 where the concept is there and 0 elsewhere; `nan` for a unit without a score.

    Example:
        >>> response = torch.arange(40.0)[:, None]
        >>> tested = hold_against_null(response, torch.stack([response[:, 0] >= 30, response[:, 0] < 20], dim=1), n=99)
        >>> tested.p, tested.corrected.float(), tested.concept
        (tensor([0.0100], dtype=torch.float64), tensor([1.]), [0])
    """
    null = permutation_null(response, present, score, n, seed).double()
    own, concept = own_score(response, present, score)
    ceiling = score(present.to(response.dtype), present).diagonal().double()[concept]
    mean, p = null.mean(dim=0), p_values(own, null)
    return AgainstNull(
        score=own,
        concept=torch.where(own.isnan(), -1, concept).tolist(),
        null=null,
        p=p,
        p_holm=torch.tensor(holm(p.tolist()), dtype=torch.float64),
        corrected=(own - mean) / (ceiling - mean),
    )


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
