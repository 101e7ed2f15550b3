"""Alignment: how well the peak of a unit's map tells samples on which the digit is read from others (average precision).

Source:
    As `mixmnist.metrics.average_precision`; presence is what the judge reads, since nobody knows what a generator means.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.dissecting import Ranking
from mixmnist.dissect.reading import Judge
from mixmnist.dissect.sampling import Sample
from mixmnist.metrics.average_precision import average_precision


def run(sample: Sample, judge: Judge) -> Float[Tensor, "units digits"]:
    """Scores each unit as a detector of each digit.

    Args:
        sample: Maps, and what is read.
        judge: Is not asked again.

    Returns:
        Area in [0, 1]; 0 for a unit that is always the same, and for a digit that is read on no sample or on all.
    """
    del judge
    present = sample.said.counts >= 1
    told = present.any(dim=0) & ~present.all(dim=0)
    scores = torch.zeros(sample.maps.shape[1], present.shape[1], device=sample.maps.device)
    if told.any():
        scores[:, told] = average_precision(sample.maps.amax(dim=(2, 3)), present[:, told]).nan_to_num(0)
    return scores


RANKING = Ranking("How well the unit's peak tells that the digit is read", run)
