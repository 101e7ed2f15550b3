"""What a network loses without its units: correct, drop, concept_drop, curve, reliance and detectors."""

import importlib
import warnings
from itertools import pairwise
from math import comb

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixmnist.core.registry import collect
from mixmnist.metrics.concept_drop import concept_drop, damage_selectivity
from mixmnist.metrics.correct import correct, correct_without
from mixmnist.metrics.curve import ORDERS, curve, random_orders
from mixmnist.metrics.detectors import coverage, detectors, unique_concepts
from mixmnist.metrics.drop import class_drops, drop, max_class, max_class_drop
from mixmnist.metrics.reliance import chance_of, gini, max_drop, mean_drop, reliance, reliance_area
from mixmnist.probing import HeadAlgebra

ZERO_CURVES = ["curve_random", "curve_alignment", "curve_drop_first", "curve_drop_last", "curve_weight"]
INTACT = torch.tensor([[1.0, 1.0, 0.0, 1.0, 0.5]])  # 5 images
WITHOUT = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0], [1.0, 0.25, 1.0, 1.0, 0.5]])  # 2 units, 5 images
LABELS = torch.tensor([0, 2, 2, 0, 3])  # class 1 has no images
PRESENT = torch.tensor([[1, 0, 1], [1, 1, 0], [0, 1, 1], [0, 0, 1], [0, 0, 1]]).bool()  # 5 images, 3 concepts
LIVE = torch.tensor([False, False])
SCORES = torch.tensor([[0.9, 0.1, 0.2], [0.3, 0.2, 0.7], [0.8, 0.0, 0.1], [torch.nan] * 3])  # 4 units, 3 concepts

little_logits = hnp.arrays(np.float32, (5, 4), elements=st.integers(-2, 2))  # 5 images, 4 classes: ties are frequent
drops = hnp.arrays(np.float32, 6, elements=st.integers(-8, 8).map(lambda i: i / 8))  # 6 units


def slow_correct(logits, labels):
    """Counts 1/t where the right class is among t with the largest logit, image by image."""
    score = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        score.append((row[label] == max(row)) / row.count(max(row)))
    return torch.tensor(score)


def slow_accuracy(readout, silenced, values):
    """Edits the means of the silenced units one by one, applies the head and counts."""
    mean = readout.mean.clone()
    for unit in silenced:
        mean[:, unit] = values[unit]
    return slow_correct(mean @ readout.head.T, readout.labels).mean()


def many(*arrays):
    """Repeats images thirty times, so that their classes have enough of them."""
    return tuple(a.repeat(*[1] * (a.ndim - 1), 30) for a in arrays)


def test_correct_by_hand():
    """The right class alone at the top counts 1, tied with one other 1/2, with two 1/3, below the top 0."""
    logits = torch.tensor([[2.0, 1, 0, 0], [1, 2, 0, 2], [3, 3, 3, 0], [5, 0, 0, 0], [1, 1, 1, 1]])
    expected = torch.tensor([1.0, 1 / 2, 1 / 3, 0.0, 1 / 4])
    torch.testing.assert_close(correct(logits, torch.tensor([0, 3, 1, 2, 0])), expected)


def test_correct_of_several_sets_equals_a_slow_loop():
    """Each set of silenced units is counted by itself."""
    g = torch.Generator().manual_seed(1)
    logits, labels = torch.randint(0, 3, (3, 11, 4), generator=g).float(), torch.randint(0, 4, (11,), generator=g)
    expected = torch.stack([slow_correct(part, labels) for part in logits])
    torch.testing.assert_close(correct(logits, labels), expected)


@settings(deadline=None, max_examples=30)
@given(little_logits)
def test_correct_shares_one_point_among_the_classes(values):
    """Whatever ties, an image's points over all possible right classes sum to 1."""
    logits = torch.from_numpy(values)
    points = torch.stack([correct(logits, torch.full((5,), label)) for label in range(4)])
    torch.testing.assert_close(points.sum(dim=0), torch.ones(5))


def test_correct_without_takes_a_few_sets_at_a_time(tied, monkeypatch):
    """The bound on memory changes no number, and every set is counted once and in its place."""
    sets, values = torch.eye(7).bool()[:5], torch.linspace(0, 1, 7)
    expected = torch.stack([slow_correct(tied.without(sets, values)[i], tied.labels) for i in range(5)])
    monkeypatch.setattr(importlib.import_module("mixmnist.metrics.correct"), "CHUNK", 2 * tied.logits.numel())
    torch.testing.assert_close(correct_without(tied.without, tied.labels, sets, values), expected)


def test_intact_net_is_right_as_often_as_its_logits(tied, tied_sheet):
    """The column `correct` silences nothing."""
    torch.testing.assert_close(tied_sheet["correct"][0], slow_correct(tied.logits, tied.labels))


def test_units_are_silenced_to_zero(tied, tied_sheet):
    """`correct_without` holds, per unit, the answers with this unit's mean at 0."""
    found = tied_sheet["correct_without"].mean(dim=1)
    expected = torch.stack([slow_accuracy(tied, [u], torch.zeros(7)) for u in range(7)])
    torch.testing.assert_close(found, expected)


def test_units_are_silenced_to_their_mean_over_the_rank_images(tied, tied_rank, tied_sheet):
    """`correct_without_mean` sets a unit to its mean over the other readout's images, not the scored ones."""
    found = tied_sheet["correct_without_mean"].mean(dim=1)
    expected = torch.stack([slow_accuracy(tied, [u], tied_rank.mean.mean(dim=0)) for u in range(7)])
    torch.testing.assert_close(found, expected)


def test_drop_by_hand():
    """A drop is accuracy before minus after, so that harm is positive and a gain negative."""
    torch.testing.assert_close(drop(INTACT, WITHOUT, LIVE), torch.tensor([1.5 / 5, -0.25 / 5]))


def test_class_drops_by_hand():
    """Every class's drop is over its own images; a class without images can lose nothing."""
    expected = torch.tensor([[0.5, -torch.inf, 0.0, 0.5], [0.0, -torch.inf, -0.125, 0.0]])
    torch.testing.assert_close(class_drops(*many(INTACT, WITHOUT, LABELS)), expected)


def test_max_class_drop_by_hand():
    """The largest drop of one class is given with its class."""
    intact, without = torch.ones(1, 5), torch.tensor([[0.0, 1, 1, 1, 0.25], [1, 0, 0, 1, 1]])
    assert max_class_drop(*many(intact, without, LABELS), LIVE).tolist() == [0.75, 1.0]
    assert max_class(*many(intact, without, LABELS), torch.zeros(2, dtype=torch.bool)).tolist() == [3, 2]


def test_class_without_images_never_loses_most():
    """Where every class gains, the one that gains least is named, not an empty one."""
    intact, without = torch.zeros(1, 5), torch.ones(2, 5)
    without[1, 4] = 0.5
    assert max_class_drop(*many(intact, without, LABELS), LIVE).tolist() == [-1.0, -0.5]
    assert max_class(*many(intact, without, LABELS), torch.zeros(2, dtype=torch.bool)).tolist()[1] == 3
    assert max_class(*many(intact, without, LABELS), torch.zeros(2, dtype=torch.bool)).tolist()[0] != 1


@pytest.mark.parametrize(("n", "expected"), [(29, [0.5, 1]), (30, [1.0, 0])])
def test_a_class_counts_from_thirty_images_on(n, expected):
    """Of 29 images of a class, all of them lost, nothing is said; of 30 it is the class that loses most."""
    labels = torch.tensor([0] * n + [1] * 60)
    without = torch.cat([torch.zeros(1, n), torch.ones(1, 30), torch.zeros(1, 30)], dim=1)
    found = (torch.ones(1, n + 60), without, labels, LIVE[:1])
    assert [max_class_drop(*found).item(), max_class(*found).item()] == expected


def test_no_class_maximum_where_no_class_has_thirty_images():
    """The drop is nan and no class is named, neither of a unit nor of the layer; dead units count as 0 elsewhere only."""
    found = (INTACT, WITHOUT, LABELS, LIVE)
    assert max_class_drop(*found).isnan().all()
    assert max_class(*found).tolist() == [-1, -1]
    of_layer = collect("metrics")["reliance"].columns["max_class_drop"]
    assert of_layer(max_class_drop(*found), LIVE).isnan()
    assert of_layer(torch.tensor([-0.2, torch.nan]), torch.tensor([False, True])).item() == 0


def test_drops_equal_slow_double_loops(tied, tied_sheet):
    """On a net with seven units every drop agrees with one counted image by image, class by class."""
    intact = slow_correct(tied.logits, tied.labels)
    overall, largest = [], []
    for u in range(7):
        lost = intact - slow_correct(tied.without(torch.eye(7).bool()[u : u + 1], torch.zeros(7))[0], tied.labels)
        overall.append(sum(lost.tolist()) / 720)
        largest.append(max(lost[tied.labels == c].mean().item() for c in range(10) if (tied.labels == c).sum() >= 30))
    torch.testing.assert_close(tied_sheet["drop"], torch.tensor(overall), rtol=0, atol=1e-6)
    torch.testing.assert_close(tied_sheet["max_class_drop"], torch.tensor(largest), rtol=0, atol=1e-6)


def test_drop_of_a_dead_unit_is_nan():
    """A dead unit has no drop, overall or in a class, and the other unit keeps its own."""
    dead = torch.tensor([False, True])
    assert drop(INTACT, WITHOUT, dead).tolist() == [pytest.approx(0.3), pytest.approx(np.nan, nan_ok=True)]
    assert max_class_drop(*many(INTACT, WITHOUT, LABELS), dead).isnan().tolist() == [False, True]


def test_concept_drop_by_hand():
    """The drop is over the images that show the concept."""
    expected = torch.tensor([[0.5, 0.0, 1.5 / 4], [0.75 / 2, (0.75 - 1) / 2, -1 / 4]])
    torch.testing.assert_close(concept_drop(INTACT, WITHOUT, PRESENT, LABELS, LIVE), expected)


def test_damage_selectivity_by_hand():
    """The drop over the other images is taken off."""
    inside = torch.tensor([[0.5, 0.0, 1.5 / 4], [0.75 / 2, (0.75 - 1) / 2, -1 / 4]])
    outside = torch.tensor([[0.5 / 3, 1.5 / 3, 0.0], [-1 / 3, 0.0, 0.75]])
    torch.testing.assert_close(damage_selectivity(INTACT, WITHOUT, PRESENT, LABELS, LIVE), inside - outside)


def test_concept_drops_average_to_the_drop(tied, tied_sheet):
    """Drops over the images with and without a concept, weighted by their numbers, make the overall drop."""
    inside, share = tied_sheet["concept_drop"], tied.present.float().mean(dim=0)
    outside = inside - tied_sheet["damage_selectivity"]
    overall = tied_sheet["drop"][:, None].expand(7, 5)
    torch.testing.assert_close(share * inside + (1 - share) * outside, overall, rtol=0, atol=1e-6)


yes_or_no = hnp.arrays(np.int64, (6, 3), elements=st.integers(0, 1))  # 6 images, 3 classes


@settings(deadline=None, max_examples=60)
@given(yes_or_no, hnp.arrays(np.float32, (3, 6, 3), elements=st.sampled_from([-1.0, 1.0])), hnp.arrays(bool, (6, 2)))
def test_concept_drops_of_yes_and_no_are_weighted_means(labels, logits, present):
    """Whatever is on the images, the drop is the mean of lost decisions, each with its weight in the overall accuracy."""
    labels, logits, present = (torch.from_numpy(one) for one in (labels, logits, present))
    intact, without = correct(logits[:1], labels), correct(logits[1:], labels)
    present = torch.cat([present, torch.ones(1, 2).bool(), torch.zeros(1, 2).bool()])[:8]
    labels = torch.cat([labels, labels[:2]])  # two images more, which no unit was silenced on
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = concept_drop(intact, without, present, labels, LIVE)
        outside = found - damage_selectivity(intact, without, present, labels, LIVE)
    assert (found[~found.isnan()].abs() <= 1 + 1e-6).all()
    labels = labels[:6]
    for c, shows in enumerate(present[:6].T):
        weight = torch.empty(6, 3)
        for k in range(3):
            n = {value: int((labels[:, k] == value).sum()) for value in (0, 1)}
            weight[:, k] = torch.tensor([1.0 if n[v] == 6 else 3 / n[v] for v in labels[:, k].tolist()])
        lost = [((logits[0] > 0) == labels).float() - ((logits[u] > 0) == labels).float() for u in (1, 2)]
        for chosen, drops in ((shows, found), (~shows, outside)):
            if chosen.any() and not drops[:, c].isnan().any():
                expected = [np.average(one[chosen], weights=weight[chosen]) for one in lost]
                assert drops[:, c].tolist() == pytest.approx(expected, abs=1e-5)


def test_perfect_unit_hurts_exactly_its_nine_classes(perfect, perfect_sheet, detects):
    """Without its unit a digit's classes tie in nines and keep 1/9 of their images; no other class loses any."""
    found = class_drops(perfect_sheet["correct"], perfect_sheet["correct_without"], perfect.labels)
    expected = torch.tensor([[8 / 9 * (str(digit) in pair) for pair in perfect.classes] for digit in detects])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert (found > 0.5).sum(dim=1).tolist() == [9] * 10


def test_perfect_unit_has_its_known_drops(perfect_sheet, detects):
    """Overall 1/5 of 8/9, in the worst class 8/9, on images of its digit 8/9 and of another 1/9 of that."""
    own = torch.nn.functional.one_hot(torch.tensor(detects)).bool()
    torch.testing.assert_close(perfect_sheet["drop"], torch.full((10,), 8 / 45))
    torch.testing.assert_close(perfect_sheet["max_class_drop"], torch.full((10,), 8 / 9))
    torch.testing.assert_close(perfect_sheet["concept_drop"], torch.where(own, 8 / 9, 8 / 81))
    expected = torch.where(own, 8 / 9, 8 / 81 - 128 / 576 * 8 / 9)
    torch.testing.assert_close(perfect_sheet["damage_selectivity"], expected, rtol=0, atol=1e-5)


def test_perfect_unit_loses_most_in_a_class_of_its_digit(perfect, perfect_sheet, detects):
    """The class that is named shows the unit's digit."""
    named = [perfect.classes[c] for c in perfect_sheet["max_class"].tolist()]
    assert all(str(digit) in pair for digit, pair in zip(detects, named, strict=True))


def test_mean_silencing_does_not_hurt_the_perfect_net(perfect_sheet):
    """At its mean of .2 a missing digit's pair still leads by .2, so that no image is lost."""
    assert perfect_sheet["drop_mean"].tolist() == [0.0] * 10


@pytest.mark.parametrize("column", ZERO_CURVES)
def test_perfect_net_falls_as_counted(column, perfect_sheet):
    """With n units gone, pairs of two kept digits count 1, of one kept digit 1/9, of none 1/45, in any order."""
    known = [(comb(10 - n, 2) + n * (10 - n) / 9 + comb(n, 2) / 45) / 45 for n in range(11)]
    torch.testing.assert_close(perfect_sheet[column], torch.tensor(known))


def test_curve_equals_a_slow_loop(tied):
    """Accuracy with the first n units of each order at the given values, averaged over the orders."""
    orders = torch.tensor([[4, 1, 0, 6, 2, 5, 3], [0, 6, 5, 4, 3, 1, 2]])
    values = torch.linspace(-0.75, 0.75, 7)  # exact in binary, so that ties stay ties in any order of adding up
    expected = []
    for n in range(8):
        expected.append(sum(slow_accuracy(tied, order[:n], values) for order in orders.tolist()) / 2)
    torch.testing.assert_close(curve(tied.without, tied.logits, tied.labels, orders, values), torch.stack(expected))


@pytest.mark.parametrize("suffix", ["", "_mean"])
def test_curves_begin_at_the_accuracy_where_logits_tie(suffix):
    """Equal logits must be told as equal with every unit there, though units that come back one by one would round them apart."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.rand(300, 6, generator=generator)
    weight = torch.rand(1, 6, generator=generator).expand(4, -1).contiguous()  # four classes that always tie
    labels = torch.arange(300) % 4
    net = HeadAlgebra(mean, weight, torch.zeros(4))
    logits = (mean @ weight[:1].T).expand(-1, 4).contiguous()
    level = mean.mean(dim=0) if suffix else torch.zeros(6)
    assert curve(net, logits, labels, random_orders(6), level)[0].item() == pytest.approx(0.25, abs=1e-7)


@pytest.mark.parametrize("suffix", ["", "_mean"])
@pytest.mark.parametrize(
    ("column", "importance", "sign"),
    [
        ("curve_alignment", lambda rank: rank["alignment"].amax(dim=1), -1),
        ("curve_drop_first", lambda rank: rank["drop"], -1),
        ("curve_drop_last", lambda rank: rank["drop"], 1),
        ("curve_weight", lambda rank: rank["head"].abs().sum(dim=0), -1),
    ],
)
def test_curve_follows_its_order(column, importance, sign, suffix, tied, tied_rank, tied_sheet):
    """Units go in the order of what was measured on the rank images, to zero or to their mean there."""
    values = importance(tied_sheet.rank)
    order = sorted(range(7), key=lambda unit: sign * values[unit].item())
    level = tied_rank.mean.mean(dim=0) if suffix else torch.zeros(7)
    expected = torch.stack([slow_accuracy(tied, order[:n], level) for n in range(8)])
    torch.testing.assert_close(tied_sheet[column + suffix], expected)


def test_random_orders_are_permutations_that_differ():
    """There are 20 orders; each holds every unit once, and they are not all the same."""
    orders = random_orders(7)
    assert orders.shape == (ORDERS, 7) == (20, 7)
    assert orders.sort(dim=1).values.tolist() == [list(range(7))] * 20
    assert len(orders.unique(dim=0)) > 15


def test_random_orders_follow_the_seed():
    """The same seed gives the same orders, another seed others."""
    assert torch.equal(random_orders(7, seed=0), random_orders(7))
    assert not torch.equal(random_orders(7, seed=1), random_orders(7))


def test_random_curve_is_the_mean_over_the_random_orders(tied, tied_sheet):
    """The column averages the curves of single orders."""
    singles = [curve(tied.without, tied.logits, tied.labels, order[None], torch.zeros(7)) for order in random_orders(7)]
    torch.testing.assert_close(tied_sheet["curve_random"], torch.stack(singles).mean(dim=0))


def test_curves_share_their_ends(tied_sheet):
    """Every order begins at the intact accuracy and, silenced to zero, ends where no unit is left."""
    curves = torch.stack([tied_sheet[column] for column in ZERO_CURVES])
    intact = tied_sheet["correct"].mean()
    torch.testing.assert_close(curves[:, 0], intact.expand(5))
    torch.testing.assert_close(curves[:, -1], torch.full((5,), 0.1))  # ten classes tie


def test_curve_by_drop_begins_with_the_largest_drop(tied_sheet):
    """Fitted and measured on the same images, the first step down is the largest single drop."""
    rank = tied_sheet.rank
    first = rank["curve_drop_first"]
    torch.testing.assert_close(first[0] - first[1], rank["drop"].amax())


def test_mean_and_max_drop_by_hand():
    """A dead unit counts as a drop of 0."""
    values = torch.tensor([0.3, 0.1, -0.1, torch.nan, -0.2])
    torch.testing.assert_close(mean_drop(values), torch.tensor(0.02))
    torch.testing.assert_close(max_drop(values), torch.tensor(0.3))


def test_largest_drop_is_zero_where_only_a_dead_unit_does_no_good():
    """Where all live units hurt the net, the dead one has the largest drop, 0."""
    assert max_drop(torch.tensor([-0.3, torch.nan])).item() == 0.0


def test_gini_by_hand():
    """Units alike give 0, one of n alone 1 - 1/n, shares 1, 2, 3 give 2/9; gains and dead units count as 0."""
    assert gini(torch.tensor([0.2, 0.2, 0.2])).item() == pytest.approx(0)
    assert gini(torch.tensor([0.0, -0.4, 0.2, torch.nan])).item() == pytest.approx(3 / 4)
    assert gini(torch.tensor([0.3, 0.1, 0.2])).item() == pytest.approx(2 / 9)


def test_gini_is_undefined_where_no_unit_does_good():
    """Without any positive drop there is nothing to share: nan, without a warning."""
    assert gini(torch.tensor([0.0, -0.1, 0.0])).isnan()


@settings(deadline=None, max_examples=30)
@given(drops)
def test_gini_is_half_the_relative_mean_difference(values):
    """It equals the mean absolute difference of all pairs of units over twice their mean."""
    harm = np.maximum(values.astype(float), 0)
    found = gini(torch.from_numpy(values)).item()
    if harm.sum() == 0:
        assert np.isnan(found)
    else:
        oracle = np.mean([[abs(a - b) for a in harm] for b in harm]) / (2 * harm.mean())
        assert found == pytest.approx(oracle, abs=1e-6)


def test_reliance_area_by_hand():
    """Accuracies .8, .4, .2, .2 are 1, .5, .25, .25 of the intact net's: three trapezoids over thirds."""
    area = reliance_area(torch.tensor([0.8, 0.4, 0.2, 0.2]))
    assert area.item() == pytest.approx((0.75 + 0.375 + 0.25) / 3)


def test_reliance_area_of_a_layer_that_does_nothing_is_one():
    """A flat curve has area 1, whatever the accuracy."""
    assert reliance_area(torch.full((6,), 0.3)).item() == pytest.approx(1)


def test_reliance_area_equals_numpy(perfect_sheet):
    """The area is numpy's trapezoid over the share of silenced units."""
    relative = perfect_sheet["curve_random"].numpy() / perfect_sheet["curve_random"][0].item()
    metric = perfect_sheet.metrics["reliance"]
    found = perfect_sheet.compute(metric, "reliance_area").item()
    assert found == pytest.approx(np.trapezoid(relative, np.linspace(0, 1, 11)), abs=1e-6)


def test_perfect_net_relies_on_all_units_alike(perfect_sheet):
    """Mean and largest drop are 8/45, of one class 8/9, to the mean 0, and the Gini coefficient is 0."""
    metric = perfect_sheet.metrics["reliance"]
    columns = ("mean_drop", "max_drop", "max_class_drop", "mean_drop_mean", "gini")
    found = [perfect_sheet.compute(metric, column).item() for column in columns]
    assert found == pytest.approx([8 / 45, 8 / 45, 8 / 9, 0, 0], abs=1e-6)


def test_detectors_count_units_from_the_threshold_on():
    """A unit at .80 is a detector, one at .70 or dead is none."""
    assert detectors(SCORES).item() == 2


def test_unique_concepts_count_each_concept_once():
    """Two detectors of one concept are one unique concept, one unit above .80 for two concepts makes two."""
    assert unique_concepts(SCORES).item() == 1
    assert unique_concepts(torch.tensor([[0.9, 0.85, 0.2], [0.81, 0.1, 0.7]])).item() == 2


def test_coverage_is_the_mean_of_the_best_units():
    """The best units have .9, .2 and .7."""
    assert coverage(SCORES).item() == pytest.approx(0.6)


def test_coverage_leaves_out_concepts_without_scores():
    """A concept that has no score for any unit does not count as 0."""
    scores = SCORES.clone()
    scores[:, 1] = torch.nan
    assert coverage(scores).item() == pytest.approx(0.8)


def test_mean_alignment_leaves_out_dead_units(tied_sheet):
    """It is the mean over live units of the alignment with their best concept."""
    function = tied_sheet.metrics["detectors"].columns["mean_alignment"]
    assert function(SCORES).item() == pytest.approx((0.9 + 0.7 + 0.8) / 3)


def test_perfect_plant_has_ten_detectors_of_ten_concepts(perfect_sheet):
    """Ten detectors, ten unique concepts, coverage and mean alignment 1, no dead unit, chance .2."""
    metric = perfect_sheet.metrics["detectors"]
    expected = {
        "dead": 0,
        "detectors": 10,
        "unique_concepts": 10,
        "coverage": 1,
        "mean_alignment": 1,
        "mean_alignment_mean": 1,
        "mean_best_alignment_mean": 1,
        "chance": 0.2,
    }
    found = {column: perfect_sheet.compute(metric, column).item() for column in metric.columns}
    assert found == pytest.approx(expected)


def test_mean_alignment_by_mean_response_is_the_mean_of_the_table_of_units(tied_sheet):
    """The layer's number must be the mean of the units' column of its name; for each one's best concept it has another name."""
    own = tied_sheet["alignment"].argmax(dim=1, keepdim=True)
    by_mean = torch.tensor([[0.3, 0.9], [0.8, 0.2]])
    of_layer = tied_sheet.metrics["detectors"].columns
    expected = tied_sheet["alignment_mean"].gather(1, own).mean()
    torch.testing.assert_close(of_layer["mean_alignment_mean"](tied_sheet["alignment"], tied_sheet["alignment_mean"]), expected)
    assert of_layer["mean_alignment_mean"](torch.tensor([[0.7, 0.1], [0.6, 0.1]]), by_mean).item() == pytest.approx(0.55)
    assert of_layer["mean_best_alignment_mean"](by_mean).item() == pytest.approx(0.85)


def test_reliance_by_hand():
    """It is the share of what is known beyond chance (.4 here) that is lost, averaged on the way; a flat curve loses nothing."""
    labels = torch.tensor([0, 1] * 50)
    assert reliance(torch.tensor([0.9, 0.7, 0.5]), labels).item() == pytest.approx(0.5)
    assert reliance(torch.tensor([0.9, 0.5, 0.5]), labels).item() == pytest.approx(0.75)
    assert reliance(torch.tensor([0.9, 0.9, 0.9]), labels).item() == pytest.approx(0)


@pytest.mark.parametrize(("accuracy", "told"), [(0.616, False), (0.617, True)])
def test_reliance_of_a_net_at_chance_is_not_told(accuracy, told):
    """From 2.33 standard errors above chance on (.1165 of 100 images at .5) there is something to lose."""
    found = reliance(torch.tensor([accuracy, 0.5, 0.5]), torch.tensor([0, 1] * 50))
    assert found.isfinite().item() is told


def test_chance_is_the_best_constant_answer():
    """Where classes are uneven, always saying the most frequent one is chance; yes or no for each class is at .5."""
    assert chance_of(torch.tensor([0, 1, 1, 1])) == 0.75
    assert chance_of(torch.tensor([[0, 1], [1, 1], [1, 1]])) == 0.5


@settings(deadline=None, max_examples=30)
@given(
    hnp.arrays(np.float32, (8, 3), elements=st.integers(0, 3)),
    hnp.arrays(np.float32, (4, 3), elements=st.integers(-2, 2)),
)
def test_curve_stays_within_what_images_can_count(mean, weight):
    """Accuracies lie in [0, 1], begin intact, and a curve of a reversed order ends where the other one does."""
    labels, mean, weight = torch.arange(8) % 4, torch.from_numpy(mean), torch.from_numpy(weight)
    without = HeadAlgebra(mean, weight, torch.zeros(4))
    logits = mean @ weight.T
    there, back = (curve(without, logits, labels, torch.tensor([o]), torch.zeros(3)) for o in ([2, 0, 1], [1, 0, 2]))
    intact = slow_correct(mean @ weight.T, labels).mean()
    assert all(0 <= value <= 1 for value in there.tolist())
    torch.testing.assert_close(torch.stack([there[0], back[0], there[-1]]), torch.stack([intact, intact, back[-1]]))


def test_accuracy_of_the_perfect_net_only_falls(perfect_sheet):
    """Each further silenced unit costs some accuracy."""
    assert all(later < earlier for earlier, later in pairwise(perfect_sheet["curve_random"].tolist()))
