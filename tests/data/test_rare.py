"""The task in which one digit is left out or rare."""

import numpy as np
import pytest
from scipy import stats

from mixmnist.core.seeding import Stream
from mixmnist.data.mixture import draw
from mixmnist.data.tasks import pairs, rare

N = 20_000
RARE = 1e-3  # p-value below which a seeded draw counts as not as promised


def drawn(digit, share):
    """Labels and shown digits of many canvases."""
    return rare.draw(N, Stream(0, "rare"), digit, share)


@pytest.mark.parametrize("digit", [0, 4, 9])
def test_a_digit_of_share_zero_is_never_shown(digit):
    """What is left out comes on no canvas, and every other digit comes."""
    _, shown = drawn(digit, 0.0)
    assert set(np.unique(shown)) == set(range(10)) - {digit}


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 1.0])
def test_a_digit_is_shown_in_its_share_of_the_canvases(share):
    """The number of canvases that show the digit is as likely as the share says."""
    _, shown = drawn(3, share)
    n = int((shown == 3).any(axis=1).sum())
    assert stats.binomtest(n, N, share).pvalue > RARE


def test_the_other_pairs_are_uniform():
    """Of the canvases without the digit each pair of the others comes equally often; so do the pairs of those with it."""
    labels, shown = drawn(3, 0.3)
    has = (shown == 3).any(axis=1)
    for part in (has, ~has):
        counts = np.bincount(labels[part], minlength=45)
        assert stats.chisquare(counts[counts > 0]).pvalue > RARE


def test_a_share_of_a_fifth_is_the_task_pairs():
    """With the share that every digit has in `pairs` all classes come equally often, as there."""
    labels, _ = drawn(7, 0.2)
    assert stats.chisquare(np.bincount(labels, minlength=45)).pvalue > RARE


def test_the_label_names_the_two_digits():
    """A class is the pair that the task `pairs` calls so."""
    labels, shown = drawn(3, 0.5)
    assert (pairs.PAIRS[labels] == shown).all()


def test_a_mixture_takes_the_settings():
    """Canvases of a mixture are drawn with the digit and the share that it is asked for."""
    mixture = draw("rare", "stamps", "train", 300, settings={"digit": 8, "share": 0.0})
    assert not mixture.present[:, 8].any()
    assert mixture.present[:, 3].any()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"digit": 10, "share": 0.1}, "digit must be one of 0 to 9, got digit=10"),
        ({"digit": 3, "share": 1.5}, "share must lie between 0 and 1, got share=1.5"),
    ],
)
def test_what_cannot_be_is_refused(settings, said):
    """An unknown digit and a share above 1 are refused in one sentence."""
    with pytest.raises(ValueError, match=said):
        rare.draw(5, Stream(0), **settings)
