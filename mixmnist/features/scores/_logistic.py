"""Logistic regression with an L1 penalty, for many concepts at a time: weights of what is not needed are exactly 0.

Source:
    A. Beck and M. Teboulle (2009), "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems" (FISTA);
    started anew where it overshoots, as in B. O'Donoghue and E. Candes (2013), arXiv:1204.3982.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

STEPS = 1_000


def sparse_logistic(
    inputs: Float[Tensor, "images inputs"], present: Bool[Tensor, "images concepts"], price: float, steps: int = STEPS
) -> tuple[Float[Tensor, "inputs concepts"], Float[Tensor, " concepts"]]:
    """Fits weights and biases that make mean log loss + price x sum of |weights| as small as can be, for each concept.

    Args:
        inputs: Standardised, in float64.
        present: What is to be told; each concept occurs and fails to.
        price: Of a weight, 0 or more.
        steps: Of the solver; it stops before if nothing moves any more.

    Returns:
        Weights, and biases, which cost nothing.

    Example:
        >>> inputs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).double()
        >>> weight, bias = sparse_logistic(inputs, inputs[:, :1] > 0, price=0.1)
        >>> weight[:, 0].tolist(), abs(bias.item()) < 1e-9  # the first is the logit of .9
        ([2.1972245773362196, 0.0], True)
    """
    x = torch.cat([inputs, inputs.new_ones(len(inputs), 1)], dim=1)
    rate = 4 * len(x) / torch.linalg.matrix_norm(x, 2) ** 2
    prices = torch.full((x.shape[1], 1), rate * price, dtype=x.dtype, device=x.device)
    prices[-1] = 0
    weight = ahead = x.new_zeros(x.shape[1], present.shape[1])
    pace = 1.0
    for _ in range(steps):
        moved = ahead - rate / len(x) * (x.T @ (torch.sigmoid(x @ ahead) - present.to(x)))
        found = moved.sign() * (moved.abs() - prices).clamp_min(0)
        if torch.equal(found, weight):
            break
        if ((ahead - found) * (found - weight)).sum() > 0:
            pace = 1.0
        faster = (1 + (1 + 4 * pace**2) ** 0.5) / 2
        ahead = found + (pace - 1) / faster * (found - weight)
        weight, pace = found, faster
    return weight[:-1], weight[-1]
