"""Precision at recall: precision at the highest threshold that finds at least a share r of the concept's images.

Formula: precision(t) at the highest t with recall(t) >= r; in [0, 1].
Ties: tied images are one threshold.
Dead units: nan.
Cost: the shared sort, and n x concepts sums a unit.

Source:
    B. Zhou (2018/19), talk "Disentanglement of Visual Concepts from Classifying and Synthesizing Scenes": r = .25, .50, .75.
    Bias: at low recall it is as blind to extra labels as precision@k.
"""

from functools import partial

from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric, require
from mixmnist.metrics._ranking import Ranking, over_units


def precision_at_recall(
    response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"], recall: float = 0.5
) -> Float[Tensor, "units concepts"]:
    """Scores each unit as a detector of each concept at one point of its precision-recall curve.

    Args:
        response: Any scale; only the order counts. Ties: tied images share one threshold.
        present: Ground truth from the generator.
        recall: Share of the concept's images to be found, above 0 and at most 1.

    Returns:
        Share in [0, 1]; chance is the concept's prevalence; `nan` for a dead unit or a concept that never or always occurs.

    Raises:
        ValueError: If `recall` lies outside 0..1 or is 0.

    Example:
        >>> import torch
        >>> response = torch.tensor([[9.0, 1.0], [8.0, 2.0], [1.0, 8.0], [0.0, 9.0]])
        >>> present = torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()
        >>> precision_at_recall(response, present, recall=0.75)
        tensor([[1.0000, 0.2500, 0.7500],
                [0.5000, 1.0000, 0.7500]])
    """
    require(0 < recall <= 1, f"recall must be above 0 and at most 1, got recall={recall}. Use .5, say.")

    def precision(ranking: Ranking) -> Tensor:
        hits = ranking.hits
        wanted = hits[-1] * recall * (1 - 1e-6)  # a share that is met exactly must not fail by rounding
        reached = (hits[1:] < wanted).sum(dim=0)  # units concepts: index of the first image that reaches it
        last = ranking.last.gather(0, reached.T).T  # units concepts
        return hits.gather(0, last[None])[0] / last

    return over_units(precision, response, present)


METRIC = Metric(
    "Precision at recall",
    axes=("units", "concepts"),
    columns={f"precision_at_recall_{round(100 * r)}": partial(precision_at_recall, recall=r) for r in (0.25, 0.5, 0.75)},
    chance="prevalence",
    ceiling="1",
    plant="perfect",
)
