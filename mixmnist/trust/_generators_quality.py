"""How good what a generator draws is, beside the same of real canvases, which is its ceiling."""

import math

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.dissect.reading import DIGITS, Judge, Said
from mixmnist.dissect.sampling import Sample
from mixmnist.trust._generators_nets import mean_of, refused

PAIRS = DIGITS * (DIGITS - 1) // 2


def of_quality(test: Sample, full: Float[Tensor, "n 1 rows cols"], judge: Judge) -> pd.DataFrame:
    """Gives one row: valid and pairs of a generator's samples and of as many real canvases; and why no verdict is passed.

    Args:
        test: The test sample, as it is judged.
        full: Real canvases.
        judge: Who reads.
    """
    known = judge.read(full)
    row: dict[str, object] = {}
    for end, said in (("", test.said), ("_real", known)):
        mean, low, high = mean_of(said.valid.double())
        pairs, distance = spread(said)
        row |= {f"valid{end}": mean, f"valid{end}_lower": low, f"valid{end}_upper": high}
        row |= {f"pairs{end}": pairs, f"pair_distance{end}": distance, f"junk{end}": float(said.junk.double().mean())}
    valid, ceiling = float(test.said.valid.double().mean()), float(known.valid.double().mean())
    return pd.DataFrame([row | {"n": len(test), "why": refused(judge, valid, ceiling)}])


def spread(said: Said) -> tuple[int, float]:
    """Gives how many of the 45 pairs occur among valid canvases, and the total variation of their frequencies to uniform ones.

    Example:
        >>> counts = torch.zeros(2, 10, dtype=torch.long)
        >>> counts[0, :2] = counts[1, 1:3] = 1
        >>> spread(Said(counts, torch.zeros(2, dtype=torch.bool), torch.ones(2)))
        (2, 0.9555555...)
    """
    shown = said.shown[said.valid]
    if not len(shown):
        return 0, math.nan
    pairs = torch.combinations(torch.arange(DIGITS))  # 45 2
    found = (shown[:, pairs[:, 0]] & shown[:, pairs[:, 1]]).double().mean(dim=0)
    return int((found > 0).sum()), float((found - 1 / PAIRS).abs().sum() / 2)
