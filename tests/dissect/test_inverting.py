"""Inversion: an encoder whose gradients are reset, a descent that mixes no canvases, and what is measured of both."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mixmnist.core.records import Canvas
from mixmnist.data.sources.stamps import load
from mixmnist.dissect import _encoder as encoding
from mixmnist.dissect import inverting
from mixmnist.dissect._encoder import Encoder, Teaching, fit_encoder, moments, teach
from mixmnist.dissect._parts import Part, from_one_hot, in_order, nearest_one_hot, parts_of, swap_of
from mixmnist.dissect.editing import Edit
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.fidelity import before, canvases_of, code_error, fidelity, removing_sets
from mixmnist.dissect.inverting import Descent, Known, invert, invert_by, plain
from mixmnist.dissect.sampling import take
from mixmnist.dissect.subject import Subject, images_of

CANVAS = Canvas()


class Slider(nn.Module):
    """Draws two stamps; a code holds for each ten marks of the digit, then row and column from -1 to 1."""

    latent = 24

    def __init__(self):
        super().__init__()
        self.maps = nn.ReLU()
        stamps = torch.from_numpy(load(None, "test").images).float() / 255
        self.register_buffer("stamps", F.pad(stamps, (0, 20, 0, 20)))  # digits rows cols

    def codes(self, n, seed):
        """Draws two digits, one in the upper half and one in the lower."""
        g = torch.Generator().manual_seed(seed % 2**31)
        digits = torch.rand(n, 10, generator=g).argsort(dim=1)[:, :2]
        rows = torch.stack([torch.randint(0, 5, (n,), generator=g), torch.randint(15, 20, (n,), generator=g)], dim=1)
        places = torch.stack([rows, torch.randint(0, 20, (n, 2), generator=g)], dim=2)
        swapped = torch.rand(n, generator=g) < 0.5
        places[swapped] = places[swapped].flip(1)
        return torch.cat([F.one_hot(digits, 10).float(), places / 10 - 1], dim=2).flatten(1)

    def forward(self, codes):
        found = codes.new_zeros(len(codes), 10, 32, 32)
        steps = torch.arange(32).to(codes)
        for slot in codes.unflatten(1, (2, 12)).unbind(dim=1):
            rows, cols = (((steps - (one[:, None] + 1) * 10 + 0.5) / 16 - 1) for one in (slot[:, 10], slot[:, 11]))
            grid = torch.stack([cols[:, None].expand(-1, 32, -1), rows[:, :, None].expand(-1, -1, 32)], dim=3)
            glyphs = F.grid_sample(self.stamps[None].expand(len(codes), -1, -1, -1), grid, align_corners=False)
            found = found + glyphs * slot[:, :10, None, None]
        return self.maps(found).sum(dim=1, keepdim=True).clamp(0, 1)


class Near(Encoder):
    """Stands in for an encoder: knows the codes of the canvases that it is shown, but for a little."""

    def __init__(self, codes, images):
        nn.Module.__init__(self)
        self.codes, self.images, self.mean = codes, images, torch.zeros(1)

    def features(self, images):
        return [F.avg_pool2d(images, 4)]

    def guess(self, images):
        """Gives the canvases of its codes."""
        return plain(Subject(Slider().eval(), "maps", CANVAS), self(images))

    def forward(self, images):
        return self.codes[torch.cdist(images.flatten(1), self.images.flatten(1)).argmin(dim=1)]


@pytest.fixture(scope="module")
def slider():
    """Gives a generator whose codes gradients reach, and whose units are the digits' ink."""
    return Subject(Slider().eval(), "maps", CANVAS, "slider")


@pytest.fixture(scope="module")
def judge():
    """Gives the exact judge of stamps."""
    return ExactJudge(CANVAS)


@pytest.fixture(scope="module")
def own(slider):
    """Five samples, and an encoder that is a fifth of a spread off."""
    samples = plain(slider, slider.codes(5, 0))
    g = torch.Generator().manual_seed(1)
    near = samples.codes + 0.2 * moments(slider.codes(90, 3))[1] * torch.randn(samples.codes.shape, generator=g)
    return samples, Near(near, samples.images)


def test_gradients_are_reset_in_every_step():
    """A step must follow the gradients of its own images alone, whatever was seen before."""
    torch.manual_seed(0)
    codes, images = torch.randn(6, 3), torch.rand(6, 1, 8, 8)
    net = Encoder(codes, 8, (2, 3, 4))
    still = torch.optim.SGD(net.parameters(), lr=0.0)
    teach(net, still, images[:4], codes[:4])
    teach(net, still, images[4:], codes[4:])
    loss = F.mse_loss(net.standing(images[4:]), (codes[4:] - net.mean) / net.spread)
    wanted = torch.autograd.grad(loss, list(net.parameters()))
    assert all(torch.equal(parameter.grad, one) for parameter, one in zip(net.parameters(), wanted, strict=True))


def test_an_encoder_is_trained_on_what_the_generator_draws(slider, monkeypatch):
    """Its loss must fall below that of the mean code, its weights be frozen, and the same seed give the same one."""
    losses = []
    plain_teach = encoding.teach
    monkeypatch.setattr(encoding, "teach", lambda *given: losses.append(plain_teach(*given)))
    how = Teaching(codes=20, steps=30, batch=20, rate=0.02, widths=(4, 6, 8))
    first, again = fit_encoder(slider, how, seed=3), fit_encoder(slider, how, seed=3)
    assert sum(losses[25:30]) < 0.9 * sum(losses[:5])
    assert not any(parameter.requires_grad for parameter in first.parameters())
    assert all(
        torch.equal(one, other) for one, other in zip(first.state_dict().values(), again.state_dict().values(), strict=True)
    )
    images = images_of(slider, slider.codes(120, 9))
    assert [float(maps.square().mean()) for maps in first.features(images)] == pytest.approx([1, 1, 1], rel=0.5)


def test_inversion_finds_what_was_drawn(slider, judge, own):
    """From near the true code, it must find the code and the canvas again; far better than the guess it began with."""
    samples, near = own
    found = invert(slider, samples.images, near, Descent(steps=40, layer_steps=5))
    canvases = canvases_of(judge, samples.images, CANVAS.glyph)
    scores = fidelity(judge, canvases, found, torch.eye(10).bool(), samples.codes).scores()
    guess = fidelity(judge, canvases, invert_by("encoder", slider, samples.images, near), torch.eye(10).bool(), samples.codes)
    assert scores["same"] == 1
    assert scores["place_error"] == 0
    places = [10, 11, 22, 23]
    apart = [(one.codes - samples.codes)[:, places].abs().max() for one in (found, near.guess(samples.images))]
    assert apart[0] < 0.02 < 0.1 < apart[1]
    assert scores["clean"] == 1
    assert scores["stay"] < 0.01
    assert scores["psnr"] > 25 > guess.scores()["psnr"]


def test_each_canvas_is_on_its_own(slider, own):
    """Company in the batch must not change an inversion."""
    samples, near = own
    how = Descent(steps=6, layer_steps=4)
    together = invert(slider, samples.images, near, how)
    alone = invert(slider, samples.images[3:4], near, how)
    assert torch.allclose(together.codes[3:4], alone.codes, atol=1e-5)
    assert torch.allclose(together.maps[3:4], alone.maps, atol=1e-5)


def test_images_follow_from_codes_and_maps(slider, own):
    """What is returned must draw what is returned, with what was added to the layer; maps after a ReLU stay at 0 or above."""
    samples, near = own
    found = invert(slider, samples.images[:2], near, Descent(steps=2, layer_steps=8))
    drawn = images_of(slider, found.codes, Edit(torch.ones(10), found.maps))
    assert torch.equal(drawn, found.images)
    assert not torch.allclose(images_of(slider, found.codes), found.images, atol=1e-3)
    assert found.maps.min() >= 0


def test_without_layer_steps_nothing_is_added(slider, own):
    """The way `code` must draw its canvases by the code alone."""
    samples, near = own
    found = invert_by("code", slider, samples.images[:2], near, Descent(steps=3, layer_steps=3))
    assert torch.allclose(images_of(slider, found.codes), found.images, atol=1e-6)


def test_optimisation_alone_begins_at_the_mean_code(slider, own):
    """Without an encoder and without steps the mean code must be left."""
    samples, near = own
    found = invert_by("optimised", slider, samples.images[:2], near, Descent(steps=0, layer_steps=0))
    assert torch.allclose(found.codes, Known.of(slider).mean.expand(2, -1), atol=1e-6)


def test_the_nearest_sample_is_the_nearest(slider, own, monkeypatch):
    """A canvas that is among the samples looked at must be found itself."""
    monkeypatch.setattr(inverting, "TRIED", 30)
    codes = slider.codes(30, inverting.derive(0, "inversion", "nearest"))
    images = images_of(slider, codes)
    assert torch.equal(invert_by("nearest", slider, images[7:9], own[1]).codes, codes[7:9])


def test_a_random_code_is_no_inversion(slider, judge, own):
    """The null must fail: another code's digits, places and code."""
    samples, near = own
    found = invert_by("random", slider, samples.images, near)
    canvases = canvases_of(judge, samples.images, CANVAS.glyph)
    scores = fidelity(judge, canvases, found, torch.eye(10).bool(), samples.codes).scores()
    assert scores["same"] == 0
    assert scores["code_error"] > 1
    assert scores["clean"] == 0


def test_projection_leaves_one_hot_codes(slider, own):
    """With `project` the parts that name digits must be exactly one-hot, and the places go on being optimised."""
    samples, near = own
    found = invert(slider, samples.images[:2], near, Descent(steps=12, layer_steps=0, project=True))
    parts = Known.of(slider).parts
    assert parts == (Part(0, 10, 1), Part(12, 22, 1))
    assert float(from_one_hot(found.codes, parts).max()) < 1e-5
    assert (found.codes[:, 10:12] - near(samples.images[:2])[:, 10:12]).abs().max() > 0.01


def test_parts_of_two_ones_are_found():
    """Ten numbers of which always two are 1 are one part; a number that is always 0 ends nowhere."""
    codes = torch.zeros(30, 7)
    g = torch.Generator().manual_seed(0)
    codes.scatter_(1, torch.rand(30, 5, generator=g).argsort(dim=1)[:, :2], 1.0)
    codes[:, 6] = torch.randn(30, generator=g)
    assert parts_of(codes) == (Part(0, 5, 2),)
    assert torch.equal(nearest_one_hot(0.6 * codes, parts_of(codes))[:, :5], codes[:, :5])


def test_exchanged_glyphs_are_one_code(slider):
    """Two orders of the same two glyphs must count as the same code, in training and in the error."""
    codes = slider.codes(8, 0)
    swap = swap_of(codes, lambda some: images_of(slider, some))
    assert swap is not None
    assert torch.equal(in_order(codes, swap), in_order(codes[:, swap], swap))
    assert float(code_error(codes[:, swap], codes, Known.of(slider)).max()) == 0
    assert float(code_error(codes[:, swap], codes, replace(Known.of(slider), swap=None)).min()) > 0.5


def test_edits_of_inverted_canvases_are_those_of_samples(slider, judge, own):
    """Of an exact inversion editing must do what it does to the sample itself; sets come from the units' order."""
    rank = take(slider, judge, 60, seed=1)
    sets = removing_sets(rank, judge, torch.eye(10))
    assert torch.equal(sets, torch.eye(10).bool())
    assert not removing_sets(rank, judge, torch.eye(10).roll(1, dims=0), limit=1).any()
    samples, _ = own
    assert before(judge, samples, sets) == 1
    gone = samples.edited(Edit(sets[int(samples.codes[0, :10].argmax())].float(), torch.zeros(1, 10, 1, 1)))
    assert torch.equal(gone[:1], images_of(slider, samples.codes[:1] * (torch.arange(24) >= 10)))


def test_digits_without_units_do_not_count(slider, judge, own):
    """No removal is tried where no unit is known, and nothing is said of it."""
    samples, _ = own
    canvases = canvases_of(judge, samples.images, CANVAS.glyph)
    found = fidelity(judge, canvases, samples, torch.zeros(10, 10, dtype=torch.bool))
    assert bool(found.clean.isnan().all())
    assert found.scores()["editable"] != found.scores()["editable"]


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (torch.zeros(2, 1, 28, 28), "32 x 32"),
        (torch.full((2, 1, 32, 32), 1.5), r"\[0, 1\]"),
        (torch.zeros(0, 1, 32, 32), "1 or more"),
    ],
)
def test_canvases_that_do_not_fit_are_refused(images, says, slider):
    """Another size, range or none must be said in a sentence."""
    with pytest.raises(ValueError, match=says):
        invert(slider, images, None)


@pytest.mark.parametrize("setting", [{"pixels": "l3"}, {"steps": -1}, {"stay": -0.1}])
def test_settings_that_cannot_be_are_refused(setting):
    """An unknown loss or a negative number must be said in a sentence."""
    with pytest.raises(ValueError, match=f"{next(iter(setting))} must be"):
        Descent(**setting)


def test_an_unknown_way_is_refused(slider, own):
    """The ways there are must be named."""
    with pytest.raises(ValueError, match="way must be one of inverted, code"):
        invert_by("magic", slider, own[0].images, own[1])
