"""Random, a baseline: one digit for each unit, drawn.

Formula: a digit, each as likely as any other, with weight 1.
Settings: none.
Sees: nothing.

Source:
    None. Its name agreement is 1 / concepts.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Labeller
from mixmnist.core.seeding import derive
from mixmnist.labellers.sight import Sight


def run(sight: Sight) -> Float[Tensor, "units concepts"]:
    """Draws a name for each unit."""
    generator = torch.Generator().manual_seed(derive(sight.seed, "labels", "random"))
    drawn = torch.randint(len(sight.concepts), (sight.n_units,), generator=generator)
    return torch.nn.functional.one_hot(drawn, len(sight.concepts)).float()


LABELLER = Labeller("a random digit (baseline)", run, "nothing")
