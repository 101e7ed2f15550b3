"""Redundant: which two different digits of 0-7, while 8 and 9 come and go? 28 classes.

8 and 9 are each shown with probability q, independent of the class and of each other, so they are useless for the task. The
default q = .25 equals the prevalence of a useful digit (7/28).

Source:
    B. Zhou (2018/19), talk "Disentanglement of Visual Concepts from Classifying and Synthesizing Scenes": digits 8 and 9 are
    redundant, 28 classes of the effective digits 0-7. Differs: the talk does not print how often 8 and 9 occur.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Task, require
from mixmnist.core.seeding import Stream

PAIRS = np.array(list(combinations(range(8), 2)))  # classes 2
DISTRACTORS = (8, 9)


def draw(n: int, stream: Stream, q: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws n classes uniformly, then each distractor with probability q; slots: the two digits, 8, 9.

    Raises:
        ValueError: If q lies outside 0..1.
    """
    require(0 <= q <= 1, f"q must lie between 0 and 1, got q={q}.")
    labels = stream.integers(0, len(PAIRS) - 1, (n,))
    distractors = np.where(stream.chance(q, (n, 2)), DISTRACTORS, -1)
    return labels, np.concatenate([PAIRS[labels], distractors], axis=1)


TASK = Task(
    "Which two different digits of 0-7, with 8 and 9 as useless distractors?",
    concepts=tuple("0123456789"),
    classes=tuple(f"{a}{b}" for a, b in PAIRS),
    draw=draw,
    settings={"q": 0.25},
    useless=tuple(str(d) for d in DISTRACTORS),
)
