"""Maps of the planted perfect network, whose right values are known."""

import pytest
import torch

from mixmnist.data.mixture import draw
from mixmnist.plants import perfect
from mixmnist.probing import Caution
from mixmnist.visualize._targets import unit_target
from mixmnist.visualize.completeness import completeness_gap, rise
from mixmnist.visualize.judging import find_regions, look_at, pointing, shares
from mixmnist.visualize.mapping import as_pixels, make_maps


@pytest.fixture(scope="module")
def scene():
    """Canvases of stamps, and the peak of the perfect detector of each one's first digit."""
    canvases = draw("pairs", "stamps", "test", n=12, seed=0)
    own = canvases.shown[:, 0]
    return canvases, own, unit_target(perfect.build(0), "units", own), as_pixels(canvases.images)


def test_gradient_times_input_lies_on_own_ink_alone(scene):
    """Of the perfect detector all of gradient x input is on its own digit's ink."""
    canvases, own, target, x = scene
    found = shares(make_maps("gradient_input", target, x), find_regions(canvases, own))
    torch.testing.assert_close(found[:, 0], torch.ones(12), rtol=0, atol=1e-6)


@pytest.mark.parametrize("way", ["gradient", "guided", "deconvolution"])
def test_the_gradient_lies_on_the_whole_box(scene, way):
    """A matched filter wants paper where there is none of its ink, so ink has its share of the box's 144 pixels."""
    canvases, own, target, x = scene
    regions = find_regions(canvases, own)
    found = shares(make_maps(way, target, x), regions)
    torch.testing.assert_close(found[:, 0], regions[:, 0].sum((1, 2)) / 144)
    torch.testing.assert_close(found[:, :2].sum(dim=1), torch.ones(12))


def test_integrated_gradients_of_few_steps_miss_it_altogether(scene):
    """It fires on the last 1/ink of the way: 32 steps never see it, which the gap tells; 1,024 do, to a few hundredths."""
    _, _, target, x = scene
    with pytest.warns(Caution, match=r"off by 1\.00 of what they should sum to with 32 steps"):
        maps = make_maps("integrated", target, x)
    assert not maps.any()
    assert completeness_gap(maps, rise(target, x)) == 1
    few = torch.arange(2)
    sums = make_maps("integrated", target.some(few), x[few], {"steps": 1024}).sum((1, 2))
    assert ((sums > 0.95) & (sums < 1.05)).all()


def test_a_constant_map_points_at_own_ink_by_its_area(scene):
    """Ties count by expectation, or a map that says nothing would point best."""
    canvases, own, target, x = scene
    regions = find_regions(canvases, own)
    found = pointing(make_maps("constant", target, x), regions[:, 0])
    torch.testing.assert_close(found, regions[:, 0].sum((1, 2)) / 1024)


def test_the_own_digit_has_all_the_worth(scene):
    """Without its digit the perfect detector says 0, whatever else is there: worths are 1 and 0."""
    canvases, own, target, _ = scene
    found = look_at(canvases, target, own)
    torch.testing.assert_close(found.worth, torch.tensor([[1.0, 0.0]]).double().expand(12, 2))
