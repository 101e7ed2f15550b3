"""Xor: are the two digits, each 0 or 1, equal or different? 2 classes; neither digit alone says anything.

Source:
    metalbubble/mixture_mnist (2017) on GitHub, facts only: {00, 11} against {01}. Differs: classes are drawn uniformly.
"""

from functools import partial

from mixmnist.core.records import Task
from mixmnist.data.tasks._sets import draw_sets

SETS = (((0, 0), (1, 1)), ((0, 1),))

TASK = Task(
    "Are two digits of 0 and 1 equal or different?",
    concepts=("0", "1"),
    classes=("equal", "different"),
    draw=partial(draw_sets, classes=SETS),
)
