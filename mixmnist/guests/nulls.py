"""Units of an evaluated network held against what units that know nothing would score."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from tqdm import tqdm

from mixmnist.grid.layers import Scored
from mixmnist.trust._permutation import hold_against_null, over_layer

NULL_IMAGES = 2_000  # test images, the first ones, on which a unit is held against its null
UNITS_AT_ONCE = 64  # that are held against their null between two steps of the progress bar


def against_null(scored: Sequence[Scored], n: int, seed: int) -> list[Scored]:
    """Adds to each unit what its alignment would be if it knew nothing, with p-values by its own null and over its layer.

    Args:
        scored: Layers.
        n: Permutations of presence over the images.
        seed: Of the permutations.
    """
    found = []
    for one in scored:
        response, present = one.readout.response[:NULL_IMAGES].cpu(), one.readout.present[:NULL_IMAGES].cpu()
        parts = [
            hold_against_null(part, present, n=n, seed=seed)
            for part in tqdm(response.split(UNITS_AT_ONCE, dim=1), "permutations", delay=2, leave=False, disable=None)
        ]
        tested = {
            "null_95": torch.cat([part.null.quantile(0.95, dim=0) for part in parts]),
            "p": torch.cat([part.p for part in parts]),
            "p_layer": over_layer(parts),
            "corrected": torch.cat([part.corrected for part in parts]),
        }
        columns = {name: values.tolist() for name, values in tested.items()}
        found.append(replace(one, scores=replace(one.scores, units=one.scores.units.assign(**columns))))
    return found
