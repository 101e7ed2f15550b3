"""Rotated: the ten painters turned by a random orthogonal matrix, and turned back before anything is drawn.

The canvases are those of the painters to 1e-6, and the layer holds all that theirs held, yet no unit draws a digit: without any
one of them every canvas is changed and all ten digits are lost. A unit may still look like one of a digit's, since the digit of
its largest weight stands above all others in its map: on 1,000 canvases the best IoU of a digit is .61 on average by the matched
threshold and .73 by the information threshold, 1.000 for one.
Units are raised so far that none is below 0, as behind a ReLU.
"""

import torch

from mixmnist.core.dissecting import Generator
from mixmnist.core.records import Canvas
from mixmnist.core.seeding import derive
from mixmnist.dissect.planted._painting import LAYER, Painting


def build(canvas: Canvas, seed: int) -> Painting:
    """Builds the generator; the seed gives the matrix."""
    random = torch.Generator().manual_seed(derive(seed, "planted rotation"))
    q, r = torch.linalg.qr(torch.randn(10, 10, generator=random, dtype=torch.float64))
    mixing = q * r.diagonal().sign()  # units digits; with the signs put right it is uniform over all such matrices
    offset = -mixing.min(dim=1).values.clamp_max(0)  # no two digits share a cell, so this is the lowest that there is
    back = mixing.T
    return Painting(canvas, mixing.float(), back.float(), offset.float(), -(back @ offset).float())


def truth(seed: int) -> dict[int, tuple[int, ...]]:
    """Says that no unit by itself draws any digit."""
    del seed
    return dict.fromkeys(range(10), ())


GENERATOR = Generator("ten painters, rotated at random and back", build, (LAYER,), LAYER, truth=truth, source="stamps")
