"""One digit alone, a natural image: each digit of each canvas by itself, where it lay; those on which the target is highest.

Formula: the picture of seed k is the canvas of one digit with the (k+1)-th highest number.
Settings: none.
Needs: canvases, drawn anew with one of their digits.

Source:
    Top images as in B. Zhou et al. (2015), arXiv:1412.6856.
    Differs: all but one digit is left out by drawing, so that nothing is cut off and no hole is left.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import torch

from mixmnist.core.records import Way
from mixmnist.data.mixture import Mixture
from mixmnist.visualize._targets import Target
from mixmnist.visualize.imaging import Supplies
from mixmnist.visualize.ways import top
from mixmnist.visualize.ways._parts import Pixels


def run(target: Target, supplies: Supplies, seeds: Sequence[int]) -> Pixels:
    """Gives the top canvases of one digit."""
    return top.run(target, replace(supplies, canvases=alone(supplies.canvases)), seeds)


@lru_cache(maxsize=2)
def alone(canvases: Mixture) -> Mixture:
    """Gives a canvas for every digit of every canvas; the last ones are kept."""
    rows, slots = (canvases.shown >= 0).nonzero().T
    kept = torch.arange(canvases.shown.shape[1], device=slots.device) == slots[:, None]
    names = ("labels", "shown", "glyphs", "positions")
    plan = {name: getattr(canvases, name)[rows] for name in names}
    plan |= {name: torch.where(kept, plan[name], -1) for name in ("shown", "glyphs")}
    return replace(canvases, **plan)


WAY = Way("one digit alone", "image", run, ("canvases",))
