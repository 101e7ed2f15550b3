"""Dead units: the same response on every image. They have no detection score, and they are counted and printed."""

from mixmnist.core.records import Metric
from mixmnist.metrics._ranking import dead_units

METRIC = Metric("Dead unit", axes=("units",), columns={"dead": dead_units})
