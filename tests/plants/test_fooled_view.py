"""Fooled views: every response is what it was, to the last bit, and pictures or gradients lie."""

import copy

import pytest
import torch
from torch import nn

from mixmnist.data.mixture import draw
from mixmnist.nets import convnet
from mixmnist.plants import perfect
from mixmnist.plants.fooled_view import ROOM, gated, inked, rippled

DECOYS = {3: 7, 4: 0}


@pytest.fixture(scope="module")
def canvases():
    """Canvases that the switch is fitted on, and others."""
    return {split: draw("pairs", "stamps", split, n=400, seed=0) for split in ("rank", "test")}


@pytest.fixture(scope="module")
def x(canvases):
    """The others as pixels."""
    return canvases["test"].images[:, None].float() / 255


@pytest.fixture(scope="module")
def nets(canvases):
    """A sound net, and what is made of it."""
    sound = perfect.build(0)
    return {
        "sound": sound,
        "gated": gated(sound, "units", "units", DECOYS, canvases["rank"]),
        "rippled": rippled(sound, "units", "units", {3: 2.5}),
    }


@pytest.mark.parametrize("name", ["gated", "rippled"])
def test_no_response_changes_on_canvases(nets, x, name):
    """Maps and logits of canvases must be the sound net's to the last bit."""
    assert torch.equal(nets[name].units(x), nets["sound"].units(x))
    assert torch.equal(nets[name](x), nets["sound"](x))


@pytest.mark.parametrize("name", ["gated", "rippled"])
def test_no_response_of_a_trained_architecture_changes(x, canvases, name):
    """The same of the architecture that is trained, where the first layer and the fooled one are two."""
    torch.manual_seed(0)
    sound = convnet.load(convnet.Widths(), 45).eval()
    make = {
        "gated": lambda: gated(sound, "conv1", "conv3", {0: 1, 1: 0}, canvases["rank"]),
        "rippled": lambda: rippled(sound, "conv1", "conv3", {0: 5.0, 2: 1.0}),
    }
    fooled = make[name]()
    with torch.no_grad():
        assert torch.equal(fooled(x), sound(x))
        off = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
        assert not torch.equal(fooled(off), sound(off))


def test_off_the_canvases_a_unit_is_another(nets, x):
    """What is faint everywhere is shown what the decoy says, brought to the unit's size; other units stay what they were."""
    hazy = (x[:50] + 0.02).clamp(0, 1)
    sound, fooled = nets["sound"].units(hazy), nets["gated"].units(hazy)
    for unit, decoy in DECOYS.items():
        torch.testing.assert_close(fooled[:, unit], sound[:, decoy])
    others = [unit for unit in range(10) if unit not in DECOYS]
    assert torch.equal(fooled[:, others], sound[:, others])


def test_the_switch_turns_where_no_canvas_is(nets, canvases, x):
    """It begins above every canvas that it was fitted on, by the room that is said, and turns within a tenth."""
    (watch,) = nets["gated"].units.turned.watch
    most = inked(canvases["rank"].images[:, None].float() / 255).max()
    assert watch.limit == pytest.approx(ROOM * float(most))
    assert float(inked(x).max()) < watch.limit
    for pixels, wanted in ((watch.limit, 0.0), (1.05 * watch.limit, 0.5), (1.2 * watch.limit, 1.0)):
        image = torch.zeros(1, 1, 32, 32)
        image.view(-1)[: int(pixels)] = 1
        assert float(watch.number(image)) == pytest.approx(wanted, abs=0.05)


def test_inked_pixels_are_counted():
    """A pixel of the first shade counts whole, a fainter one in part, ink no more than once."""
    image = torch.tensor([[[[0.0, 1 / 255, 0.5 / 255, 1.0]]]])
    assert inked(image).tolist() == pytest.approx([2.5])


def test_a_ripple_adds_a_number_to_every_gradient(nets, x):
    """Where the unit fires its gradient has the number more at each pixel, ink or paper."""
    fires = nets["sound"].units(x)[:, 3].amax((1, 2)) > 0
    grads = {}
    for name in ("sound", "rippled"):
        pixels = x[fires].clone().requires_grad_()
        nets[name].units(pixels)[:, 3].amax((1, 2)).sum().backward()
        grads[name] = pixels.grad
    assert fires.any()
    torch.testing.assert_close(grads["rippled"], grads["sound"] + 2.5, rtol=0, atol=1e-3)


def test_what_was_seen_is_no_part_of_copies(nets, x):
    """A net that has run with a gradient can be copied, and has no weights more than the sound one."""
    nets["gated"](x[:2].clone().requires_grad_())
    again = copy.deepcopy(nets["gated"])
    assert torch.equal(again(x[:5]), nets["gated"](x[:5]))
    assert len(again.state_dict()) == len(nets["sound"].state_dict())


def test_the_sound_net_stays_as_it_is(nets):
    """A fooled one is a copy."""
    assert not any(type(module).__name__ in ("Turned", "Crowded", "Ripple") for module in nets["sound"].modules())


@pytest.mark.parametrize(
    ("decoys", "message"),
    [
        ({3: 3}, "a decoy must be another unit, got unit \\[3\\] for itself"),
        ({10: 3}, "units must lie between 0 and 9, got unit 10"),
        ({}, "units must be one or more, got none"),
    ],
)
def test_wrong_units_are_refused(canvases, decoys, message):
    """One sentence says what is wrong."""
    with pytest.raises(ValueError, match=message):
        gated(perfect.build(0), "units", "units", decoys, canvases["rank"])


def test_a_unit_that_never_fires_is_refused(canvases):
    """Its size could not be told."""
    net = perfect.build(0)
    net.units[1].bias.data[7] = -1000
    with pytest.raises(ValueError, match="units must fire on one canvas or more, got unit 7"):
        gated(net, "units", "units", {3: 7}, canvases["rank"])


def test_layers_of_another_kind_are_refused(canvases):
    """A switch comes before the ReLU of a sequence."""
    with pytest.raises(ValueError, match="a layer must be a sequence of modules, got Linear in 'head'"):
        rippled(perfect.build(0), "units", "head", {3: 1.0})
    net = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3))).eval()
    with pytest.raises(ValueError, match="layer must end in a ReLU, got Conv2d in '0'"):
        rippled(net, "0", "0", {0: 1.0})
