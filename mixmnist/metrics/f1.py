"""F1: harmonic mean of precision and recall of the unit's firing above a threshold, fitted on the rank images.

Formula: 2 x precision x recall / (precision + recall) of {response >= t}; in [0, 1].
Ties: tied images are one threshold; of thresholds that are as good, the highest.
Dead units: nan.
Cost: the shared sort of the rank images, and n x concepts comparisons a unit.

Source:
    T. Oikarinen et al. (2025), "Evaluating Neuron Explanations: A Unified Framework with Sanity Checks" (NeuronEval), ICML 2025.
    Differs: the threshold is the best one on other images, one for each unit and concept.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._ranking import Ranking, dead_units, over_units, take, undecided


def best_threshold(
    response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]
) -> Float[Tensor, "units concepts"]:
    """Gives the response from which on firing has the highest F1; of several the highest, `nan` where there is no score.

    Example:
        >>> response = torch.tensor([[9.0, 1.0], [8.0, 2.0], [1.0, 8.0], [0.0, 9.0]])
        >>> present = torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()
        >>> best_threshold(response, present)
        tensor([[8., 0., 0.],
                [1., 9., 1.]])
    """

    def best_rank(ranking: Ranking) -> Tensor:
        hits, _, last = ranking
        scores = 2 * take(hits, last) / (last[:, :, None] + hits[-1])  # images units concepts
        rank = torch.arange(len(scores), device=scores.device, dtype=scores.dtype)[:, None, None]
        return torch.where(scores == scores.amax(dim=0), rank, len(scores)).amin(dim=0)

    rank = over_units(best_rank, response, present)
    ordered = response.sort(dim=0, descending=True).values
    found = ordered.gather(0, rank.nan_to_num(0).long().T).T  # units concepts
    return torch.where(rank.isnan(), torch.nan, found)


def f1(
    response: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
    f1_threshold: Float[Tensor, "units concepts"],
) -> Float[Tensor, "units concepts"]:
    """Scores each unit as a detector of each concept that fires where its response reaches a threshold.

    Args:
        response: Any scale.
        present: Ground truth from the generator.
        f1_threshold: From other images.

    Returns:
        F1 in [0, 1]; firing always has 2p / (1 + p), p being the prevalence; `nan` for a dead unit, a concept that never or
        always occurs, or a threshold that is none.

    Example:
        >>> response = torch.tensor([[9.0], [8.0], [1.0], [0.0]])
        >>> present = torch.tensor([[1, 0], [1, 0], [0, 1], [1, 1]]).bool()
        >>> f1(response, present, torch.tensor([[8.0, 0.0]]))
        tensor([[0.8000, 0.6667]])
    """
    hits, fired = reached(response, present, f1_threshold)
    scores = 2 * hits / (fired + present.sum(dim=0))
    blank = dead_units(response)[:, None] | undecided(present) | f1_threshold.isnan()
    return scores.masked_fill(blank, torch.nan)


def reached(
    response: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
    f1_threshold: Float[Tensor, "units concepts"],
) -> tuple[Float[Tensor, "units concepts"], Float[Tensor, "units concepts"]]:
    """Counts the images on which a unit reaches each concept's threshold: those that show the concept, and all."""
    hits, fired = (torch.zeros_like(f1_threshold, dtype=torch.float32) for _ in range(2))
    for concept in range(present.shape[1]):
        fires = response >= f1_threshold[:, concept]  # images units
        fired[:, concept] = fires.sum(dim=0)
        hits[:, concept] = (fires & present[:, concept : concept + 1]).sum(dim=0)
    return hits, fired


def _threshold(
    rank_response: Float[Tensor, "rank_images units"], rank_present: Bool[Tensor, "rank_images concepts"]
) -> Float[Tensor, "units concepts"]:
    return best_threshold(rank_response, rank_present)


METRIC = Metric(
    "F1 at the threshold that is best on the rank images",
    axes=("units", "concepts"),
    columns={"f1": f1, "f1_threshold": _threshold},
    chance="2 p / (1 + p), p: prevalence",
    ceiling="1",
    plant="perfect",
    aside=("f1_threshold",),
)
