"""Presence: which of the ten digits does the image show? Ten answers, yes or no, by ten sigmoids.

Every digit is shown independently with probability q, so an image may be empty; it needs a larger canvas, since five glyphs of
12 pixels have no legal layout on 32.
"""

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Canvas, Task, require
from mixmnist.core.seeding import Stream


def draw(n: int, stream: Stream, q: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws for n images which digits they show; slot d shows digit d or nothing.

    Raises:
        ValueError: If q lies outside 0..1.
    """
    require(0 <= q <= 1, f"q must lie between 0 and 1, got q={q}.")
    shown = stream.chance(q, (n, 10))
    return shown.astype(np.int64), np.where(shown, np.arange(10), -1)


TASK = Task(
    "Which of the ten digits?",
    concepts=tuple("0123456789"),
    classes=tuple("0123456789"),
    draw=draw,
    settings={"q": 0.2},
    canvas=Canvas(size=56),
)
