"""How the generators are trained that a critic teaches; dcgan, relativistic and conditional differ in the game alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from mixmnist.core.entries import Number
from mixmnist.core.records import Canvas, require
from mixmnist.data.tasks import pairs
from mixmnist.dissect.critics import Game, asked, steepness
from mixmnist.dissect.fitting import Lesson, adam, course_of, fit, initialised, pixels
from mixmnist.dissect.generators._drawing_net import SIZES, SLOTS, Drawing, Plan, both, shape_of
from mixmnist.dissect.generators._seeing_net import Seeing
from mixmnist.training import Outcome

SETTINGS: Mapping[str, Number] = MappingProxyType(
    {
        **SIZES,
        "steps": 8000,  # at most; never more passes over the canvases than the variant's epochs
        "batch": 16,  # canvases a step
        "rate": 1e-3,  # learning rate of both nets
        "penalty": 0.1,  # strength of R1 and of R2
        "every": 4,  # steps from one penalty to the next; it is as many times as heavy
    }
)


def untrained(canvas: Canvas, seed: int, told: bool, settings: Mapping[str, Number]) -> Drawing:
    """Makes a generator of a plan that is learned, by a seed, in eval mode."""
    shape = shape_of(settings)
    with initialised(seed):
        return Drawing(canvas, shape, Plan(canvas, shape, told)).eval()


def taught(lesson: Lesson, game: Game, told: bool, settings: Mapping[str, Number]) -> list[tuple[nn.Module, Outcome]]:
    """Trains a generator a seed against a critic.

    Args:
        lesson: What is asked for.
        game: What either side brings down.
        told: Whether the generator, and its critic, are told which two digits are asked for.
        settings: Sizes, steps, batch, rate, penalty, every.

    Returns:
        Each net with averaged weights and its history: the generator's loss, and the share of pairs of a real and a drawn canvas
        in which the critic gave the real one the higher answer.

    Raises:
        ValueError: If it is to be told and the canvases do not show two digits each.
    """
    v, found = lesson.variant, []
    course = course_of(v, settings)
    for seed in lesson.seeds:
        drawn = lesson.draw("train", v.training.images, seed)
        net = untrained(v.canvas, seed, told, settings).to(lesson.device)
        with initialised(seed + 1):
            critic = Seeing(v.canvas.size, 1 + (len(pairs.TASK.concepts) if told else 0)).to(lesson.device)
        wanted = two_digits(drawn.shown) if told else None
        rate = float(settings["rate"])
        match = _Match(net, critic, (adam(net, rate), adam(critic, rate)), game, drawn.images, wanted, settings)
        found.append(fit(net, match.step, match.optimisers, course, seed, lesson.watch))
    return found


def two_digits(shown: Int[Tensor, "images slots"]) -> Float[Tensor, "images digits"]:
    """Marks the two digits of each canvas.

    Raises:
        ValueError: If a canvas shows others than two different ones.
    """
    right = shown.shape[1] == SLOTS and bool((shown >= 0).all()) and int(shown.max()) < len(pairs.TASK.concepts)
    got = f"{shown.shape[1]} slots of which {float((shown >= 0).float().mean()):.0%} are filled"
    require(right, f"canvases must show two digits each to be asked for, got {got}. Use the task pairs, or another generator.")
    return both(shown)


@dataclass
class _Match:
    """A generator and its critic, step by step."""

    net: Drawing
    critic: Seeing
    optimisers: tuple[torch.optim.Optimizer, torch.optim.Optimizer]  # of the net, of the critic
    game: Game
    images: UInt8[Tensor, "images rows cols"]
    wanted: Float[Tensor, "images digits"] | None
    settings: Mapping[str, Number]
    taken: int = 0

    def step(self, rows: Int[Tensor, " batch"], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Moves the critic, then the generator; gives the generator's loss, and how often the critic was right."""
        real = pixels(self.images, rows)
        codes = torch.randn(len(rows), self.net.plan.normal, generator=generator).to(real)
        wanted = None if self.wanted is None else self.wanted[rows.to(self.wanted.device)]
        drawn = self.net(codes if wanted is None else torch.cat([codes, wanted], dim=1))
        told = None if wanted is None else wanted.repeat(2, 1)
        on_real, on_drawn = self._answers(torch.cat([real, drawn.detach()]), told).chunk(2)
        loss = self.game.critic(on_real, on_drawn)
        every, strength = int(self.settings["every"]), float(self.settings["penalty"])
        if self.taken % every == 0:
            steep = sum(steepness(lambda images: self._answers(images, wanted), each) for each in (real, drawn))
            loss = loss + every * strength / 2 * steep
        self.taken += 1
        self._move(1, loss)
        self.critic.requires_grad_(False)
        said = self.game.generator(on_real.detach(), self._answers(drawn, wanted))
        self._move(0, said)
        self.critic.requires_grad_(True)
        return said, (on_real > on_drawn).float().mean()

    def _answers(self, images: Tensor, wanted: Tensor | None) -> Float[Tensor, " n"]:
        answers = self.critic(images)
        return answers[:, 0] if wanted is None else asked(answers, wanted)

    def _move(self, which: int, loss: Tensor) -> None:
        self.optimisers[which].zero_grad()
        loss.backward()
        self.optimisers[which].step()
