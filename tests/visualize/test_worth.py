"""Worth: exact Shapley values of digits, held against a slow sum over all orders."""

import itertools

import pytest
import torch
from torch import nn

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.visualize._targets import unit_target
from mixmnist.visualize.mapping import as_pixels
from mixmnist.visualize.worth import rendered_with, some_canvases, worths


@pytest.fixture(scope="module")
def target():
    """The peak of a unit of a small convnet, biases and all."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 9, stride=2), nn.ReLU(), nn.Conv2d(3, 4, 5), nn.ReLU()).eval()
    return unit_target(net, "3", 2)


@pytest.mark.parametrize("task", ["pairs", "single", "presence"])
def test_worths_sum_to_what_all_digits_add(task, target):
    """The worths of a canvas sum to the target with all digits less the target with none, to 1e-6."""
    canvases = draw(task, "digits", "test", n=20, seed=0)
    found = worths(canvases, target)
    torch.testing.assert_close(found.slots.sum(dim=1), found.whole - found.none, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.whole.float(), target.values(as_pixels(canvases.images)))
    assert (found.slots[canvases.shown < 0] == 0).all()
    assert found.slots.any()


def test_worths_are_means_over_all_orders(target):
    """A digit's worth is the mean, over all orders in which digits come, of what it adds to those that are there."""
    canvases = draw("presence", "digits", "test", n=6, seed=1)
    found, slow = worths(canvases, target).slots, torch.zeros(canvases.shown.shape)
    for row in range(6):
        one = some_canvases(canvases, torch.tensor([row]))
        orders = list(itertools.permutations((one.shown[0] >= 0).nonzero()[:, 0].tolist()))
        for order in orders:
            kept = torch.zeros(len(one.shown[0]), dtype=torch.bool)
            for slot in order:
                before = target.values(rendered_with(one, kept))
                kept[slot] = True
                slow[row, slot] += (target.values(rendered_with(one, kept)) - before)[0] / len(orders)
    assert (canvases.shown >= 0).sum(dim=1).max() > 3
    torch.testing.assert_close(found.float(), slow, rtol=1e-4, atol=1e-6)


def test_too_many_digits_are_refused(target):
    """Seven digits have 128 sets, each of which is a rendering."""
    canvases = draw("presence", "digits", "test", n=40, seed=0, settings={"q": 0.6}, canvas=Canvas(overlap="max"))
    with pytest.raises(ValueError, match="digits must be at most 6, got"):
        worths(canvases, target)


def test_a_digit_is_rendered_where_it_lay():
    """Both digits together are the canvas, and where they do not overlap the two halves add up to it; none is black."""
    canvases = draw("pairs", "digits", "test", n=9, seed=0)
    first, second, both, none = (
        rendered_with(canvases, torch.tensor(kept)) for kept in ((True, False), (False, True), (True, True), (False, False))
    )
    assert torch.equal(both, as_pixels(canvases.images))
    assert torch.equal(first + second, both)
    assert first.any(dim=3).any(dim=2).all()
    assert not none.any()


def test_own_and_other_worth(target):
    """The worth of the own digit is that of its slot, that of the other of all other slots together."""
    canvases = draw("pairs", "digits", "test", n=5, seed=0)
    found = worths(canvases, target)
    own = canvases.shown[:, 1]
    torch.testing.assert_close(found.of(canvases.shown, own), found.slots.flip(1))


def test_some_canvases_are_those_that_were_asked_for():
    """Canvases that are chosen look as they did, with all that is known of them, also in colour."""
    canvases = draw("pairs", "digits", "test", n=9, seed=0)
    order = torch.tensor([7, 2])
    some = some_canvases(canvases, order)
    assert torch.equal(some.images, canvases.images[order])
    assert torch.equal(some.boxes, canvases.boxes[order])


def test_digits_that_overlap_are_rendered_again(target):
    """Where digits lie over each other the second is whole when the first is left out."""
    canvases = draw("pairs", "digits", "test", n=20, seed=0, canvas=Canvas(size=18, glyph=12, overlap="max"))
    alone = rendered_with(canvases, torch.tensor([False, True]))
    both = as_pixels(canvases.images)
    assert (alone <= both).all()
    net = nn.Sequential(nn.Conv2d(1, 3, 9), nn.ReLU()).eval()
    found = worths(canvases, unit_target(net, "1", 0))
    torch.testing.assert_close(found.slots.sum(dim=1), found.whole - found.none, rtol=0, atol=1e-6)
