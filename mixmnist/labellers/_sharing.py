"""What some images share: the digits that more of them show than chance has it, one after the other."""

from functools import lru_cache

import torch
from jaxtyping import Bool, Float
from scipy.stats import binom
from torch import Tensor

ALPHA = 0.05  # chance to name anything where nothing is in common, over all concepts
MOST = 3  # names of a unit


def shared(
    seen: Bool[Tensor, "units shown concepts"],
    rate: Float[Tensor, " concepts"],
    alpha: float = ALPHA,
    most: int = MOST,
    always: bool = False,
) -> Float[Tensor, "units concepts"]:
    """Names what the shown images share.

    The concept that most images show is named if so many would show it by chance with a probability below alpha / concepts
    (binomial); then the same is asked of the images that do not show it, and so on.

    Args:
        seen: What somebody sees on each unit's images.
        rate: Share of all images on which each concept is seen.
        alpha: Chance to name anything where nothing is in common, in (0, 1).
        most: Names of a unit at most.
        always: Whether the concept that most images show is named even if chance has it.

    Returns:
        Share of all shown images that each name explained first, in (0, 1]; 0 of what is not named.

    Example:
        >>> seen = torch.zeros(1, 12, 3).bool()
        >>> seen[0, :8, 0], seen[0, 7:, 2] = True, True
        >>> shared(seen, torch.tensor([0.2, 0.2, 0.2]))
        tensor([[0.6667, 0.0000, 0.3333]])
    """
    n_units, n_shown, n_concepts = seen.shape
    left = torch.ones(n_units, n_shown, dtype=torch.bool)
    weights, open_units = torch.zeros(n_units, n_concepts), torch.ones(n_units, dtype=torch.bool)
    rates = tuple(round(value, 6) for value in rate.tolist())
    least = _least(n_shown, rates, alpha / n_concepts)  # left concepts
    for name in range(min(most, n_concepts)):
        counts = (seen & left[:, :, None]).sum(dim=1)  # units concepts
        enough = counts >= (1 if always and name == 0 else least[left.sum(dim=1)])
        margin = torch.where(enough, counts, -1).masked_fill(weights > 0, -1)
        count, best = margin.max(dim=1)
        open_units &= count > 0
        rows = open_units.nonzero()[:, 0]
        if not len(rows):
            break
        weights[rows, best[rows]] = count[rows] / n_shown
        left[rows] &= ~seen[rows, :, best[rows]]
    return weights


@lru_cache(maxsize=64)
def _least(n_shown: int, rates: tuple[float, ...], level: float) -> Tensor:
    """Gives the fewest of n images that a concept must be on to be named, a row for n = 0..n_shown."""
    found = []
    for n in range(n_shown + 1):
        needed = [int(binom.isf(level, n, rate)) + 1 for rate in rates]  # the least k with P(X >= k) at most the level
        found.append([max(1, k) for k in needed])
    return torch.tensor(found)
