"""Measuring: every way that makes maps, on the detectors of a net."""

import pytest
import torch
from torch import nn

from mixmnist.data.mixture import draw
from mixmnist.metrics.average_precision import average_precision
from mixmnist.plants import perfect
from mixmnist.probing import probe
from mixmnist.visualize._targets import unit_target
from mixmnist.visualize.measuring import TARGETS, measure_maps, pick_cases, targets_of
from mixmnist.visualize.shuffling import shuffled
from mixmnist.visualize.worth import some_canvases


@pytest.fixture(scope="module")
def planted():
    """The perfect network, canvases of stamps, and two canvases of each of its ten detectors."""
    net, canvases = perfect.build(0), draw("pairs", "stamps", "test", n=800, seed=0)
    readout = probe(net, canvases, "units", few=10)
    return net, canvases, pick_cases(average_precision(readout.response, readout.present), readout.present, each=2)


def test_cases_are_canvases_with_the_units_own_digit(planted):
    """Each detector has its canvases, and each shows its digit."""
    _, canvases, cases = planted
    assert len(cases) == 20
    assert cases.units.bincount().tolist() == [2] * 10
    assert torch.equal(cases.units, cases.own)
    assert canvases.present[cases.indices, cases.own].all()


def test_a_net_without_detectors_is_refused():
    """There is nothing to be explained."""
    with pytest.raises(ValueError, match=r"a unit must be a detector, got none with an alignment of 0\.8"):
        pick_cases(torch.tensor([[0.5, torch.nan], [0.1, 0.2]]), torch.ones(3, 2).bool())


def test_every_target_of_the_cases(planted):
    """Peak, mean and cell are of each case's unit; the contrast is the class less those of the same other digit: 2 - 1."""
    net, canvases, cases = planted
    x = some_canvases(canvases, cases.indices).images[:, None].float() / 255
    found = {name: target.values(x) for name, target in targets_of(net, "units", canvases, cases).items()}
    assert tuple(found) == TARGETS
    for name in ("peak", "cell", "contrast"):
        torch.testing.assert_close(found[name], torch.ones(20))
    torch.testing.assert_close(found["mean"], torch.full((20,), 1 / 1024))
    with pytest.raises(ValueError, match="of must be among"):
        targets_of(net, "units", canvases, cases, ("sum",))


def test_a_table_of_ways(planted):
    """Each way has its measures; one that this target cannot have says why, and a gap is told."""
    net, canvases, cases = planted
    target = targets_of(net, "units", canvases, cases, ("peak",))["peak"]
    table = measure_maps(
        target, "units", some_canvases(canvases, cases.indices), cases.own, ("gradient_input", "gradcam", "constant")
    )
    by_way = table.set_index(["way", "measure"])["value"]
    assert by_way["gradient_input", "selective"] == pytest.approx(1)
    assert by_way["gradient_input", "exact"] == 1
    assert by_way["constant", "own_box"] == pytest.approx(144 / 1024)
    refused = table[table["way"] == "gradcam"]
    assert len(refused) == 1
    with pytest.raises(ValueError, match=r"settings must be written name:key=value, got 'integrated:64'"):
        measure_maps(target, "units", some_canvases(canvases, cases.indices), cases.own, ("integrated:64",))
    assert refused["said"].item().startswith("the net must have a layer with maps")


def test_shuffling_keeps_the_numbers_and_not_their_order():
    """Weights are the same numbers in another order, by the seed; biases stay, and so does the net itself."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3)).eval()
    target, before = unit_target(net, "2", 0), net[2].weight.clone()
    one, again, other = shuffled(target, "2"), shuffled(target, "2"), shuffled(target, "2", seed=1)
    assert torch.equal(net[2].weight, before)
    assert torch.equal(one.net[2].weight, again.net[2].weight)
    assert not torch.equal(one.net[2].weight, other.net[2].weight)
    assert not torch.equal(one.net[2].weight, before)
    assert torch.equal(one.net[2].weight.flatten().sort().values, before.flatten().sort().values)
    assert torch.equal(one.net[2].bias, net[2].bias)
    assert torch.equal(one.net[0].weight, net[0].weight)
    with pytest.raises(ValueError, match="must have weights, got none in layer='1'"):
        shuffled(target, "1")
