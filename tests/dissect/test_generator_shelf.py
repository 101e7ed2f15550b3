"""What every entry of the shelf of trained generators must do, and what is special of each."""

from dataclasses import dataclass

import pytest
import torch

from mixmnist import Training, Variant
from mixmnist.core import registry
from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.dissect.fitting import alive
from mixmnist.dissect.generators._drawing_net import LAYERS, MOST, Shape, Where, weights_of
from mixmnist.dissect.generators._encoding import Belief, believed
from mixmnist.dissect.generators.factors import styles
from mixmnist.training import Outcome, Watch

NAMES = registry.names("generators")
CANVAS = Canvas()
SMALL = Canvas(size=21, glyph=7)


@dataclass(frozen=True)
class Lesson:
    """Two steps on a few canvases."""

    seeds: tuple[int, ...] = (0,)
    task: str = "pairs"
    canvas: Canvas = CANVAS
    device: str = "cpu"
    watch: Watch = Watch()  # noqa: RUF009 -- it is frozen

    @property
    def variant(self):
        """A variant of 12 canvases."""
        return Variant(task=self.task, canvas=self.canvas, training=Training(images=12, epochs=1, batch=4))

    def draw(self, split, n, seed):
        """Draws stamps."""
        return draw(self.task, "stamps", split, n, seed=seed, canvas=self.canvas)


def built(name, seed=0, canvas=CANVAS, **settings):
    """Builds an entry with some settings of its own."""
    entry = registry.choose("generators", name)
    return entry.build(canvas, seed, **entry.with_settings(settings))


def trained(name, lesson=None, **settings):
    """Trains an entry for two steps."""
    entry = registry.choose("generators", name)
    return entry.train(lesson or Lesson(), **entry.with_settings({"steps": 2, "batch": 4, **settings}))


def test_all_six_are_there():
    """The shelf holds the generators that the room promises."""
    assert NAMES == ("conditional", "dcgan", "factors", "relativistic", "vae", "vaegan")


@pytest.mark.parametrize("name", NAMES)
def test_it_draws_canvases_of_its_codes(name):
    """Images have the canvas's size and lie in [0, 1]; the module is in eval mode and small."""
    net = built(name)
    codes = net.codes(3, 0)
    images = net(codes)
    assert codes.shape == (3, net.latent)
    assert images.shape == (3, 1, 32, 32)
    assert 0 <= images.min() < images.max() <= 1
    assert not net.training
    assert weights_of(net) <= MOST


@pytest.mark.parametrize("name", NAMES)
def test_its_layers_give_maps(name):
    """Each named layer is called once and gives maps without negative numbers, a unit on the second axis."""
    net, found = built(name), []
    for layer in LAYERS:
        net.get_submodule(layer).register_forward_hook(lambda _, __, output: found.append(output))
    net(net.codes(3, 0))
    kinds = 12 if name not in ("conditional", "factors") else 10
    assert [tuple(maps.shape) for maps in found] == [(3, units, 32, 32) for units in (kinds, 24, 16)]
    assert all((maps >= 0).all() for maps in found)
    assert registry.choose("generators", name).layers == LAYERS


@pytest.mark.parametrize("name", NAMES)
def test_codes_and_weights_follow_the_seed(name):
    """One seed gives the same twice, another gives others."""
    one, again, other = built(name, 0), built(name, 0), built(name, 1)
    codes = one.codes(4, 5)
    assert torch.equal(codes, again.codes(4, 5))
    assert not torch.equal(codes, one.codes(4, 6))
    assert torch.equal(one(codes), again(codes))
    assert not torch.equal(one(codes), other(codes))


@pytest.mark.parametrize("name", NAMES)
def test_another_canvas_is_drawn(name):
    """A canvas of odd size is drawn whole."""
    net = built(name, canvas=SMALL, kernel=7)
    assert net(net.codes(2, 0)).shape == (2, 1, 21, 21)


@pytest.mark.parametrize("name", NAMES)
def test_it_draws_the_same_while_it_is_trained(name):
    """The quick way of training, glyphs drawn and then moved, equals the maps that are dissected."""
    net = built(name, style=2)
    codes = net.codes(5, 0)
    expected = net(codes)
    assert torch.allclose(net.train()(codes), expected, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_two_steps_change_its_weights_and_can_be_repeated(name):
    """Training moves every layer, ends in eval mode, and gives the same twice."""
    ((net, outcome),) = trained(name)
    ((again, _),) = trained(name)
    fresh = built(name).state_dict()
    assert outcome.failure is None
    assert len(outcome.history) == 1
    assert not net.training
    for key, weights in net.state_dict().items():
        assert torch.equal(weights, again.state_dict()[key]), key
    for layer in ("layer1.0.weight", "layer2.0.weight", "pixels.weight"):
        assert not torch.equal(net.state_dict()[layer], fresh[layer]), layer


def test_seeds_are_trained_one_after_another():
    """A net a seed, each as if it were alone."""
    (_, (second, _)) = trained("vae", Lesson(seeds=(0, 1)))
    ((alone, _),) = trained("vae", Lesson(seeds=(1,)))
    assert all(torch.equal(a, b) for a, b in zip(second.parameters(), alone.parameters(), strict=True))


@pytest.mark.parametrize("name", ["relativistic", "vae"])
def test_a_code_marks_two_different_kinds(name):
    """Behind the normal numbers stand two marks; no kind is marked twice and all are."""
    net = built(name)
    marks = net.codes(200, 0)[:, net.plan.normal :].unflatten(1, (2, 12))
    assert (marks.sum(dim=2) == 1).all()
    assert marks.sum(dim=1).max() == 1
    assert marks.sum(dim=(0, 1)).min() > 0


def test_conditional_is_told_the_digits():
    """Its codes mark the two digits asked for, the smaller first, all 45 pairs."""
    net = built("conditional")
    marks = net.codes(900, 0)[:, net.plan.normal :].unflatten(1, (2, 10)).argmax(dim=2)
    assert (marks[:, 0] < marks[:, 1]).all()
    assert len(marks.unique(dim=0)) == 45


@pytest.mark.parametrize("name", ["conditional", "factors"])
def test_canvases_of_other_tasks_are_refused_where_digits_are_told(name):
    """Where a canvas may show another number of digits, nothing can be asked for."""
    with pytest.raises(ValueError, match=r"canvases must show two digits each to be asked for, got \d+ slots"):
        trained(name, Lesson(task="presence"))


def test_codes_of_factors_are_true():
    """A code holds digit, row and column of each glyph: maps are 1 at its middle and 0 elsewhere."""
    net, canvases = built("factors"), draw(source="stamps", n=6, seed=0)
    maps = net.where(*net.plan(net.code_of(canvases)))
    for image in range(6):
        for slot in range(2):
            row, col = (canvases.positions[image, slot] + 6).tolist()
            assert maps[image, canvases.shown[image, slot], row, col].item() == pytest.approx(1, abs=1e-5)
    assert maps.sum().item() == pytest.approx(12, abs=1e-4)


def test_codes_of_factors_are_legal():
    """Drawn codes show two different digits whose boxes do not overlap."""
    net = built("factors")
    places, traits = net.plan(net.codes(300, 0))
    digits = traits.argmax(dim=2)
    apart = (places[:, 0] - places[:, 1]).abs().amax(dim=1)
    assert (digits[:, 0] != digits[:, 1]).all()
    assert apart.min().item() >= 12 - 1e-4


def test_styles_are_scaled_within_each_digit():
    """Components have mean 0 and standard deviation 1 among the glyphs of a digit; glyphs that are all alike have none."""
    generator = torch.Generator().manual_seed(0)
    tiles = torch.randint(256, (50, 3, 3), generator=generator, dtype=torch.uint8)
    glyphs = torch.arange(50).view(25, 2)
    shown = torch.tensor([[3, 7]]).repeat(25, 1)
    found = styles(tiles, glyphs, shown, 4)
    assert found.shape == (25, 2, 4)
    assert torch.allclose(found.mean(dim=0), torch.zeros(2, 4), atol=1e-5)
    assert torch.allclose(found.std(dim=0, correction=0), torch.ones(2, 4), atol=1e-4)
    assert (styles(tiles[:1].repeat(50, 1, 1), glyphs, shown, 4) == 0).all()


def test_a_place_between_pixels_is_shared():
    """Weights around a place add up to 1 and their centre is the place."""
    maps = Where(5)(torch.tensor([[[1.25, 2.5]]]), torch.tensor([[[2.0]]]))[0, 0]
    line = torch.arange(5.0)
    assert maps.sum().item() == pytest.approx(2)
    assert (maps.sum(dim=1) @ line).item() / 2 == pytest.approx(1.25)
    assert (maps.sum(dim=0) @ line).item() / 2 == pytest.approx(2.5)


def test_nats_of_a_belief_by_hand():
    """A mean of 1 costs half a nat, a sure kind among four costs the logarithm of four."""
    answers = torch.zeros(1, 2 * 3 + 2 * 4)
    answers[0, 0] = 1.0
    answers[0, 6] = 100.0
    assert believed(answers, normal=3, kinds=4).nats.item() == pytest.approx(0.5 + 1.3862944)


def test_a_drawn_kind_is_one_mark():
    """A code of a belief has one mark in each slot, and the likelier kind is marked more often."""
    kinds = torch.zeros(500, 2, 3)
    kinds[..., 1] = 2.0
    belief = Belief(torch.zeros(500, 4), torch.zeros(500, 4), kinds)
    normal, marks = belief.drawn(torch.Generator().manual_seed(0))
    assert normal.shape == (500, 4)
    assert torch.allclose(marks.sum(dim=2), torch.ones(500, 2))
    assert marks.mean(dim=(0, 1)).argmax() == 1
    assert marks.mean(dim=(0, 1))[1].item() == pytest.approx(kinds[0, 0].softmax(0)[1].item(), abs=0.05)


def test_a_collapsed_generator_is_a_failure():
    """All samples alike: one sentence says so."""
    net = built("dcgan")
    torch.nn.init.zeros_(net.pixels.weight)
    _, outcome = alive((net, Outcome((), None)))
    assert outcome.failure == "the generator collapsed: 64 samples differ by 0 at most"


def test_sizes_that_cannot_be_are_refused():
    """An even kernel has no middle, a code marks two kinds."""
    with pytest.raises(ValueError, match="kernel must be odd"):
        Shape(kernel=12)
    with pytest.raises(ValueError, match="kinds must be 2 or more, got kinds=1"):
        Shape(kinds=1)
