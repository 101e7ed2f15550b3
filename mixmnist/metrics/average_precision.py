"""Average precision: the area under a unit's precision-recall curve for a concept. The best over concepts is its alignment.

Formula: sum over distinct responses t, the highest first, of (recall(t) - recall before t) x precision(t); in [0, 1].
Ties: tied images are one threshold.
Dead units: nan.
Cost: one sort of the n images a unit, shared with every score of a ranking; then n x concepts sums a unit.

Source:
    M. Everingham et al. (2010), "The PASCAL Visual Object Classes Challenge"; ties as in scikit-learn's average_precision_score.
    Free of any threshold. Bias: in the terms of NeuronEval (ICML 2025) it is the inverse AUPRC, which reacts to missing and to
    extra labels at low prevalence and is blind to extra labels near prevalence .5.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._ranking import Ranking, over_units, take


def average_precision(
    response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]
) -> Float[Tensor, "units concepts"]:
    """Scores each unit as a detector of each concept, over all thresholds.

    Args:
        response: Any scale; only the order counts. Ties: tied images share one threshold.
        present: Ground truth from the generator.

    Returns:
        Area in [0, 1]; chance is the concept's prevalence; `nan` for a dead unit or a concept that never or always occurs.

    Example:
        >>> import torch
        >>> response = torch.tensor([[9.0, 1.0], [8.0, 2.0], [1.0, 8.0], [0.0, 9.0]])
        >>> present = torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()
        >>> average_precision(response, present)
        tensor([[1.0000, 0.2500, 0.8056],
                [0.4167, 1.0000, 0.9167]])
    """

    def area(ranking: Ranking) -> Tensor:
        hits, first, last = ranking
        through = take(hits, last)  # images units concepts
        ends = last != last.roll(-1, dims=0)  # each block counts once, at its end, so that row order cannot matter
        found = (through - take(hits, first)) * ends[:, :, None]
        return (found * through / last[:, :, None]).sum(dim=0) / hits[-1]

    return over_units(area, response, present)


def _by_mean(mean: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]) -> Tensor:
    return average_precision(mean, present)


METRIC = Metric(
    "Average precision",
    axes=("units", "concepts"),
    bounds={"alignment": (0, 1), "alignment_mean": (0, 1)},
    columns={"alignment": average_precision, "alignment_mean": _by_mean},
    chance="prevalence",
    ceiling="1",
    plant="perfect",
)
