"""Intervals over seeds against scipy."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mixmnist.report.tables import CONSTANT, for_people, interval_note, summarise
from mixmnist.stats import FEWEST, Interval, holm, paired_interval, sign_flip, t_interval, unit_interval

VALUES = [0.31, 0.45, 0.28, 0.52, 0.4, 0.33, 0.47]
samples = st.lists(st.integers(-100, 100).map(lambda i: i / 10), min_size=5, max_size=12)


def test_hand_numbers():
    """Of 1..5 the mean is 3 and the half width 2.776 (t of 4 degrees) times sqrt(2.5 / 5)."""
    found = t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.7764451 * math.sqrt(0.5)
    assert found == pytest.approx((3, 3 - half, 3 + half, 5), abs=1e-6)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_equals_scipy_t_interval(level):
    """Bounds are those of scipy's t distribution around the mean with the standard error."""
    found = t_interval(VALUES, level)
    expected = stats.t.interval(level, len(VALUES) - 1, loc=np.mean(VALUES), scale=stats.sem(VALUES))
    assert (found.lower, found.upper) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [5, 6, 7])
def test_equals_the_t_test_of_scipy(n):
    """Bounds are the confidence interval of scipy's one-sample t test, from the fewest values on."""
    expected = stats.ttest_1samp(VALUES[:n], 0).confidence_interval(0.95)
    found = t_interval(VALUES[:n])
    assert (found.lower, found.upper) == pytest.approx((expected.low, expected.high), rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_no_interval_below_five_values(n):
    """Fewer than five values have a mean and a number, but no bounds."""
    found = t_interval(VALUES[:n])
    assert (found.mean, found.n) == (pytest.approx(np.mean(VALUES[:n])), n)
    assert math.isnan(found.lower)
    assert math.isnan(found.upper)


def test_fewest_is_five():
    """The rule is five seeds."""
    assert FEWEST == 5


def test_nan_is_left_out():
    """Values that are no numbers change neither the interval nor its n."""
    assert t_interval([math.nan, *VALUES, math.nan]) == t_interval(VALUES)


def test_nan_does_not_count_towards_five():
    """Four numbers and a nan have no interval."""
    found = t_interval([*VALUES[:4], math.nan])
    assert found.n == 4
    assert math.isnan(found.lower)


@pytest.mark.parametrize("values", [[], [math.nan, math.nan]])
def test_no_value_gives_nan_without_a_warning(values):
    """Nothing to average is nan with n = 0."""
    found = t_interval(values)
    assert found.n == 0
    assert all(math.isnan(bound) for bound in found[:3])


def test_equal_values_have_an_interval_of_no_width():
    """Where seeds agree exactly, both bounds are the mean."""
    assert t_interval([0.25] * 6) == Interval(0.25, 0.25, 0.25, 6)


@pytest.mark.parametrize("value", [0.1, 0.7, 1.0, 0.0, -0.3])
@pytest.mark.parametrize("n", [5, 6, 7, 13])
def test_equal_values_are_marked_as_constant(value, n):
    """Where seeds agree exactly the interval must say so, even where the mean of equal numbers is rounded."""
    found = t_interval([value] * n)
    assert found == Interval(value, value, value, n)
    assert found.constant


@pytest.mark.parametrize("values", [VALUES, [0.5] * 5 + [0.5000001], [0.5] * 4, []])
def test_other_values_are_not_marked(values):
    """Values that differ a little, and those too few for an interval, must not be called constant."""
    assert not t_interval(values).constant


def test_tables_mark_constant_scores_and_say_what_it_means():
    """A score that is the same in all seeds must stand without brackets; the table's columns stay, and its note explains."""
    runs = pd.DataFrame([{"study": "s", "source": "x", "task": "t", "variant": "v", "seed": i, "layer": "l"} for i in range(6)])
    runs = runs.assign(accuracy=[0.1, 0.2, 0.3, 0.1, 0.2, 0.3], coverage=0.7, mean_drop=0.0)
    variants = summarise(runs)
    assert variants[["coverage", "coverage_lower", "coverage_upper", "coverage_n"]].to_numpy().tolist() == [[0.7, 0.7, 0.7, 6]]
    shown = for_people(variants)
    assert shown["coverage"].tolist() == ["0.700 (constant)"]
    assert shown["mean_drop"].tolist() == ["0.000 (constant)"]
    assert shown["accuracy"][0].startswith("0.200 [")
    assert CONSTANT in interval_note(variants)
    assert CONSTANT not in interval_note(summarise(runs[["study", "source", "task", "variant", "seed", "layer", "accuracy"]]))


def test_units_are_a_sample_without_the_dead():
    """The interval over units must be the t interval of those that are alive, with their number."""
    alignment = [*VALUES, math.nan, math.nan]
    found, test = unit_interval(alignment, 0.9), stats.ttest_1samp(VALUES, 0).confidence_interval(0.9)
    assert found == pytest.approx((np.mean(VALUES), test.low, test.high, 7))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.5])
def test_level_that_is_no_share_is_refused(level):
    """A level of 0, 1 or percent is an error that names it."""
    with pytest.raises(ValueError, match=f"level must lie between 0 and 1, got level={level}"):
        t_interval(VALUES, level)


@settings(deadline=None, max_examples=30)
@given(samples)
def test_bounds_lie_evenly_around_the_mean(values):
    """The mean is in the middle of its interval and between the smallest and the largest value."""
    found = t_interval(values)
    assert found.lower <= found.mean <= found.upper
    assert (found.lower + found.upper) / 2 == pytest.approx(found.mean, abs=1e-9)
    assert min(values) - 1e-9 <= found.mean <= max(values) + 1e-9


@settings(deadline=None, max_examples=30)
@given(samples)
def test_higher_level_is_wider(values):
    """An interval at 99 % holds the one at 90 %."""
    narrow, wide = t_interval(values, 0.9), t_interval(values, 0.99)
    assert wide.lower <= narrow.lower
    assert narrow.upper <= wide.upper


@settings(deadline=None, max_examples=30)
@given(samples, st.randoms(use_true_random=False))
def test_order_of_values_does_not_count(values, random):
    """Seeds in another order give the same interval."""
    shuffled = random.sample(values, len(values))
    assert t_interval(shuffled) == pytest.approx(t_interval(values), abs=1e-9)


@given(samples)
@settings(deadline=None, max_examples=30)
def test_a_paired_interval_is_that_of_the_differences(values):
    """Bounds must be those of scipy's paired t test."""
    theirs = np.linspace(-1, 2, len(values)) ** 2
    found = paired_interval(values, theirs.tolist())
    expected = stats.ttest_rel(values, theirs).confidence_interval()
    assert (found.lower, found.upper) == pytest.approx(expected, nan_ok=True)


def test_values_that_are_not_paired_are_refused():
    """Different numbers of values must be refused."""
    with pytest.raises(ValueError, match="values must be paired, got 2 and 1"):
        paired_interval([1.0, 2.0], [1.0])


@pytest.mark.parametrize("n", [8, 10, 12])
def test_sign_flip_equals_the_count_over_all_patterns(n):
    """The p-value must be the share of all sign patterns whose mean is as far from zero."""
    differences = np.random.default_rng(n).normal(0.5, 1, n)
    signs = np.array(list(itertools.product((-1, 1), repeat=n)))
    means = np.abs((signs * differences).mean(axis=1))
    assert sign_flip(differences.tolist()) == pytest.approx((means >= abs(differences.mean()) - 1e-12).mean())


def test_few_pairs_give_no_p_value():
    """Below 8 pairs the test must say nothing."""
    assert math.isnan(sign_flip([1.0] * 7))
    assert math.isnan(sign_flip([1.0] * 7 + [math.nan]))


def test_holm_by_hand():
    """Each p-value is multiplied by the number of those not smaller, and never falls below a smaller one's."""
    assert holm([0.04, 0.01, 0.5, 0.02]) == pytest.approx([0.08, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
