"""Random: units in an order that knows nothing. What any order must beat."""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.dissecting import Ranking
from mixmnist.core.seeding import derive
from mixmnist.dissect.reading import Judge
from mixmnist.dissect.sampling import Sample


def run(sample: Sample, judge: Judge, seed: int = 0) -> Float[Tensor, "units digits"]:
    """Gives each unit a number in [0, 1) for each digit.

    Args:
        sample: Says how many units there are.
        judge: Is not asked.
        seed: Of the numbers.
    """
    del judge
    g = torch.Generator().manual_seed(derive(seed, "random ranking"))
    return torch.rand(sample.maps.shape[1], sample.said.counts.shape[1], generator=g)


RANKING = Ranking("In an order that knows nothing", run, sees="nothing", settings={"seed": 0})
