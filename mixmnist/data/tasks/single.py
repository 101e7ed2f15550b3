"""Single: which digit does the image show? 10 classes, one digit an image.

Source:
    metalbubble/mixture_mnist (2017) on GitHub, facts only: the task `10digits`.
"""

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Task
from mixmnist.core.seeding import Stream


def draw(n: int, stream: Stream) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws n classes uniformly; the one slot shows the class's digit."""
    labels = stream.integers(0, 9, (n,))
    return labels, labels[:, None]


TASK = Task("Which digit?", concepts=tuple("0123456789"), classes=tuple("0123456789"), draw=draw)
