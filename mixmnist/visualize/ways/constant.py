"""Constant, a control: the same everywhere, so that each region has its area's share; it looks at no net.

Formula: map = 1.
Settings: none.
Needs: nothing.

Source:
    None. Differs: a pointing game that counts any of several tied pixels would give it 1; here ties count by expectation.
"""

import torch

from mixmnist.core.records import Way
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels


def run(target: Target, images: Pixels) -> Maps:
    """Gives 1 for each pixel."""
    del target
    return torch.ones_like(images[:, 0])


WAY = Way("constant (control)", "map", run)
