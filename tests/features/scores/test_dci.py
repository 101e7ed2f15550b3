"""DCI against hand numbers, scipy's entropy, scikit-learn's regressors and what must not change it."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from mixmnist.features.scores import dci as module
from mixmnist.features.scores._logistic import STEPS, sparse_logistic
from mixmnist.features.scores.dci import REGRESSORS, completeness, dci, disentanglement, informativeness


def test_hand_numbers():
    """Importances of two atoms for two concepts give what one computes by hand."""
    importance = np.array([[0.6, 0.2], [0.0, 0.2]])  # atoms concepts
    mixed = 1 - (0.75 * math.log2(1 / 0.75) + 0.25 * math.log2(1 / 0.25))
    assert disentanglement(importance) == pytest.approx(0.8 * mixed + 0.2 * 1)
    assert completeness(importance) == pytest.approx((1 + 0) / 2)


def test_equals_entropies_by_scipy():
    """Both scores must be entropies of shares, to the base of how many there are."""
    importance = np.random.default_rng(0).random((6, 4))
    by_atom = 1 - entropy(importance.T, base=4)
    assert disentanglement(importance) == pytest.approx(np.average(by_atom, weights=importance.sum(axis=1)))
    assert completeness(importance) == pytest.approx(np.mean(1 - entropy(importance, base=6)))


def test_importance_of_nothing():
    """Atoms of no importance count for nothing; a concept that needs none has a completeness of 0."""
    importance = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert disentanglement(importance) == 1
    assert completeness(importance) == 0.5
    assert math.isnan(disentanglement(np.zeros((2, 2))))


def test_informativeness_by_hand():
    """One error of five, where the commoner answer has two, must be a half; a concept always there is left out."""
    shown = np.array([[1, 1], [1, 1], [0, 1], [0, 1], [0, 1]], dtype=bool)
    answers = np.array([[1, 0], [0, 0], [0, 0], [0, 0], [0, 0]], dtype=bool)
    assert informativeness(answers, shown) == 0.5
    assert math.isnan(informativeness(answers[:, 1:], shown[:, 1:]))


@pytest.mark.parametrize("price", [0.003, 0.03])
def test_sparse_logistic_is_optimal(price):
    """At the minimum the loss's gradient must be -price x sign where a weight is not 0, and within the price where it is."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(200, 8, generator=g, dtype=torch.float64) @ torch.randn(8, 8, generator=g, dtype=torch.float64)
    x = (x - x.mean(dim=0)) / x.std(dim=0)
    present = torch.rand(200, 3, generator=g) < torch.sigmoid(2 * x[:, :3])
    weight, bias = sparse_logistic(x, present, price, steps=5_000)
    wrong = torch.sigmoid(x @ weight + bias) - present.double()
    gradient = x.T @ wrong / len(x)
    used = weight != 0
    assert 0 < used.sum() < used.numel()
    torch.testing.assert_close(gradient[used], -price * weight[used].sign(), rtol=0, atol=1e-6)
    assert gradient[~used].abs().max() <= price + 1e-6
    assert wrong.mean(dim=0).abs().max() < 1e-6


def test_sparse_logistic_is_there_soon():
    """With 60 atoms of rank 10, and a third of the usual steps, weights must be those of many steps."""
    g = torch.Generator().manual_seed(1)
    x = torch.randn(500, 10, generator=g) @ torch.randn(10, 60, generator=g) + 0.05 * torch.randn(500, 60, generator=g)
    x = x.relu().double()
    x = (x - x.mean(dim=0)) / x.std(dim=0)
    present = torch.rand(500, 2, generator=g) < torch.sigmoid(3 * x[:, :2])
    soon, late = (sparse_logistic(x, present, 0.01, steps) for steps in (STEPS // 3, 20_000))
    torch.testing.assert_close(soon[0], late[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_mixed_detectors_are_less_disentangled(perfect, regressor):
    """Turning detectors into each other must cost disentanglement and completeness, and leave what can be told by lasso."""
    turn = torch.eye(10) + torch.eye(10).roll(1, 0)
    before = dci(perfect.response, perfect.present, perfect.rank_response, perfect.rank_present, regressor)
    after = dci(perfect.response @ turn, perfect.present, perfect.rank_response @ turn, perfect.rank_present, regressor)
    assert after.disentanglement < before.disentanglement - 0.15
    assert after.completeness < before.completeness - 0.15
    assert regressor != "lasso" or after.informativeness == 1


@pytest.mark.parametrize("regressor", REGRESSORS)
def test_two_atoms_for_a_concept_cost_completeness_alone(perfect, pick, regressor):
    """Where each of two atoms answers half of the digit's images, each is as disentangled, and concepts need two."""
    style = torch.arange(450)[:, None] % 2 < 1
    rank_style = torch.arange(270)[:, None] % 2 < 1
    response = torch.cat([perfect.response * style, perfect.response * ~style], dim=1)
    rank = torch.cat([perfect.rank_response * rank_style, perfect.rank_response * ~rank_style], dim=1)
    found = dci(response, perfect.present, rank, perfect.rank_present, regressor)
    assert found.informativeness > 0.97
    assert found.disentanglement > 0.75
    assert found.completeness < 0.8


def test_what_is_asked_three_times_is_fitted_once(mixed, monkeypatch):
    """Columns of one regressor must share its fit, by content, and another content must be fitted anew."""
    fitted = []

    def counted(rank, known, others):
        fitted.append(len(rank))
        return module._lasso(rank, known, others)

    monkeypatch.setitem(REGRESSORS, "lasso", counted)
    module._fit.cache_clear()
    needs = mixed.response, mixed.present, mixed.rank_response, mixed.rank_present
    for what in module.WHAT:
        module.SCORE.columns[f"dci_{what}_lasso"](*(part.clone() for part in needs))
    assert fitted == [130]
    dci(needs[0] + 1, *needs[1:], "lasso")
    assert fitted == [130, 130]


def test_images_are_limited(monkeypatch, mixed):
    """Regressors must see as many rank images as the limit says, and be scored on all others."""
    sizes = []

    def seen(rank, known, others):
        sizes.append((len(rank), len(others)))
        return module._lasso(rank, known, others)

    monkeypatch.setitem(REGRESSORS, "lasso", seen)
    monkeypatch.setattr(module, "MOST_IMAGES", 60)
    dci(mixed.response, mixed.present, mixed.rank_response, mixed.rank_present, "lasso")
    assert sizes == [(60, 90)]
