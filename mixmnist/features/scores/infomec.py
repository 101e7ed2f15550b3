"""InfoMEC: information of atoms and concepts as modularity (M), compactness (C) and explicitness (E).

Formula: N[a, c] = mutual information of the atom's binned response with the concept's presence / the concept's entropy;
    infom = (mean over atoms of max_c N / sum_c N - 1/C) / (1 - 1/C), C the number of concepts;
    infoc = (mean over concepts of max_a N / sum_a N - 1/A) / (1 - 1/A), A the number of atoms that are alive;
    infoe = mean over concepts of 1 - H(concept | atoms) / H(concept), H the mean log loss of a logistic regression on all atoms
    and on none.
Known bias: infom is a mean over atoms as they come: one that tells next to nothing has ratios of noise, and counts like the
    best. infoc falls with each atom that tells a little: of ten perfect detectors, digits that come in pairs, the others tell
    .12 of a concept together, and infom and infoc are .88. infoe asks what can be read from all atoms at once, and says nothing
    of single ones.

Source:
    K. Hsu, W. Dorrell, J. Whittington, J. Wu and C. Finn (2023), "Disentanglement via Latent Quantization", arXiv:2305.18378.
    Differs: bins in place of the nearest neighbours' estimate; an atom is left out if its response is the same on every image,
    not if its range is below a twentieth of the largest, as codes of different atoms have no common scale; the regression has
    scikit-learn's default penalty and no class weights, and its loss is that on other images, so infoe can be below 0.
"""

import math

import torch
from jaxtyping import Bool, Float
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor

from mixmnist.core.records import Score
from mixmnist.features.scores._information import information

MOST_STEPS = 1_000  # of the solver


def infom(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
) -> Float[Tensor, ""]:
    """Scores whether each atom tells of one concept alone.

    Args:
        response: Any scale; only the order counts, and which responses are 0.
        present: Ground truth.
        rank_response: The atoms on the images that the bins are fitted on.

    Returns:
        In [0, 1]; `nan` where fewer than two concepts occur and fail to, or no atom tells anything.

    Example:
        >>> response = torch.tensor([[1.0], [1.0], [0.0], [0.0]])
        >>> present = torch.tensor([[1, 1, 0], [1, 1, 1], [0, 0, 0], [0, 0, 1]]).bool()
        >>> round(infom(response, present, response).item(), 2)
        0.25
    """
    return _apart(information(response, present, rank_response).share)


def infoc(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
) -> Float[Tensor, ""]:
    """Scores whether each concept is told of by one atom alone.

    Args:
        response: Any scale; only the order counts, and which responses are 0.
        present: Ground truth.
        rank_response: The atoms on the images that the bins are fitted on.

    Returns:
        In [0, 1]; `nan` where fewer than two atoms are alive, or no concept is told of.

    Example:
        >>> response = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        >>> round(infoc(response, torch.tensor([[True], [True], [False], [False]]), response).item(), 2)
        0.25
    """
    return _apart(information(response, present, rank_response).share.T)


def infoe(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
    rank_present: Bool[Tensor, "others concepts"],
) -> Float[Tensor, ""]:
    """Scores how much of the concepts can be read from all atoms by a linear function.

    Args:
        response: Any scale, as each atom is standardised.
        present: Ground truth.
        rank_response: The atoms on the images that the regressions are fitted on.
        rank_present: What these show.

    Returns:
        At most 1, 0 at chance; `nan` where no concept occurs and fails to on both.

    Example:
        >>> response = torch.tensor([[1.0], [0.0]]).repeat(500, 1)
        >>> round(infoe(response, response > 0, response, response > 0).item(), 1)
        1.0
    """
    rank, others = (found.detach().double().cpu().numpy() for found in (rank_response, response))
    scale = StandardScaler().fit(rank)
    rank, others = scale.transform(rank), scale.transform(others)
    told = []
    with threadpool_limits(1):  # rounding depends on how many there are
        for known, shown in zip(rank_present.T.cpu().numpy(), present.T.cpu().numpy(), strict=True):
            if known.any() and shown.any() and not (known.all() or shown.all()):
                said = LogisticRegression(max_iter=MOST_STEPS).fit(rank, known).predict_proba(others)[:, 1]
                told.append(1 - log_loss(shown, said) / log_loss(shown, [known.mean()] * len(shown)))
    return torch.tensor(told, dtype=torch.float64).mean()


def _apart(share: Float[Tensor, "rows columns"]) -> Float[Tensor, ""]:
    """Gives how far each row's sum is its highest number: 1 if it is, 0 if all are equal; rows without any are left out."""
    rows, n = share[(share > 0).any(dim=1)], share.shape[1]
    if n < 2:
        return torch.full_like(rows.sum(), torch.nan)
    return ((rows.amax(dim=1) / rows.sum(dim=1)).mean() - 1 / n) / (1 - 1 / n)


SCORE = Score(
    "InfoMEC",
    {"infom": infom, "infoc": infoc, "infoe": infoe},
    ceiling="1, less where concepts go together",
    chance="0 of infoe; of the others that of as many random directions",
    bounds={"infom": (0, 1), "infoc": (0, 1), "infoe": (-math.inf, 1)},
)
