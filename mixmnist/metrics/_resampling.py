"""How right decisions are with a unit's map taken from another random image: what is right on average.

With a linear head the average is over all images that the map may come from, exactly: a logit rises or falls along a line with
the unit's mean, so a decision is right while that mean lies between two bounds, and a sorted list says how many images have such
a mean. Elsewhere the network is run again, with the maps of a few random orders of the images.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mixmnist.core.readout import Without, WithoutOfHead
from mixmnist.metrics._decisions import correct

CHUNK = 2**18  # images times classes held at once, in double precision: few enough for the processor's cache
SEED = 0  # of the random orders
DRAWS = 2  # random orders averaged where the network is run again: as dear each as silencing to zero
ROUNDING = 1e-9  # of the largest value: what differs by less is equal, in double precision


def resampled_correct(without: Without, labels: Int[Tensor, "images *classes"], n_units: int) -> Float[Tensor, "units decisions"]:
    """Gives `correct` with each unit's map taken from another image, on as many of the first images as can be silenced.

    Args:
        without: Logits with sets of units silenced.
        labels: The right answers.
        n_units: Units of the layer.

    Returns:
        With a linear head the mean over all images that the map may come from, which no order of the images changes; else the
        mean of two random orders, in each of which every image gives its map once.
    """
    if isinstance(without, WithoutOfHead):
        return expected_correct(without, labels)
    n = without.n_images
    generator = torch.Generator().manual_seed(SEED)
    found = []
    for _ in range(DRAWS):
        others = torch.randperm(n, generator=generator).to(labels.device)
        each = torch.eye(n_units, dtype=torch.bool, device=labels.device)
        found.append(torch.cat([correct(without.resampled(one, others), labels[:n]) for one in each.split(_at_once(labels, n))]))
    return torch.stack(found).mean(dim=0)


def _at_once(labels: Int[Tensor, "images *classes"], n: int) -> int:
    n_classes = labels.shape[1] if labels.ndim == 2 else int(labels.max()) + 1
    return max(1, 4 * CHUNK // (n * n_classes))


def expected_correct(head: WithoutOfHead, labels: Int[Tensor, "images *classes"]) -> Float[Tensor, "units decisions"]:
    """Gives `correct` with each unit's mean taken from every image in turn, averaged.

    Example:
        >>> from mixmnist.probing import HeadAlgebra
        >>> head = HeadAlgebra(torch.tensor([[0.0], [1.0], [3.0], [4.0]]), torch.tensor([[0.0], [1.0]]), torch.tensor([2.0, 0.0]))
        >>> expected_correct(head, torch.tensor([0, 0, 1, 1]))  # class 1 where the mean is above 2: on half of the images
        tensor([[0.5000, 0.5000, 0.5000, 0.5000]])
    """
    dtype = torch.promote_types(head.mean.dtype, torch.float32)
    mean, weight, bias = (part.double() for part in (head.mean, head.weight, head.bias))
    logits = mean @ weight.T + bias
    step = max(1, CHUNK // len(weight))
    parts = [slice(start, start + step) for start in range(0, len(mean), step)]
    score = _yes_or_no if labels.ndim == 2 else _one_of_many
    # where decisions are weighted, the weight of each is what it counts if it is right
    full = correct((2 * labels - 1).double(), labels) if labels.ndim == 2 else torch.ones(len(labels), dtype=torch.float64)
    found = []
    for unit, slope in zip(mean.T, weight.T, strict=True):
        known = _Values(unit.sort().values, ROUNDING * float(unit.abs().max()))
        share = [score(known, unit[part], logits[part], slope, labels[part]).flatten() for part in parts]
        found.append((torch.cat(share) * full.to(unit)).to(dtype))
    return torch.stack(found)


@dataclass(frozen=True)
class _Values:
    """A unit's means on all images, from the smallest to the largest."""

    ordered: Float[Tensor, " images"]
    near: float  # what lies so near to a bound lies on it

    def below(self, bound: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """Counts those below a bound, not on it."""
        return torch.searchsorted(self.ordered, bound - self.near).double()

    def up_to(self, bound: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """Counts those below a bound or on it."""
        return torch.searchsorted(self.ordered, bound + self.near, right=True).double()


def _yes_or_no(values: _Values, own: Tensor, logits: Tensor, slope: Tensor, labels: Tensor) -> Float[Tensor, "images classes"]:
    """Gives the share of values with which each yes or no is right: yes where the logit is above 0."""
    n, bound = len(values.ordered), own[:, None] - logits / slope  # where a logit is 0
    above = torch.where(slope > 0, n - values.up_to(bound), values.below(bound)) / n
    said = torch.where(slope == 0, (logits > ROUNDING * logits.abs().max()).double(), above)
    return torch.where(labels > 0, said, 1 - said)


def _one_of_many(values: _Values, own: Tensor, logits: Tensor, slope: Tensor, labels: Tensor) -> Float[Tensor, " images"]:
    """Gives the points of each image averaged over the values: 1 where the right class wins, 1/t where it ties with t - 1 others.

    A rival of larger slope wins above a bound, one of smaller slope below one, one of equal slope always or never.
    """
    ahead = logits.gather(1, labels[:, None]) - logits  # images classes: by how much the right class leads
    steeper = slope - slope[labels][:, None]
    bounds = own[:, None] + ahead / steeper
    top, bottom = bounds.where(steeper > 0, torch.inf), bounds.where(steeper < 0, -torch.inf)
    high, low = top.amin(dim=1), bottom.amax(dim=1)
    level = steeper == 0
    level[torch.arange(len(labels), device=labels.device), labels] = False
    close = ROUNDING * logits.abs().max()
    always = 1 + (level & (ahead.abs() <= close)).sum(dim=1)  # the right class and those that tie whatever the value
    at_high = (top <= high[:, None] + values.near).sum(dim=1) * high.isfinite()  # rivals that tie at the bound
    at_low = (bottom >= low[:, None] - values.near).sum(dim=1) * low.isfinite()
    points = torch.zeros_like(own)
    for count, tied in _regions(values, low, high, at_low, at_high):
        points += count / (always + tied)
    return points.masked_fill((level & (ahead < -close)).any(dim=1), 0) / len(values.ordered)


def _regions(values: _Values, low: Tensor, high: Tensor, at_low: Tensor, at_high: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Counts the values between the bounds and on them, each with the number of rivals that tie there."""
    apart, same = high - low > values.near, (high - low).abs() <= values.near
    yield (values.below(high) - values.up_to(low)).clamp_min(0) * apart, torch.zeros_like(at_low)
    yield (values.up_to(low) - values.below(low)) * apart, at_low
    yield (values.up_to(high) - values.below(high)) * apart, at_high
    yield (values.up_to(high) - values.below(low)) * same, at_low + at_high
