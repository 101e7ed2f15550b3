"""What tasks share whose classes hold several sets of digits: a class is drawn uniformly, then a set uniformly within it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.seeding import Stream

Sets = Sequence[Sequence[tuple[int, ...]]]  # the sets of each class, all of one size


def draw_sets(n: int, stream: Stream, classes: Sets) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws n classes [n] and the digits shown [n, slots]."""
    labels = stream.integers(0, len(classes) - 1, (n,))
    counts = np.array([len(sets) for sets in classes])
    every = np.array([digits for sets in classes for digits in sets])  # sets slots
    first = np.cumsum(counts) - counts
    return labels, every[first[labels] + stream.below(counts[labels])]
