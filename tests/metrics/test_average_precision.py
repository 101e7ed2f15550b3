"""Average precision against hand numbers, scikit-learn and what must not change it."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from mixmnist.metrics import _ranking
from mixmnist.metrics.average_precision import METRIC, average_precision

few_values = hnp.arrays(np.float32, (9, 2), elements=st.integers(-3, 3))  # 9 images, 2 units: ties are frequent
truth = hnp.arrays(np.bool_, (9, 3))  # 9 images, 3 concepts


def decided(present):
    """Makes every concept occur and fail to occur."""
    present = torch.from_numpy(present.copy())
    present[0], present[-1] = True, False
    return present


def test_hand_numbers():
    """Five images, two units (the second with ties) and three concepts score what one computes by hand."""
    response = torch.tensor([[5.0, 1.0], [4.0, 1.0], [3.0, 0.0], [2.0, 0.0], [1.0, 2.0]])
    present = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()
    by_hand = [
        [(1 + 2 / 3) / 2, 1 / 5, (1 + 1 + 3 / 4 + 4 / 5) / 4],
        [(1 / 3 + 2 / 5) / 2, 1.0, (1 + 2 * 3 / 3 + 4 / 5) / 4],
    ]
    torch.testing.assert_close(average_precision(response, present), torch.tensor(by_hand))


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_equals_scikit_learn(levels):
    """Every pair of unit and concept agrees with scikit-learn's average precision, from heavy ties to hardly any."""
    g = torch.Generator().manual_seed(levels)
    response = torch.randint(0, levels, (211, 5), generator=g).float()
    present = torch.rand(211, 3, generator=g) < torch.tensor([0.1, 0.5, 0.9])
    oracle = [[average_precision_score(present[:, c], response[:, u]) for c in range(3)] for u in range(5)]
    torch.testing.assert_close(average_precision(response, present), torch.tensor(oracle).float(), rtol=0, atol=1e-6)


def test_double_precision_is_kept():
    """Answers in float64 agree with scikit-learn to 1e-12."""
    g = torch.Generator().manual_seed(7)
    response, present = torch.randint(0, 6, (211, 2), generator=g).double(), torch.rand(211, 3, generator=g) < 0.3
    oracle = [[average_precision_score(present[:, c], response[:, u]) for c in range(3)] for u in range(2)]
    expected = torch.tensor(oracle, dtype=torch.float64)
    torch.testing.assert_close(average_precision(response, present), expected, rtol=0, atol=1e-12)


def test_units_taken_a_few_at_a_time_score_the_same(monkeypatch):
    """The bound on memory changes no number."""
    g = torch.Generator().manual_seed(8)
    response, present = torch.randint(0, 4, (50, 7), generator=g).float(), torch.rand(50, 3, generator=g) < 0.4
    at_once = average_precision(response, present)
    monkeypatch.setattr(_ranking, "CHUNK", 2 * present.numel())
    torch.testing.assert_close(average_precision(response, present), at_once, rtol=0, atol=1e-6)


def test_alignment_mean_ranks_by_the_mean():
    """The column `alignment_mean` needs the mean response, not its peak, and scores it in the same way."""
    assert METRIC.needs("alignment_mean") == ("mean", "present")
    mean = torch.tensor([[1.0, 0.0], [0.0, 3.0], [0.0, 2.0], [0.0, 1.0]])
    present = torch.tensor([[1, 0, 0], [0, 0, 1], [0, 1, 1], [0, 0, 0]]).bool()
    expected = torch.tensor([[1.0, 0.25, 0.5], [0.25, 0.5, 1.0]])
    torch.testing.assert_close(METRIC.columns["alignment_mean"](mean=mean, present=present), expected)


@settings(deadline=None, max_examples=30)
@given(few_values, truth)
def test_score_is_a_share_unless_the_unit_is_dead(values, present):
    """Scores lie above 0 and at most at 1, and exactly the constant units have none."""
    response = torch.from_numpy(values)
    scores = average_precision(response, decided(present))
    constant = torch.from_numpy((values == values[0]).all(axis=0))
    assert torch.equal(scores.isnan(), constant[:, None].expand(2, 3))
    live = scores[~constant]
    assert ((live > 0) & (live <= 1 + 1e-6)).all()


@settings(deadline=None, max_examples=30)
@given(few_values, truth)
def test_only_the_order_of_responses_counts(values, present):
    """A rising transform of the responses changes nothing at all."""
    response, present = torch.from_numpy(values), decided(present)
    before, after = average_precision(response, present), average_precision(response.exp() * 5 - 2, present)
    torch.testing.assert_close(after, before, rtol=0, atol=0, equal_nan=True)


@settings(deadline=None, max_examples=30)
@given(few_values, truth)
def test_every_image_twice_scores_the_same(values, present):
    """Tied images share one threshold, so that showing each image twice changes nothing."""
    response, present = torch.from_numpy(values), decided(present)
    before = average_precision(response, present)
    torch.testing.assert_close(
        average_precision(response.repeat(2, 1), present.repeat(2, 1)), before, rtol=0, atol=1e-6, equal_nan=True
    )
