"""Statistics: intervals over seeds, images and units, tests of variants, what the spread comes from, how many seeds to plan.

Three sources of chance, never in one error bar: another training seed (`t_interval`, `paired_interval`, of
0s and 1s `share_interval`), other images
(`dyadic_interval` for means, `score_interval` and `average_precision_interval` for the rest), other units (`unit_interval`).
Their coverage is measured by benchmarks/coverage.py.
"""

from mixmnist.stats.components import Components, variance_components
from mixmnist.stats.images import (
    DyadicError,
    average_precision_interval,
    dyadic_error,
    dyadic_interval,
    score_interval,
)
from mixmnist.stats.planning import Plan, detectable, plan_seeds, power, sd_interval, seeds_needed
from mixmnist.stats.seeds import (
    ANYWHERE,
    FEWEST,
    FEWEST_FOR_TEST,
    Bounds,
    Interval,
    holm,
    paired_interval,
    share_interval,
    sign_flip,
    smallest_p,
    t_interval,
    unit_interval,
    unseen,
    within,
)

__all__ = [
    "ANYWHERE",
    "FEWEST",
    "FEWEST_FOR_TEST",
    "Bounds",
    "Components",
    "DyadicError",
    "Interval",
    "Plan",
    "average_precision_interval",
    "detectable",
    "dyadic_error",
    "dyadic_interval",
    "holm",
    "paired_interval",
    "plan_seeds",
    "power",
    "score_interval",
    "sd_interval",
    "seeds_needed",
    "share_interval",
    "sign_flip",
    "smallest_p",
    "t_interval",
    "unit_interval",
    "unseen",
    "variance_components",
    "within",
]
