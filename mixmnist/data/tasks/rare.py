"""Rare: which two different digits, while one of the ten is left out or hardly ever shown? 45 classes.

What a generator that is trained on such canvases leaves out must show when its own canvases are held against full ones.

Source:
    D. Bau et al. (2019), "Seeing What a GAN Cannot Generate", ICCV, arXiv:1910.11626: what generators leave out, found by the
    classes of their pixels. Differs: here it is known what was left out, and of how many canvases.
"""

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Task, require
from mixmnist.core.seeding import Stream
from mixmnist.data.tasks import pairs


def draw(n: int, stream: Stream, digit: int, share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws n classes: with the given chance one of those that show the digit, else one of the others, uniformly each.

    Args:
        n: Number of canvases.
        stream: The random numbers.
        digit: That is left out, or rare.
        share: Of the canvases that show it; a digit of the task `pairs` is shown in .2 of them.

    Returns:
        Classes, and the two digits of each, the smaller first.

    Raises:
        ValueError: If there is no such digit, or the share lies outside 0..1.

    Example:
        >>> labels, shown = draw(100, Stream(0), digit=3, share=0.0)
        >>> bool((shown == 3).any()), bool((shown == 8).any())
        (False, True)
    """
    require(digit in range(10), f"digit must be one of 0 to 9, got digit={digit}.")
    require(0 <= share <= 1, f"share must lie between 0 and 1, got share={share}.")
    shows = np.isin(pairs.PAIRS, digit).any(axis=1)
    of_digit, of_others = np.flatnonzero(shows), np.flatnonzero(~shows)
    rare = of_digit[stream.integers(0, len(of_digit) - 1, (n,))]
    usual = of_others[stream.integers(0, len(of_others) - 1, (n,))]
    labels = np.where(stream.chance(share, (n,)), rare, usual)
    return labels, pairs.PAIRS[labels]


TASK = Task(
    "Which two different digits, where one is rare or left out?",
    concepts=pairs.TASK.concepts,
    classes=pairs.TASK.classes,
    draw=draw,
    settings={"digit": 3, "share": 0.01},
)
