"""What planted networks are made of: matched filters for the ten stamps, a mixing of them into units, a linear head.

The canvas is padded so that the maps have its 32 rows and columns: a mean over 1024 cells and its weight 1024 are powers of two,
so on the processor every response, mean and logit of units that are sums of filters is exact, and equal logits are equal to the
last bit.
"""

from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import Right
from mixmnist.data.sources.stamps import load

PAIRS = tuple(combinations(range(10), 2))  # of the task `pairs`, one a class
SIDE, CELLS = 12, 1024  # of a stamp, pixels; of a map
TIE = 1 - 1 / 9  # what an image of two digits loses without one of them: nine classes have the other
SHARE = 2.0  # five standard deviations of a share of .20 (or .80) among n images, times the root of n
NONE = Right(float("nan"))


class Planted(nn.Module):
    """Matched filters, mixed into the layer `units`; its spatial mean is read by the linear layer `head`."""

    def __init__(self, mixing: Float[Tensor, "units digits"] | None, head: Float[Tensor, "classes units"]) -> None:
        super().__init__()
        stamps = torch.from_numpy(load(None, "test").images).float() / 255  # digits side side
        filters = nn.Conv2d(1, len(stamps), SIDE)
        weights = {"weight": 2 * stamps[:, None] - 1, "bias": 1 - stamps.sum((1, 2))}
        parts: list[nn.Module] = [nn.ZeroPad2d((5, 6, 5, 6)), _filled(filters, weights), nn.ReLU()]
        if mixing is not None:
            weights = {"weight": mixing.float()[:, :, None, None]}
            parts.append(_filled(nn.Conv2d(mixing.shape[1], len(mixing), 1, bias=False), weights))
        self.units = nn.Sequential(*parts)
        self.head = _filled(nn.Linear(head.shape[1], len(head), bias=False), {"weight": CELLS * head.float()})
        self.eval()

    def forward(self, x: Float[Tensor, "images 1 rows cols"]) -> Float[Tensor, "_ classes"]:
        """Gives logits of images with values in [0, 1]."""
        logits: Tensor = self.head(self.units(x).mean((2, 3)))
        return logits


def _filled(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    module.load_state_dict(weights)
    return module


def add_up(evidence: Float[Tensor, "digits units"]) -> Float[Tensor, "classes units"]:
    """Gives the head whose logit of a class is the evidence for its two digits, added.

    Example:
        >>> add_up(torch.eye(10)).sum(dim=0)
        tensor([9., 9., 9., 9., 9., 9., 9., 9., 9., 9.])
    """
    return torch.stack([evidence[i] + evidence[j] for i, j in PAIRS])


def all_but_one(digits: range) -> tuple[Float[Tensor, "units digits"], Float[Tensor, "digits units"]]:
    """Gives units that each answer to all of the digits but one, and the evidence for each of the ten digits in them.

    With r_k the sum of the detectors m of all but the k-th of n digits, m_k = (sum of r) / (n - 1) - r_k.

    Example:
        >>> mixing, evidence = all_but_one(range(7, 10))
        >>> (evidence @ mixing).diagonal()
        tensor([0., 0., 0., 0., 0., 0., 0., 1., 1., 1.])
    """
    n, chosen = len(digits), torch.eye(10)[list(digits)]
    mixing = chosen.sum(dim=0) - chosen
    evidence = torch.zeros(10, n)
    evidence[list(digits)] = 1 / (n - 1) - torch.eye(n)
    return mixing, evidence
