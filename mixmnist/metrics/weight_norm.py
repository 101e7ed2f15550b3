"""Weight norm: L1 norm of the unit's column of the linear head, what its mean response is weighed with.

Formula: sum over classes of |w|; 0 or more.
Ties: none.
Dead units: as any unit's: it is of the head.
Cost: one pass over the head.

Source:
    B. Zhou et al. (2018), "Revisiting the Importance of Individual Units in CNNs via Ablation", arXiv:1806.02891.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import Metric


def weight_norm(head: Float[Tensor, "classes units"], dead: Bool[Tensor, " units"]) -> Float[Tensor, " units"]:
    """Gives the sum of each unit's absolute weights, 0 or more; `nan` for a dead unit.

    Example:
        >>> weight_norm(torch.tensor([[1.0, -2.0], [0.5, 0.0]]), torch.tensor([False, False]))
        tensor([1.5000, 2.0000])
    """
    return head.abs().sum(dim=0).masked_fill(dead, torch.nan)


METRIC = Metric("L1 norm of the head's weights", axes=("units",), columns={"weight_norm": weight_norm})
