"""MIG, the mutual information gap: by how much the atom that tells most of a concept is ahead of the next.

Formula: mean over concepts of (I_1 - I_2) / H, I_1 and I_2 the highest and the next mutual information of an atom's binned
    response with the concept's presence, H the concept's entropy.
Known bias: two atoms for one concept give 0, however good they are, so it falls as a dictionary grows. Concepts that do not go
    together by chance leave the best atom of one with some information of another: ten perfect detectors of digits that come in
    pairs reach .99. An atom that answers at random has about bins / (2 n ln 2) bits.

Source:
    R. Chen et al. (2018), "Isolating Sources of Disentanglement in Variational Autoencoders", arXiv:1802.04942.
    Differs: factors are concepts, present or not; responses are cut into bins, fitted on other images, not drawn from q(z|x). A
    second atom that is not there tells nothing.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Score
from mixmnist.features.scores._information import information


def mig(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
) -> Float[Tensor, ""]:
    """Scores whether each concept has an atom of its own.

    Args:
        response: Any scale; only the order counts, and which responses are 0.
        present: Ground truth.
        rank_response: The atoms on the images that the bins are fitted on.

    Returns:
        Mean gap in [0, 1] over the concepts that occur and fail to; `nan` where there are none.

    Example:
        >>> response = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
        >>> mig(response, torch.tensor([[True], [True], [False], [False]]), response).item()
        1.0
    """
    share = information(response, present, rank_response).share
    highest = torch.cat([share, share.new_zeros(2, share.shape[1])]).topk(2, dim=0).values
    return (highest[0] - highest[1]).mean()


SCORE = Score(
    "Mutual information gap",
    {"mig": mig},
    ceiling="1, less where concepts go together",
    chance="0, and a little more the fewer the images",
    bounds={"mig": (0, 1)},
)
