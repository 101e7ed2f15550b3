"""What every net of the shelf must hold; one added later is under test by itself."""

import re
from dataclasses import fields

import pytest
import torch
from torch import nn

import mixmnist
from mixmnist.core.records import Canvas, Training, Variant
from mixmnist.core.registry import collect, explain
from mixmnist.kinds.classifier import check
from mixmnist.probing import HeadAlgebra, probe_layers
from mixmnist.training import train

SHELF = collect("nets")
SEEDS, CLASSES, MOST = (3, 0, 7), 11, 150_000
FORMER = "convnet"  # the reference, whose last layer is narrower
OTHERS = [name for name in SHELF if name != FORMER]
ANY_SIZE = {"resnet"}  # whose convolutions take canvases of any size
each = pytest.mark.parametrize("name", SHELF)


def build(name, seeds=SEEDS, classes=CLASSES, **settings):
    """A stack of a net of the shelf."""
    return SHELF[name].build(SHELF[name].settings(**settings), classes, seeds)


def canvases(*shape, seed=0):
    """Random images in [0, 1]."""
    return torch.rand(*shape, 32, 32, generator=torch.Generator().manual_seed(seed))


def given(net, x, layers):
    """What some layers give, by name in the order in which they run."""
    found = []
    handles = [
        net.get_submodule(layer).register_forward_hook(
            lambda _module, _inputs, output, layer=layer: found.append((layer, output))
        )
        for layer in layers
    ]
    with torch.no_grad():
        net(x)
    for handle in handles:
        handle.remove()
    assert len(found) == len(layers)
    return dict(found)


def settled(name, seeds=SEEDS, classes=CLASSES, **settings):
    """A stack whose norms have seen some images, in eval mode."""
    stack = build(name, seeds, classes, **settings)
    with torch.no_grad():
        for seed in range(4):
            stack(canvases(8, len(seeds), seed=seed))
    return stack.eval()


@each
def test_a_net_has_no_more_weights_than_it_says(name):
    """The docstring must state the parameters at 45 classes, which are 150,000 or fewer."""
    net = SHELF[name].load(SHELF[name].settings(), 45)
    counted = sum(parameter.numel() for parameter in net.parameters())
    assert counted == int(re.search(r"([\d,]+)\s+parameters\s+at", explain("nets", name))[1].replace(",", ""))
    assert counted <= MOST


@pytest.mark.parametrize("name", OTHERS)
def test_the_last_layer_has_thirty_units(name):
    """By default the last layer must have 30 units, so that nets are compared at the same number; the setting changes it."""
    for settings, units in (({}, 30), ({"units": 9}, 9)):
        assert build(name, **settings).nets[0].head.in_features == units


@each
def test_layers_run_once_each_from_input_to_output(name):
    """Named layers must give maps in the order in which they are named, the last one's never negative."""
    (net,) = SHELF[name].split(settled(name, (5,)))
    ran = given(net, canvases(4, 1), SHELF[name].layers)
    assert tuple(ran) == SHELF[name].layers
    assert all(maps.ndim == 4 and len(maps) == 4 for maps in ran.values())
    last = ran[SHELF[name].layers[-1]]
    assert (last >= 0).all()
    assert (last > 0).any()


@each
def test_split_nets_are_what_the_stack_computes(name):
    """In eval mode each split net must give its copy's logits of its copy's images, and differ from the other copies."""
    stack, x = settled(name), canvases(5, len(SEEDS))
    logits = stack(x)
    assert logits.shape == (5, len(SEEDS), CLASSES)
    for copy, net in enumerate(SHELF[name].split(stack)):
        assert not net.training
        torch.testing.assert_close(net(x[:, copy, None]), logits[:, copy], rtol=1e-4, atol=1e-5)
    assert (logits[:, 0] - logits[:, 1]).abs().max() > 1e-3


@each
def test_weights_go_there_and_back(name):
    """A fresh net filled with a split net's weights must be the same function."""
    x = canvases(5, 1)
    settings = {"conv3": 9} if name == FORMER else {"units": 9}
    for net in SHELF[name].split(settled(name, **settings)):
        other = SHELF[name].load(SHELF[name].settings(**settings), CLASSES).eval()
        assert not torch.equal(other(x), net(x))
        other.load_state_dict(net.state_dict())
        assert torch.equal(other(x), net(x))


@each
def test_what_is_done_to_a_split_net_leaves_the_stack(name):
    """Split nets must share no memory with the stack."""
    stack, x = settled(name), canvases(5, len(SEEDS))
    before = stack(x).clone()
    for net in SHELF[name].split(stack):
        for parameter in net.parameters():
            parameter.data.zero_()
    assert torch.equal(stack(x), before)


@each
def test_a_copy_starts_as_it_would_alone(name):
    """A copy's first weights must depend on its seed alone, and torch's global generator stay where it was."""
    torch.manual_seed(1)
    before = torch.get_rng_state()
    stack = build(name, (3, 7))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    ours, theirs = SHELF[name].split(stack), SHELF[name].split(build(name, (7,)))
    alone, beside, other = (net.state_dict() for net in (theirs[0], ours[1], ours[0]))
    assert all(torch.equal(alone[key], beside[key]) for key in alone)
    assert not torch.equal(alone["head.weight"], other["head.weight"])


@each
def test_a_net_trained_alone_is_its_copy_in_the_block(name):
    """A few steps in float64, with dropout, must give a copy beside others the weights that it gets alone."""
    recipe = Training(images=24, epochs=2, batch=8, peak=0.02)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (len(SEEDS), 24, 32, 32), generator=generator, dtype=torch.uint8)
    labels = torch.randint(CLASSES, (len(SEEDS), 24), generator=generator)

    def trained(copies):
        stack = build(name, [SEEDS[copy] for copy in copies], dropout=0.25).double()
        train(stack, images[copies], labels[copies], recipe, [SEEDS[copy] for copy in copies])
        return [net.state_dict() for net in SHELF[name].split(stack)]

    started = SHELF[name].split(build(name, SEEDS[1:2]).double())[0].state_dict()
    (alone,), beside = trained([1]), trained([0, 1, 2])[1]
    assert (alone["head.weight"] - started["head.weight"]).abs().max() > 1e-4
    for key in alone:
        torch.testing.assert_close(beside[key], alone[key], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", OTHERS)
def test_maps_are_the_last_layers_of_all_copies(name):
    """`maps` must give [images, places, channels]: places in reading order, the copies' units one copy after another."""
    stack, x, last = settled(name, units=9), canvases(5, len(SEEDS)), SHELF[name].layers[-1]
    found = [given(net, x[:, copy, None], [last])[last] for copy, net in enumerate(SHELF[name].split(stack))]
    maps = stack.maps(x)
    rows, cols = found[0].shape[2:]
    assert maps.shape == (5, rows * cols, len(SEEDS) * 9)
    torch.testing.assert_close(maps.unflatten(1, (rows, cols)).movedim(3, 1), torch.cat(found, dim=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_dropout_drops_whole_units_of_each_copy_by_its_own_generator(name):
    """Only in training a share of units must be 0 everywhere and the others be scaled up, by the seed of their copy alone."""
    x = canvases(30, len(SEEDS))
    whole = build(name).maps(x)
    torch.manual_seed(1)
    dropped = build(name, dropout=0.4).maps(x)
    kept = (dropped != 0).any(1)  # images channels
    torch.testing.assert_close(dropped, whole * kept[:, None] / 0.6)
    fires = (whole != 0).any(1)
    assert (kept & fires).sum() / fires.sum() == pytest.approx(0.6, abs=0.05)
    both = fires.chunk(3, dim=1)[0] & fires.chunk(3, dim=1)[1]
    assert not torch.equal(kept.chunk(3, dim=1)[0][both], kept.chunk(3, dim=1)[1][both])
    torch.manual_seed(2)
    assert torch.equal(build(name, SEEDS[1:2], dropout=0.4).maps(x[:, 1:2]), dropped.chunk(3, dim=2)[1])
    assert len(build(name, dropout=0.4).generators) == 0
    torch.testing.assert_close(build(name, dropout=0.4).eval().maps(x), build(name).eval().maps(x))


@each
def test_generators_of_dropout_are_listed(name):
    """A module that draws while it is trained must list a generator a copy, which captured steps need; else none."""
    for dropout, copies in ((0.0, 0), (0.4, len(SEEDS))):
        stack = build(name, dropout=dropout)
        before = torch.get_rng_state()
        stack(canvases(8, len(SEEDS)))
        assert len(stack.generators) == copies
        assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture(scope="module")
def mixture():
    """A few canvases of the task pairs."""
    return mixmnist.draw("pairs", "digits", "test", n=60)


@pytest.mark.slow
@each
def test_two_layers_are_read_and_scored(name):
    """Of the first and the last layer the peaks and means must be those of what they give, and be scored, with drops."""
    mixtures = [mixmnist.draw("pairs", "digits", split, n=720) for split in ("test", "rank")]  # for precision at 700
    (net,) = SHELF[name].split(settled(name, (0,), 45))
    layers = [SHELF[name].layers[0], SHELF[name].layers[-1]]
    ours, ranks = (probe_layers(net, one, layers, few=20) for one in mixtures)
    seen = given(net, mixtures[0].images[:, None] / 255, layers)
    for layer, one, rank in zip(layers, ours, ranks, strict=True):
        torch.testing.assert_close(one.response, seen[layer].amax((2, 3)), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(one.mean, seen[layer].mean((2, 3)), rtol=1e-4, atol=1e-5)
        table = mixmnist.score(one, rank=rank, sets=False).units
        assert len(table) == seen[layer].shape[1]
        assert table["drop"].notna().any()
        assert table["alignment"].between(0, 1).any()
    torch.testing.assert_close(mixmnist.probe(net, mixtures[0], layers[1]).response, ours[1].response)


@each
def test_every_layer_is_read_without_a_caution(name, mixture):
    """Where a layer's places lie on the image must be certain, so that its maps can be compared with masks."""
    (net,) = SHELF[name].split(settled(name, (0,), 45))
    seen = given(net, canvases(2, 1), SHELF[name].layers)
    for one in probe_layers(net, mixture, SHELF[name].layers, few=10):
        assert one.pixels is not None
        assert one.response.shape == (60, seen[one.layer].shape[1])


@each
def test_the_heads_algebra_is_silencing(name, mixture):
    """Logits without a unit of the last layer must be those of the net with its map really set to 0."""
    (net,) = SHELF[name].split(settled(name, (0,), 45))
    layer = SHELF[name].layers[-1]
    readout = mixmnist.probe(net, mixture, layer)
    assert isinstance(readout.without, HeadAlgebra)
    units = readout.mean.shape[1]
    sets = torch.zeros(3, units, dtype=torch.bool)
    sets[0, 1] = sets[1, units - 1] = sets[2, 0] = sets[2, 3] = True
    without = readout.without(sets, torch.zeros(units))
    chosen = torch.zeros(units, dtype=torch.bool)
    net.get_submodule(layer).register_forward_hook(lambda _module, _inputs, maps: maps * ~chosen[:, None, None])
    for one, logits in zip(sets, without, strict=True):
        chosen.copy_(one)
        with torch.no_grad():
            really = net(mixture.images[:, None] / 255)
        torch.testing.assert_close(logits, really, rtol=1e-4, atol=1e-5)
    assert (without - readout.logits).abs().max() > 1e-3


@pytest.mark.parametrize("name", OTHERS)
def test_settings_that_count_must_be_one_or_more(name):
    """Each whole number of the settings, set to 0, must be refused by its name, as must dropout of all and unknown norms."""
    settings = SHELF[name].settings
    counts = [field.name for field in fields(settings) if isinstance(field.default, int)]
    assert "units" in counts
    for setting in counts:
        with pytest.raises(ValueError, match=f"^{setting} must be .* got {setting}=0"):
            settings(**{setting: 0})
    with pytest.raises(ValueError, match=r"dropout must be at least 0 and below 1, got dropout=1\.0"):
        settings(dropout=1.0)
    if "norm" in {field.name for field in fields(settings)}:
        with pytest.raises(ValueError, match="norm must be one of batch, none, got norm='layer'"):
            settings(norm="layer")


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("plain", {"depth": 2}, "depth must be 3 or more, got depth=2"),
        ("googlenet", {"inception1": 7}, "inception1 must be 8 units or more, got inception1=7"),
        ("googlenet", {"units": 7}, "units must be 8 units or more, got units=7"),
        ("vit", {"heads": 5}, "heads must divide width, got heads=5 with width=48"),
        ("vit", {"patch": 5}, "patch must divide the canvas, got patch=5 with size=32"),
        ("mixer", {"size": 30}, "patch must divide the canvas, got patch=4 with size=30"),
    ],
)
def test_impossible_settings_are_refused(name, settings, said):
    """What cannot be built must be refused with its rule."""
    with pytest.raises(ValueError, match=said):
        SHELF[name].settings(**settings)


@each
def test_a_canvas_that_is_too_small_is_refused(name):
    """Before anything is drawn the kind must say in a sentence that the canvas does not suit the net; or the net takes it."""
    variant = Variant(task="single", net=name, canvas=Canvas(size=3, glyph=1))
    if name in ANY_SIZE:
        check(variant, "digits", None)
        return
    with pytest.raises(ValueError, match=r"^(the canvas must suit the net|size must be that of the canvas), got size=\d+ with"):
        check(variant, "digits", None)


@pytest.mark.parametrize("name", ["vit", "mixer"])
def test_patches_take_the_canvas_that_they_were_made_for(name):
    """Another size must be refused with the setting to change, and be taken once it is changed."""
    with pytest.raises(ValueError, match="size must be that of the canvas, got size=32 with a canvas of 40 x 40 pixels"):
        check(Variant(net=name, canvas=Canvas(size=40)), "digits", None)
    check(Variant(net=name, canvas=Canvas(size=40), net_settings={"size": 40}), "digits", None)


@pytest.mark.parametrize("name", [name for name in OTHERS if hasattr(SHELF[name].settings, "norm")])
def test_norm_is_there_or_not(name):
    """With batch every convolution must have its norm and no bias that it would take away; with none there is no norm."""
    for norm in ("batch", "none"):
        modules = list(build(name, (0,), norm=norm).modules())
        convolutions = [m for m in modules if isinstance(m, nn.Conv2d)]
        assert sum(isinstance(m, nn.BatchNorm2d) for m in modules) == (len(convolutions) if norm == "batch" else 0)
        assert {m.bias is None for m in convolutions} == {norm == "batch" and name != "plain"}
