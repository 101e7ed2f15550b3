"""Pictures of a generator: samples, and of each digit's unit the samples on which it is highest, with where its map is high."""

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.dissect.reading import DIGITS
from mixmnist.dissect.readout import scaled
from mixmnist.report.seen import as_bytes
from mixmnist.trust._generators_units import Looked, cuts

SAMPLES, TOPS = 12, 4  # samples that are shown; of each unit


def pictures_of(variant: str, looked: Looked, units: pd.DataFrame) -> dict[str, NDArray[np.uint8]]:
    """Keeps the first samples, and the highest ones of the unit with the largest IoU of each digit.

    Args:
        variant: In the names of what is kept.
        looked: The layer.
        units: Its table of units.

    Returns:
        `VARIANT samples` [samples, rows, cols]; `VARIANT units` [digits], -1 where no unit is a digit's own; `VARIANT tops`
        [digits, tops, rows, cols] and `VARIANT regions`, 1 where the map is high.
    """
    test, size = looked.test, looked.test.subject.canvas.size
    tops = np.zeros((DIGITS, TOPS, size, size), dtype=np.uint8)
    regions, chosen = tops.copy(), np.full(DIGITS, -1, dtype=np.int16)
    for digit, own in units.groupby("digit"):
        place = int(str(digit))
        unit = int(own.sort_values("iou", ascending=False)["unit"].iloc[0])
        highest = test.maps[:, unit].amax(dim=(1, 2)).argsort(descending=True, stable=True)[:TOPS]
        maps = scaled(test.maps[highest, unit : unit + 1], size)[:, 0]
        chosen[place] = unit
        tops[place] = as_bytes(test.images[highest, 0].numpy())
        regions[place] = _region(maps, float(cuts(looked, [unit])[0, place]))
    said = [_read(counts) for counts in test.said.counts[:SAMPLES]]
    return {
        f"{variant} samples": as_bytes(test.images[:SAMPLES, 0].numpy()),
        f"{variant} read": np.array(said),
        f"{variant} valid": test.said.valid[:SAMPLES].numpy(),
        f"{variant} units": chosen,
        f"{variant} tops": tops,
        f"{variant} regions": regions,
    }


def _region(maps: Float[Tensor, "tops rows cols"], cut: float) -> NDArray[np.uint8]:
    return ((maps >= cut) & (maps > 0)).numpy().astype(np.uint8)


def _read(counts: Tensor) -> str:
    """Writes what is read on a canvas: each digit as often as it is there.

    Example:
        >>> import torch
        >>> _read(torch.tensor([0, 2, 1]))
        '1 1 2'
    """
    return " ".join(str(digit) for digit, count in enumerate(counts.tolist()) for _ in range(count)) or "-"
