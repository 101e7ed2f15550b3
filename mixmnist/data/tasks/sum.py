"""Sum: what do the two digits add up to? 19 classes; the digits may be equal.

Source:
    metalbubble/mixture_mnist (2017) on GitHub, facts only. Differs: classes are drawn uniformly, then one of the pairs with
    that sum uniformly.
"""

from functools import partial

from mixmnist.core.records import Task
from mixmnist.data.tasks._sets import draw_sets

SETS = tuple(tuple((a, total - a) for a in range(10) if a <= total - a <= 9) for total in range(19))

TASK = Task(
    "What do two digits add up to?",
    concepts=tuple("0123456789"),
    classes=tuple(str(total) for total in range(19)),
    draw=partial(draw_sets, classes=SETS),
)
