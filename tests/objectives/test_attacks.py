"""Attacks: they stay in the ball and in [0, 1], make the loss larger, and are those of another library."""

import pytest
import torch
from torch import nn

from mixmnist.objectives._attacks import Ball, each_loss, fgsm, in_eval_mode, pgd, random_start, sign_noise

robust = pytest.importorskip("captum.robust")
SIZE = 0.12


@pytest.fixture(scope="module")
def images():
    """Seventy images of 6 by 5 pixels, many of them at 0 and at 1: one of four patterns each, and noise."""
    g = torch.Generator().manual_seed(0)
    patterns, labels = torch.rand(4, 1, 6, 5, generator=g), torch.arange(70) % 4
    return (patterns[labels] * 1.6 - 0.3 + 0.4 * torch.randn(70, 1, 6, 5, generator=g)).clamp(0, 1), labels


@pytest.fixture(scope="module")
def net(images):
    """A little net that was trained on them, in eval mode."""
    x, y = images
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(72, 4))
    optimiser = torch.optim.Adam(made.parameters(), lr=0.01)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(made(x), y).backward()
        optimiser.step()
    assert (made.eval()(x).argmax(1) == y).double().mean() > 0.9
    return made


def attacks(net, x, y, size, start=None):
    """What each attack makes of images, by name."""
    generator = torch.Generator().manual_seed(1)
    start = random_start(x, size, generator)
    return {
        "fgsm": fgsm(net, x, y, size),
        "pgd": pgd(net, x, y, Ball(size, steps=5)),
        "pgd from a random start": pgd(net, x, y, Ball(size, steps=5), start=start),
        "pgd, the last step's": pgd(net, x, y, Ball(size, steps=5), start=start, keep=False),
        "random start": start,
        "sign noise": sign_noise(x, size, generator),
    }


def test_an_attack_of_size_0_changes_nothing(net, images):
    """Bit by bit the images must be those that were given, and another tensor."""
    for name, found in attacks(net, *images, 0.0).items():
        assert torch.equal(found.view(torch.int32), images[0].view(torch.int32)), name
        assert found.data_ptr() != images[0].data_ptr(), name


@pytest.mark.parametrize("size", [0.001, SIZE, 1.0])
def test_an_attack_leaves_neither_the_ball_nor_the_range_of_pixels(net, images, size):
    """No pixel may move by more than the size, nor below 0 or above 1, and some must move as far."""
    x, y = images
    before = x.clone()
    for name, found in attacks(net, x, y, size).items():
        assert (found - x).abs().max() <= size + 1e-7, name
        assert (found - x).abs().max() > 0.9 * size, name
        assert found.min() >= 0, name
        assert found.max() <= 1, name
    assert torch.equal(x, before)


def test_no_loss_of_pgd_is_below_that_of_fgsm(net, images):
    """Of each image the loss under PGD must be at least that under FGSM, which is above the clean one and above noise's."""
    x, y = images
    clean, found = each_loss(net(x), y), {name: each_loss(net(one), y) for name, one in attacks(net, x, y, 0.3).items()}
    for name in ("pgd", "pgd from a random start"):
        assert (found[name] >= found["fgsm"] - 1e-6).all(), name
        assert (found[name] >= clean - 1e-6).all(), name
        assert found[name].mean() > found["fgsm"].mean(), name
    assert found["pgd, the last step's"].mean() > 3 * found["sign noise"].mean()
    assert found["fgsm"].mean() > 3 * found["sign noise"].mean()


def test_a_step_of_pgd_that_goes_astray_is_not_kept():
    """Where steps are so long that the last one is worse than FGSM, FGSM's images must be given."""
    slope = torch.tensor([[[[1.0, -1.0]]]])

    def hill(images):  # highest where both pixels have moved by a tenth along the slope
        return (images - 0.5 - 0.1 * slope).abs().sum((1, 2, 3))

    x = torch.full((3, 1, 1, 2), 0.5)
    loss = lambda outputs, _: -outputs  # noqa: E731 -- a loss
    found = pgd(hill, x, torch.zeros(3), Ball(0.1, steps=2, relative_step=1.0), loss)
    torch.testing.assert_close(found, x + 0.1 * slope.expand_as(x))
    last = pgd(hill, x, torch.zeros(3), Ball(0.1, steps=8, relative_step=0.35), loss, keep=False)
    assert (hill(found) < hill(last)).all()


def test_a_loss_of_all_images_keeps_the_best_of_all(net, images):
    """Of a loss that is one number the images of one step must be kept whole, and it must not be below that of FGSM."""
    x, y = images
    loss = lambda logits, labels: nn.functional.cross_entropy(logits, labels)  # noqa: E731 -- one number
    found = pgd(net, x, y, Ball(SIZE, steps=5), loss)
    assert loss(net(found), y) >= loss(net(fgsm(net, x, y, SIZE)), y)


def test_a_stack_is_attacked_copy_by_copy(images):
    """Copies [images, copies, rows, cols] must each be attacked as if alone, by one class or by yes and no."""
    x, y = (part[:30] for part in images)
    torch.manual_seed(0)
    nets = [nn.Sequential(nn.Flatten(), nn.Linear(30, 4)) for _ in range(3)]
    inputs = torch.stack([x[:, 0], x[:, 0].flip(0), 1 - x[:, 0]], dim=1)  # images copies rows cols
    stack = lambda some: torch.stack([one(some[:, place]) for place, one in enumerate(nets)], dim=1)  # noqa: E731
    for targets in (torch.stack([y, y.flip(0), y], dim=1), nn.functional.one_hot(torch.stack([y, y, y.flip(0)], dim=1), 4)):
        found = pgd(stack, inputs, targets, Ball(SIZE, steps=3))
        for place, one in enumerate(nets):
            alone = pgd(one, inputs[:, place : place + 1], targets[:, place], Ball(SIZE, steps=3))
            torch.testing.assert_close(found[:, place : place + 1], alone)
        assert (found - inputs).abs().max() > 0.9 * SIZE


@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")  # captum sees to it
@pytest.mark.parametrize("steps", [1, 7])
def test_attacks_are_captums(net, images, steps):
    """FGSM and PGD without a random start must be those of captum's library, image by image."""
    x, y = images

    def loss(logits, labels):  # captum takes a gradient below 1e-6 for none
        return 1e4 * nn.functional.cross_entropy(logits, labels, reduction="none")

    theirs = robust.FGSM(net, loss, lower_bound=0.0, upper_bound=1.0).perturb(x.clone(), SIZE, y)
    torch.testing.assert_close(fgsm(net, x, y, SIZE), theirs, rtol=0, atol=1e-6)
    other = robust.PGD(net, loss, lower_bound=0.0, upper_bound=1.0)
    theirs = other.perturb(x.clone(), radius=SIZE, step_size=0.3 * SIZE, step_num=steps, target=y)
    ours = pgd(net, x, y, Ball(SIZE, steps, 0.3), keep=False)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_a_random_start_is_the_generators(images):
    """The same seed must give the same start, another seed another, spread evenly over the ball."""
    x = torch.full((40, 1, 30, 20), 0.5)
    one, same, other = (random_start(x, 0.2, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert (one - x).mean().item() == pytest.approx(0, abs=0.003)
    assert (one - x).std().item() == pytest.approx(0.4 / 12**0.5, rel=0.02)


def test_an_attack_leaves_the_net_as_it_was(net, images):
    """No gradient may be left in a parameter, and every part must get back the mode that it had, whatever happens inside."""
    fgsm(net, *images, SIZE)
    assert all(parameter.grad is None or not parameter.grad.isnan().any() for parameter in net.parameters())
    made = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout())
    made[1].eval()

    def broken():
        with in_eval_mode(made):
            assert not any(part.training for part in made.modules())
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        broken()
    assert [part.training for part in made.modules()] == [True, True, False]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"size": -0.1}, "eps must lie between 0 and 1, the range of a pixel, got eps=-0.1"),
        ({"size": 1.5}, "eps must lie between 0 and 1, the range of a pixel, got eps=1.5"),
        ({"size": float("nan")}, "eps must lie between 0 and 1, the range of a pixel, got eps=nan"),
        ({"size": 0.1, "steps": 0}, "steps must be a whole number, 1 or more, got steps=0"),
        ({"size": 0.1, "steps": 2.5}, r"steps must be a whole number, 1 or more, got steps=2\.5"),
        ({"size": 0.1, "relative_step": 0}, "relative_step must be above 0, got relative_step=0"),
    ],
)
def test_what_is_no_ball_is_refused(settings, said):
    """An eps outside of 0 to 1, no step or none that moves must be refused in a sentence."""
    with pytest.raises(ValueError, match=said):
        Ball(**settings)
