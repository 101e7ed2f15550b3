"""What every way that makes images must hold; one added later is under test by itself."""

import re
from dataclasses import replace

import pytest
import torch
from torch import nn

from mixmnist.core.records import Way
from mixmnist.core.registry import collect, explain
from mixmnist.visualize._targets import logit_target, unit_target
from mixmnist.visualize.imaging import Supplies, make_images

SHELF = {name: way for name, way in collect("ways").items() if way.kind == "image"}
BRIEF = {"steps": 4}  # settings that make a picture short
SEEDS = (3, 0, 5, 1)

each = pytest.mark.parametrize("name", SHELF)
climbing = pytest.mark.parametrize("name", [name for name, way in SHELF.items() if "gradient" in way.needs])


def settings(name, **more):
    """Gives settings that make a picture short."""
    return {key: value for key, value in (BRIEF | more).items() if key in SHELF[name].settings}


@pytest.fixture(scope="module")
def target(tiny):
    """The peak of another unit for each picture."""
    return unit_target(tiny(), "second", torch.tensor([1, 2, 0, 2]))


def test_the_shelf_is_whole():
    """The ways that we know must be there."""
    assert set(SHELF) >= {"top", "single", "pixels", "variation", "fourier", "maco", "dgn"}


@each
def test_the_file_is_a_card(name):
    """The file says what the way is, its formula, settings, needs and source, and how it differs; settings are named."""
    said = explain("ways", name)
    for word in ("Formula:", "Settings:", "Needs:", "Source:", "Differs:"):
        assert word in said
    for setting in SHELF[name].settings:
        assert re.search(rf"\b{setting}\b", said.partition("Settings:")[2].partition("Needs:")[0])


@each
def test_a_picture_has_the_size_of_a_canvas(name, target, supplies):
    """Pictures lie within [0, 1], one a seed, and none is black or flat."""
    images = make_images(name, target, SEEDS, supplies, settings(name))
    assert images.shape == (4, 1, 32, 32)
    assert images.min() >= 0
    assert images.max() <= 1
    assert (images.flatten(1).std(dim=1) > 1e-3).all()


@each
def test_the_same_seed_gives_the_same_bytes(name, target, supplies):
    """A second call gives the same to the last bit, another seed another picture; the net stays as it was."""
    weights = [p.clone() for p in target.net.parameters()]
    first = make_images(name, target, SEEDS, supplies, settings(name))
    assert torch.equal(first, make_images(name, target, SEEDS, supplies, settings(name)))
    others = make_images(name, target, (3, 0, 5, 2), supplies, settings(name))
    assert [bool((a - b).abs().max() > 1e-3) for a, b in zip(first, others, strict=True)] == [False, False, False, True]
    assert all(torch.equal(a, b) for a, b in zip(weights, target.net.parameters(), strict=True))
    assert all(p.grad is None for p in target.net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in target.net.modules())


@each
def test_side_by_side_is_one_by_one(name, target, supplies):
    """A picture is the same whatever the others in its batch are."""
    together = make_images(name, target, SEEDS, supplies, settings(name))
    for row, seed in enumerate(SEEDS):
        alone = make_images(name, target.some(torch.tensor([row])), (seed,), supplies, settings(name))
        torch.testing.assert_close(alone[0], together[row], rtol=0, atol=1e-5)


@climbing
def test_climbing_climbs(name, target, supplies):
    """Twenty steps lead higher than one."""
    one, twenty = (make_images(name, target, SEEDS, supplies, settings(name, steps=n)) for n in (1, 20))
    assert target.values(twenty).mean() > target.values(one).mean()


@each
def test_a_unit_that_never_fires_is_refused(name, tiny, supplies):
    """A unit that is 0 on every canvas gets a sentence and no grey picture."""
    net = tiny()
    with torch.no_grad():
        net.second[0].bias[1] = -100
    with pytest.raises(ValueError, match=r"a unit must fire on one canvas or more, got the peak of unit 1 of second"):
        make_images(name, unit_target(net, "second", torch.tensor([0, 1])), (0, 1), supplies, settings(name, prior="any"))


@climbing
def test_a_start_without_gradient_is_refused(name, tiny, supplies):
    """Where the unit fires on a canvas and not at the start there is nothing to climb, unless what its ReLU gets is."""
    net = tiny()
    with torch.no_grad():
        net.second[0].bias.zero_()
        highest = net.second[0](net.first(supplies.canvases.images[:, None] / 255)).amax((0, 2, 3))
        net.second[0].bias.copy_(-0.999 * highest)
    dead, known = unit_target(net, "second", 1), settings(name, prior="any", relu="output")
    with pytest.raises(ValueError, match=r"a start must have a gradient, got 2 of 2 without: .* Set relu=input"):
        make_images(name, dead, (0, 1), supplies, known)
    one, other = (make_images(name, dead, (0, 1), supplies, known | {"relu": relu}) for relu in ("input", "auto"))
    assert torch.equal(one, other)
    assert not torch.equal(*one)


@each
def test_classes_have_pictures_too(name, tiny, supplies):
    """A class's logit is climbed as a unit is."""
    assert make_images(name, logit_target(tiny(), 2), (0, 1), supplies, settings(name)).shape == (2, 1, 32, 32)


@each
def test_unknown_and_wrong_settings_are_refused(name, target, supplies):
    """A setting that the way does not have, or of another kind, gets a sentence."""
    with pytest.raises(ValueError, match="settings must be among"):
        make_images(name, target, SEEDS, supplies, {"colour": 1})
    for setting, usual in SHELF[name].settings.items():
        with pytest.raises(ValueError, match=setting):
            make_images(name, target, SEEDS, supplies, {setting: 7 if isinstance(usual, str) else "seven"})


@climbing
@pytest.mark.parametrize("setting", ["steps", "rate", "jitter", "total", "square", "decay", "clip", "relu", "start", "prior"])
def test_settings_out_of_range_are_refused(name, setting, target, supplies):
    """Each setting has its range and its sentence."""
    if setting not in SHELF[name].settings:
        return
    usual = SHELF[name].settings[setting]
    with pytest.raises(ValueError, match=f"{setting} must be"):
        make_images(name, target, SEEDS, supplies, {setting: "nowhere" if isinstance(usual, str) else type(usual)(-1)})


def test_what_is_no_picture_is_refused(target, supplies, canvases):
    """A way of maps, no seeds, seeds that do not fit, canvases in colour, no generator, images outside [0, 1] get a sentence."""
    with pytest.raises(ValueError, match="the way must make images, got edges, which makes maps"):
        make_images("edges", target, SEEDS, supplies)
    with pytest.raises(ValueError, match="seeds must be one or more"):
        make_images("top", target, (), supplies)
    with pytest.raises(ValueError, match="of one unit or of one for each of 3 pictures, got 4"):
        make_images("top", target, (0, 1, 2), supplies)
    with pytest.raises(ValueError, match="dgn must have a generator, got none"):
        make_images("dgn", target, SEEDS, Supplies(canvases))
    with pytest.raises(ValueError, match="at most as many as canvases, 60"):
        make_images("top", target, (0, 1, 2, 60), supplies)
    for made, said in (
        (torch.full((4, 1, 32, 32), 2.0), r"within \[0, 1\]"),
        (torch.full((4, 1, 32, 32), float("nan")), r"within \[0, 1\]"),
        (torch.zeros(4, 32, 32), "one image a seed"),
        (None, "one image a seed"),
    ):
        own = Way("own", "image", lambda target, supplies, seeds, made=made: made)
        with pytest.raises(ValueError, match=said):
            make_images(own, target, SEEDS, supplies)


def test_top_images_are_the_top(target, supplies):
    """Rank 0 is the highest canvas, and one digit alone is at most as many."""
    best = make_images("top", target, (0, 0, 0, 0), supplies)
    every = torch.stack(
        [target.net.second(target.net.first(x[None, None] / 255)).amax((2, 3))[0] for x in supplies.canvases.images]
    )
    torch.testing.assert_close(target.values(best), every.amax(dim=0)[target.index])
    alone = make_images("single", target, (0, 0, 0, 0), supplies)
    assert (alone > 0).sum() < (supplies.canvases.images > 0).float().mean(0).sum() * 4 * 2


def test_a_generator_of_another_net_is_refused(tiny, supplies):
    """It draws what another net's codes mean; as a prior from elsewhere it is taken where that is asked for."""
    other = unit_target(tiny(1), "second", 0)
    with pytest.raises(ValueError, match="the generator must be of the target's net, got one for layer='first' of another"):
        make_images("dgn", other, (0,), supplies, {"steps": 1})
    assert make_images("dgn", other, (0,), supplies, {"steps": 1, "prior": "any"}).shape == (1, 1, 32, 32)


@pytest.mark.parametrize(
    ("part", "value", "said"), [("error", 1.03, "a relative error of 1.03"), ("ink", 0.01, "0.01 times the ink")]
)
def test_a_collapsed_generator_is_refused(part, value, said, target, supplies):
    """One that draws black gets a sentence and no picture."""
    broken = replace(supplies.generator, report=supplies.generator.report | {part: value})
    with pytest.raises(ValueError, match=f"the generator must invert its layer, got {said}"):
        make_images("dgn", target, SEEDS, Supplies(supplies.canvases, broken))


def test_a_natural_start_is_the_code_of_a_canvas(target, supplies):
    """With hardly a step the picture is what the generator draws of a canvas."""
    made = make_images("dgn", target, SEEDS, supplies, {"steps": 1, "rate": 1e-9, "decay": 0.0, "clip": 0.0, "start": "natural"})
    generator, images = supplies.generator, supplies.canvases.images[:, None].float() / 255
    drawn = generator(generator.encode(images))
    nearest = (made[:, None] - drawn[None]).abs().amax((2, 3, 4)).amin(dim=1)
    assert (nearest < 1e-4).all()


def test_a_dead_net_has_no_pictures(supplies):
    """A net that cuts the graph gets a sentence."""

    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x):
            return self.conv(x.detach())

    net = Cut().eval().requires_grad_(False)
    with pytest.raises(ValueError, match="a gradient must lead from the peak of unit 1 of conv to the pixels, got none"):
        make_images("pixels", unit_target(net, "conv", 1), (0,), supplies)
