"""Intervals over seeds against scipy."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mixmnist.report.tables import CONSTANT, for_people, interval_note, summarise
from mixmnist.stats import (
    FEWEST,
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


@pytest.mark.parametrize("interval", [t_interval, share_interval])
@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.5])
def test_level_that_is_no_share_is_refused(level, interval):
    """A level of 0, 1 or percent is an error that names it."""
    with pytest.raises(ValueError, match=f"level must lie between 0 and 1, got level={level}"):
        interval([1.0, 0.0] * 3, level)


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


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (20, 20), (19, 20), (7, 10), (10, 10)])
@pytest.mark.parametrize("level", [0.95, 0.9875])
def test_a_share_has_the_exact_binomial_interval(hits, n, level):
    """Bounds of a share of 0s and 1s must be those of scipy's exact test."""
    found = share_interval([1.0] * hits + [0.0] * (n - hits), level)
    expected = stats.binomtest(hits, n).proportion_ci(level, method="exact")
    assert found == pytest.approx((hits / n, expected.low, expected.high, n))
    assert not found.constant


def test_a_share_of_few_seeds_has_no_interval():
    """Four 0s and 1s have a share and no bounds, and what is neither 0 nor 1 is refused."""
    found = share_interval([1.0, 0.0, 1.0, 1.0, math.nan])
    assert (found.mean, found.n, math.isnan(found.lower), math.isnan(found.upper)) == (0.75, 4, True, True)
    assert math.isnan(share_interval([]).mean)
    with pytest.raises(ValueError, match=r"values of a share must be 0 or 1, got 0\.5\. Use t_interval"):
        share_interval([1.0, 0.5])


@pytest.mark.parametrize("n", [5, 10, 20])
def test_what_was_always_the_same_is_not_sure_of_other_seeds(n):
    """A constant score must get the width that n agreeing trainings leave, all of it inside its range, none without a range."""
    others = 1 - 0.025 ** (1 / n)
    assert unseen(t_interval([0.0] * n), (-1, 1)) == pytest.approx((0, -others, others, n))
    assert unseen(t_interval([0.25] * n), (0, 1)) == pytest.approx((0.25, 0.25 - 0.25 * others, 0.25 + 0.75 * others, n))
    assert unseen(t_interval([3.0] * n))[1:3] == (-math.inf, math.inf)
    for value in (0.0, 1.0):
        assert unseen(t_interval([value] * n), (0, 1), 0.9) == pytest.approx(share_interval([value] * n, 0.9))
    assert unseen(t_interval(VALUES), (0, 1)) == t_interval(VALUES)


def test_an_interval_is_cut_where_its_score_ends():
    """Bounds beyond the range must lie at its end, others stay, and where there are none there stay none."""
    found = t_interval([0.0, 0.0, 0.0, 0.05, 0.2])
    assert found.lower < 0
    assert within(found, (0, 1)) == (found.mean, 0, found.upper, 5)
    assert within(t_interval([1 - v for v in (0.0, 0.0, 0.0, 0.05, 0.2)]), (0, 1)).upper == 1
    assert within(found, (-1, 1)) == found
    assert math.isnan(within(t_interval([0.1, 0.2]), (0, 1)).lower)


@pytest.mark.parametrize("n", [8, 10, 12, 17])
def test_sign_flip_equals_the_count_over_all_patterns(n):
    """The p-value must be the share of all sign patterns whose mean is as far from zero."""
    differences = np.random.default_rng(n).normal(0.5, 1, n)
    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    assert sign_flip(differences.tolist()) == (np.abs(sums) >= abs(differences.sum()) - 1e-9).mean()


def test_sign_flip_looks_at_all_patterns_of_twenty_pairs():
    """Up to 20 pairs no pattern is drawn: of twenty equal differences two of 2^20 are as far; beyond the patterns are drawn."""
    assert sign_flip([0.1] * 20) == smallest_p(20) == 2 / 2**20
    whole = [3, -1, 2, 2, 0, -2, 1, 4, 0, 1, -1, 3, 2, -3, 1, 2, 0, 1, 3, -1]
    counts = np.ones(1)
    for size in np.abs(whole):  # how many patterns give each sum, by convolution
        step = np.zeros(2 * size + 1)
        step[0] += 1
        step[-1] += 1
        counts = np.convolve(counts, step)
    far = np.abs(np.arange(len(counts)) - len(counts) // 2) >= sum(whole)
    assert sign_flip([float(v) for v in whole]) == counts[far].sum() / counts.sum()
    more = [*(float(v) for v in whole), 0.0]  # a difference of 0 changes no share
    assert sign_flip(more) == sign_flip(more) == pytest.approx(sign_flip(more[:-1]), abs=0.004)
    assert sign_flip([0.3] * 25) == smallest_p(25)


@pytest.mark.parametrize("n", [8, 10, 20])
def test_the_smallest_p_value_is_that_of_equal_differences(n):
    """No pairs can have a smaller p-value than those that all differ alike; below 8 there is none."""
    assert sign_flip([0.7] * n) == smallest_p(n)
    assert math.isnan(smallest_p(7))


def test_few_pairs_give_no_p_value():
    """Below 8 pairs the test must say nothing."""
    assert math.isnan(sign_flip([1.0] * 7))
    assert math.isnan(sign_flip([1.0] * 7 + [math.nan]))


def test_holm_by_hand():
    """Each p-value is multiplied by the number of those not smaller, and never falls below a smaller one's."""
    assert holm([0.04, 0.01, 0.5, 0.02]) == pytest.approx([0.08, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
