"""Plans of seeds at their ends: a billion seeds are planned for, more are not."""

import pytest

from mixmnist.stats.planning import power, seeds_needed


def test_up_to_a_billion_seeds_are_planned_for():
    """An effect that asks for nine tenths of a billion seeds must have its plan, one that asks for a little over one none."""
    assert 8.5e8 < seeds_needed(effect=9.4e-5, sd=1.0) < 9.5e8
    with pytest.raises(ValueError, match="effect"):
        seeds_needed(effect=8.8e-5, sd=1.0)


def test_a_plan_is_the_fewest_seeds():
    """With the planned seeds the power must reach what was asked for, with one fewer not; below five there is no interval."""
    for effect, wanted in ((1.0, 0.8), (0.7, 0.9), (2.0, 0.5)):
        n = seeds_needed(effect, 1.0, power=wanted)
        assert power(n, effect, 1.0) >= wanted
        assert n == 5 or power(n - 1, effect, 1.0) < wanted
