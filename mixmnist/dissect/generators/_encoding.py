"""How the generators are trained whose codes an encoder finds: vae, and vaegan, in which a critic looks on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from mixmnist.core.entries import Number
from mixmnist.dissect.critics import RELATIVISTIC, steepness
from mixmnist.dissect.fitting import Lesson, adam, alive, course_of, fit, initialised, pixels
from mixmnist.dissect.generators._adversarial import move, untrained
from mixmnist.dissect.generators._drawing_net import SIZES, SLOTS, Drawing
from mixmnist.dissect.generators._seeing_net import Seeing
from mixmnist.training import Outcome

CLIP = 100.0  # largest norm of a step's gradient
SOFT, LEAST = 0.5, 1e-6  # temperature of softened choices; uniform numbers lie so far from 0 and 1
ENCODER = 128  # hidden numbers of the encoder
SETTINGS: Mapping[str, Number] = MappingProxyType(
    {
        **SIZES,
        "steps": 10_000,  # at most; never more passes over the canvases than the variant's epochs
        "batch": 16,  # canvases a step
        "rate": 2e-3,  # learning rate
        "beta": 1.0,  # how much a code's nats weigh against those of pixels
        "warmup": 1000,  # steps over which that weight grows from 0
    }
)


@dataclass(frozen=True)
class Belief:
    """What an encoder says of a canvas's code."""

    mean: Float[Tensor, "n normal"]
    log_variance: Float[Tensor, "n normal"]
    kinds: Float[Tensor, "n slots kinds"]  # logits

    @property
    def nats(self) -> Float[Tensor, " n"]:
        """The Kullback-Leibler divergence from what codes are drawn of: normal numbers, and kinds that are equally likely."""
        normal = 0.5 * (self.mean.square() + self.log_variance.exp() - self.log_variance - 1).sum(dim=1)
        sure = self.kinds.log_softmax(dim=2)
        return normal + (sure.exp() * (sure + math.log(self.kinds.shape[2]))).sum(dim=(1, 2))

    def drawn(self, generator: torch.Generator) -> tuple[Float[Tensor, "n normal"], Float[Tensor, "n slots kinds"]]:
        """Draws a code: numbers, and a mark in each slot, whose gradient is that of a softened choice."""
        noise = torch.randn(self.mean.shape, generator=generator).to(self.mean)
        uniform = torch.rand(self.kinds.shape, generator=generator).to(self.mean).clamp(LEAST, 1 - LEAST)
        soft = ((self.kinds - (-uniform.log()).log()) / SOFT).softmax(dim=2)
        hard = F.one_hot(soft.argmax(dim=2), soft.shape[2]).to(soft)
        return self.mean + noise * (self.log_variance / 2).exp(), hard + soft - soft.detach()


def believed(answers: Float[Tensor, "n answers"], normal: int, kinds: int) -> Belief:
    """Takes an encoder's answers apart.

    Example:
        >>> believed(torch.zeros(1, 2 * 3 + 2 * 4), normal=3, kinds=4).nats
        tensor([0.])
    """
    mean, log_variance, logits = answers.split([normal, normal, SLOTS * kinds], dim=1)
    return Belief(mean, log_variance, logits.unflatten(1, (SLOTS, kinds)))


def encoded(lesson: Lesson, watched: bool, settings: Mapping[str, Number]) -> list[tuple[Drawing, Outcome]]:
    """Trains a generator a seed together with an encoder, which is not kept.

    Args:
        lesson: What is asked for.
        watched: Whether a critic looks at what is drawn of random codes.
        settings: Sizes, steps, batch, rate, beta, warmup; for a critic also penalty, every and weight.

    Returns:
        Each net with averaged weights and its history: nats a canvas, and the share of pixels on the right side of one half.
    """
    v, found = lesson.variant, []
    course, rate = course_of(v, settings), float(settings["rate"])
    for seed in lesson.seeds:
        images = lesson.draw("train", v.training.images, seed).images
        net = untrained(v.canvas, seed, settings).to(lesson.device)
        with initialised(seed + 1):
            encoder = Seeing(v.canvas.size, net.latent + net.plan.normal, ENCODER).to(lesson.device)
        with initialised(seed + 2):
            critic = Seeing(v.canvas.size, 1).to(lesson.device) if watched else None
        optimisers = [adam(net, rate, first=0.0 if watched else 0.9), adam(encoder, rate, first=0.9)]
        optimisers += [adam(critic, rate)] if critic is not None else []
        school = _School(net, encoder, critic, tuple(optimisers), images, settings)
        found.append(alive(fit(net, school.step, school.optimisers, course, seed, lesson.watch)))
    return found


@dataclass
class _School:
    """A generator, its encoder and, in vaegan, its critic, step by step."""

    net: Drawing
    encoder: Seeing
    critic: Seeing | None
    optimisers: tuple[torch.optim.Optimizer, ...]  # of the net, of the encoder, of the critic
    images: UInt8[Tensor, "images rows cols"]
    settings: Mapping[str, Number]
    taken: int = 0

    def step(self, rows: Int[Tensor, " batch"], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Moves all nets; gives nats a canvas, and the share of pixels on the right side of one half."""
        real = pixels(self.images, rows)
        plan = self.net.plan
        belief = believed(self.encoder(real), plan.normal, plan.kinds)
        logits = self.net.logits(*plan(plan.join(*belief.drawn(generator))))
        nats = F.binary_cross_entropy_with_logits(logits, real, reduction="none").sum(dim=(1, 2, 3)).mean()
        share = float(self.settings["beta"]) * min(1.0, (self.taken + 1) / float(self.settings["warmup"]))
        loss = nats + share * belief.nats.mean()
        self.taken += 1
        said = loss + self._critic(real, self.net(plan.drawn(len(rows), generator).to(real))) if self.critic is not None else loss
        for optimiser in self.optimisers[:2]:
            optimiser.zero_grad()
        said.backward()
        nn.utils.clip_grad_norm_([*self.net.parameters(), *self.encoder.parameters()], CLIP)
        for optimiser in self.optimisers[:2]:
            optimiser.step()
        return loss, ((logits > 0) == (real > 0.5)).float().mean()

    def _critic(self, real: Tensor, drawn: Tensor) -> Tensor:
        """Moves the critic; gives what it asks of the generator, weighed."""
        assert self.critic is not None
        answer = lambda images: self.critic(images)[:, 0]  # noqa: E731 -- the critic of this match alone
        on_real, on_drawn = answer(torch.cat([real, drawn.detach()])).chunk(2)
        loss, every = RELATIVISTIC.critic(on_real, on_drawn), int(self.settings["every"])
        if self.taken % every == 0:
            loss = loss + every * float(self.settings["penalty"]) / 2 * (steepness(answer, real) + steepness(answer, drawn))
        move(self.optimisers[2], loss)
        asked = RELATIVISTIC.generator(on_real.detach(), answer(drawn))
        self.critic.zero_grad()
        return float(self.settings["weight"]) * asked
