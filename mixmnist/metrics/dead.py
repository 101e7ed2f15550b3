"""Dead: the same response on every image. They have no detection score, and they are counted and printed.

Formula: 1 if the largest response equals the smallest, else 0.
Ties: all images tie.
Dead units: 1.
Cost: one pass over n responses a unit.
"""

from mixmnist.core.records import Metric
from mixmnist.metrics._ranking import dead_units

METRIC = Metric("Dead unit", axes=("units",), columns={"dead": dead_units}, aside=("dead",))
