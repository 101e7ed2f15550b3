"""SoftWPMI, of CLIP-Dissect: the digit that a reader finds on highly responding images and not elsewhere; always one name.

Formula: sum over the unit's top images of log(1 + w (p(digit | image) - 1)), less lam x log of the mean over units of the same
    product; w falls from start to end with the image's place. The digit with the highest sum is named.
Settings: images: top images that count; lam: of what all units see; start, end: weights of the first and the last of them.
Sees: a reader's probabilities of the top images.

Source:
    T. Oikarinen & T.-W. Weng (2023), "CLIP-Dissect", arXiv:2204.10965. Differs: our reader's probabilities, one independent
    answer a digit, in place of a softmax over CLIP's similarities to words.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Labeller, require
from mixmnist.labellers.sight import Sight

LEAST = 1e-6  # probability, so that one sure No does not decide alone


def run(sight: Sight, images: int, lam: float, start: float, end: float) -> Float[Tensor, "units concepts"]:
    """Names one digit for each unit that says anything."""
    for name, value in (("start", start), ("end", end)):
        require(0 < value < 1, f"{name} must lie between 0 and 1, got {name}={value}. By default they are .998 and .97.")
    top = sight.top(images)  # units shown
    weights = torch.linspace(float(start), float(end), top.shape[1])[None, :, None]
    products = (1 + weights * (sight.likely[top].clamp(LEAST) - 1)).log().sum(dim=1)  # units concepts
    usual = products.logsumexp(dim=0) - math.log(len(products))
    best = (products - float(lam) * usual).argmax(dim=1)
    found = torch.nn.functional.one_hot(best, len(sight.concepts)).float()
    return found.masked_fill(sight.silent[:, None], 0)


LABELLER = Labeller("SoftWPMI", run, "reader", {"images": 100, "lam": 1.0, "start": 0.998, "end": 0.97})
