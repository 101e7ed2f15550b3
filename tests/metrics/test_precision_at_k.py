"""Precision@k against hand numbers, random tie orders and what must not change it."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixmnist.metrics.precision_at_k import METRIC, precision_at_k

few_values = hnp.arrays(np.float32, (9, 2), elements=st.integers(-3, 3))  # 9 images, 2 units: ties are frequent
truth = hnp.arrays(np.bool_, (9, 3))  # 9 images, 3 concepts
RESPONSE = torch.tensor([[2.0, 0.0], [1.0, 4.0], [1.0, 4.0], [1.0, 4.0], [0.0, 4.0]])  # 5 images, 2 units
PRESENT = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 0, 1], [1, 1, 0], [0, 1, 1]]).bool()  # 5 images, 3 concepts


def decided(present):
    """Makes every concept occur and fail to occur."""
    present = torch.from_numpy(present.copy())
    present[0], present[-1] = True, False
    return present


def tied_case():
    """Gives 60 images, 4 units of four values and 3 concepts."""
    g = torch.Generator().manual_seed(5)
    response = torch.randint(0, 4, (60, 4), generator=g).float()
    return response, torch.rand(60, 3, generator=g) < torch.tensor([0.2, 0.5, 0.7])


def test_hand_numbers():
    """With ties at the kth place a unit gets the sure hits and its share of the tied ones."""
    by_hand = torch.tensor([[(1 + 2 / 3) / 2, (1 / 3) / 2, (1 + 2 / 3) / 2], [2 / 4, 2 / 4, 3 / 4]])
    torch.testing.assert_close(precision_at_k(RESPONSE, PRESENT, k=2), by_hand)


def test_hand_numbers_without_ties_at_the_edge():
    """Where the kth place ends a block the share is the plain one."""
    by_hand = torch.tensor([[3 / 4, 1 / 4, 3 / 4], [2 / 4, 2 / 4, 3 / 4]])
    torch.testing.assert_close(precision_at_k(RESPONSE, PRESENT, k=4), by_hand)


@pytest.mark.parametrize("k", [1, 20, 37])
def test_equals_the_mean_over_random_orders_of_ties(k):
    """The score is what 2,000 random orders of the tied images give on average."""
    response, present = tied_case()
    g = torch.Generator().manual_seed(6)
    broken = response + 0.5 * torch.rand(2_000, 60, 4, generator=g)  # orders images units
    top = broken.topk(k, dim=1).indices  # orders k units
    oracle = present[top].float().mean(dim=(0, 1))  # units concepts
    tolerance = 0.01 if k > 1 else 0.04  # one image is a coin toss: four standard errors of 2,000
    torch.testing.assert_close(precision_at_k(response, present, k=k), oracle, rtol=0, atol=tolerance)


@pytest.mark.parametrize("k", [1, 20, 37])
def test_equals_a_slow_double_loop(k):
    """The score is hits above the kth value plus the tied ones' share, over k, exactly."""
    response, present = tied_case()
    oracle = torch.zeros(4, 3)
    for u in range(4):
        edge = response[:, u].sort(descending=True).values[k - 1]
        above, tied = response[:, u] > edge, response[:, u] == edge
        for c in range(3):
            share = (k - above.sum()) * present[tied, c].float().mean()
            oracle[u, c] = (present[above, c].sum() + share) / k
    torch.testing.assert_close(precision_at_k(response, present, k=k), oracle, rtol=0, atol=1e-6)


def test_order_of_rows_changes_nothing():
    """Thirty orders of the images give the same numbers to the last bit."""
    response, present = tied_case()
    expected = precision_at_k(response, present, k=20)
    for seed in range(30):
        order = torch.randperm(60, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(precision_at_k(response[order], present[order], k=20), expected)


def test_double_precision_is_kept():
    """Answers in float64 give scores exact to 1e-12, shares of tied images included."""
    expected = torch.tensor([[5 / 6, 1 / 6, 5 / 6], [1 / 2, 1 / 2, 3 / 4]], dtype=torch.float64)
    torch.testing.assert_close(precision_at_k(RESPONSE.double(), PRESENT, k=2), expected, rtol=0, atol=1e-12)


def test_k_above_the_number_of_images_has_no_score():
    """Such a k gives nan for every pair and one warning."""
    with pytest.warns(UserWarning, match=r"k=6 is above the number of images \(5\)") as found:
        scores = precision_at_k(RESPONSE, PRESENT, k=6)
    assert scores.shape == (2, 3)
    assert scores.isnan().all()
    assert len(found) == 1


@pytest.mark.parametrize("k", [0, -3])
def test_k_below_one_is_refused(k):
    """No top image is no score: the error names k."""
    with pytest.raises(ValueError, match=f"k must be 1 or more, got k={k}"):
        precision_at_k(RESPONSE, PRESENT, k=k)


def test_columns_hold_their_own_k():
    """Each column's name says the k that it is computed with."""
    response = torch.arange(720.0, 0, -1)[:, None]
    present = torch.arange(720)[:, None] < torch.tensor([50, 710])
    for k in (100, 300, 500, 700):
        scores = METRIC.columns[f"precision_at_{k}"](response=response, present=present)
        torch.testing.assert_close(scores, torch.tensor([[50 / k, 1.0]]))


@settings(deadline=None, max_examples=30)
@given(few_values, truth, st.integers(1, 9))
def test_concept_and_its_absence_add_up_to_one(values, present, k):
    """Each of the k images shows the concept or does not, so that the two shares lie in [0, 1] and sum to 1."""
    response, present = torch.from_numpy(values), decided(present)
    shown, absent = precision_at_k(response, present, k=k), precision_at_k(response, ~present, k=k)
    live = ~shown.isnan()
    torch.testing.assert_close((shown + absent)[live], torch.ones(int(live.sum())))
    assert ((shown >= 0) & (shown <= 1 + 1e-6))[live].all()


@settings(deadline=None, max_examples=30)
@given(few_values, truth)
def test_all_images_score_the_prevalence(values, present):
    """With k at the number of images every live unit scores chance."""
    response, present = torch.from_numpy(values), decided(present)
    scores = precision_at_k(response, present, k=9)
    live = torch.from_numpy((values != values[0]).any(axis=0))
    torch.testing.assert_close(scores[live], present.float().mean(dim=0).expand(2, 3)[live])
    assert scores[~live].isnan().all()


@settings(deadline=None, max_examples=30)
@given(few_values, truth, st.integers(1, 9))
def test_only_the_order_of_responses_counts(values, present, k):
    """A rising transform of the responses changes nothing at all."""
    response, present = torch.from_numpy(values), decided(present)
    before, after = precision_at_k(response, present, k), precision_at_k(response.exp() * 5 - 2, present, k)
    torch.testing.assert_close(after, before, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_too_few_images_keep_the_precision(dtype):
    """Scores that there are not must be of the type of those that there are."""
    with pytest.warns(UserWarning, match="k=6"):
        few = precision_at_k(RESPONSE.to(dtype), PRESENT, k=6)
    assert few.dtype == precision_at_k(RESPONSE.to(dtype), PRESENT, k=2).dtype == dtype
