"""IoU ceiling: the highest IoU that the .005 quantile threshold allows, since the mask is larger (or smaller) than .005.

min(q, p) / max(q, p), p being the mask's share of all pixels: .178 for a glyph's box on a fifth of the 32-pixel canvases.

Formula: min(q, p) / max(q, p), q = .005, p the mask's share of the pixels; in [0, 1].
Ties: none.
Dead units: none: it is the concept's.
Cost: nothing beside `pixel_counts`.
"""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core.records import Metric
from mixmnist.metrics._pixels import KINDS, QUANTILE, Counted


def ceiling(counted: Counted, kind: str) -> Float[Tensor, " concepts"]:
    """Gives the ceiling for each concept, in [0, 1]; `nan` for one without pixels."""
    every, _, areas = counted
    share = areas[KINDS.index(kind)].double() / every[0].sum()
    quantile = torch.tensor(QUANTILE, dtype=torch.float64, device=share.device)
    highest = torch.minimum(share, quantile) / torch.maximum(share, quantile)
    return torch.where(share > 0, highest, torch.nan).float()


METRIC = Metric(
    "Highest IoU at the quantile threshold",
    axes=("concepts",),
    columns={f"iou_ceiling_{kind}": partial(ceiling, kind=kind) for kind in KINDS},
    aside=("iou_ceiling_ink", "iou_ceiling_box"),
)
