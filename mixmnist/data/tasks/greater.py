"""Greater: which is the larger of the two digits? 10 classes; the digits may be equal.

Source:
    metalbubble/mixture_mnist (2017) on GitHub, facts only. Differs: classes are drawn uniformly, then the smaller digit
    uniformly, so a digit's prevalence differs from digit to digit.
"""

from functools import partial

from mixmnist.core.records import Task
from mixmnist.data.tasks._sets import draw_sets

SETS = tuple(tuple((smaller, larger) for smaller in range(larger + 1)) for larger in range(10))

TASK = Task(
    "Which is the larger of two digits?",
    concepts=tuple("0123456789"),
    classes=tuple("0123456789"),
    draw=partial(draw_sets, classes=SETS),
)
