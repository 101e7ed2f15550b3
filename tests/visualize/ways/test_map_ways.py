"""Ways that make maps: what each refuses, and what each gives where the answer can be worked out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mixmnist.core.records import Way
from mixmnist.probing import Caution
from mixmnist.visualize._targets import logit_target, unit_target
from mixmnist.visualize.mapping import make_maps


class Functional(nn.Module):
    """A convolution whose ReLU is a function, and one whose ReLU is a module."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.relu = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 4, 3), nn.ReLU()

    def forward(self, x):
        return self.relu(self.second(F.relu(self.first(x))))


def images(n=2, rows=9, cols=7):
    """Some noise."""
    return torch.rand(n, 1, rows, cols, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("way", ["guided", "deconvolution"])
def test_a_relu_that_is_a_function_is_refused(way):
    """No hook sees it, and what it lets back would be wrong without a word."""
    with pytest.raises(ValueError, match=r"ReLUs must be modules, got the function \['relu'\]"):
        make_maps(way, unit_target(Functional().eval(), "relu", 0), images())


@pytest.mark.parametrize("way", ["guided", "deconvolution"])
def test_a_net_without_relus_is_refused(way):
    """Another rule for ReLUs needs some."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.GELU(), nn.Conv2d(2, 2, 3)).eval()
    with pytest.raises(ValueError, match="the net must have ReLUs, got none on the way to the peak of unit 0 of 2"):
        make_maps(way, unit_target(net, "2", 0), images())


@pytest.mark.parametrize("way", ["gradcam", "hirescam"])
def test_a_net_without_maps_is_refused(way):
    """Class activation maps need a layer with maps: by default there is none here, and a named one gives vectors."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(63, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    with pytest.raises(ValueError, match="must have a layer with maps before the classes, got none"):
        make_maps(way, logit_target(net, 0), images())
    with pytest.raises(ValueError, match=r"layer must give maps, got \[2, 5\] from layer='1'"):
        make_maps(way, logit_target(net, 0), images(), {"layer": "1"})


@pytest.mark.parametrize("way", ["gradcam", "hirescam"])
def test_a_layer_behind_the_target_is_refused(way):
    """What runs later explains nothing."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3)).eval()
    with pytest.raises(ValueError, match="layer must run before the peak of unit 0 of 1, got layer='2'"):
        make_maps(way, unit_target(net, "1", 0), images(), {"layer": "2"})


def test_a_way_of_ones_own_is_a_path_and_is_checked(tmp_path):
    """A file that ends in WAY is a way; one that gives another shape, or images, is refused."""
    target = unit_target(nn.Sequential(nn.Conv2d(1, 2, 3)).eval(), "0", 0)
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from mixmnist.core.records import Way\n\n\ndef run(target, images, power):\n    return images[:, 0] ** power\n\n\n"
        "WAY = Way('mine', 'map', run, settings={'power': 2})\n"
    )
    torch.testing.assert_close(make_maps(str(mine), target, images(), {"power": 3}), images()[:, 0] ** 3)
    with pytest.raises(ValueError, match=r"one map an image, \[2, 9, 7\], got \(2, 1, 9, 7\) of flat"):
        make_maps(Way("flat", "map", lambda target, images: images), target, images())
    with pytest.raises(ValueError, match="must make maps, got pictures, which makes images"):
        make_maps(Way("pictures", "image", lambda: None), target, images())
    with pytest.raises(ValueError, match="maps must be finite"):
        make_maps(Way("holes", "map", lambda target, images: images[:, 0] / 0), target, images())
    with pytest.raises(ValueError, match="kind must be one of map, image, got kind='film'"):
        Way("film", "film", lambda: None)
    with pytest.raises(ValueError, match="needs must be among"):
        Way("film", "map", lambda: None, ("luck",))


def test_guided_and_deconvolution_by_hand():
    """Of two pixels seen with weights 1 and -1, guided shows what is positive and fired; deconvolution what is positive."""
    net = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.ReLU(), nn.Conv2d(2, 1, 1, bias=False)).eval()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
        net[2].weight.copy_(torch.tensor([3.0, 5.0]).view(1, 2, 1, 1))
    x = torch.tensor([[[[2.0]]]])
    target = unit_target(net, "2", 0)
    assert make_maps("gradient", target, x).item() == 3
    assert make_maps("guided", target, x).item() == 3
    assert make_maps("deconvolution", target, x).item() == 3 - 5  # the second ReLU is silent, and is passed


def test_smoothgrad_is_a_mean_over_noise():
    """Behind a ReLU at its edge the gradient is 1 or 0; with noise it is the share of copies that fire, and the seed's."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU()).eval()
    nn.init.ones_(net[0].weight)
    target, x = unit_target(net, "1", 0, of="mean"), torch.full((1, 1, 3, 3), 0.01)
    one, other = (make_maps("smoothgrad", target, x, {"copies": 200, "seed": seed}) * 9 for seed in (0, 1))
    assert ((one > 0.4) & (one < 0.65)).all()
    assert not torch.equal(one, other)
    torch.testing.assert_close(make_maps("smoothgrad", target, x, {"noise": 1e-4}) * 9, torch.ones(1, 3, 3))


@pytest.mark.parametrize("way", ["gradcam", "hirescam"])
def test_a_layer_that_is_written_into_is_read_before(way):
    """A ReLU that works in place changes nothing of the layer before it."""
    torch.manual_seed(0)
    nets = [nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(inplace=inplace), nn.Conv2d(3, 2, 3)).eval() for inplace in (False, True)]
    nets[1].load_state_dict(nets[0].state_dict())
    plain, inplace = (make_maps(way, unit_target(net, "2", 0, of="mean"), images(), {"layer": "0"}) for net in nets)
    assert plain.any()
    torch.testing.assert_close(inplace, plain)


def test_occlusion_by_hand():
    """A target that adds up a row's pixels falls by what a square holds; a pixel has the mean of the squares that hold it."""
    net = nn.Sequential(nn.Conv2d(1, 1, (1, 3), bias=False)).eval()
    nn.init.ones_(net[0].weight)
    x = torch.tensor([[[[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]]]])
    target = unit_target(net, "0", 0, of="peak")
    found = make_maps("occlusion", target, x, {"size": 2, "stride": 1})
    torch.testing.assert_close(found[0, 0], torch.tensor([3.0, 4.5, 6.0]))


def test_integrated_gradients_tell_of_a_gap():
    """A unit that fires on the last stretch alone is missed, and the gap is told; with enough steps nothing is said."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()).eval()
    nn.init.ones_(net[0].weight)
    nn.init.constant_(net[0].bias, -0.9)
    x = torch.ones(1, 1, 1, 1)
    with pytest.warns(Caution, match=r"off by 1\.00 of what they should sum to with 4 steps; take more"):
        found = make_maps("integrated", unit_target(net, "1", 0), x, {"steps": 4})
    assert found.item() == 0
    assert make_maps("integrated", unit_target(net, "1", 0), x, {"steps": 1000}).item() == pytest.approx(0.1, abs=1e-3)


def test_the_true_geometry_puts_a_cell_where_it_looks():
    """The cell of a layer with stride 3 that sees one bright pixel peaks there; stretched maps put it elsewhere."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1, stride=3, bias=False)).eval()
    nn.init.ones_(net[0].weight)
    x = torch.zeros(1, 1, 14, 14)
    x[0, 0, 9, 3] = 1
    target = unit_target(net, "0", 0)
    true, stretched = (make_maps("unit_map", target, x, {"geometry": name})[0] for name in ("true", "stretched"))
    assert divmod(int(true.argmax()), 14) == (9, 3)
    assert divmod(int(stretched.argmax()), 14) != (9, 3)


def test_tokens_of_patches_have_maps():
    """A unit of a layer of tokens is shown on its patches."""

    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.patches, self.mix = nn.Conv2d(1, 6, 4, stride=4), nn.Linear(6, 5)

        def forward(self, x):
            return self.mix(self.patches(x).flatten(2).transpose(1, 2)).mean(1)

    net = Tokens().eval()
    x = torch.zeros(1, 1, 16, 16)
    x[0, 0, 4:8, 8:12] = 3
    target = unit_target(net, "mix", 2, axis=2)
    assert make_maps("unit_map", target, x).shape == (1, 16, 16)
    gradient = make_maps("gradient_input", target, x)[0]
    assert not gradient[:4].any()


@pytest.mark.parametrize(
    ("way", "settings", "said"),
    [
        ("integrated", {"steps": 0}, "steps must be 1 or more"),
        ("smoothgrad", {"copies": 0}, "copies must be 1 or more"),
        ("smoothgrad", {"noise": 0.0}, "noise must be above 0"),
        ("occlusion", {"size": 8}, "size must lie between 1 and 7 pixels"),
        ("occlusion", {"size": 2, "stride": 3}, "stride must lie between 1 and size=2"),
        ("unit_map", {"geometry": "flat"}, "geometry must be one of true, stretched"),
        ("gradcam", {"layer": "conv"}, "layer must be a known name"),
    ],
)
def test_settings_out_of_range_are_refused(way, settings, said):
    """Each setting has a range, and a sentence."""
    with pytest.raises(ValueError, match=said):
        make_maps(way, unit_target(Functional().eval(), "relu", 0), images(), settings)
