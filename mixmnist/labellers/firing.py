"""Firing: when a unit fires, and how well a label, a set of digits, predicts that."""

import itertools
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

ALL_SETS = 10  # concepts up to which every set of them is tried
FEW = 3  # digits of a set where there are more


def firing_threshold(response: Float[Tensor, "images units"]) -> Float[Tensor, " units"]:
    """Finds the response above which a unit is said to fire, without looking at any label.

    It parts the unit's responses into a low and a high group so that the groups' means lie as far apart as can be.

    Args:
        response: On images that nothing is judged on.

    Returns:
        The threshold; infinite for a unit that says the same of every image.

    Source:
        N. Otsu (1979), "A Threshold Selection Method from Gray-Level Histograms". Differs: of numbers, not of a histogram.

    Example:
        >>> firing_threshold(torch.tensor([[0.0, 1.0], [0.2, 1.0], [9.0, 1.0], [8.0, 1.0]]))
        tensor([4.1000,    inf])
    """
    ordered = response.double().sort(dim=0).values
    n = len(ordered)
    if n < 2:
        return torch.full((response.shape[1],), torch.inf)
    below = torch.arange(1, n, dtype=torch.float64, device=ordered.device)[:, None]
    sums = ordered.cumsum(dim=0)
    low, high = sums[:-1] / below, (sums[-1:] - sums[:-1]) / (n - below)
    between = below * (n - below) * (high - low).square()
    cut = between.masked_fill(ordered[1:] == ordered[:-1], -1).argmax(dim=0, keepdim=True)
    middle = (ordered.gather(0, cut) + ordered.gather(0, cut + 1))[0] / 2
    return torch.where(ordered[0] == ordered[-1], torch.inf, middle).to(response.dtype)


def fires(response: Float[Tensor, "images units"], threshold: Float[Tensor, " units"]) -> Bool[Tensor, "images units"]:
    """Says on which images each unit fires."""
    return response > threshold


def predicted(named: Bool[Tensor, "units concepts"], present: Bool[Tensor, "images concepts"]) -> Bool[Tensor, "images units"]:
    """Says on which images a unit would fire if its label were all: where one of the named digits is shown."""
    return present.float() @ named.float().T > 0


def f1(said: Bool[Tensor, "images units"], fired: Bool[Tensor, "images units"]) -> Float[Tensor, " units"]:
    """Gives F1 of a prediction; 0 where it says nothing of a unit that fires, nan where the unit never fires.

    Example:
        >>> f1(torch.tensor([[True], [True], [False]]), torch.tensor([[True], [False], [True]]))
        tensor([0.5000])
    """
    hits = (said & fired).sum(dim=0)
    both = said.sum(dim=0) + fired.sum(dim=0)
    return torch.where(fired.any(dim=0), 2 * hits / both.clamp(1), torch.nan)


def best_sets(fired: Bool[Tensor, "images units"], present: Bool[Tensor, "images concepts"]) -> Bool[Tensor, "units concepts"]:
    """Finds the label that predicts each unit's firing best, of all sets of digits; of equals the one with the fewest digits.

    Args:
        fired: When the unit fires.
        present: What the images show; of more than ten concepts sets of up to three are tried.

    Returns:
        The set; the empty one for a unit that never fires.
    """
    sets = _sets(present.shape[1])
    patterns, which = present.unique(dim=0, return_inverse=True)
    counts = torch.zeros(len(patterns), fired.shape[1], dtype=torch.float64).index_add(0, which, fired.double())
    sizes = torch.bincount(which, minlength=len(patterns)).double()
    said = (sets.double() @ patterns.double().T > 0).double()  # sets patterns
    scores = 2 * (said @ counts) / ((said @ sizes)[:, None] + counts.sum(dim=0)).clamp(1)
    return sets[scores.argmax(dim=0)] & fired.any(dim=0)[:, None]


@lru_cache(maxsize=4)
def _sets(n_concepts: int) -> Bool[Tensor, "sets concepts"]:
    """Lists sets of concepts, those with the fewest first."""
    most = n_concepts if n_concepts <= ALL_SETS else FEW
    found = [one for size in range(1, most + 1) for one in itertools.combinations(range(n_concepts), size)]
    sets = torch.zeros(len(found), n_concepts, dtype=torch.bool)
    for row, members in enumerate(found):
        sets[row, list(members)] = True
    return sets


def chance_f1(said: Bool[Tensor, "images units"], fired: Bool[Tensor, "images units"]) -> Float[Tensor, " units"]:
    """Gives the F1 of a prediction that says Yes as often and knows nothing; nan where the unit never fires."""
    p, q = said.float().mean(dim=0), fired.float().mean(dim=0)
    return torch.where(q > 0, 2 * p * q / (p + q).clamp(1e-9), torch.nan)


def auc(value: Float[Tensor, "images units"], member: Bool[Tensor, "images units"]) -> Float[Tensor, " units"]:
    """Gives the chance that a member's value is above another's, ties counted half; nan where all are members, or none is.

    Example:
        >>> auc(torch.tensor([[3.0], [2.0], [2.0], [1.0]]), torch.tensor([[True], [True], [False], [False]]))
        tensor([0.8750])
    """
    ranks = _ranks(value)
    n, inside = len(value), member.sum(dim=0)
    sums = (ranks * member).sum(dim=0)
    found = (sums - inside * (inside + 1) / 2) / (inside * (n - inside))
    return found.to(value.dtype)


def _ranks(value: Float[Tensor, "images units"]) -> Float[Tensor, "images units"]:
    """Gives ranks from 1 on, ties their mean."""
    ordered = value.T.contiguous().sort(dim=1).values
    first: Int[Tensor, "units images"] = torch.searchsorted(ordered, value.T.contiguous())
    last: Int[Tensor, "units images"] = torch.searchsorted(ordered, value.T.contiguous(), right=True)
    return ((first + last + 1) / 2).T.double()
