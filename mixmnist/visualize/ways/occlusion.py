"""Occlusion: how far the target falls when a square around the pixel is painted black.

Formula: map = mean, over the squares that hold the pixel, of target(image) - target(image with the square at 0).
Settings: size: of the square, pixels; stride: from one square to the next.
Needs: no gradient. Squares without ink are not run: nothing changes.

Source:
    M. D. Zeiler & R. Fergus (2014), "Visualizing and Understanding Convolutional Networks", arXiv:1311.2901.
    Differs: the square is black, as the background is; of a unit's number, not of a class alone.
"""

from itertools import product

import torch

from mixmnist.core.records import Way, require
from mixmnist.visualize._targets import Target
from mixmnist.visualize.ways._parts import Maps, Pixels, in_parts


def run(target: Target, images: Pixels, size: int, stride: int) -> Maps:
    """Gives the falls of each image."""
    rows, cols = images.shape[2:]
    require(1 <= size <= min(rows, cols), f"size must lie between 1 and {min(rows, cols)} pixels, got size={size}.")
    require(1 <= stride <= size, f"stride must lie between 1 and size={size}, got stride={stride}. Squares must leave no gap.")

    def one(part: Target, x: Pixels) -> Maps:
        whole = part.values(x)
        falls, counts = torch.zeros_like(x[:, 0]), torch.zeros_like(x[0, 0])
        for row, col in product(_places(rows, size, stride), _places(cols, size, stride)):
            square = (..., slice(row, row + size), slice(col, col + size))
            counts[square] += 1
            inked = x[square].flatten(1).any(dim=1).nonzero()[:, 0]
            if len(inked):
                covered = x[inked]
                covered[square] = 0
                fall = torch.zeros_like(whole).index_copy(0, inked, whole[inked] - part.some(inked).values(covered))
                falls[square] += fall[:, None, None]
        return falls / counts

    return in_parts(target, images, one)


def _places(length: int, size: int, stride: int) -> list[int]:
    """Lists where squares begin along an axis; the last one ends with the image."""
    return sorted({*range(0, length - size + 1, stride), length - size})


WAY = Way("occlusion", "map", run, (), {"size": 4, "stride": 2})
