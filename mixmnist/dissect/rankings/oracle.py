"""Oracle: the units that draw a digit, as their maker says. The ceiling of every ranking, for planted generators alone."""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.dissecting import Ranking
from mixmnist.core.records import require
from mixmnist.dissect.reading import Judge
from mixmnist.dissect.sampling import Sample


def run(sample: Sample, judge: Judge) -> Float[Tensor, "units digits"]:
    """Gives 1 to units that draw a digit, 0 to others.

    Args:
        sample: Of a subject whose truth is known.
        judge: Is not asked.

    Raises:
        ValueError: If the truth is not known.
    """
    del judge
    truth = sample.subject.truth
    way_out = "Take another ranking, or a planted generator."
    require(truth is not None, f"truth must be known for the ranking oracle, got none of {sample.subject.name!r}. {way_out}")
    scores = torch.zeros(sample.maps.shape[1], sample.said.counts.shape[1])
    for digit, units in (truth or {}).items():
        scores[list(units), digit] = 1
    return scores


RANKING = Ranking("What its maker says", run, sees="truth")
