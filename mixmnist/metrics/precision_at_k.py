"""Precision@k: of a unit's k highest responses, the share that shows the concept.

Formula: images with the concept among the k highest responses / k; in [0, 1]; nan for fewer than k images.
Ties: of images tied at the k-th place the expected number under a random order.
Dead units: nan.
Cost: the shared sort, and n x concepts sums a unit.

Source:
    B. Zhou et al. (2015), "Object Detectors Emerge in Deep Scene CNNs", arXiv:1412.6856; k = 100..700: B. Zhou's talk (2018/19).
    Differs: presence is drawn, not judged. Bias: overstates selectivity (Gale et al., 2019); blind to extra labels.
"""

import warnings
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric, require
from mixmnist.metrics._ranking import Ranking, over_units, take


def precision_at_k(
    response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"], k: int = 100
) -> Float[Tensor, "units concepts"]:
    """Scores each unit as a detector of each concept by its top-k images.

    Args:
        response: Any scale; only the order counts. Ties: the expected value over their random order.
        present: Ground truth from the generator.
        k: Number of top images, >= 1.

    Returns:
        Share in [0, 1]; chance is the concept's prevalence; `nan` for a dead unit or a concept that never or always occurs.

    Raises:
        ValueError: If `k` < 1. A `k` above the number of images gives `nan` and a warning.

    Example:
        >>> response = torch.tensor([[9.0, 1.0], [8.0, 2.0], [1.0, 8.0], [0.0, 9.0]])
        >>> present = torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()
        >>> precision_at_k(response, present, k=2)
        tensor([[1.0000, 0.0000, 0.5000],
                [0.0000, 0.5000, 1.0000]])
    """
    require(k >= 1, f"k must be 1 or more, got k={k}. Use 100, say.")
    if k > len(response):
        warnings.warn(f"k={k} is above the number of images ({len(response)}): no scores", stacklevel=2)
        dtype = response.dtype if response.dtype == torch.float64 else torch.float32
        return torch.full((response.shape[1], present.shape[1]), torch.nan, dtype=dtype, device=response.device)

    def share(ranking: Ranking) -> Tensor:
        first, last = ranking.first[k - 1 : k], ranking.last[k - 1 : k]  # 1 units: the block that k falls into
        above, through = take(ranking.hits, first), take(ranking.hits, last)
        part = (k - first).to(above.dtype) / (last - first)
        return ((above + (through - above) * part[:, :, None]) / k)[0]

    return over_units(share, response, present)


METRIC = Metric(
    "Precision@k",
    axes=("units", "concepts"),
    columns={f"precision_at_{k}": partial(precision_at_k, k=k) for k in (100, 300, 500, 700)},
    chance="prevalence",
    ceiling="1, or the number of images with the concept over k",
    plant="perfect",
)
