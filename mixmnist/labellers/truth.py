"""Truth, a ceiling: the best label by what the images show, either for predicting when the unit fires or by alignment.

Formula: by=firing: the set of digits with the highest F1 between "one of them is there" and "the unit fires"; by=alignment: the
    digits whose alignment goes a tenth of the way from chance to 1. Weights: how often the unit fires where the digit is shown.
Settings: by: firing or alignment.
Sees: the truth.

Source:
    None. It is what labels that are sets of digits can reach on other images.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Labeller, require
from mixmnist.labellers.firing import best_sets, fires, firing_threshold
from mixmnist.labellers.sight import Sight
from mixmnist.labellers.true_names import true_names

BY = ("firing", "alignment")


def run(sight: Sight, by: str) -> Float[Tensor, "units concepts"]:
    """Names the best set of digits."""
    require(by in BY, f"by must be one of {', '.join(BY)}, got by={by!r}.")
    fired = fires(sight.response, firing_threshold(sight.response))
    shows = sight.present.float()
    named = best_sets(fired, sight.present) if by == "firing" else true_names(sight.response, sight.present)
    often = (fired.float().T @ shows) / shows.sum(dim=0).clamp(1)  # units concepts
    found = torch.where(named, often.clamp(1e-6, 1), 0)
    return found.masked_fill(sight.silent[:, None], 0)


LABELLER = Labeller("the best label by the truth (ceiling)", run, "truth", {"by": "firing"})
