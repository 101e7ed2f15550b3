"""Codes that are not negative: the best ones for given atoms, with or without a price on their sum, all cells at once."""

import torch
from jaxtyping import Float
from torch import Tensor

STEPS = 100


def best_codes(
    cells: Float[Tensor, "*some cells units"], atoms: Float[Tensor, "*some atoms units"], price: float = 0.0, steps: int = STEPS
) -> Float[Tensor, "*some cells atoms"]:
    """Minimises |cell - code @ atoms|^2 / 2 + price * sum(code) over code >= 0, by FISTA from 0.

    Source:
        A. Beck, M. Teboulle (2009), "A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems".
    """
    gram = atoms @ atoms.mT  # some atoms atoms
    linear = cells @ atoms.mT - price  # some cells atoms
    step = 1 / torch.linalg.matrix_norm(gram.double(), 2).to(cells).clamp_min(1e-12)[..., None, None]
    gram, linear = torch.eye(gram.shape[-1]).to(gram) - step * gram, step * linear
    codes = ahead = torch.zeros_like(linear)
    momentum = 1.0
    for _ in range(steps):
        found = (ahead @ gram + linear).relu()
        after = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = found + (momentum - 1) / after * (found - codes)
        codes, momentum = found, after
    return codes
