"""Intervals over images: against brute force, and against populations whose truth is known."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from sklearn.metrics import average_precision_score

from mixmnist.stats import average_precision_interval, dyadic_error, dyadic_interval, score_interval
from mixmnist.stats._sharing import CHUNK
from mixmnist.stats.images import _check

HAND = np.array([2.0, 1.0, -2.0, -1.0])
HAND_GLYPHS = np.array([[0, 1], [0, 2], [3, 4], [5, -1]])


def many(seed, n=40, slots=3, n_glyphs=12):
    """Values, glyphs (some slots and images empty, some glyphs twice on an image) and what they show."""
    rng = np.random.default_rng(seed)
    glyphs = rng.integers(-1, n_glyphs, size=(n, slots))
    glyphs[:4] = -1
    return rng.random(n), glyphs, np.where(glyphs < 0, -1, glyphs % 4)


def slow_error(values, glyphs, shown):
    """The formula of `dyadic_error` by loops over all pairs of images and over all glyphs; its square root, times n."""
    own = values - values.mean()
    rest, concept = own, {int(g): 0 for g in glyphs.flat if g >= 0}
    if shown is not None:
        known = sorted({int(c) for c in shown.flat if c >= 0})
        design = np.array([[1.0, *(sum(c == k for c in row) for k in known)] for row in shown])
        rest = own - design @ np.linalg.lstsq(design, own, rcond=None)[0]
        concept = {int(g): int(c) for g, c in zip(glyphs.flat, shown.flat, strict=True) if g >= 0}
    sets = [{int(g) for g in row if g >= 0} for row in glyphs]
    total = sum(rest[i] * rest[j] for i, j in itertools.permutations(range(len(own)), 2) if sets[i] & sets[j])
    for kind in set(concept.values()):
        holders = [[i for i, s in enumerate(sets) if g in s] for g, c in concept.items() if c == kind]
        number = sum(len(h) for h in holders)
        effective = number**2 / sum(len(h) ** 2 for h in holders)
        for rows in holders:
            square, diagonal = sum(rest[i] for i in rows) ** 2, sum(rest[i] ** 2 for i in rows)
            few, most = (m / (m - 1) if m > 1 + 1e-9 else 1 for m in (effective, number))
            total += (few - 1) * square - (most - 1) * diagonal
    return math.sqrt((own**2).sum() + max(0, total))


def test_by_hand():
    """Squares add up to 10, the one shared pair to 4, and the corrections for 49/9 effective and 7 occurring glyphs to 2.008."""
    error = dyadic_error(HAND, HAND_GLYPHS)
    extra = (49 / 40 - 1) * (9 + 4 + 1 + 4 + 4 + 1) - (7 / 6 - 1) * (5 + 4 + 1 + 4 + 4 + 1)
    assert error.se == pytest.approx(math.sqrt(10 + 4 + extra) / 4)
    assert error.independent == pytest.approx(math.sqrt(10) / 4)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_equals_the_double_loop(seed, told):
    """The standard error must be that of a loop over all pairs of images, with empty slots and glyphs that occur twice."""
    values, glyphs, shown = many(seed)
    shown = shown if told else None
    assert dyadic_error(values, glyphs, shown).se == pytest.approx(slow_error(values, glyphs, shown) / len(values), rel=1e-9)


def test_pairs_that_share_two_glyphs_count_once():
    """Ten images of the same two glyphs and ten of two others share as much as if each showed one glyph."""
    values = np.random.default_rng(0).random(20) + np.repeat([0.0, 1.0], 10)
    one = np.repeat([0, 1], 10)[:, None]
    twice = dyadic_error(values, np.hstack([one, one + 2]))
    products = (values - values.mean())[:10].sum() ** 2 * 2
    assert twice.se**2 * 400 == pytest.approx(products * 3 / 3 + _extra(values, one), rel=1e-9)


def _extra(values, one):
    """The corrections for four glyphs, each on ten images."""
    own = values - values.mean()
    squares = 4 * own[:10].sum() ** 2  # both groups have the same sum, up to its sign
    return (4 / 3 - 1) * squares - (40 / 39 - 1) * 2 * (own**2).sum()


@pytest.mark.parametrize("told", [False, True])
def test_without_shared_glyphs_it_is_the_error_of_independent_images(told):
    """Where no glyph occurs twice, the error must be the usual one (of n, not n - 1), with n - 1 degrees of freedom."""
    values = np.random.default_rng(1).random(30)
    glyphs = np.arange(60).reshape(30, 2)
    error = dyadic_error(values, glyphs, glyphs % 5 if told else None)
    assert error.se == pytest.approx(values.std() / math.sqrt(30))
    assert error.df == pytest.approx(29)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("slots", [0, 2])
def test_empty_slots_are_shared_by_nobody(slots, told):
    """Images without any glyph, or without a slot for one, must be independent."""
    values, empty = np.random.default_rng(2).random(30), np.full((30, slots), -1)
    assert dyadic_error(values, empty, empty if told else None).se == pytest.approx(values.std() / math.sqrt(30))


def test_a_negative_sum_over_pairs_is_none():
    """Where images that share a glyph differ more than others, the error must be that of independent images."""
    values = np.tile([0.0, 1.0], 10)
    error = dyadic_error(values, np.repeat(np.arange(10), 2)[:, None])
    assert error.se == error.independent > 0


def test_images_of_one_glyph_count_as_one():
    """Copies of each image must not make the error smaller, apart from the correction for few glyphs."""
    values, glyphs = np.random.default_rng(3).random(50), np.arange(50)[:, None]
    one = dyadic_error(values, glyphs)
    copied = dyadic_error(values.repeat(8), glyphs.repeat(8, axis=0))
    assert copied.se == pytest.approx(values.std(ddof=1) / math.sqrt(50), rel=1e-3)
    assert copied.independent == pytest.approx(one.se / math.sqrt(8))
    assert copied.df < 60


def test_differences_of_concepts_are_no_chance_once_they_are_told():
    """Where values depend on the concepts alone, the error must be that of drawing images; not knowing this makes it larger."""
    rng = np.random.default_rng(4)
    shown = rng.integers(5, size=(400, 2))
    glyphs, values = shown * 10 + rng.integers(10, size=(400, 2)), shown.sum(axis=1) / 8
    told, blind = dyadic_error(values, glyphs, shown), dyadic_error(values, glyphs)
    assert told.se == pytest.approx(values.std() / 20)
    assert blind.se > 1.5 * told.se


def test_more_sets_of_glyphs_than_are_compared_at_once():
    """The result must not depend on how many sets are compared at once."""
    rng = np.random.default_rng(5)
    values, glyphs = rng.random(2 * CHUNK + 10), rng.integers(400, size=(2 * CHUNK + 10, 2))
    own = values - values.mean()
    shares = (glyphs[:, None, :, None] == glyphs[None, :, None, :]).any(axis=(2, 3))
    total = own @ shares @ own
    hits = np.stack([(glyphs == g).any(axis=1) for g in range(400)])
    number = hits.sum(axis=1)
    m, n = number.sum() ** 2 / (number**2).sum(), number.sum()
    total += ((m / (m - 1) - 1) * (hits @ own) ** 2 - (n / (n - 1) - 1) * (hits @ own**2)).sum()
    assert dyadic_error(values, glyphs).se * len(values) == pytest.approx(math.sqrt(total))


@settings(deadline=None, max_examples=40)
@given(arrays.arrays(float, 9, elements=st.integers(0, 8).map(lambda i: i / 8)), st.randoms(use_true_random=False))
def test_order_and_names_do_not_count(values, random):
    """Images in another order, slots in another order and glyphs with other names must give the same interval."""
    glyphs = np.array([[0, 1], [0, 2], [1, 2], [3, 4], [3, -1], [5, 6], [7, 8], [7, 9], [9, 0]])
    order, names = np.array(random.sample(range(9), 9)), np.array([*random.sample(range(50), 10), -1])
    found, other = dyadic_interval(values, glyphs), dyadic_interval(values[order], names[glyphs][order][:, ::-1])
    assert other == pytest.approx(found, abs=1e-9)
    assert 0 <= found.lower <= found.mean <= found.upper <= 1
    flipped = dyadic_interval(1 - values, glyphs)
    assert (1 - flipped.upper, 1 - flipped.lower) == pytest.approx((found.lower, found.upper), abs=1e-9)


def test_plain_scale_is_mean_plus_minus_t_times_the_error():
    """Values that are no shares must have an even interval with the quantile of the error's degrees of freedom."""
    values, glyphs, _ = many(6)
    error, found = dyadic_error(values, glyphs), dyadic_interval(10 * values - 5, glyphs, 0.9, share=False)
    half = 10 * stats.t.ppf(0.95, error.df) * error.se
    assert found == pytest.approx((10 * values.mean() - 5, found.mean - half, found.mean + half, 40))


def test_shares_have_it_on_the_scale_of_log_odds():
    """The log odds of the bounds must lie evenly around those of the mean, t times the error over p (1 - p) away."""
    values, glyphs, _ = many(7)
    error, found = dyadic_error(values, glyphs), dyadic_interval(values, glyphs)
    odds = [math.log(p / (1 - p)) for p in (found.lower, found.mean, found.upper)]
    half = stats.t.ppf(0.975, error.df) * error.se / (found.mean * (1 - found.mean))
    assert (odds[1] - odds[0], odds[2] - odds[1]) == pytest.approx((half, half))


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
def test_equal_values_are_marked(value):
    """Values that are all the same must have an interval without width that is marked as constant."""
    found = dyadic_interval(np.full(30, value), np.arange(30)[:, None] // 3)
    assert found == (value, value, value, 30)
    assert found.constant


@pytest.mark.parametrize(
    ("values", "glyphs", "more", "message"),
    [
        ([0.5], [[0]], {}, "images must be 2 or more, got 1"),
        ([0.5, math.nan], [[0], [1]], {}, "values must be numbers, got 1 nan"),
        ([0.5, 1.5], [[0], [1]], {}, r"values must lie in \[0, 1\], got 1.5. Give share=False"),
        ([0.5, 0.2], [[0], [1]], {"level": 95.0}, "level must lie between 0 and 1, got level=95.0"),
        ([0.5, 0.2], [[0], [1]], {"level": 1.0}, "level must lie between 0 and 1, got level=1.0"),
        ([0.5, 0.2], [[0], [1]], {"level": 0.0}, "level must lie between 0 and 1, got level=0.0"),
    ],
)
def test_bad_input_is_refused(values, glyphs, more, message):
    """What cannot be right must be refused with a sentence that says why and what to do."""
    with pytest.raises(ValueError, match=message):
        dyadic_interval(np.array(values), np.array(glyphs), **more)


@pytest.mark.parametrize(
    ("n_rows", "shape", "message"),
    [
        (2, (2, 1), "glyphs must be those of the 3 images, got 2 rows"),
        (3, (3, 2), r"shown must have the shape of glyphs, \(3, 1\)"),
    ],
)
def test_sizes_that_differ_are_refused(n_rows, shape, message):
    """Glyphs of other images, or what other glyphs show, must be refused (users have no live shapes)."""
    with pytest.raises(ValueError, match=message):
        _check(np.zeros(3), np.zeros((n_rows, 1), int), np.zeros(shape, int))


@pytest.mark.parametrize("told", [False, True])
def test_the_score_interval_of_a_mean_is_the_dyadic_one(told):
    """For a mean, leaving out images must give the same interval as the values themselves."""
    values, glyphs, shown = many(8)
    shown = shown if told else None
    found = score_interval(lambda rows: float(values[rows].mean()), glyphs, shown=shown)
    assert found == pytest.approx(dyadic_interval(values, glyphs, shown=shown))


@pytest.mark.parametrize("levels", [1000, 5])
@pytest.mark.parametrize("told", [False, True])
def test_the_interval_of_average_precision_equals_leaving_out_each_image(levels, told):
    """The formula must give what scikit-learn's score without each image gives, with ties and without."""
    _, glyphs, shown = many(9)
    rng = np.random.default_rng(9)
    present = rng.random(40) < 0.3
    response = (rng.integers(levels, size=40) + levels // 3 * present).astype(float)
    shown = shown if told else None
    expected = score_interval(lambda rows: float(average_precision_score(present[rows], response[rows])), glyphs, shown=shown)
    assert average_precision_interval(response, present, glyphs, shown=shown) == pytest.approx(expected)


def test_a_perfect_detector_is_marked():
    """An average precision of 1 must have an interval without width that is marked as constant."""
    present = np.arange(20) % 3 == 0
    found = average_precision_interval(np.where(present, 2.0, 1.0) + np.arange(20) / 100, present, np.arange(20)[:, None])
    assert found == (1, 1, 1, 20)
    assert found.constant


@pytest.mark.parametrize("kind", ["never", "always", "dead"])
def test_what_has_no_average_precision_has_no_interval(kind):
    """A concept that never or always occurs and a dead unit must give nan."""
    present = {"never": np.zeros(8, bool), "always": np.ones(8, bool), "dead": np.arange(8) < 4}[kind]
    response = np.ones(8) if kind == "dead" else np.arange(8.0)
    found = average_precision_interval(response, present, np.arange(8)[:, None])
    assert all(math.isnan(bound) for bound in found[:3])
    assert not found.constant


def test_a_concept_on_one_image_has_no_bounds():
    """Without that image there is no score, so there must be a score but no bounds, in both ways."""
    response, present, glyphs = np.arange(8.0), np.arange(8) == 5, np.arange(8)[:, None]
    found = average_precision_interval(response, present, glyphs)
    assert found.mean == pytest.approx(1 / 3)
    assert math.isnan(found.lower)
    assert math.isnan(found.upper)


def test_a_score_outside_its_range_is_refused():
    """A score that is no share must be refused unless that is said."""
    with pytest.raises(ValueError, match=r"score must lie in \[0, 1\], got 7"):
        score_interval(lambda rows: 7.0, np.arange(8)[:, None])
    assert score_interval(lambda rows: 7.0, np.arange(8)[:, None], share=False).constant


def draw(rng, n=500, a_digit=10):
    """Canvases of two of ten digits, from a pool of few glyphs whose effects add up; whether the network is right."""
    shown = np.argsort(rng.random((n, 10)), axis=1)[:, :2]
    glyphs = shown * a_digit + rng.integers(a_digit, size=(n, 2))
    odds = 2 + rng.normal(size=10 * a_digit)[glyphs].sum(axis=1)
    return (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float), glyphs, shown


def test_covers_where_independence_does_not():
    """Of 200 draws from a population with few glyphs about 95 % must hold the truth, far fewer if images count as independent."""
    rng = np.random.default_rng(10)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    truth = (weights / (1 + np.exp(-2 - math.sqrt(2) * nodes))).sum() / weights.sum()
    held = np.zeros(2)
    for _ in range(200):
        right, glyphs, shown = draw(rng)
        found = dyadic_interval(right, glyphs, shown=shown), dyadic_interval(right, np.arange(500)[:, None])
        held += [i.lower <= truth <= i.upper for i in found]
    assert 0.9 <= held[0] / 200 <= 0.99
    assert held[1] / 200 < 0.85
