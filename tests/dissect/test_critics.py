"""What a critic and a generator ask of each other, by hand numbers."""

import math

import pytest
import torch

from mixmnist.dissect.critics import (
    NON_SATURATING,
    RELATIVISTIC,
    asked,
    non_saturating_critic,
    non_saturating_generator,
    relativistic_critic,
    relativistic_generator,
    steepness,
)


def softplus(value: float) -> float:
    """Gives the logarithm of 1 + e to the value."""
    return math.log1p(math.exp(value))


def test_non_saturating_losses_by_hand():
    """The critic wants real above 0 and drawn below; the generator wants drawn above."""
    real, drawn = torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.5])
    critic = (softplus(-1) + softplus(-3)) / 2 + (softplus(-2) + softplus(0.5)) / 2
    assert non_saturating_critic(real, drawn).item() == pytest.approx(critic)
    assert non_saturating_generator(real, drawn).item() == pytest.approx((softplus(2) + softplus(-0.5)) / 2)


def test_relativistic_losses_by_hand():
    """Only the difference within each pair counts."""
    real, drawn = torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.5])
    assert relativistic_critic(real, drawn).item() == pytest.approx((softplus(-3) + softplus(-2.5)) / 2)
    assert relativistic_generator(real, drawn).item() == pytest.approx((softplus(3) + softplus(2.5)) / 2)
    assert relativistic_critic(real + 7, drawn + 7).item() == pytest.approx(relativistic_critic(real, drawn).item())


@pytest.mark.parametrize("game", [NON_SATURATING, RELATIVISTIC])
def test_the_two_sides_pull_in_opposite_directions(game):
    """A better answer for a drawn canvas costs the critic and pays the generator."""
    real, drawn = torch.zeros(3), torch.zeros(3, requires_grad=True)
    (up,) = torch.autograd.grad(game.critic(real, drawn), drawn)
    (down,) = torch.autograd.grad(game.generator(real, drawn), drawn)
    assert (up > 0).all()
    assert (down < 0).all()


def test_what_was_asked_for_adds_its_two_numbers():
    """The answer is the canvas's own and those of the digits asked for, and no others."""
    answers = torch.tensor([[1.0, 10.0, 20.0, 40.0], [2.0, 1.0, 1.0, 5.0]])
    wanted = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    assert asked(answers, wanted).tolist() == [51.0, 8.0]


def test_steepness_is_the_squared_norm_of_the_gradient():
    """Of half the sum of squares the gradient is the canvas itself."""
    images = torch.rand(3, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    found = steepness(lambda each: each.square().sum(dim=(1, 2, 3)) / 2, images)
    assert found.item() == pytest.approx(images.square().sum(dim=(1, 2, 3)).mean().item())


def test_steepness_reaches_the_critic_and_not_the_canvases():
    """The penalty moves the critic's weights; what drew the canvases gets no gradient."""
    weight = torch.tensor(2.0, requires_grad=True)
    images = torch.rand(3, 1, 2, 2).requires_grad_()
    steepness(lambda each: weight * each.flatten(1).sum(dim=1), images).backward()
    assert weight.grad.item() == pytest.approx(2 * 2.0 * 4)
    assert images.grad is None
