"""Constant, a baseline: every unit gets the same label, the digits that most images show; with 0 names the empty one.

Formula: the `names` digits that are read on most images, with weight 1.
Settings: names: how many; 0 says "nothing in common" of every unit.
Sees: a reader's rates over all images, and no response.

Source:
    None. What a method gains over it is due to the unit.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Labeller, require
from mixmnist.labellers.sight import Sight


def run(sight: Sight, names: int) -> Float[Tensor, "units concepts"]:
    """Gives every unit the same label."""
    n = len(sight.concepts)
    require(0 <= names <= n, f"names must lie between 0 and {n}, got names={names}.")
    best = sight.read.float().mean(dim=0).argsort(descending=True, stable=True)[:names]
    found = torch.zeros(sight.n_units, n)
    found[:, best] = 1
    return found


LABELLER = Labeller("the same label for all (baseline)", run, "reader", {"names": 1})
