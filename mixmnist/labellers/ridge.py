"""Ridge: the response explained by which digits are there; those with large positive weights are the names.

Formula: weights w minimise |y - Xw|^2 + decay x images x |w|^2, y the response and X the digits' presence, both with mean 0, y
    with variance 1. Named is a digit whose weight is at least `share` of the largest and positive; nothing where the
    explained variance is below `least`.
Settings: decay; share; least: explained variance; known: 1 for the true presence, a ceiling, 0 for what the reader reads.
Sees: what a reader says of all images.

Source:
    A. Hoerl & R. Kennard (1970), "Ridge Regression". Differs: weights are read as names, over the whole range of responses.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Labeller, require
from mixmnist.labellers.sight import Sight


def run(sight: Sight, decay: float, share: float, least: float, known: int) -> Float[Tensor, "units concepts"]:
    """Names digits by their weights, as shares of the largest."""
    require(decay >= 0, f"decay must be 0 or more, got decay={decay}.")
    require(known in (0, 1), f"known must be 0 or 1, got known={known}.")
    shows = (sight.present if known else sight.read).double()
    shows = shows - shows.mean(dim=0)
    said = sight.response.double()
    said = said - said.mean(dim=0)
    said = said / said.square().mean(dim=0).sqrt().clamp(1e-12)
    gram = shows.T @ shows + (float(decay) + 1e-9) * len(shows) * torch.eye(shows.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(gram, shows.T @ said).T  # units concepts
    explained = 1 - (said - shows @ weights.T).square().mean(dim=0)
    largest = weights.amax(dim=1, keepdim=True)
    named = (weights > 0) & (weights >= float(share) * largest) & (explained >= float(least))[:, None]
    found = torch.where(named, weights / largest.clamp(1e-12), 0).float()
    return found.masked_fill(sight.silent[:, None], 0)


LABELLER = Labeller("ridge regression on digits", run, "reader", {"decay": 1e-3, "share": 0.5, "least": 0.1, "known": 0})
