"""Precision at recall against hand numbers, scikit-learn and what must not change it."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from mixmnist.metrics.precision_at_recall import METRIC, precision_at_recall

few_values = hnp.arrays(np.float32, (9, 2), elements=st.integers(-3, 3))  # 9 images, 2 units: ties are frequent
truth = hnp.arrays(np.bool_, (9, 3))  # 9 images, 3 concepts
RESPONSE = torch.tensor([[5.0, 1.0], [4.0, 1.0], [3.0, 0.0], [2.0, 0.0], [1.0, 2.0]])  # 5 images, 2 units
PRESENT = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]]).bool()  # 5 images, 3 concepts


def decided(present):
    """Makes every concept occur and fail to occur."""
    present = torch.from_numpy(present.copy())
    present[0], present[-1] = True, False
    return present


def test_hand_numbers():
    """Half of the concept's images are found at the first threshold that reaches them; tied images come together."""
    by_hand = torch.tensor([[1.0, 1 / 5, 1.0], [1 / 3, 1.0, 1.0]])
    torch.testing.assert_close(precision_at_recall(RESPONSE, PRESENT, recall=0.5), by_hand)


def test_hand_numbers_at_full_recall():
    """At recall 1 the threshold is that of the concept's lowest image."""
    by_hand = torch.tensor([[2 / 3, 1 / 5, 4 / 5], [2 / 5, 1.0, 4 / 5]])
    torch.testing.assert_close(precision_at_recall(RESPONSE, PRESENT, recall=1.0), by_hand)


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("recall", [0.25, 0.5, 0.75, 1.0])
def test_equals_scikit_learn(levels, recall):
    """Every pair agrees with the highest threshold of scikit-learn's curve that has the recall, ties or not."""
    g = torch.Generator().manual_seed(levels)
    response = torch.randint(0, levels, (211, 5), generator=g).float()
    present = torch.rand(211, 3, generator=g) < torch.tensor([0.1, 0.5, 0.9])
    oracle = torch.zeros(5, 3)
    for u in range(5):
        for c in range(3):
            precisions, recalls, _ = precision_recall_curve(present[:, c], response[:, u])  # recall falls
            oracle[u, c] = precisions[np.flatnonzero(recalls >= recall - 1e-9)[-1]]
    torch.testing.assert_close(precision_at_recall(response, present, recall), oracle, rtol=0, atol=1e-6)


@pytest.mark.parametrize("positives", [7, 10, 49])
def test_recall_met_exactly_is_met(positives):
    """The share j/positives is reached by the jth of them, whatever j/positives rounds to."""
    n_images = 2 * positives
    response = torch.arange(n_images, 0, -1.0)[:, None]
    present = torch.arange(n_images)[:, None] % 2 == 0  # the first image shows it, the second does not, ...
    shares = range(1, positives + 1)
    found = [precision_at_recall(response, present, j / positives).item() for j in shares]
    assert found == pytest.approx([j / (2 * j - 1) for j in shares])


@pytest.mark.parametrize("recall", [0.0, -0.5, 1.01])
def test_recall_that_is_no_share_is_refused(recall):
    """A recall of 0 or below, or above 1, is an error that names it."""
    with pytest.raises(ValueError, match=f"recall must be above 0 and at most 1, got recall={recall}"):
        precision_at_recall(RESPONSE, PRESENT, recall)


def test_columns_hold_their_own_recall():
    """Each column's name says the recall, in percent, that it is computed with."""
    response = torch.arange(12.0, 0, -1)[:, None]
    shown = torch.isin(torch.arange(12), torch.tensor([0, 2, 5, 9]))
    present = torch.stack([shown, ~shown], dim=1)
    found = {c: function(response=response, present=present)[0, 0].item() for c, function in METRIC.columns.items()}
    assert found == pytest.approx(
        {"precision_at_recall_25": 1 / 1, "precision_at_recall_50": 2 / 3, "precision_at_recall_75": 3 / 6}
    )


@settings(deadline=None, max_examples=30)
@given(few_values, truth, st.sampled_from([0.1, 0.25, 0.5, 0.75, 1.0]))
def test_score_is_a_share_unless_the_unit_is_dead(values, present, recall):
    """Scores lie above 0 and at most at 1, and exactly the constant units have none."""
    scores = precision_at_recall(torch.from_numpy(values), decided(present), recall)
    constant = torch.from_numpy((values == values[0]).all(axis=0))
    assert torch.equal(scores.isnan(), constant[:, None].expand(2, 3))
    assert ((scores > 0) & (scores <= 1))[~constant].all()


@settings(deadline=None, max_examples=30)
@given(few_values, truth)
def test_full_recall_is_never_below_prevalence(values, present):
    """All of the concept's images lie among those found, which are at most all images."""
    present = decided(present)
    scores = precision_at_recall(torch.from_numpy(values), present, recall=1.0)
    assert (scores.nan_to_num(1) >= present.float().mean(dim=0) - 1e-6).all()


@settings(deadline=None, max_examples=30)
@given(few_values, truth, st.sampled_from([0.25, 0.5, 0.75]))
def test_only_the_order_of_responses_counts(values, present, recall):
    """A rising transform of the responses changes nothing at all."""
    response, present = torch.from_numpy(values), decided(present)
    before = precision_at_recall(response, present, recall)
    after = precision_at_recall(response.exp() * 5 - 2, present, recall)
    torch.testing.assert_close(after, before, rtol=0, atol=0, equal_nan=True)
