"""Streams of random numbers: pinned, uniform, and of their own for each purpose."""

import numpy as np
import pytest
from scipy import stats

from mixmnist.core.seeding import Stream, derive

RARE = 1e-3  # p-value below which a seeded draw counts as not uniform


@pytest.mark.parametrize(
    ("seed", "names", "expected"),
    [
        (0, (), 7896617691693857887),
        (0, ("order",), 6230928577095065118),
        (7, ("mixture", "train"), 544957704097085273),
        (2**40, ("a",), 3612497217772025468),
    ],
)
def test_derived_seeds_are_pinned(seed, names, expected):
    """A derived seed is the same on every machine and under every version of numpy."""
    assert derive(seed, *names) == expected


def test_integers_are_pinned():
    """Integers are the same on every machine and under every version of numpy."""
    drawn = Stream(3, "a", "b").integers(-2, 4, (3, 5))
    assert drawn.tolist() == [[2, -1, -1, 1, -1], [1, 2, 2, 1, 3], [-1, 1, 3, 1, 4]]


def test_below_is_pinned():
    """Integers below limits are the same on every machine and under every version of numpy."""
    drawn = Stream(3, "a", "b").below(np.array([[1, 10, 1000], [2**31, 7, 3]]))
    assert drawn.tolist() == [[0, 1, 230], [1164447972, 1, 1]]


def test_chance_is_pinned():
    """Booleans are the same on every machine and under every version of numpy."""
    drawn = Stream(3, "a", "b").chance(0.3, (2, 7))
    assert drawn.astype(int).tolist() == [[0, 1, 1, 0, 1, 0, 0], [0, 0, 0, 1, 0, 0, 0]]


def test_integers_follow_from_the_raw_bits():
    """An integer is the upper half of a raw 64-bit number, scaled to the span in exact arithmetic."""
    raw = np.random.Philox(np.random.SeedSequence([5])).random_raw(9)
    expected = [((int(number) >> 32) * 7 >> 32) - 2 for number in raw]
    assert Stream(5).integers(-2, 4, (9,)).tolist() == expected


def test_the_widest_span_does_not_overflow():
    """A span of 2**32 gives numbers over the whole range."""
    drawn = Stream(1).integers(0, 2**32 - 1, (400,))
    assert drawn.min() >= 0
    assert drawn.max() < 2**32
    assert drawn.max() - drawn.min() > 0.97 * 2**32


def test_integers_are_uniform_on_both_ends_included():
    """Every integer of the range, both ends included, comes equally often."""
    values, counts = np.unique(Stream(1, "uniform").integers(-3, 3, (70, 100)), return_counts=True)
    assert values.tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert stats.chisquare(counts).pvalue > RARE


def test_below_is_uniform_under_each_limit():
    """Below a limit every integer from 0 comes equally often, each entry under its own limit."""
    limits = np.tile(np.array([1, 3, 8]), (4000, 1))
    drawn = Stream(2, "uniform").below(limits)
    for column, limit in enumerate((1, 3, 8)):
        counts = np.bincount(drawn[:, column])
        assert len(counts) == limit
        assert limit == 1 or stats.chisquare(counts).pvalue > RARE


@pytest.mark.parametrize("probability", [0.03, 0.25, 0.5, 0.9])
def test_chance_has_the_asked_probability(probability):
    """The share of true booleans is the probability, within four standard errors."""
    drawn = Stream(4, "chance").chance(probability, (40, 500))
    assert abs(drawn.mean() - probability) < 4 * (probability * (1 - probability) / drawn.size) ** 0.5


@pytest.mark.parametrize(("probability", "expected"), [(0.0, False), (1.0, True)])
def test_chance_is_certain_at_its_ends(probability, expected):
    """A probability of 0 never comes true, one of 1 always does."""
    assert (Stream(4, "ends").chance(probability, (3, 700)) == expected).all()


def test_the_same_names_give_the_same_numbers():
    """Two streams of one seed and purpose give the same numbers."""
    first, second = (Stream(6, "mixture", "train").integers(0, 10**6, (20,)) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_drawing_in_parts_gives_the_same_numbers():
    """A stream goes on where it stopped: two short draws give what one long draw gives."""
    stream = Stream(6, "parts")
    parts = [stream.integers(0, 999, (3,)), stream.integers(0, 999, (4,))]
    assert np.concatenate(parts).tolist() == Stream(6, "parts").integers(0, 999, (7,)).tolist()


def test_every_seed_and_every_name_has_numbers_of_its_own():
    """Seeds, names, their order and their number all change the derived seed."""
    names = [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a", "a")]
    derived = {derive(seed, *purpose) for seed in range(5) for purpose in names}
    assert len(derived) == 5 * len(names)


@pytest.mark.parametrize("other", [(0, "glyphs"), (1, "layout")])
def test_streams_are_independent(other):
    """What one stream gives says nothing about what a stream of another name or seed gives."""
    first = Stream(0, "layout").integers(0, 3, (8000,))
    second = Stream(*other).integers(0, 4, (8000,))
    together = np.bincount(first * 5 + second, minlength=20)
    assert stats.chisquare(together).pvalue > RARE


def test_derived_seeds_have_63_bits():
    """Derived seeds fit a signed 64-bit integer and use its upper bits."""
    derived = [derive(seed, "bits") for seed in range(60)]
    assert min(derived) >= 0
    assert 2**62 < max(derived) < 2**63


@pytest.mark.parametrize("make", [derive, Stream])
def test_a_negative_seed_is_refused(make):
    """A negative seed is a ValueError that says what a seed must be."""
    with pytest.raises(ValueError, match="seed must be 0 or more, got seed=-1"):
        make(-1, "order")
