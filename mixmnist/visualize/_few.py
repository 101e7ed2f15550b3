"""Few: which of the ten digits does the image show, none to three of them? Ten answers, yes or no, by ten sigmoids.

How many are shown is drawn first, each number as often as any other; then which, all different. It is what a reader of canvases
is trained on: images of nothing, of one digit and of more, on a canvas of ordinary size.
"""

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Task, require
from mixmnist.core.seeding import Stream


def draw(n: int, stream: Stream, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draws for n images how many digits they show, at most so many, and which.

    Raises:
        ValueError: If more digits are asked for than there are.
    """
    require(1 <= most <= 10, f"most must lie between 1 and 10, got most={most}.")
    count = stream.integers(0, most, (n,))
    order = stream.integers(0, 2**31, (n, 10)).argsort(axis=1, kind="stable")  # of all digits
    shown = np.where(np.arange(most) < count[:, None], order[:, :most], -1)
    return (shown[:, :, None] == np.arange(10)).any(axis=1).astype(np.int64), shown


TASK = Task(
    "Which of the ten digits, none to three?",
    concepts=tuple("0123456789"),
    classes=tuple("0123456789"),
    draw=draw,
    settings={"most": 3},
)
