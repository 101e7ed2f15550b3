"""Scores of images at the ends of their range, and glyphs that nobody knows."""

import math

import numpy as np
import pytest

from mixmnist.stats.images import dyadic_error, dyadic_interval, score_interval

GLYPHS = np.arange(24).reshape(12, 2)  # of twelve images, none twice


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_a_score_at_an_end_of_its_range_stays_inside(end):
    """A score of exactly 0 or 1 that single images move has no odds; its bounds must be on the plain scale, cut at the range."""

    def score(rows):
        left_out = np.flatnonzero(~rows)
        return end if len(left_out) == 0 else abs(end - 0.01 * (left_out[0] + 1) / 12)

    found = score_interval(score, GLYPHS)
    plain = score_interval(score, GLYPHS, share=False)
    assert found.n == 12
    assert found.mean == plain.mean == end
    assert plain.lower < end < plain.upper
    assert (found.lower, found.upper) == ((0.0, plain.upper) if end == 0 else (plain.lower, 1.0))


def test_bounds_of_a_share_are_even_on_the_scale_of_odds():
    """Between its ends a share's bounds must lie as far from it in log odds as the plain ones lie on its own scale."""
    values = np.array([1.0, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1])
    share, plain = (dyadic_interval(values, GLYPHS, share=yes) for yes in (True, False))
    half = (plain.upper - plain.lower) / 2
    mean = values.mean()
    for bound, sign in ((share.lower, -1), (share.upper, 1)):
        odds = math.log(bound / (1 - bound)) - math.log(mean / (1 - mean))
        assert odds == pytest.approx(sign * half / (mean * (1 - mean)))


def test_empty_slots_share_nothing():
    """Images all of whose slots are empty share no glyph: their error must be that of independent images."""
    values = np.array([0.0, 1, 1, 0, 1, 1])
    found = dyadic_error(values - values.mean(), np.full((6, 2), -1))
    assert found.se == pytest.approx(found.independent) == pytest.approx(values.std() / math.sqrt(6))


def test_an_image_without_concepts_takes_part():
    """With the shown concepts known an image may show none, and its value count as it is."""
    rng = np.random.default_rng(0)
    shown = np.array([[0, 1], [0, -1], [-1, -1], [1, 2], [2, 0], [-1, -1], [1, -1], [2, -1]])
    glyphs = np.where(shown >= 0, np.arange(16).reshape(8, 2), -1)
    values = rng.normal(size=8)
    found = dyadic_error(values - values.mean(), glyphs, shown)
    assert 0 < found.se < math.inf
    order = rng.permutation(8)
    other = dyadic_error((values - values.mean())[order], glyphs[order], shown[order])
    assert other.se == pytest.approx(found.se)
