"""Natural images: numbers of canvases that are asked for again and again, and known."""

from dataclasses import replace

import pytest
import torch

from mixmnist.visualize import natural
from mixmnist.visualize._targets import Target, logit_target, unit_target
from mixmnist.visualize.natural import responses
from mixmnist.visualize.ways import single


@pytest.fixture
def runs(monkeypatch):
    """How many canvases the layer of a target was asked about."""
    seen = []
    real = Target.maps
    monkeypatch.setattr(Target, "maps", lambda self, x: seen.append(len(x)) or real(self, x))
    return seen


def of_canvases(seen):
    """Leaves out the single canvas on which it is seen whether there is such a unit."""
    return [n for n in seen if n > 1]


@pytest.mark.plain
def test_a_layer_is_looked_at_once(tiny, canvases, runs):
    """Other units of the layer ask the net nothing; another number or layer does; all are what the net says."""
    net = tiny(5)
    first = responses(unit_target(net, "second", torch.tensor([1, 2])), canvases)
    assert of_canvases(runs) == [60]
    again = responses(unit_target(net, "second", torch.tensor([2, 0, 1])), canvases)
    assert of_canvases(runs) == [60]
    assert torch.equal(again[[2, 0]], first)
    mean = responses(unit_target(net, "second", 1, of="mean"), canvases)
    before = responses(unit_target(net, "second", 1).before_relu(), canvases)
    responses(unit_target(net, "first", 1), canvases)
    assert of_canvases(runs) == [60] * 4
    with torch.no_grad():
        maps = net.second(net.first(canvases.images[:, None] / 255))
        raw = net.second[0](net.first(canvases.images[:, None] / 255))
    torch.testing.assert_close(first, maps.amax((2, 3))[:, [1, 2]].T)
    torch.testing.assert_close(mean[0], maps.mean((2, 3))[:, 1])
    torch.testing.assert_close(before[0], raw.amax((2, 3))[:, 1])


@pytest.mark.plain
def test_other_weights_and_canvases_are_looked_at_anew(tiny, canvases, runs):
    """A net whose weights were changed in place is another; so are other canvases, even equal ones."""
    net = tiny(6)
    target = unit_target(net, "second", 0)
    first = responses(target, canvases)
    net.second[0].weight.data *= 2
    assert not torch.equal(responses(target, canvases), first)
    responses(target, replace(canvases))
    assert of_canvases(runs) == [60] * 3


@pytest.mark.plain
def test_a_transform_is_asked_each_time(tiny, canvases):
    """What comes before the net is a function of the caller's, of which nothing is known."""
    bright = [1.0]
    target = unit_target(tiny(7), "second", 0, transform=lambda x: x * bright[0])
    first = responses(target, canvases)
    bright[0] = 0.0
    assert not torch.equal(responses(target, canvases), first)


@pytest.mark.plain
def test_logits_are_those_of_the_net(tiny, canvases):
    """What is no unit's is asked of the net for each picture."""
    net = tiny(8)
    with torch.no_grad():
        wanted = net(canvases.images[:, None] / 255).T[[2, 0]]
    torch.testing.assert_close(responses(logit_target(net, torch.tensor([2, 0])), canvases), wanted)


@pytest.mark.plain
def test_a_unit_that_is_not_there_is_refused_again(tiny, canvases):
    """Whether or not the layer is known."""
    net = tiny(9)
    for _ in range(2):
        with pytest.raises(ValueError, match="unit must lie between 0 and 4, got 5"):
            natural.best_natural(unit_target(net, "second", 5), canvases)
        responses(unit_target(net, "second", 0), canvases)


@pytest.mark.plain
def test_canvases_of_one_digit_are_drawn_once(canvases):
    """They are the same the second time."""
    assert single.alone(canvases) is single.alone(canvases)
