"""Modularity: whether what an atom tells is about one concept alone.

Formula: mean over atoms of 1 - sum over the other concepts of I^2 / (I_1^2 (C - 1)), I the mutual information of the atom's
    binned response with a concept's presence, I_1 the atom's highest, C the number of concepts.
Known bias: it is near 1 for nearly everything, as squares of small numbers vanish, and it is no lower for an atom that tells
    next to nothing of one concept and nothing of the others. It does not ask whether all concepts are told of. Do not rank by it.

Source:
    K. Ridgeway and M. Mozer (2018), "Learning Deep Disentangled Embeddings with the F-Statistic Loss", arXiv:1802.05312.
    Differs: bins are fitted on other images; an atom that is dead, or tells nothing at all, is left out.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Score
from mixmnist.features.scores._information import information


def modularity(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
) -> Float[Tensor, ""]:
    """Scores whether each atom has a concept of its own.

    Args:
        response: Any scale; only the order counts, and which responses are 0.
        present: Ground truth.
        rank_response: The atoms on the images that the bins are fitted on.

    Returns:
        Mean over atoms in [0, 1]; `nan` where fewer than two concepts occur and fail to, or no atom tells anything.

    Example:
        >>> response = torch.tensor([[1.0], [1.0], [0.0], [0.0]])
        >>> present = torch.tensor([[1, 1, 0], [1, 1, 1], [0, 0, 0], [0, 0, 1]]).bool()
        >>> modularity(response, present, response).item()
        0.5
    """
    bits = information(response, present, rank_response).bits
    n_concepts = bits.shape[1]
    if n_concepts < 2:
        return torch.full_like(bits.sum(), torch.nan)
    squares = bits[(bits > 0).any(dim=1)].square()
    highest = squares.amax(dim=1)
    return (1 - (squares.sum(dim=1) - highest) / (highest * (n_concepts - 1))).mean()


SCORE = Score(
    "Modularity",
    {"modularity": modularity},
    ceiling="1, less where concepts go together",
    bounds={"modularity": (0, 1)},
)
