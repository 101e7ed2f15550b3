"""The permutation null: against scoring each permutation by itself, on units that know nothing and on perfect ones."""

import math
from functools import partial
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.precision_at_k import precision_at_k
from mixmnist.report.drawing import Album, Look, style
from mixmnist.stats import holm
from mixmnist.trust import _permutation, null
from mixmnist.trust._layers import first
from mixmnist.trust._permutation import hold_against_null, over_layer, own_score, p_values, permutation_null
from mixmnist.trust._ranked import Ranked

few_values = hnp.arrays(np.float32, (11, 2), elements=st.integers(-2, 2))  # 11 images, 2 units: ties are frequent
truth = hnp.arrays(np.bool_, (11, 3))  # 11 images, 3 concepts


def some(n_images=60, n_units=4, n_concepts=3, levels=6):
    """Draws responses with ties and what is on the images."""
    g = torch.Generator().manual_seed(n_images)
    response = torch.randint(0, levels, (n_images, n_units), generator=g).float()
    return response, torch.rand(n_images, n_concepts, generator=g) < 0.3


@settings(deadline=None, max_examples=40)
@given(few_values, truth, st.integers(0, 99))
def test_sorted_once_equals_average_precision_of_permuted_rows(values, present, seed):
    """With ties and dead units, each order must score as average precision on presence in that order does."""
    response, present = torch.from_numpy(values), torch.from_numpy(present.copy())
    present[0], present[-1] = True, False
    g = torch.Generator().manual_seed(seed)
    orders = torch.stack([torch.randperm(11, generator=g) for _ in range(4)])
    found = Ranked.of(response).average_precision(present, orders)
    expected = torch.stack([average_precision(response.double(), present[order]) for order in orders])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12, equal_nan=True)


def test_a_concept_without_contrast_has_no_score():
    """Concepts without contrast, never there or always, must be nan as in average precision, and no unit's best."""
    response, present = some()
    present[:, 1], present[:, 2] = False, True
    scores = Ranked.of(response).average_precision(present, torch.arange(60)[None])
    assert scores.isnan().all(dim=1).tolist() == [[False, True, True]]
    assert (own_score(response, present)[1] == 0).all()


@pytest.mark.parametrize("score", [average_precision, partial(precision_at_k, k=9)])
def test_null_equals_scoring_each_permutation_by_itself(score, monkeypatch):
    """Scores of many permutations in one call, a few units at a time, must be those of one at a time; whole rows must move."""
    response, present = some()
    monkeypatch.setattr(_permutation, "AT_ONCE", 2 * present.numel())
    monkeypatch.setattr(_permutation, "UNITS", 3)
    found = permutation_null(response, present, score, n=5, seed=7)
    g = torch.Generator().manual_seed(7)
    expected = [score(response.double(), present[torch.randperm(60, generator=g)]).amax(dim=1) for _ in range(5)]
    torch.testing.assert_close(found.double(), torch.stack(expected), rtol=0, atol=1e-6)


def test_p_values_count_the_unit_itself():
    """The p-value must be (1 + those as high) / (1 + n), ties counted as as high, and nan for a unit without a score."""
    scores = torch.tensor([[0.1, 0.5, 0.2], [0.3, 0.5, 0.2], [0.2, 0.7, 0.2], [0.9, 0.1, 0.2]])
    found = p_values(torch.tensor([0.9, 0.5, math.nan]), scores)
    torch.testing.assert_close(found, torch.tensor([2 / 5, 4 / 5, math.nan]).double(), equal_nan=True)


def test_a_perfect_detector_has_the_smallest_p_and_a_corrected_score_of_1():
    """A unit that responds to one digit alone must have p = 1 / (1 + n), corrected for its layer, and reach the ceiling."""
    response, present = some()
    response[:, 2] = present[:, 1] * (1 + torch.rand(60, generator=torch.Generator().manual_seed(0)))
    response[:, 3] = 1.0  # dead
    tested = hold_against_null(response, present, n=199)
    assert tested.p[2] == 1 / 200
    assert tested.p_layer[2] == 1 / 200
    assert tested.p_layer[3].isnan()
    assert (tested.p_layer[:3] >= tested.p[:3]).all()
    assert tested.corrected[2] == pytest.approx(1)
    assert tested.concept[2:] == [1, -1]
    assert tested.p[3].isnan()


def unlike(n_images, n_units, seed):
    """Units that know nothing: a third continuous, a third mostly silent, a third that hardly ever fire."""
    parts = [null.planted_null(n_images, n_units // 3, zeros, 1000 * seed + i) for i, zeros in enumerate(null.ZEROS.values())]
    return torch.cat(parts, dim=1)


def pairs_on(n_images, seed):
    """Presence of two of ten digits on each image."""
    order = torch.rand(n_images, 10, generator=torch.Generator().manual_seed(10**6 + seed)).argsort(dim=1)
    return torch.zeros(n_images, 10, dtype=torch.bool).scatter(1, order[:, :2], True)


def test_a_layers_p_value_is_the_share_of_orders_whose_highest_unit_is_as_high():
    """In each order the highest unit counts, each unit by its own mean and spread over all orders, its own score among them."""
    response, present = some(n_units=5)
    response[:, 1] = 0.0
    response[:, 2] = present[:, 1] + response[:, 2] / 4
    tested = hold_against_null(response, present, n=39, seed=3)
    every = np.vstack([tested.score.numpy(), tested.null.numpy()])
    expected = []
    for unit in range(5):
        if unit == 1:
            expected.append(math.nan)
            continue
        as_high = 0
        for row in every:
            highest = max((row[u] - every[:, u].mean()) / every[:, u].std(ddof=1) for u in (0, 2, 3, 4))
            as_high += highest >= (every[0, unit] - every[:, unit].mean()) / every[:, unit].std(ddof=1) - 1e-9
        expected.append(as_high / 40)
    assert tested.p_layer.tolist() == pytest.approx(expected, nan_ok=True)


def test_a_layer_in_parts_is_one_layer():
    """Units that are held against their null some at a time must get the p-values of all at once."""
    response, present = some(n_images=90, n_units=7, levels=30)
    response[:, 5] = present[:, 0] + response[:, 5] / 40
    response[:, 6] = 1.0
    whole = hold_against_null(response, present, n=60, seed=1)
    parts = [hold_against_null(part, present, n=60, seed=1) for part in response.split(3, dim=1)]
    torch.testing.assert_close(over_layer(parts), whole.p_layer, equal_nan=True)


@pytest.mark.parametrize("n_units", [3, 30])
def test_units_that_know_nothing_are_rarely_called_significant(n_units):
    """Of layers of unlike planted nulls at most 5 % may have a unit with p < .05, counted over 400 layers."""
    found = [hold_against_null(unlike(90, n_units, seed), pairs_on(90, seed), n=59, seed=7).p_layer for seed in range(400)]
    wrong = np.mean([bool((p < 0.05).any()) for p in found])
    assert wrong < 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


def test_one_unit_among_two_hundred_can_be_significant():
    """With 1,000 permutations one planted detector among 200 units must be found, whichever kind it is of, and no other unit."""
    present = pairs_on(300, 1)
    for kind in range(3):
        response = unlike(300, 201, seed=5)
        response[:, 67 * kind] += 2 * present[:, 4]
        tested = hold_against_null(response, present, n=1000, seed=2)
        assert (tested.p_layer < 0.05).nonzero().flatten().tolist() == [67 * kind]
        assert min(holm(tested.p.tolist())) > 0.05  # each unit by its own null: not to be reached


@pytest.mark.parametrize(("n", "told"), [(19, False), (20, True)])
def test_p_values_that_cannot_fall_below_05_are_not_given(n, told):
    """Nineteen permutations can give .05 at best: then there must be no p-value at all; with twenty there is."""
    response, present = some()
    response[:, 2] = present[:, 1]
    tested = hold_against_null(response, present, n=n)
    for p in (tested.p, tested.p_layer):
        assert bool((p < 0.05).any()) == told
        assert bool(p.isnan().all()) != told
    assert not tested.corrected.isnan().any()


def test_a_unit_whose_null_is_one_value_is_never_significant():
    """Where every order gives the same score, the unit knows nothing that an order could cut: its p-value must be 1."""
    present = torch.tensor([[1, 0], [0, 1]] * 20).bool()
    response = torch.zeros(40, 2)
    response[3, 0] = 1.0  # fires once: the best digit has one of its images first in any order
    response[:, 1] = torch.randn(40, generator=torch.Generator().manual_seed(0))
    tested = hold_against_null(response, present, n=99)
    assert (tested.p[0], tested.p_layer[0]) == (1, 1)


def test_ceiling_is_what_a_perfect_unit_can_reach():
    """Where the ceiling is below 1 (fewer images of the concept than k), a perfect unit must still be corrected to 1."""
    present = torch.zeros(40, 2, dtype=torch.bool)
    present[:6, 0], present[10:30, 1] = True, True
    tested = hold_against_null(present[:, :1].float(), present[:, :1], partial(precision_at_k, k=12), n=99)
    assert float(tested.score[0]) == pytest.approx(0.5)
    assert float(tested.corrected[0]) == pytest.approx(1)


def test_chance_is_corrected_to_0():
    """Units that know nothing must have a corrected score near 0 and a mean p-value near one half."""
    _, present = some(n_images=300)
    tested = hold_against_null(null.planted_null(300, 80, 0.0, seed=3), present, n=99)
    assert abs(float(tested.corrected.mean())) < 0.01
    assert abs(float(tested.p.mean()) - 0.5) < 3 / math.sqrt(12 * 80)


def test_p_values_of_planted_nulls_are_uniform():
    """Kolmogorov and Smirnov must find nothing on units that never saw an image, and the more on units that did."""
    _, present = some(n_images=200)
    uniform = null.held_against_uniform(null.planted_p_values(present, n_units=120, n=199, seed=1))
    assert len(uniform) == 2 * len(null.ZEROS)
    assert (uniform["p"][uniform["responses"] != "99 % zeros"] > 0.01).all()
    seeing = null.planted_null(200, 120, 0.0, seed=1) + present[:, :1]
    p = p_values(own_score(seeing, present)[0], permutation_null(seeing, present, n=199)).numpy()
    assert stats.kstest(p, "uniform").pvalue < 1e-6


def test_p_values_of_units_that_hardly_fire_are_never_too_low():
    """Two responses in 200 leave few possible scores: p-values must be too high rather than too low, at every level."""
    _, present = some(n_images=200)
    planted = null.planted_p_values(present, n_units=120, n=199, seed=1)
    for _, group in planted[planted["responses"] == "99 % zeros"].groupby("score"):
        p = group["p"].dropna().to_numpy()
        for level in (0.01, 0.05, 0.25, 0.5):
            assert (p <= level).mean() < level + 3 * math.sqrt(level * (1 - level) / len(p))


@pytest.mark.parametrize("zeros", [0.7, 0.99])
def test_planted_zeros_are_as_many_as_asked_for(zeros):
    """A planted unit must be silent on the given share of images, and its other responses must differ."""
    response = null.planted_null(4000, 3, zeros, seed=0)
    assert float((response == 0).double().mean()) == pytest.approx(zeros, abs=0.01)
    assert (response >= 0).all()
    alive = response[response > 0]
    assert len(alive.unique()) == len(alive)


def test_scores_are_chosen_by_what_they_need():
    """Every score of response and presence alone must be held against its null, and none that is fitted or reads maps."""
    found = set(null.detection_scores())
    assert {"alignment", "correlation", "concept_average_precision", "precision_at_100", "precision_at_recall_75"} <= found
    assert not {"f1", "iou", "alignment_mean", "mutual_information"} & found


def test_no_permutations_are_refused():
    """A null needs a permutation."""
    with pytest.raises(ValueError, match="n must be 1 permutation or more, got n=0"):
        permutation_null(*some(), n=0)


def test_analysis_counts_units_of_every_origin(pairs_mixture, tmp_path, monkeypatch, recorded_nets):
    """Each net's units must be held against their null, and variants listed with their origin beside each other."""

    def net():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 4, 9, stride=4), nn.ReLU()).eval()

    nets = recorded_nets(net, "1", first(pairs_mixture, 220), {"baseline": "trained", "untrained": "untrained"})
    monkeypatch.setattr(null, "nets_of", lambda _: nets)
    monkeypatch.setattr(null, "PERMUTATIONS", 20)
    monkeypatch.setattr(null, "PLANTED_UNITS", 12)
    scores = {"alignment": average_precision, "precision_at_100": precision_at_k}
    monkeypatch.setattr(null, "detection_scores", lambda: scores)
    null.ANALYSIS.run(Path("s/digits"), tmp_path, None)
    with style(look := Look(("png",))):
        null.ANALYSIS.draw(tmp_path, Album(tmp_path, look, ()))
    units = pd.read_csv(tmp_path / "units.csv")
    assert len(units) == 2 * 2 * 4
    assert units["p"].min() >= 1 / 21
    assert (units["p_layer"] >= units["p"]).all()
    variants = pd.read_csv(tmp_path / "variants.csv")
    assert variants[["variant", "origin", "seeds", "units"]].to_numpy().tolist() == [
        ["baseline", "trained", 2, 8],
        ["untrained", "untrained", 2, 8],
    ]
    assert pd.read_csv(tmp_path / "scores.csv")["score"].tolist() == [*scores, *scores]
    assert len(pd.read_csv(tmp_path / "runs.csv")) == 4
    assert {path.name for path in tmp_path.glob("*.png")} == {"alignments.png", "planted.png"}
    assert "baseline, not a null" in (tmp_path / "summary.md").read_text()
