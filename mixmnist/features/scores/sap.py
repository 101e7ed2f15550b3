"""SAP, the separated attribute predictability: by how much the atom that tells a concept best is ahead of the next.

Formula: mean over concepts of B_1 - B_2, the highest and the next balanced accuracy of an atom with one threshold, fitted on the
    rank images: presence is said at or above it, or below it, whichever is better. None counts as worse than a constant's .5.
Known bias: two atoms for one concept give 0. A detector of another concept does better than .5 where concepts do not go together
    by chance: of ten digits, two an image, "the other digit is not there" has .56, so ten perfect detectors reach .44.

Source:
    A. Kumar, P. Sattigeri and A. Balakrishnan (2018), "Variational Inference of Disentangled Latent Concepts from Unlabeled
    Observations", arXiv:1711.00848: for attributes that are classes, balanced accuracy with thresholds.
    Differs: the accuracy is that on other images than the threshold's. Many programs put a linear SVM's plain accuracy instead.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Score
from mixmnist.metrics._ranking import Ranking, over_units, take
from mixmnist.metrics.f1 import reached


def sap(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
    rank_present: Bool[Tensor, "others concepts"],
) -> Float[Tensor, ""]:
    """Scores whether each concept has an atom of its own.

    Args:
        response: Any scale; only the order counts.
        present: Ground truth.
        rank_response: The atoms on the images that thresholds are fitted on.
        rank_present: What these show.

    Returns:
        Mean difference in [0, .5] over the concepts that occur and fail to on both; `nan` where there are none.

    Example:
        >>> response = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
        >>> present = torch.tensor([[True], [True], [False], [False]])
        >>> sap(response, present, response, present).item()
        0.5
    """
    decided = torch.stack([shown.any(dim=0) & ~shown.all(dim=0) for shown in (present, rank_present)]).all(dim=0)
    shown = present[:, decided]
    threshold, sign = _best_cut(rank_response, rank_present[:, decided])
    hits, fired = (found.double() for found in reached(response, shown, threshold))
    n_shown = shown.sum(dim=0)
    gain = sign * (hits / n_shown - (fired - hits) / (len(shown) - n_shown))  # 1 if perfect, 0 of a constant
    highest = torch.cat([gain, gain.new_zeros(2, gain.shape[1])]).topk(2, dim=0).values
    return (highest[0] - highest[1]).mean() / 2


def _best_cut(
    response: Float[Tensor, "images atoms"], present: Bool[Tensor, "images concepts"]
) -> tuple[Float[Tensor, "atoms concepts"], Float[Tensor, "atoms concepts"]]:
    """Gives the threshold that tells a concept best, and 1 if it is there at or above it, -1 if below; 0 for a dead atom."""

    def place(ranking: Ranking) -> Tensor:
        """Gives the threshold's rank, from 1, with the sign."""
        hits, _, last = ranking
        found, n_shown = take(hits, last), hits[-1]
        gain = found / n_shown - (last[:, :, None] - found) / (len(last) - n_shown)  # images atoms concepts
        first = (gain.abs() == gain.abs().amax(dim=0)).int().argmax(dim=0, keepdim=True)
        return ((first + 1) * gain.gather(0, first).sign())[0]

    signed = over_units(place, response.double(), present).nan_to_num(0)
    ordered = response.sort(dim=0, descending=True).values
    rank = (signed.abs().long() - 1).clamp_min(0)
    return ordered.gather(0, rank.T).T, signed.sign()


SCORE = Score(
    "Separated attribute predictability",
    {"sap": sap},
    ceiling=".5, less where concepts go together",
    chance="0, and a little more the fewer the images",
    bounds={"sap": (0, 0.5)},
)
