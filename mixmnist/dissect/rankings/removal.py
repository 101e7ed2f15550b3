"""Removal: on how many samples a digit alone is gone, and all else as it was, when one unit by itself is set to zero.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597, measure removal of units chosen otherwise. Differs: it is the order
    itself, and clean. Bias: of units each of which is enough by itself it finds none.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from mixmnist.core.dissecting import Ranking
from mixmnist.core.records import require
from mixmnist.dissect.effects import read_without, removal
from mixmnist.dissect.reading import Judge
from mixmnist.dissect.sampling import Sample


def run(sample: Sample, judge: Judge, most: int = 500) -> Float[Tensor, "units digits"]:
    """Scores each unit for each digit by what is read without it.

    Args:
        sample: Its codes are run again, once a unit.
        judge: Who reads.
        most: Samples that are looked at, the first ones.

    Returns:
        Clean removal in [0, 1]; 0 for a digit that is never read once.

    Raises:
        ValueError: If `most` is below 1.
    """
    require(most >= 1, f"most must be 1 or more, got most={most}.")
    few = sample.some(torch.arange(min(most, len(sample))))
    n_units, digits = few.maps.shape[1], range(few.said.counts.shape[1])
    scores = []
    for unit in tqdm(range(n_units), "units removed", delay=2, leave=False, disable=None):
        said = read_without(few, judge, torch.arange(n_units) == unit)
        scores.append([removal(few, said, digit).scores()["clean_removal"] for digit in digits])
    return torch.tensor(scores, device=few.maps.device).nan_to_num(0)


RANKING = Ranking("On how many samples the digit alone is gone without the unit", run, sees="edits", settings={"most": 500})
