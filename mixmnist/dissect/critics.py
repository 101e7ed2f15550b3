"""What a critic and a generator ask of each other, as pure functions of the critic's answers.

Source:
    Non-saturating: I. Goodfellow et al. (2014), arXiv:1406.2661. Relativistic, paired, with a penalty on the gradient at real and
    at drawn canvases (R1 and R2): Y. Huang et al. (2024), "The GAN is dead; long live the GAN!", arXiv:2501.05441; R1:
    L. Mescheder et al. (2018), arXiv:1801.04406. What is asked for enters by projection: T. Miyato & M. Koyama (2018),
    arXiv:1802.05637. Differs: the penalty is asked for at some steps only, and is as often heavier; a pair of digits is
    two projections.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Answers = Float[Tensor, " n"]  # the higher, the more real
Loss = Float[Tensor, ""]


def non_saturating_critic(real: Answers, drawn: Answers) -> Loss:
    """What the critic brings down: real canvases should be called real, drawn ones drawn.

    Args:
        real: The critic's answers to real canvases.
        drawn: Its answers to drawn ones.

    Example:
        >>> non_saturating_critic(torch.zeros(2), torch.zeros(2))
        tensor(1.3863)
    """
    return F.softplus(-real).mean() + F.softplus(drawn).mean()


def non_saturating_generator(real: Answers, drawn: Answers) -> Loss:
    """What the generator brings down: drawn canvases should be called real. The answers to real ones play no part.

    Example:
        >>> non_saturating_generator(torch.ones(2), torch.zeros(2))
        tensor(0.6931)
    """
    del real
    return F.softplus(-drawn).mean()


def relativistic_critic(real: Answers, drawn: Answers) -> Loss:
    """What the critic brings down: of each pair the real canvas should get the higher answer.

    Args:
        real: The critic's answers to real canvases.
        drawn: Its answers to as many drawn ones, in pairs.

    Example:
        >>> relativistic_critic(torch.tensor([5.0]), torch.tensor([5.0]))
        tensor(0.6931)
    """
    return F.softplus(drawn - real).mean()


def relativistic_generator(real: Answers, drawn: Answers) -> Loss:
    """What the generator brings down: of each pair the drawn canvas should get the higher answer.

    Example:
        >>> relativistic_generator(torch.tensor([5.0]), torch.tensor([5.0]))
        tensor(0.6931)
    """
    return F.softplus(real - drawn).mean()


def asked(answers: Float[Tensor, "n answers"], wanted: Float[Tensor, "n digits"]) -> Answers:
    """Gives the answer to each canvas as a drawing of what was asked for: the first number, and those of the digits asked for.

    Args:
        answers: A number for the canvas as such, then one for each digit.
        wanted: 1 for each digit that was asked for, else 0.

    Example:
        >>> asked(torch.tensor([[1.0, 10.0, 20.0, 40.0]]), torch.tensor([[1.0, 0.0, 1.0]]))
        tensor([51.])
    """
    return answers[:, 0] + (answers[:, 1:] * wanted).sum(dim=1)


def steepness(critic: Callable[[Float[Tensor, "n 1 rows cols"]], Answers], images: Float[Tensor, "n 1 rows cols"]) -> Loss:
    """Gives the mean squared norm of the critic's gradient at canvases; itself in a gradient's graph.

    On real canvases this is the penalty R1, on drawn ones R2 (each is weighed by half its strength).

    Args:
        critic: Gives an answer to each canvas, from that canvas alone.
        images: The canvases; no gradient flows into what drew them.

    Example:
        >>> steepness(lambda images: 3 * images.flatten(1).sum(dim=1), torch.rand(4, 1, 2, 2)).detach()
        tensor(36.)
    """
    at = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


@dataclass(frozen=True)
class Game:
    """What is brought down by either side."""

    critic: Callable[[Answers, Answers], Loss]
    """Answers to real and to drawn canvases -> the critic's loss."""
    generator: Callable[[Answers, Answers], Loss]
    """The same -> the generator's loss."""


NON_SATURATING = Game(non_saturating_critic, non_saturating_generator)
RELATIVISTIC = Game(relativistic_critic, relativistic_generator)
