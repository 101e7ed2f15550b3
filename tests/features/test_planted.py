"""Planted cells: what is drawn is what is said."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixmnist.features.planted import CONCEPTS, Superposition, packing, plant_cells

OFF = ~torch.eye(CONCEPTS, dtype=torch.bool)


def cosines(dimensions, positive=False):
    """Gives the cosine of each direction with each other one."""
    found = packing(dimensions, positive)
    return (found @ found.T)[OFF]


@pytest.mark.parametrize("dimensions", [10, 30])
def test_directions_are_orthogonal_from_ten_dimensions_on(dimensions):
    """Where there is room, no direction says anything of another."""
    assert cosines(dimensions).abs().max() < 1e-9


def test_directions_in_five_dimensions_are_five_axes_with_both_signs():
    """Pushed apart, each of ten directions has an opposite one and is orthogonal to all others."""
    assert cosines(5).max() < 1e-3
    assert torch.allclose(cosines(5).view(10, 9).min(dim=1).values, torch.tensor(-1.0).double(), atol=1e-3)


def test_directions_in_three_dimensions_are_as_far_apart_as_they_get():
    """Ten points on a sphere have 66.15 degrees between the nearest at best (Tammes' problem)."""
    best = torch.cos(torch.deg2rad(torch.tensor(66.1468)))
    assert best - 1e-3 < cosines(3).max() < best + 0.02


@pytest.mark.parametrize("dimensions", [3, 5, 10, 30])
def test_directions_have_length_one_and_are_the_same_at_every_call(dimensions):
    """A packing is a constant; what is made of one leaves it as it is."""
    before = packing(dimensions).clone()
    planted = plant_cells(Superposition(dimensions), n=3)
    planted.directions.mul_(2)
    packing.cache_clear()
    assert torch.equal(packing(dimensions), before)
    assert torch.allclose(before.norm(dim=1), torch.ones(1).double())


@pytest.mark.parametrize("dimensions", [3, 5, 10, 30])
def test_cells_that_are_not_negative_are_made_of_such_directions(dimensions):
    """Nothing is below 0, and no two directions are one."""
    planted = plant_cells(Superposition(dimensions, noise=0.2, positive=True), n=500)
    assert planted.cells.values.min() >= 0
    assert planted.directions.min() >= 0
    assert cosines(dimensions, positive=True).max() < 0.9


@given(
    shown=st.integers(1, CONCEPTS),
    dimensions=st.sampled_from([3, 10, 12]),
    together=st.sampled_from([0.0, 0.3, 1.0]),
    frequent=st.sampled_from([1.0, 20.0]),
    seed=st.integers(0, 5),
)
@settings(max_examples=30, deadline=None)
def test_cells_are_the_sum_of_what_they_show(shown, dimensions, together, frequent, seed):
    """Without noise a cell is its codes times the directions; it shows as many concepts as asked, each within its strengths."""
    pairs = {"together": together, "frequent": frequent} if shown > 1 else {}
    planted = plant_cells(Superposition(dimensions, shown, 0.0, 0.4, 1.1, **pairs), 40, seed)
    assert planted.cells.present.sum(dim=1).tolist() == [shown] * 40
    assert torch.equal(planted.codes > 0, planted.cells.present)
    strengths = planted.codes[planted.cells.present]
    assert strengths.min() >= 0.4 - 1e-6
    assert strengths.max() <= 1.1 + 1e-6
    assert torch.allclose(planted.cells.values, planted.codes @ planted.directions, atol=1e-5)


def test_concepts_are_equally_prevalent_and_strengths_even():
    """Each of ten concepts is in two of ten cells, whether they go together or not, with a mean strength of 1."""
    for together in (0.0, 0.8):
        planted = plant_cells(Superposition(together=together), n=20_000)
        shares = planted.cells.present.float().mean(dim=0)
        assert (shares - 0.2).abs().max() < 0.012
        assert planted.codes[planted.cells.present].mean() == pytest.approx(1, abs=0.01)


def test_noise_is_of_the_given_size():
    """What a cell has beyond its concepts has the standard deviation asked for."""
    planted = plant_cells(Superposition(noise=0.2), n=5_000)
    assert (planted.cells.values - planted.codes @ planted.directions).std() == pytest.approx(0.2, abs=0.005)


@pytest.mark.parametrize("together", [0.0, 0.5, 1.0])
def test_concepts_that_go_together_do_so_as_often_as_asked(together):
    """Of the cells with an even concept a share has the next one, beyond chance."""
    present = plant_cells(Superposition(together=together), n=20_000).cells.present
    both = present[:, 0::2] & present[:, 1::2]
    assert both.any(dim=1).float().mean() == pytest.approx(together + (1 - together) / 9, abs=0.012)


def test_the_frequent_pair_is_so_many_times_more_frequent():
    """The pair of concepts 0 and 1 is drawn twenty times as often as any other pair."""
    present = plant_cells(Superposition(frequent=20.0), n=40_000).cells.present.float()
    pairs = present.T @ present
    assert float(pairs[0, 1] / pairs[2:, 2:][OFF[2:, 2:]].mean()) == pytest.approx(20, rel=0.12)


def test_another_seed_gives_other_cells_of_the_same_directions():
    """Cells that are scored are others than those that are fitted on; the same seed gives the same bytes."""
    one, again, other = (plant_cells(Superposition(), 50, seed) for seed in (0, 0, 1))
    assert torch.equal(one.cells.values, again.cells.values)
    assert not torch.equal(one.cells.values, other.cells.values)
    assert torch.equal(one.directions, other.directions)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"dimensions": 1}, "dimensions must be 2 or more, got dimensions=1"),
        ({"shown": 0}, "shown must lie between 1 and 10, got shown=0"),
        ({"shown": 11}, "shown must lie between 1 and 10, got shown=11"),
        ({"together": 1.5}, "together must lie between 0 and 1, got together=1.5"),
        ({"weakest": 0.0}, "weakest must lie between 0 and strongest"),
        ({"weakest": 2.0}, "weakest must lie between 0 and strongest"),
        ({"noise": -1.0}, "noise must be 0 or more"),
        ({"frequent": 0.5}, "frequent 1 or more"),
        ({"shown": 1, "frequent": 2.0}, "pairs need shown=2 or more"),
        ({"noise": float("nan")}, "noise must be 0 or more"),
    ],
)
def test_what_cannot_be_planted_is_refused(wrong, rule):
    """A dial out of its range is one sentence."""
    with pytest.raises(ValueError, match=rule):
        Superposition(**wrong)
