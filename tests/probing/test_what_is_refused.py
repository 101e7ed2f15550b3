"""Layers that cannot be read are refused with the true number of images and the true shape."""

import pytest
import torch
from torch import nn

from mixmnist.probing import probe
from mixmnist.probing.axes import as_maps, checked, like
from mixmnist.probing.running import editing, up_to


class Spoilt(nn.Module):
    """A layer that gives a number that is none for the brightest images."""

    def __init__(self, bad, above):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 5, stride=3)
        self.spoil = _Spoil(bad, above)

    def forward(self, x):
        return self.spoil(self.conv(x), x)


class _Spoil(nn.Module):
    def __init__(self, bad, above):
        super().__init__()
        self.bad, self.above = bad, above

    def forward(self, maps, x):
        bright = x.mean((1, 2, 3)) > self.above
        spoilt = maps.clone()
        spoilt[bright, 1, 0, 0] = self.bad
        return spoilt


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_images_without_finite_numbers_are_counted(pairs_mixture, bad):
    """The message must say on how many of the images the layer gave nan or infinite numbers, and name the layer."""
    light = (pairs_mixture.images / 255).mean((1, 2)).sort().values
    above = ((light[-3] + light[-4]) / 2).item()
    with pytest.raises(ValueError, match=r"on 3 of 800 images from layer='spoil'"):
        probe(Spoilt(bad, above).eval(), pairs_mixture, "spoil")


@pytest.mark.parametrize(
    ("output", "got"),
    [
        (torch.zeros(2, 3, 4, 5, 6), r"\[2, 3, 4, 5, 6\]"),
        (torch.zeros(7), r"\[7\]"),
        ((torch.zeros(2, 3),), "tuple"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_layer_is_named(output, got):
    """An output that is neither maps nor tokens nor vectors must be told by its shape, or by its kind where it has none."""
    with pytest.raises(ValueError, match=f"got {got} from layer='odd'"):
        checked(output, "odd")


@pytest.mark.parametrize(("shape", "axis"), [((2, 3), 1), ((2, 4, 3), 2), ((2, 3, 4), 1), ((2, 3, 4, 5), 1), ((2, 4, 5, 3), 3)])
def test_maps_go_there_and_back(shape, axis):
    """Units must come second whatever the layer's shape, and the way back give the layer's own shape, for more images too."""
    output = torch.arange(torch.tensor(shape).prod().item(), dtype=torch.float32).reshape(shape)
    maps = as_maps(output, axis)
    assert maps.shape[:2] == (2, 3)
    assert torch.equal(like(maps, output, axis), output)
    assert torch.equal(like(torch.cat([maps, maps, maps]), output, axis), torch.cat([output, output, output]))


def test_the_net_runs_no_further_than_the_layer():
    """What follows the layer must not run, and the layer's own output be given."""
    net = nn.Sequential(nn.Conv2d(1, 3, 5), nn.ReLU(), nn.Conv2d(3, 4, 3)).eval()
    x = torch.rand(2, 1, 9, 11, generator=torch.Generator().manual_seed(0))
    with editing(net[2], lambda output: output) as after, editing(net[0], lambda output: output) as before:
        found = up_to(net, net[1], x)
    assert (before, after) == ([1], [0])
    torch.testing.assert_close(found, net[1](net[0](x)))
    assert not net[1]._forward_hooks


def test_a_layer_that_runs_thrice_is_told_so(pairs_mixture):
    """The number of runs must be the true one."""
    relu = nn.ReLU()
    net = nn.Sequential(nn.Conv2d(1, 3, 5), relu, nn.Conv2d(3, 3, 5), relu, nn.Conv2d(3, 3, 5), relu).eval()
    with pytest.raises(ValueError, match="got 3 runs of layer='1'"):
        probe(net, pairs_mixture, "1")
