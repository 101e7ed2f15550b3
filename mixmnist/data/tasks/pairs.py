"""Pairs: which two different digits does the image show? 45 classes.

Source:
    B. Zhou (2018/19), talk "Disentanglement of Visual Concepts from Classifying and Synthesizing Scenes": 45 pair classes.
    Differs: classes are drawn uniformly, so every digit's prevalence is 9/45 = .20.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Task
from mixmnist.core.seeding import Stream

PAIRS = np.array(list(combinations(range(10), 2)))  # classes 2


def draw(n: int, stream: Stream) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws n classes uniformly; the two slots show the class's two digits, the smaller first."""
    labels = stream.integers(0, len(PAIRS) - 1, (n,))
    return labels, PAIRS[labels]


TASK = Task(
    "Which two different digits?",
    concepts=tuple("0123456789"),
    classes=tuple(f"{a}{b}" for a, b in PAIRS),
    draw=draw,
)
