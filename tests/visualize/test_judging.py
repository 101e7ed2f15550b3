"""Judging: each measure by hand, and what it says of maps that know all, something or nothing."""

import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import spearmanr

from mixmnist.data.mixture import draw
from mixmnist.plants import perfect
from mixmnist.visualize._targets import unit_target
from mixmnist.visualize.completeness import completeness_gap
from mixmnist.visualize.judging import (
    REGIONS,
    Scene,
    find_regions,
    judge,
    look_at,
    pointing,
    ranks_on_ink,
    scaled_to,
    shares,
    worth_error,
)


@pytest.fixture(scope="module")
def known():
    """Eleven canvases and what is known of them for the perfect detector of the second digit."""
    canvases = draw("pairs", "stamps", "test", n=11, seed=0)
    own = canvases.shown[:, 1]
    return canvases, own, look_at(canvases, unit_target(perfect.build(0), "units", own), own)


def values(table):
    """Gives the values by measure."""
    return table.set_index("measure")["value"]


def test_five_regions_are_the_whole_canvas(known):
    """Each pixel lies in one region; ink is the digit's, paper the rest of its box of 144 pixels."""
    canvases, own, scene = known
    assert (scene.regions.sum(dim=1) == 1).all()
    sizes = scene.regions.sum((2, 3))
    assert (sizes[:, 0] + sizes[:, 1] == 144).all()
    assert (sizes[:, 2] + sizes[:, 3] == 144).all()
    for row in range(11):
        one = torch.tensor([row])
        assert torch.equal(scene.regions[row, 0], canvases.mask(int(own[row]), one)[0])
        assert torch.equal(scene.regions[row, 2], canvases.mask(int(canvases.shown[row, 0]), one)[0])


def test_a_canvas_without_its_own_digit_is_refused(known):
    """There is nothing to point at."""
    canvases, own, _ = known
    with pytest.raises(ValueError, match="every canvas must show its own digit, got 11 that do not"):
        look_at(canvases, unit_target(perfect.build(0), "units", own), torch.full((11,), 10))


def test_a_map_that_knows_all_reaches_the_ceilings(known):
    """Own ink, scaled to the worth, reaches every ceiling; rank correlation under shuffled weights is not told without any."""
    _, _, scene = known
    ink = scene.regions[:, 0].float()
    table = judge(ink / ink.sum((1, 2), keepdim=True), scene)
    best = table.set_index("measure").drop(index=["own_paper", "other_ink", "other_paper", "rest"])
    assert best["value"].tolist() == pytest.approx(best["ceiling"].tolist(), abs=1e-6)
    assert "rank_on_ink" not in best.index
    assert set(best["canvases"]) == {11}


def test_a_constant_map_stays_at_chance(known):
    """Each share and each pointing of a constant map is its chance: the area."""
    _, _, scene = known
    flat = torch.full((11, 32, 32), 0.25)
    table = judge(flat, scene, shuffled=flat).set_index("measure")
    placed = [*REGIONS, "own_box", "selective", "points_at_ink", "points_at_box", "selective_shuffled"]
    assert table["value"][placed].tolist() == pytest.approx(table["chance"][placed].tolist())
    assert table["value"]["own_box"] == pytest.approx(144 / 1024)
    assert table["value"]["points_at_box"] == pytest.approx(144 / 1024)
    assert math.isnan(table["value"]["rank_on_ink"])  # no order to compare
    assert table["canvases"]["rank_on_ink"] == 0


def test_a_map_of_zeros_has_errors_of_one_and_no_shares(known):
    """Nothing shown is no share of anything, and all of the worth is missing."""
    _, _, scene = known
    table = judge(torch.zeros(11, 32, 32), scene).set_index("measure")
    for name in ("worth_error", "worth_error_scaled", "completeness_gap"):
        assert table["value"][name] == table["chance"][name] == 1
    assert math.isnan(table["value"]["selective"])
    assert table["canvases"]["selective"] == 0


def test_measures_by_hand():
    """On one canvas of four pixels everything can be counted."""
    regions = torch.zeros(1, 5, 1, 5).bool()
    regions[0, torch.arange(5), 0, torch.arange(5)] = True
    maps = torch.tensor([[[4.0, -1.0, 2.0, 0.0, 1.0]]])
    scene = Scene(regions, torch.tensor([[5.0, 1.0]]), torch.tensor([4.0]))
    found = values(judge(maps, scene, shuffled=torch.tensor([[[1.0, 0.0, 3.0, 0.0, 0.0]]])))
    wanted = {"own_ink": 4 / 8, "own_paper": 1 / 8, "other_ink": 2 / 8, "other_paper": 0, "rest": 1 / 8, "own_box": 5 / 8}
    wanted |= {"selective": 4 / 6, "points_at_ink": 1, "points_at_box": 1, "selective_shuffled": 1 / 4, "exact": 5 / 6}
    wanted |= {"worth_error": (2 + 1) / 6, "completeness_gap": (6 - 4) / 4, "rank_on_ink": -1}
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)
    scale = (3 * 5 + 2 * 1) / (9 + 4)
    assert found["worth_error_scaled"] == pytest.approx((abs(3 * scale - 5) + abs(2 * scale - 1)) / 6)


def test_the_scale_of_a_map_matters_to_its_worth_alone(known):
    """A map a hundred times as strong lies where it lay, and is as good once its unit is put right."""
    _, _, scene = known
    maps = torch.rand(11, 32, 32, generator=torch.Generator().manual_seed(0))
    one, other = values(judge(maps, scene)), values(judge(maps * 100, scene))
    changed = ["worth_error", "completeness_gap"]
    assert other.drop(changed).tolist() == pytest.approx(one.drop(changed).tolist(), rel=1e-4)
    assert (other[changed] > 10 * one[changed]).all()


def test_pointing_counts_ties_by_expectation():
    """Of three tied pixels two in the place give two thirds; signs do not matter, zeros point nowhere."""
    place = torch.tensor([[[True, True, False, False]]]).expand(3, 1, 4)
    maps = torch.tensor([[[2.0, -2.0, 2.0, 1.0]], [[0.0, 1.0, -3.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]])
    torch.testing.assert_close(pointing(maps, place), torch.tensor([2 / 3, 0.0, torch.nan]), equal_nan=True)


def test_ranks_on_ink_are_scipys_and_see_no_paper():
    """The rank correlation is scipy's of the ink's absolute values; what is off the ink is no matter."""
    g = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, 6, 5, generator=g), torch.randn(2, 6, 5, generator=g)
    other[:, 0, :3] = 1.0  # ties
    ink = torch.rand(2, 6, 5, generator=g) < 0.6
    found = ranks_on_ink(one, other, ink)
    wanted = [spearmanr(a[m].abs(), b[m].abs()).statistic for a, b, m in zip(one, other, ink, strict=True)]
    torch.testing.assert_close(found, torch.tensor(wanted).float())
    torch.testing.assert_close(ranks_on_ink(one, torch.where(ink, other, 9.0), ink), found)


def test_worth_errors_by_hand():
    """Errors are shares of all worth there is; nothing to be shared out gives none."""
    worth = torch.tensor([[3.0, -1.0], [0.0, 0.0]])
    assert worth_error(worth, worth) == 0
    assert worth_error(torch.zeros(2, 2), worth) == 1
    assert worth_error(-worth, worth) == 2
    assert math.isnan(worth_error(worth, torch.zeros(2, 2)))
    assert worth_error(scaled_to(worth * 7, worth), worth) == pytest.approx(0)
    assert worth_error(scaled_to(worth * -7, worth), worth) == 1  # a sign is no unit
    assert worth_error(scaled_to(torch.zeros(2, 2), worth), worth) == 1
    assert math.isnan(completeness_gap(torch.ones(2, 3, 3), torch.zeros(2)))


def test_regions_do_not_overlap_where_digits_do(known):
    """A pixel in both boxes is the own digit's, ink before paper."""
    canvases, own, _ = known
    crowded = replace(canvases, positions=torch.tensor([[5, 6], [8, 9]]).expand(11, 2, 2))
    regions = find_regions(crowded, own)
    assert (regions.sum(dim=1) == 1).all()
    assert torch.equal(regions[0, 0], crowded.mask(int(own[0]), torch.tensor([0]))[0])


def test_shares_of_a_map_of_zeros_are_none():
    """Nothing has no shares."""
    assert shares(torch.zeros(1, 2, 2), torch.ones(1, 3, 2, 2).bool()).isnan().all()
