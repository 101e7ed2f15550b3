"""F1, concept average precision, correlation, mutual information and the like against slow loops and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, f1_score, mutual_info_score

from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.class_correlation import class_correlation
from mixmnist.metrics.concept_average_precision import concept_average_precision
from mixmnist.metrics.correlation import correlation
from mixmnist.metrics.f1 import best_threshold, f1
from mixmnist.metrics.linear_probe import linear_probe
from mixmnist.metrics.mutual_information import BINS, bins_of, mutual_information
from mixmnist.metrics.spearman import spearman
from mixmnist.metrics.weight_norm import weight_norm

N, UNITS, CONCEPTS = 211, 4, 3


def drawn(levels, seed=0):
    """Responses with a given number of values, and presence."""
    g = torch.Generator().manual_seed(seed)
    response = torch.randint(0, levels, (N, UNITS), generator=g).float()
    return response, torch.rand(N, CONCEPTS, generator=g) < torch.tensor([0.1, 0.5, 0.8])


@pytest.mark.parametrize("levels", [2, 5, 40])
def test_the_threshold_is_the_best_of_all(levels):
    """No response as a threshold may have a higher F1, by scikit-learn, than the one that was found."""
    response, present = drawn(levels)
    found = best_threshold(response, present)
    for u in range(UNITS):
        for c in range(CONCEPTS):
            scores = {t: f1_score(present[:, c], response[:, u] >= t) for t in response[:, u].unique().tolist()}
            best = max(scores.values())
            assert found[u, c].item() == max(t for t, score in scores.items() if score > best - 1e-9)


@pytest.mark.parametrize("levels", [2, 5, 300])
def test_f1_equals_scikit_learn(levels):
    """At thresholds from other images every pair must have scikit-learn's F1."""
    (response, present), (other, shows) = drawn(levels), drawn(levels, seed=1)
    thresholds = best_threshold(other, shows)
    oracle = [[f1_score(present[:, c], response[:, u] >= thresholds[u, c]) for c in range(CONCEPTS)] for u in range(UNITS)]
    torch.testing.assert_close(f1(response, present, thresholds), torch.tensor(oracle).float(), rtol=0, atol=1e-6)


def test_concept_average_precision_equals_scikit_learn():
    """The concept as a score for the unit's firing must have scikit-learn's average precision."""
    response, present = drawn(3)
    fires = response > 0
    oracle = [[average_precision_score(fires[:, u], present[:, c]) for c in range(CONCEPTS)] for u in range(UNITS)]
    found = concept_average_precision(fires, present)
    torch.testing.assert_close(found, torch.tensor(oracle).float(), rtol=0, atol=1e-6)


def test_a_unit_that_always_or_never_fires_has_no_concept_average_precision():
    """Without contrast in the unit's firing there is no score."""
    present = torch.tensor([[True], [False], [True]])
    fires = torch.tensor([[True, False, True], [True, False, False], [True, False, True]])
    assert concept_average_precision(fires, present).isnan().tolist() == [[True], [True], [False]]


def test_correlation_equals_numpy():
    """Every pair must have numpy's correlation coefficient."""
    response, present = drawn(50)
    oracle = np.corrcoef(response.numpy().T, present.numpy().T)[:UNITS, UNITS:]
    np.testing.assert_allclose(correlation(response, present).numpy(), oracle, atol=1e-6)


def test_correlation_of_large_responses_is_exact():
    """A large offset may not swallow the differences."""
    response, present = drawn(5)
    torch.testing.assert_close(correlation(response + 1e6, present), correlation(response, present), rtol=0, atol=1e-5)


@pytest.mark.parametrize("levels", [2, 5, 300])
def test_mutual_information_equals_scikit_learn(levels):
    """On the same bins every pair must have scikit-learn's mutual information, in bits."""
    (response, present), (other, _) = drawn(levels), drawn(levels, seed=1)
    bins = bins_of(response, other)
    oracle = [
        [mutual_info_score(bins[:, u].numpy(), present[:, c].numpy()) / math.log(2) for c in range(CONCEPTS)]
        for u in range(UNITS)
    ]
    found = mutual_information(response, present, other)
    torch.testing.assert_close(found, torch.tensor(oracle).float(), rtol=0, atol=1e-6)


def test_bins_hold_equally_many_and_zeros_are_apart():
    """Without ties each bin holds a tenth of the responses that are not zero."""
    response = torch.cat([torch.zeros(37), torch.arange(1.0, 201)])[
        torch.randperm(237, generator=torch.Generator().manual_seed(0))
    ]
    counts = torch.bincount(bins_of(response[:, None], response[:, None])[:, 0], minlength=BINS + 1)
    assert counts.tolist() == [20] * BINS + [37]


def test_a_unit_that_is_zero_on_the_rank_images_still_has_bins():
    """Where no response is known zeros are told from the rest."""
    assert bins_of(torch.tensor([[0.0], [2.0]]), torch.zeros(3, 1)).unique().numel() == 2


def test_class_correlation_equals_numpy():
    """The score must be the largest of numpy's coefficients with the classes' softmax."""
    g = torch.Generator().manual_seed(0)
    mean, logits = torch.rand(N, UNITS, generator=g), torch.randn(N, 5, generator=g)
    oracle = np.corrcoef(mean.numpy().T, logits.softmax(1).numpy().T)[:UNITS, UNITS:].max(axis=1)
    dead = torch.tensor([False, True, False, False])
    found = class_correlation(mean, logits, torch.zeros(N, dtype=torch.int64), dead)
    np.testing.assert_allclose(found.numpy(), np.where(dead, np.nan, oracle), atol=1e-6)


def test_weight_norm_by_hand():
    """A unit's weights count without their signs."""
    live = torch.tensor([False, False])
    assert weight_norm(torch.tensor([[1.0, -2.0], [-3.0, 0.5]]), live).tolist() == [4.0, 2.5]


def test_spearman_equals_scipy_without_the_dead():
    """Rank correlation with ties must be scipy's over the units that have both numbers."""
    x = torch.tensor([0.1, 0.4, 0.4, torch.nan, 0.9, 0.2])
    y = torch.tensor([3.0, 1.0, 2.0, 9.0, 2.0, torch.nan])
    known = [0, 1, 2, 4]
    assert spearman(x, y).item() == pytest.approx(spearmanr(x[known], y[known]).statistic)


@pytest.mark.parametrize("y", [[1.0, 1.0, 1.0], [1.0, torch.nan, 2.0]])
def test_nothing_is_correlated_with_what_does_not_change_or_is_too_short(y):
    """A constant, or fewer than three units, must give no number."""
    assert spearman(torch.tensor([0.1, 0.2, 0.3]), torch.tensor(y)).isnan()


def test_the_linear_probe_equals_scikit_learn():
    """Its answer must be scikit-learn's linear regression, fitted on the other images, scored by average precision."""
    from sklearn.linear_model import LinearRegression

    (mean, present), (other, shows) = drawn(50), drawn(50, seed=1)
    mean[:, 0] += 20 * present[:, 1]
    other[:, 0] += 20 * shows[:, 1]
    answers = LinearRegression().fit(other, shows.numpy()).predict(mean)
    oracle = [average_precision_score(present[:, c], answers[:, c]) for c in range(CONCEPTS)]
    torch.testing.assert_close(linear_probe(mean, present, other, shows), torch.tensor(oracle).float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("levels", [2, 3, 300])
def test_the_linear_probe_does_not_follow_the_order_of_images(levels):
    """Where many images have answers that are equal but for rounding, another order gives the very same number."""
    (mean, present), (other, shows) = drawn(levels), drawn(levels, seed=1)
    mean, other = (torch.cat([one, one.flip(1)], dim=1) / 3 for one in (mean, other))  # each unit has a copy
    expected = linear_probe(mean, present, other, shows)
    for seed in range(6):
        g = torch.Generator().manual_seed(seed)
        rows, ranks = torch.randperm(N, generator=g), torch.randperm(N, generator=g)
        assert torch.equal(linear_probe(mean[rows], present[rows], other[ranks], shows[ranks]), expected)


def test_answers_of_the_linear_probe_that_differ_by_rounding_tie():
    """Units that are copies of each other share a weight, so images that differ in which copy answers must tie."""
    g = torch.Generator().manual_seed(0)
    base, present = torch.rand(N, 1, generator=g), torch.rand(N, CONCEPTS, generator=g) < 0.4
    fitted = (base + 0.5 * present).mean(dim=1, keepdim=True).expand(N, 3) / 3
    level = torch.randint(1, 4, (N, 1), generator=g)
    shares = level * torch.eye(3)[torch.randint(0, 3, (N,), generator=g)]  # one copy alone answers, more or less strongly
    found = linear_probe(shares, present, fitted, present)
    torch.testing.assert_close(found, average_precision(level.float(), present)[0])
