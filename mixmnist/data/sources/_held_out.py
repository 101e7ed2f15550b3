"""How sources without a split of their own are split: the last quarter of each class is for testing.

Neighbours in such files tend to come from one writer, so a cut in file order keeps most writers on one side.
"""

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Glyphs, require


def held_out(images: NDArray[np.uint8], labels: NDArray[np.int64], split: str) -> Glyphs:
    """Gives the glyphs of one split, "train" or "test", of images [n, rows, cols] or, in colour, [n, rows, cols, 3].

    Raises:
        ValueError: If a class that occurs has fewer than 2 glyphs.
    """
    test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        require(
            len(members) >= 2,
            f"every class must have 2 glyphs or more (training and test glyphs are disjoint), got {len(members)} of "
            f"label {label}. Add glyphs or leave the class out.",
        )
        test[members[-max(1, len(members) // 4) :]] = True
    chosen = test if split == "test" else ~test
    if images.ndim == 4:
        return Glyphs(images[chosen].max(axis=3), labels[chosen], images[chosen])
    return Glyphs(images[chosen], labels[chosen])
