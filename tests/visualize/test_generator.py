"""Generators: trained, measured, refused, written and read."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mixmnist.data.mixture import draw
from mixmnist.visualize import _generating
from mixmnist.visualize._generating import Inverting, train_generator
from mixmnist.visualize._generator import Drawing, Encoder, digest, initialise, load_generator
from mixmnist.visualize._targets import unit_target


@pytest.fixture(scope="module")
def many():
    """Canvases to train on."""
    return draw("pairs", "digits", "train", n=1500, seed=0)


@pytest.fixture
def few(monkeypatch):
    """Fewer canvases are kept for the test."""
    monkeypatch.setattr(_generating, "CHECKED", 100)


SHORT = Inverting(epochs=2, batch=50, widths=(6, 6, 6), rate=0.01)


def test_a_generator_learns_to_invert(few, many, tiny, tmp_path):
    """After two passes it draws canvases whose codes are nearer than the mean code, and comes back from a file."""
    net = tiny()
    before = digest(net)
    generator = train_generator(Encoder(net, "first"), many, seed=0, how=SHORT)
    assert generator.report["error"] < 0.8
    assert 0.5 < generator.report["ink"] < 2
    generator.check(unit_target(net, "second", 0))
    assert digest(net) == before
    assert all(p.grad is None for p in net.parameters())
    assert not any(p.requires_grad for p in generator.drawing.parameters())
    assert not generator.drawing.training
    generator.save(tmp_path / "generator.safetensors")
    back = load_generator(tmp_path / "generator.safetensors", net)
    assert digest(back.drawing) == digest(generator.drawing)
    assert (back.report, back.about) == (generator.report, generator.about)


def test_the_same_seed_gives_the_same_generator(few, many, tiny):
    """Weights and report are the same to the last bit, with all three losses; another seed gives others."""
    short = replace(SHORT, epochs=1)
    one, same, other = (train_generator(Encoder(tiny(), "first"), many, seed, short) for seed in (3, 3, 4))
    assert digest(one.drawing) == digest(same.drawing) != digest(other.drawing)
    assert one.report == same.report != other.report


@pytest.mark.parametrize("left_out", ["image", "feature", "adversarial"])
def test_each_loss_counts(left_out, few, many, tiny):
    """Without one of them another generator comes out."""
    short = replace(SHORT, epochs=1)
    whole, less = (train_generator(Encoder(tiny(), "first"), many, 0, how) for how in (short, replace(short, **{left_out: 0.0})))
    assert digest(whole.drawing) != digest(less.drawing)


def test_a_collapsed_generator_is_refused(few, many, tiny):
    """One that was trained with no rate to speak of inverts nothing, and says so in a sentence."""
    net = tiny()
    generator = train_generator(Encoder(net, "first"), many, 0, replace(SHORT, epochs=1, rate=1e-9))
    with pytest.raises(
        ValueError, match=r"the generator must invert its layer, got a relative error of .* at most 0\.8 is asked"
    ):
        generator.check(unit_target(net, "second", 0))


def test_a_generator_is_written_and_read_with_its_net(tmp_path, supplies, tiny):
    """It draws the same to the last bit; with another net's layer it is refused."""
    generator, path = supplies.generator, tmp_path / "generator.safetensors"
    generator.save(path)
    back = load_generator(path, tiny())
    codes = torch.rand(2, 4, 14, 14, generator=torch.Generator().manual_seed(0))
    assert torch.equal(back(codes), generator(codes))
    assert (back.report, back.about, back.encoder.layer) == (generator.report, generator.about, "first")
    with pytest.raises(ValueError, match="a generator must be read with its net, got another than that of layer='first'"):
        load_generator(path, tiny(1))


def test_a_file_without_a_generator_gets_a_sentence(tmp_path, tiny):
    """None, something else, and weights without words."""
    with pytest.raises(FileNotFoundError, match="the file of a generator must exist"):
        load_generator(tmp_path / "none.safetensors", tiny())
    (tmp_path / "text.safetensors").write_text("no weights")
    save_file({"a": torch.zeros(1)}, tmp_path / "bare.safetensors")
    for name in ("text", "bare"):
        with pytest.raises(ValueError, match=f"{name}.safetensors must hold a generator, got"):
            load_generator(tmp_path / f"{name}.safetensors", tiny())


@pytest.mark.parametrize(("pool", "side"), [("none", 14), ("max", 6), ("mean", 1)])
def test_codes_of_every_size_are_drawn(pool, side, tiny, canvases):
    """Maps, pooled maps and means are codes; of each an image of a canvas's size is drawn."""
    codes = Encoder(tiny(), "first", pool)(canvases.images[:3, None] / 255)
    assert codes.shape == (3, 4, side, side)
    assert Drawing(codes.shape[1:], (1, 32, 30), (5, 4, 3))(codes).shape == (3, 1, 32, 30)


def test_vectors_are_codes(canvases):
    """A layer without maps gives codes of one place."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(1024, 3)).eval()
    assert Encoder(net, "1")(canvases.images[:2, None] / 255).shape == (2, 3, 1, 1)


def test_two_initialisations():
    """He's has the variance that leaky ReLUs ask for and no offsets, torch's own lies within a bound."""
    conv = nn.Conv2d(8, 400, 3)
    initialise(conv, "he", torch.Generator().manual_seed(0))
    assert abs(float(conv.weight.detach().std()) / (2 / 1.04 / 72) ** 0.5 - 1) < 0.02
    assert not conv.bias.any()
    initialise(conv, "default", torch.Generator().manual_seed(0))
    assert 0.99 < float(conv.weight.detach().abs().max()) * 72**0.5 <= 1
    with pytest.raises(ValueError, match="initialisation must be he or default"):
        initialise(conv, "mine", torch.Generator())


def test_what_cannot_be_trained_gets_a_sentence(tiny, canvases):
    """Unknown layers and words, no loss, too few canvases."""
    with pytest.raises(ValueError, match="layer must be a known name"):
        Encoder(tiny(), "third")
    with pytest.raises(ValueError, match="pool must be one of none, max, mean"):
        Encoder(tiny(), "first", "min")
    with pytest.raises(ValueError, match="canvases must be 1,064 or more, got 60"):
        train_generator(Encoder(tiny(), "first"), canvases)
    with pytest.raises(ValueError, match="image or feature must have a weight"):
        Inverting(image=0.0, feature=0.0)
    with pytest.raises(ValueError, match="adversarial must be a weight of 0 or more"):
        Inverting(adversarial=-1.0)
    with pytest.raises(ValueError, match="pixels must be cross_entropy or squares"):
        Inverting(pixels="cubes")
