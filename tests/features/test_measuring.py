"""Dictionaries measured on a layer."""

import math

import pytest
import torch

from mixmnist.features.cells import Cells
from mixmnist.features.fitting import named
from mixmnist.features.measuring import Layer, Plan, layer_of_rows, measure, read_codes, rotated, with_gaps
from mixmnist.features.planted import Superposition, plant_cells
from mixmnist.plants._rotation import random_rotation

FAST = ("pca", "ica", "kmeans", "probe_mean")


@pytest.fixture(scope="module")
def layer():
    """Ten concepts planted along ten orthogonal directions."""
    one, other = (plant_cells(Superposition(), 1500, seed).cells for seed in (0, 1))
    return Layer("planted", tuple("0123456789"), one, other)


def test_codes_are_read_over_the_cells_of_an_image():
    """The highest and the mean code of an image count the cells that do not fire."""
    from mixmnist.features.fitted import Fitted

    fitted = Fitted(torch.eye(1), lambda rows: rows + 0.5, torch.zeros(1))
    cells = Cells(torch.tensor([[1.0], [-2.0], [-3.0]]), torch.tensor([0, 1, 1]), torch.ones(3, 1).bool(), places=2)
    highest, mean = read_codes(fitted, cells)
    assert highest[:, 0].tolist() == [1.5, -1.5, 0.5]
    assert mean[:, 0].tolist() == [1.0, -2.0, 0.5]


def test_planted_concepts_are_found_beside_their_null_and_ceiling(layer):
    """Independent components find what is planted; the gap is closed; random directions stand beside."""
    rows = measure(layer, Plan(FAST, thorough=False))
    by = rows.groupby("dictionary").mean(numeric_only=True)
    assert by.loc["ica", "unique_concepts"] == 10
    assert by.loc["kmeans", "unique_concepts"] == 10
    assert by.loc["units", "unique_concepts"] < 8
    assert by.loc["random", "unique_concepts"] < 8
    assert by.loc["ica", "gap_closed"] == pytest.approx(1, abs=0.1)
    assert set(rows["atoms"][rows["dictionary"] == "random"]) == {10, 20}


def test_a_rotation_changes_the_units_and_no_dictionary_that_knows_angles_alone(layer):
    """What is fitted by lengths and angles alone has the coverage that it had."""
    turned = rotated(layer, random_rotation(10, 3))
    one, other = (
        measure(each, Plan(("pca",), thorough=False)).groupby("dictionary")["coverage"].mean() for each in (layer, turned)
    )
    assert abs(one["pca"] - other["pca"]) < 1e-4
    assert abs(one["units"] - other["units"]) > 0.01


@pytest.mark.plain
def test_rows_of_activations_are_halved():
    """Activations without a network are fitted on in their first half and scored in their second."""
    found = layer_of_rows(torch.arange(8.0)[:, None], torch.ones(8, 2).bool(), ("a", "b"))
    assert found.rank.values[:, 0].tolist() == [0, 1, 2, 3]
    assert found.test.values[:, 0].tolist() == [4, 5, 6, 7]
    with pytest.raises(ValueError, match="rows and truth must be as many, got 8 and 7"):
        layer_of_rows(torch.ones(8, 1), torch.ones(7, 2).bool(), ("a", "b"))


def test_settings_stand_behind_a_name():
    """A dictionary is named with its settings; whole numbers are whole."""
    assert named("topk:k=1") == ("topk", {"k": 1})
    assert named("sparse:price=0.2:steps=10") == ("sparse", {"price": 0.2, "steps": 10})
    with pytest.raises(ValueError, match="name:key=number, got 'topk:k'"):
        named("topk:k")


def test_the_gap_is_open_where_there_is_none(layer):
    """Where random directions reach the ceiling, how much of the gap is closed is no number."""
    rows = measure(layer, Plan(("pca",), thorough=False))
    rows.loc[rows["dictionary"] == "random", "coverage"] = rows["coverage"][rows["dictionary"] == "probe_max"].iloc[0]
    assert with_gaps(rows)["gap_closed"].map(math.isnan).all()


def test_a_code_that_is_no_number_anywhere_is_refused(layer):
    """What a stranger's dictionary gives on cells that it was not tried on is looked at, too."""
    from mixmnist.features.fitted import Fitted

    late = Fitted(torch.eye(10), lambda rows: torch.where(rows.norm(dim=1, keepdim=True) > 1.5, torch.nan, rows), torch.zeros(10))
    with pytest.raises(ValueError, match="codes must be finite on every cell, got nan or infinite ones"):
        read_codes(late, layer.test)


def test_nets_have_other_draws_of_random_directions(layer):
    """The null of one net may not be that of another, else its interval over nets leaves the draws out."""
    one, again, other = (measure(layer, Plan(("pca",), thorough=False, draws=draws)) for draws in (0, 0, 20))
    of = [found[found["dictionary"] == "random"]["coverage"].tolist() for found in (one, again, other)]
    assert of[0] == of[1]
    assert not set(of[0]) & set(of[2])
    assert len(of[2]) == len(of[0])
