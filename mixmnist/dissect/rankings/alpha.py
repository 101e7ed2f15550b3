"""Alpha: the set of units whose removal and insertion change a digit most, found by gradients of both.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597: units by alpha. Differs: as in `mixmnist.dissect.ace`.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.dissecting import Ranking
from mixmnist.dissect.ace import Search, alpha_of
from mixmnist.dissect.reading import Judge
from mixmnist.dissect.sampling import Sample


def run(
    sample: Sample,
    judge: Judge,
    steps: int = Search.steps,
    rate: float = Search.rate,
    sparse: float = Search.sparse,
    seed: int = 0,
) -> Float[Tensor, "units digits"]:
    """Seeks alpha for each digit.

    Args:
        sample: Those that show a digit once are drawn from.
        judge: Whose shares are followed.
        steps: Of Adam.
        rate: Its learning rate.
        sparse: Penalty on the length of alpha.
        seed: Of what is drawn.

    Returns:
        Alpha in [0, 1]; 0 for a digit that is never read once.
    """
    search = Search(steps=steps, rate=rate, sparse=sparse)
    digits = range(sample.said.counts.shape[1])
    return torch.stack([alpha_of(sample, judge, digit, search, seed) for digit in digits], dim=1).nan_to_num(0)


RANKING = Ranking(
    "The set of units with the largest effect, by gradients of removal and insertion",
    run,
    sees="gradients",
    settings={"steps": 100, "rate": 0.01, "sparse": 0.005, "seed": 0},
)
