"""Adversarial training: batches are attacked in eval mode, copies never mix, and settings out of range are refused."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from mixmnist import Training, Variant
from mixmnist.core import registry
from mixmnist.kinds import classifier
from mixmnist.nets.convnet import NET, Widths
from mixmnist.objectives._attacks import each_loss
from mixmnist.objectives.adversarial import OBJECTIVE, prepare, view
from mixmnist.training import Aim, train

SETTINGS = {"eps": 0.1, "steps": 2, "relative_step": 0.6}
RECIPE = Training(images=48, epochs=2, batch=16)
SEEDS = (4, 7, 5)


@pytest.fixture(scope="module")
def canvases():
    """Three copies' images, of three classes that differ in their rows of ink, with classes and with yes and no."""
    g = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (3, 48), generator=g)
    images = torch.randint(60, (3, 48, 24, 26), generator=g, dtype=torch.uint8)
    for label in range(3):
        images[labels == label, 7 * label : 7 * label + 5] += 120
    return images, {"one class": labels, "yes and no": torch.nn.functional.one_hot(labels, 3)}


def trained(images, labels, seeds, settings=SETTINGS, recipe=RECIPE):
    """Trains a stack in double precision and gives its nets."""
    stack = NET.build(Widths(3, 4, 5), 3, seeds).double()
    aim = Aim(view=partial(view, **settings)) if settings else None
    train(stack, images, labels, recipe, seeds, aim=aim)
    return NET.split(stack)


@pytest.mark.parametrize("target", ["one class", "yes and no"])
def test_a_net_trained_alone_is_its_copy_in_a_block(canvases, target):
    """Every weight and statistic of the second copy must be that of the net trained alone, to 1e-6 in double precision."""
    images, labels = canvases[0], canvases[1][target]
    block, (alone,) = trained(images, labels, SEEDS), trained(images[1:2], labels[1:2], SEEDS[1:2])
    states = [{name: value.double() for name, value in net.state_dict().items()} for net in (alone, block[1], block[0])]
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=0, atol=1e-6)
    assert any((states[2][name] - value).abs().max() > 1e-3 for name, value in states[0].items())


def test_an_attack_of_size_0_is_ordinary_training(canvases):
    """With an eps of 0 the weights must be those of training without an attack, to the last bit; with .1 they are others."""
    images, labels = canvases[0], canvases[1]["one class"]
    nets = [trained(images, labels, SEEDS, settings)[2] for settings in ({**SETTINGS, "eps": 0.0}, None, SETTINGS)]
    zero, plain, attacked = (torch.cat([p.flatten() for p in net.parameters()]) for net in nets)
    assert torch.equal(zero, plain)
    assert (attacked - plain).abs().max() > 1e-3


def test_a_view_attacks_each_copy_in_eval_mode(canvases):
    """Images must stay in the ball, raise every copy's loss, move no statistic, and leave the module in train mode."""
    images, labels = canvases[0], canvases[1]["one class"]
    stack = NET.build(Widths(3, 4, 5, dropout=0.5), 3, SEEDS)
    x, y = (images.float() / 255).transpose(0, 1), labels.T
    before = {name: value.clone() for name, value in stack.state_dict().items()}
    generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    found = view(x, y, stack.train(), generators, **SETTINGS)
    assert all(part.training for part in stack.modules())
    assert all(torch.equal(value, before[name]) for name, value in stack.state_dict().items())
    assert (found - x).abs().max() <= 0.1 + 1e-6
    assert found.min() >= 0
    assert stack.generators == []  # no dropout was drawn
    stack.eval()
    gained = (each_loss(stack(found), y) - each_loss(stack(x), y)).mean(dim=0)
    assert (gained > 0).all(), gained
    again = view(x, y, stack, [torch.Generator().manual_seed(seed) for seed in SEEDS], **SETTINGS)
    assert torch.equal(again, found)


def test_training_under_attack_makes_a_net_harder_to_attack(canvases):
    """After it the loss under attack must be smaller than after ordinary training."""
    images, labels = canvases[0], canvases[1]["one class"]
    recipe = replace(RECIPE, epochs=12)
    x, y = (images[0].double() / 255)[:, None], labels[0]
    losses = []
    for settings in ({**SETTINGS, "eps": 0.2}, None):
        (net,) = trained(images[:1], labels[:1], SEEDS[:1], settings, recipe)
        found = view(x, y[:, None], _Alone(net), [torch.Generator().manual_seed(9)], eps=0.2, steps=4, relative_step=0.4)
        losses.append(nn.functional.cross_entropy(net(found), y).item())
    assert losses[0] < 0.8 * losses[1]


class _Alone(nn.Module):
    """A net as a stack of one copy."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        """Gives logits [batch, 1, classes]."""
        return self.net(x)[:, None]


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"eps": 1.5}, r"eps must lie between 0 and 1.* got eps=1\.5"), ({"steps": 0}, "steps must be a whole number, 1 or more")],
)
def test_settings_out_of_range_are_refused_before_training(settings, said):
    """The check of a study must refuse them in a sentence, and prepare itself."""
    with pytest.raises(ValueError, match=said):
        prepare(torch.zeros(1), torch.zeros(1), (0,), **settings)
    variant = Variant(objective="adversarial", objective_settings=settings)
    with pytest.raises(ValueError, match=said):
        classifier.check(variant, "digits", None)


def test_the_shelf_has_it():
    """It must be on the shelf with the settings that its functions have by default."""
    assert registry.choose("objectives", "adversarial") is OBJECTIVE
    assert OBJECTIVE.with_settings({}) == {"eps": 0.05, "steps": 3, "relative_step": 0.5}
