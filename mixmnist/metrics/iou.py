"""IoU: how well the pixels where a unit's map is high match the pixels of a concept, over all images together.

Maps are scaled up to the image by the layer's true geometry. Masks: a digit's ink, or its glyph's box. Thresholds, fitted on
the rank images: `matched` (as many pixels as the mask has), `quantile` (the highest .005 of the pixels, as Network Dissection
has it) and `information` (the highest mutual information of firing and mask over their joint entropy).

Formula: |fires and mask| / |fires or mask| over the pixels of all images; in [0, 1].
Ties: pixels tied at a threshold count by their expected value under a random order.
Dead units: nan.
Cost: nothing beside `pixel_counts`.

Source:
    D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796: `quantile`; D. Bau et al. (2019), "GAN Dissection",
    arXiv:1811.10597: `information`. Differs: masks are drawn, not annotated; pixels tied at a threshold count by their expected
    value. Bias: with `quantile` the score is capped by the ratio of .005 and the mask's share of the pixels.
"""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._pixels import KINDS, Counted, Cuts

THRESHOLDS = ("matched", "quantile", "information")


def iou(
    every: Float[Tensor, "units steps"],
    inside: Float[Tensor, "units concepts steps"],
    area: Float[Tensor, " concepts"],
    cut: Float[Tensor, "units concepts 2"],
) -> Float[Tensor, "units concepts"]:
    """Scores each unit's pixels above a threshold against each concept's mask.

    Args:
        every: Pixels of each unit between neighbouring thresholds, the highest first.
        inside: Those of them inside each mask.
        area: Pixels of each mask.
        cut: The step at which the threshold lies, and the share of its pixels that count.

    Returns:
        Intersection over union in [0, 1]; `nan` for a concept without pixels.

    Example:
        >>> every, inside = torch.tensor([[2.0, 2.0, 4.0]]), torch.tensor([[[1.0, 1.0, 1.0]]])
        >>> iou(every, inside, torch.tensor([3.0]), torch.tensor([[[1.0, 0.5]]]))  # 3 pixels, 1.5 of them inside
        tensor([[0.3333]])
    """
    step, share = cut[..., 0].long(), cut[..., 1]
    each = every[:, None].expand_as(inside)

    def reached(counts: Tensor) -> Tensor:
        here = counts.gather(2, step[..., None])[..., 0]
        return counts.cumsum(dim=2).gather(2, step[..., None])[..., 0] - (1 - share) * here

    fires, both = reached(each), reached(inside)
    return torch.where(area > 0, both / (fires + area - both), torch.nan)


def _column(counted: Counted, cuts: Cuts, dead: Tensor, kind: str, threshold: str) -> Float[Tensor, "units concepts"]:
    every, inside, areas = (part.double() for part in counted)
    number, n_concepts = KINDS.index(kind), inside.shape[2]
    known = {
        "matched": cuts.matched[number],
        "quantile": cuts.quantile[:, None].expand(-1, n_concepts, -1),
        "information": cuts.informative[number],
    }
    scores = iou(every, inside[number], areas[number], known[threshold]).float()
    return scores.masked_fill(dead[:, None], torch.nan)


METRIC = Metric(
    "Intersection over union with the concept's mask",
    axes=("units", "concepts"),
    columns={f"iou_{kind}_{t}": partial(_column, kind=kind, threshold=t) for kind in KINDS for t in THRESHOLDS},
    chance="about the mask's share of the pixels",
    ceiling="1; by quantile iou_ceiling_ink, iou_ceiling_box",
)
