"""What every way that makes maps must hold; one added later is under test by itself."""

import re
import warnings

import pytest
import torch
from torch import nn

from mixmnist.core.registry import collect, explain
from mixmnist.probing import Caution
from mixmnist.visualize._targets import logit_target, unit_target
from mixmnist.visualize.mapping import make_maps

SHELF = {name: way for name, way in collect("ways").items() if way.kind == "map"}
CONTROLS = {"constant", "edges", "ink"}  # that look at no net
BRIEF = {"copies": 3}  # settings that make a map short

each = pytest.mark.parametrize("name", SHELF)


class Two(nn.Module):
    """Two convolutions with ReLUs as modules, written into what they get."""

    def __init__(self, channels=1):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.second = nn.Sequential(nn.Conv2d(4, 5, 3, stride=2), nn.ReLU(inplace=True))
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.second(self.first(x)).mean((2, 3)))


def settings(name):
    """Gives settings that make a map short."""
    return {key: value for key, value in BRIEF.items() if key in SHELF[name].settings}


def maps_of(name, target, images):
    """Makes maps, whatever the way warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Caution)
        return make_maps(name, target, images, settings(name))


@pytest.fixture(scope="module")
def target():
    """The peak of a unit that fires on every image, another one for each."""
    return unit_target(Two().eval(), "second", torch.tensor([1, 2, 3, 2]))


@pytest.fixture(scope="module")
def images():
    """Four images that are higher than wide."""
    return torch.rand(4, 1, 17, 13, generator=torch.Generator().manual_seed(0))


def test_the_shelf_is_whole():
    """The ways and the controls that we know must be there."""
    ways = "deconvolution gradcam gradient gradient_input guided hirescam integrated occlusion smoothgrad unit_map"
    assert set(SHELF) >= {*ways.split(), *CONTROLS}


@each
def test_the_file_is_a_card(name):
    """The file says what the way is, its formula, settings, needs and source, and how it differs; settings are named."""
    said = explain("ways", name)
    for word in ("Formula:", "Settings:", "Needs:", "Source:", "Differs:"):
        assert word in said
    for setting in SHELF[name].settings:
        assert re.search(rf"\b{setting}\b", said.partition("Settings:")[2].partition("Needs:")[0])


@each
def test_a_map_is_one_number_a_pixel(name, target, images):
    """Maps are finite, of the images' size, and one of them at least is not zero."""
    maps = maps_of(name, target, images)
    assert maps.shape == (4, 17, 13)
    assert maps.isfinite().all()
    assert maps.any()


@each
def test_an_image_gets_its_own_map_whatever_the_others(name, target, images):
    """Maps of some images in another order are the maps of these images."""
    order = torch.tensor([2, 0])
    some = maps_of(name, target.some(order), images[order])
    torch.testing.assert_close(some, maps_of(name, target, images)[order], rtol=1e-4, atol=1e-6)


@each
def test_the_same_comes_twice_and_nothing_is_changed(name, target, images):
    """A second call gives the same to the last bit; images, weights, hooks and gradients stay as they were."""
    before, weights = images.clone(), [p.clone() for p in target.net.parameters()]
    first = maps_of(name, target, images)
    assert torch.equal(first, maps_of(name, target, images))
    assert torch.equal(images, before)
    assert all(torch.equal(a, b) for a, b in zip(weights, target.net.parameters(), strict=True))
    assert all(p.grad is None for p in target.net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks or "forward" in vars(m) for m in target.net.modules())


@each
def test_only_controls_do_not_look_at_the_net(name, target, images):
    """Another net gives another map, unless the way is a control."""
    torch.manual_seed(1)
    other = Two().eval()
    nn.init.normal_(other.first[0].weight)
    nn.init.normal_(other.second[0].weight)
    nn.init.ones_(other.second[0].bias)
    changed = maps_of(name, unit_target(other, "second", target.index), images)
    assert torch.equal(changed, maps_of(name, target, images)) == (name in CONTROLS)


@each
def test_channels_of_a_colour_are_added(name):
    """An image in colour has one map; what is alike in all channels has the grey image's, weights shared out."""
    colour, grey = Two(channels=3).eval(), Two().eval()
    state = colour.state_dict()
    grey.load_state_dict(state | {"first.0.weight": state["first.0.weight"].sum(dim=1, keepdim=True)})
    x = torch.rand(2, 1, 15, 15, generator=torch.Generator().manual_seed(0))
    one, other = (maps_of(name, unit_target(net, "second", 2), y) for net, y in ((grey, x), (colour, x.expand(-1, 3, -1, -1))))
    assert other.shape == (2, 15, 15)
    if name == "smoothgrad":
        return  # each channel has noise of its own
    torch.testing.assert_close(other, one * 3 if name in ("edges", "ink") else one, rtol=1e-4, atol=1e-5)


@each
def test_a_unit_that_never_fires_is_refused(name, images):
    """A unit that is 0 everywhere gets a sentence and no grey map."""
    net = Two().eval()
    nn.init.constant_(net.second[0].bias, -100)
    with pytest.raises(ValueError, match="must fire on one image or more, got the peak of unit 1 of second"):
        maps_of(name, unit_target(net, "second", 1), images)


@each
def test_classes_are_explained_too(name, images):
    """A class's logit has maps, but for the way that shows a unit's own."""
    wanted = logit_target(Two().eval(), 2)
    if "unit" in SHELF[name].needs:
        with pytest.raises(ValueError, match="target must be a unit's, got the logit of class 2"):
            maps_of(name, wanted, images)
    else:
        assert maps_of(name, wanted, images).shape == (4, 17, 13)


@each
def test_unknown_and_wrong_settings_are_refused(name, target, images):
    """A setting that the way does not have, or of another kind, gets a sentence."""
    with pytest.raises(ValueError, match="settings must be among"):
        make_maps(name, target, images, {"colour": 1})
    for setting, usual in SHELF[name].settings.items():
        with pytest.raises(ValueError, match=setting):
            make_maps(name, target, images, {setting: 7 if isinstance(usual, str) else "seven"})
