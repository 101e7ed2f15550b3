"""IoU: how well the pixels where a unit's map is high are those of the digit, as the judge segments the sample.

Source:
    As `mixmnist.metrics.iou`. D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597, rank so. Bias: a map says nothing of what
    the unit is used for.
"""

from jaxtyping import Float
from torch import Tensor

from mixmnist.core.dissecting import Ranking
from mixmnist.dissect.reading import Judge
from mixmnist.dissect.readout import ious
from mixmnist.dissect.sampling import Sample


def run(sample: Sample, judge: Judge, information: int = 0) -> Float[Tensor, "units digits"]:
    """Scores each unit's map against each digit's ink.

    Args:
        sample: Maps, and what is segmented; thresholds are fitted on it, too.
        judge: Is not asked again.
        information: 1: the threshold that tells most; 0: the one that marks as many pixels as the digit has.

    Returns:
        IoU in [0, 1]; 0 where there is none: for a unit whose map is the same all over, and a digit without pixels.
    """
    del judge
    return ious(sample, threshold="information" if information else "matched").nan_to_num(0)


RANKING = Ranking("IoU of the unit's map with the digit's pixels", run, settings={"information": 0})
