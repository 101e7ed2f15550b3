"""Climbing, by hand on a net whose gradient is known."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from mixmnist.visualize._climb import Climb, Price, climb, moved, noise, phases, through
from mixmnist.visualize._targets import logit_target, unit_target


@pytest.fixture
def net():
    """One cell that is three times the first pixel less the second, and one that is its negative, with a ReLU."""
    net = nn.Sequential(nn.Conv2d(1, 2, (1, 2)), nn.ReLU()).eval()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[3.0, -1.0], [-3.0, 1.0]])[:, None, None])
        net[0].bias.zero_()
    return net


def test_a_step_by_hand(net):
    """The gradient (3, -1) has mean size 2: a step of rate .1 is (.15, -.05), and the decay takes a tenth off."""
    start = torch.tensor([[[[0.5, 0.1]]]])
    found = climb(unit_target(net, "1", 0), start, (0,), Climb(1, 0.1, decay=0.1))
    torch.testing.assert_close(found, torch.tensor([[[[0.65, 0.05]]]]) * 0.9)
    torch.testing.assert_close(start, torch.tensor([[[[0.5, 0.1]]]]))


def test_each_picture_has_a_step_of_its_own(net):
    """Steps do not depend on how steep the others' are, nor does a clip come too late."""
    with torch.no_grad():
        net[0].weight[1] = torch.tensor([30.0, 10.0])
    start = torch.tensor([[0.5, 0.1], [0.5, 0.1]])[:, None, None]
    found = climb(unit_target(net, "1", torch.tensor([0, 1])), start, (0, 1), Climb(2, 0.1), clip=lambda x: x.clamp(0, 0.7))
    torch.testing.assert_close(found, torch.tensor([[0.7, 0.0], [0.7, 0.2]])[:, None, None])


def test_a_price_is_taken_off(net):
    """With a price of 2 on the first pixel, the target halved, its gradient is (3/2 - 2, -1/2)."""
    price = Price(lambda x: 2 * x[:, 0, 0, 0], torch.tensor([2.0]))
    found = climb(unit_target(net, "1", 0), torch.tensor([[[[0.5, 0.1]]]]), (0,), Climb(1, 0.1), price=price)
    torch.testing.assert_close(found, torch.tensor([[[[0.4, 0.0]]]]))


def test_what_the_image_is_made_of_is_climbed(net):
    """The chain rule: an image of twice the code has twice the gradient, which the step does not show."""
    found = climb(unit_target(net, "1", 0), torch.tensor([[0.5, 0.1]]), (0,), Climb(1, 0.1), image=lambda c: 2 * c[:, None, None])
    torch.testing.assert_close(found, torch.tensor([[0.65, 0.05]]))


def test_a_dead_start_and_what_its_relu_gets(net):
    """Behind a silent ReLU there is no gradient: a sentence, and a climb from the ReLU's input."""
    start, dead = torch.tensor([[[[0.5, 0.1]]]]), unit_target(net, "1", 1)
    with pytest.raises(ValueError, match=r"a start must have a gradient, got 1 of 1 without: the peak of unit 1 of 1 is silent"):
        climb(dead, start, (0,), Climb(3, 0.1))
    found = climb(through(dead, "input"), start, (0,), Climb(1, 0.1))
    torch.testing.assert_close(found, torch.tensor([[[[0.35, 0.15]]]]))
    with pytest.raises(ValueError, match="relu must be one of auto, output, input, got relu='both'"):
        through(dead, "both")


@pytest.mark.parametrize(
    ("layer", "of", "climbed"),
    [
        ("own.ends.1", "peak", "own.ends.1"),
        ("own.ends", "peak", "own.ends.1"),
        ("own.ends", "cell", "own.ends.1"),
        ("own.ends", "mean", None),  # its gradient is another one before the ReLU
        ("own", "peak", None),  # a pooling comes after the ReLU: its units are others
        ("own.pool", "peak", None),
        ("own.ends.0", "peak", None),
    ],
)
def test_the_input_of_a_relu_is_climbed_only_where_the_layer_ends_in_it(layer, of, climbed):
    """By default: of a peak or a cell; else the output, as it is asked for."""
    ends = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    net = nn.Sequential(OrderedDict(own=nn.Sequential(OrderedDict(ends=ends, pool=nn.MaxPool2d(2))))).eval()
    target = unit_target(net, layer, 0, of, cells=torch.tensor([0]) if of == "cell" else None)
    found = through(target, "auto")
    assert (found.layer, found.before) == ((climbed, True) if climbed else (layer, False))
    x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    maps = ends[0](x) if climbed else target.output(x)
    torch.testing.assert_close(found.output(x), maps)
    assert through(target, "output") is target


def test_of_a_class_the_output_is_climbed():
    """Also where the net ends in a ReLU."""
    target = logit_target(nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU()).eval(), 1)
    assert through(target, "auto") is target


def test_moving():
    """An image is moved down and right over black, or up and left; each by its own."""
    image = torch.arange(1.0, 7).view(1, 1, 2, 3).expand(3, -1, -1, -1)
    found = moved(image, torch.tensor([[0, 0], [1, -1], [-1, 2]]), most=2)
    assert found[0, 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert found[1, 0].tolist() == [[0, 0, 0], [2, 3, 0]]
    assert found[2, 0].tolist() == [[0, 0, 4], [0, 0, 0]]


def test_jitter_moves_by_seed(net):
    """A picture's jitter depends on its seed alone, and it is not always the same."""
    target, start = unit_target(net, "1", 0), torch.full((3, 1, 5, 6), 0.5)
    start[..., 0] = 0.4
    together = climb(target, start, (4, 5, 6), Climb(5, 0.1, jitter=2))
    alone = climb(target, start[:1], (6,), Climb(5, 0.1, jitter=2))
    assert torch.equal(together[2:], alone)
    assert not torch.equal(together[0], together[1])


@pytest.mark.parametrize("drawn", [noise, phases])
def test_starts_by_seed(drawn):
    """The same seed gives the same numbers, whatever the others."""
    one, other = drawn((1, 2), (3, 4)), drawn((2,), (3, 4))
    assert torch.equal(one[1:], other)
    assert not torch.equal(one[0], one[1])
    if drawn is phases:
        assert one.min() >= 0
        assert one.max() < 6.3


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"rate": 0.0}, {"jitter": -1}, {"decay": 1.0}, {"decay": -0.1}])
def test_a_climb_has_its_ranges(wrong):
    """Numbers out of range get a sentence."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        Climb(**wrong)
