"""Top images, read: the digits that more of a unit's top images show than chance has it; several, or none.

Formula: of the images with the highest responses, the digit that most of them show is named if so many would show it by chance
    with a probability below alpha / concepts (binomial, at the rate over all images); then the same of the images without it.
Settings: images: how many are looked at; alpha: chance to name anything where nothing is in common; most: names of a unit.
Sees: what a reader says of the top images, and its rates over all.

Source:
    B. Zhou et al. (2015), "Object Detectors Emerge in Deep Scene CNNs", arXiv:1412.6856: people name what top images share.
    Differs: an independent reader looks, and a test decides between a name, several, and nothing in common.
"""

from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Labeller
from mixmnist.labellers._sharing import ALPHA, MOST, shared
from mixmnist.labellers.sight import Sight


def run(sight: Sight, images: int, alpha: float, most: int) -> Float[Tensor, "units concepts"]:
    """Names what each unit's top images share, by the share of them that show it."""
    found = shared(sight.read[sight.top(images)], sight.read.float().mean(dim=0), float(alpha), most)
    return found.masked_fill(sight.silent[:, None], 0)


LABELLER = Labeller("top images, read", run, "reader", {"images": 24, "alpha": ALPHA, "most": MOST})
