"""What single ways that make images hold: their prices, spectra, limits."""

import pytest
import torch

from mixmnist.visualize._targets import unit_target
from mixmnist.visualize.imaging import make_images
from mixmnist.visualize.ways.single import alone
from mixmnist.visualize.ways.variation import edge


@pytest.fixture(scope="module")
def target(tiny):
    """The peak of another unit for each picture."""
    return unit_target(tiny(), "second", torch.tensor([1, 2, 0]))


SEEDS = (0, 1, 2)


def test_maco_has_the_spectrum_of_canvases(target, supplies):
    """Frequencies are as strong as on canvases on average, but for what is clipped."""
    made = torch.fft.rfft2(make_images("maco", target, SEEDS, supplies, {"steps": 5})).abs().mean(dim=(0, 1))
    natural = torch.fft.rfft2(supplies.canvases.images / 255).abs().mean(dim=0)
    both = torch.stack([made.flatten()[1:], natural.flatten()[1:]])
    assert both.corrcoef()[0, 1] > 0.7


def test_prices_are_paid(target, supplies):
    """A price on edges leaves fewer of them, one on ink less of it, and none leaves what pixels give."""
    brief = {"steps": 30, "jitter": 0, "total": 0.0, "square": 0.0}
    free, few, dark = (
        make_images("variation", target, SEEDS, supplies, brief | price) for price in ({}, {"total": 3.0}, {"square": 3.0})
    )
    assert (edge(few) < 0.7 * edge(free)).all()
    assert (dark.square().mean((1, 2, 3)) < 0.7 * free.square().mean((1, 2, 3))).all()
    pixels = make_images("pixels", target, SEEDS, supplies, {"steps": 30})
    torch.testing.assert_close(free, pixels, rtol=0, atol=1e-4)


def test_edges_by_hand():
    """The mean absolute difference of neighbours, down and across."""
    assert edge(torch.tensor([[[[0.0, 1.0, 0.0], [0.0, 0.5, 0.0]]]])).tolist() == pytest.approx([0.5 / 3 + 3 / 4])


def test_digits_alone_add_up_to_their_canvas(canvases):
    """Each digit of each canvas lies where it lay, alone."""
    each = alone(canvases)
    assert len(each) == 2 * len(canvases)
    assert (each.shown >= 0).sum(dim=1).tolist() == [1] * len(each)
    assert torch.equal(each.images.int().view(len(canvases), 2, 32, 32).sum(dim=1), canvases.images.int())


@pytest.fixture
def seen(supplies):
    """Keeps the codes that are drawn, in standard deviations from their mean."""
    codes = []
    handle = supplies.generator.drawing.register_forward_pre_hook(lambda _, inputs: codes.append(inputs[0].detach().clone()))
    yield codes
    handle.remove()


@pytest.mark.parametrize(("clip", "highest"), [(1.5, 1.5), (0.0, float("inf"))])
def test_a_code_stays_within_its_limits(clip, highest, target, supplies, seen):
    """Codes lie between 0 and the mean and so many standard deviations, however far they climb; a limit of 0 is none."""
    generator = supplies.generator
    make_images("dgn", target, SEEDS, supplies, {"steps": 20, "rate": 1.0, "clip": clip, "decay": 0.0})
    alive = generator.sd > 1e-3 * generator.sd.mean()
    assert seen[-1][:, alive].max() <= highest + 1e-3
    assert (seen[-1][:, alive].max() > 4) == (highest > 4)
    assert ((seen[-1] * generator.sd + generator.mean)[:, alive] >= -1e-5).all()


def test_decay_takes_codes_down(target, supplies, seen):
    """With hardly a step, a decay of a tenth leaves .9 of a natural code after one step."""
    generator, last = supplies.generator, []
    for decay in (0.0, 0.1):
        still = {"steps": 1, "rate": 1e-9, "clip": 0.0, "start": "natural", "decay": decay}
        make_images("dgn", target, SEEDS, supplies, still)
        last.append(seen[-1] * generator.sd.clamp_min(1e-3 * generator.sd.mean()) + generator.mean)
    torch.testing.assert_close(last[1], 0.9 * last[0], rtol=1e-3, atol=1e-5)
