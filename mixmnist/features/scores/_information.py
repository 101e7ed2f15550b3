"""What scores of information share: how many bits each atom's binned response tells of each concept.

Bins are those of `mixmnist.metrics.mutual_information`: ten with as many rank images each, and one of zeros.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.metrics._ranking import dead_units
from mixmnist.metrics.mutual_information import mutual_information


class Information(NamedTuple):
    """Bits that atoms tell of concepts, in float64. Dead atoms, and concepts that never or always occur, are left out."""

    bits: Float[Tensor, "live decided"]
    entropy: Float[Tensor, " decided"]  # of each concept: the most bits that there can be

    @property
    def share(self) -> Float[Tensor, "live decided"]:
        """The bits as shares of the concept's entropy."""
        return self.bits / self.entropy


def information(
    response: Float[Tensor, "images atoms"],
    present: Bool[Tensor, "images concepts"],
    rank_response: Float[Tensor, "others atoms"],
) -> Information:
    """Measures what each atom tells of each concept.

    Args:
        response: Any scale; only the order counts, and which responses are 0.
        present: Ground truth.
        rank_response: The atoms on the images that the bins are fitted on.

    Example:
        >>> response = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
        >>> found = information(response, torch.tensor([[True], [True], [False], [False]]), response)
        >>> found.bits.tolist(), found.entropy.tolist()
        ([[1.0]], [1.0])
    """
    live, decided = ~dead_units(response), present.any(dim=0) & ~present.all(dim=0)
    shown = present[:, decided]
    bits = mutual_information(response[:, live].double(), shown, rank_response[:, live].double())
    p = shown.double().mean(dim=0)
    return Information(bits, -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p)) / torch.log(torch.tensor(2.0).double()))
