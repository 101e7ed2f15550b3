"""How the generators are trained that a critic teaches; dcgan, relativistic and conditional differ in the game alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from mixmnist.core.entries import Number
from mixmnist.core.records import Canvas, require
from mixmnist.data.tasks import pairs
from mixmnist.dissect.critics import Game, asked, steepness
from mixmnist.dissect.fitting import Lesson, adam, alive, course_of, fit, initialised, pixels
from mixmnist.dissect.generators._drawing_net import SIZES, SLOTS, Drawing, Plan, shape_of
from mixmnist.dissect.generators._seeing_net import Seeing
from mixmnist.training import Outcome

DIGITS = len(pairs.TASK.concepts)
SETTINGS: Mapping[str, Number] = MappingProxyType(
    {
        **SIZES,
        "steps": 10_000,  # at most; never more passes over the canvases than the variant's epochs
        "batch": 16,  # canvases a step
        "rate": 1e-3,  # learning rate of both nets
        "penalty": 0.1,  # strength of R1 and of R2
        "every": 4,  # steps from one penalty to the next; it is as many times as heavy
    }
)


def untrained(canvas: Canvas, seed: int, settings: Mapping[str, Number], plan: type[Plan] = Plan) -> Drawing:
    """Makes a generator of a plan that is learned, by a seed, in eval mode."""
    shape = shape_of(settings)
    with initialised(seed):
        return Drawing(canvas, shape, plan(canvas, shape)).eval()


class Asked(Plan):
    """A plan whose kinds are the ten digits: a code marks the two that are asked for, the smaller first."""

    def drawn(self, n: int, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        """Draws codes: normal numbers, and a pair of digits, all equally likely."""
        all_pairs = torch.from_numpy(pairs.PAIRS)
        shown = all_pairs[torch.randint(len(all_pairs), (n,), generator=generator)]
        return self.join(torch.randn(n, self.normal, generator=generator), F.one_hot(shown, DIGITS))


def taught(lesson: Lesson, game: Game, settings: Mapping[str, Number], plan: type[Plan] = Plan) -> list[tuple[Drawing, Outcome]]:
    """Trains a generator a seed against a critic.

    Args:
        lesson: What is asked for.
        game: What either side brings down.
        settings: Sizes, steps, batch, rate, penalty, every.
        plan: What makes places and kinds of codes; if it is `Asked`, the critic is told too which digits are asked for.

    Returns:
        Each net with averaged weights and its history: the generator's loss, and the share of pairs of a real and a drawn canvas
        in which the critic gave the real one the higher answer.

    Raises:
        ValueError: If digits are to be asked for and the canvases do not show two digits each.
    """
    v, rate, told, found = lesson.variant, float(settings["rate"]), plan is Asked, []
    course = course_of(v, settings)
    for seed in lesson.seeds:
        canvases = lesson.draw("train", v.training.images, seed)
        net = untrained(v.canvas, seed, settings, plan).to(lesson.device)
        with initialised(seed + 1):
            critic = Seeing(v.canvas.size, 1 + DIGITS * told).to(lesson.device)
        shown = two_digits(canvases.shown) if told else None
        match = _Match(net, critic, (adam(net, rate), adam(critic, rate)), game, canvases.images, shown, settings)
        found.append(alive(fit(net, match.step, match.optimisers, course, seed, lesson.watch)))
    return found


def two_digits(shown: Int[Tensor, "images slots"]) -> Int[Tensor, "images slots"]:
    """Gives the digits that canvases show, if each shows two.

    Raises:
        ValueError: If one does not.
    """
    right = shown.shape[1] == SLOTS and bool((shown >= 0).all()) and int(shown.max()) < DIGITS
    got = f"{shown.shape[1]} slots of which {float((shown >= 0).float().mean()):.0%} are filled"
    require(right, f"canvases must show two digits each to be asked for, got {got}. Use the task pairs, or another generator.")
    return shown


@dataclass
class _Match:
    """A generator and its critic, step by step."""

    net: Drawing
    critic: Seeing
    optimisers: tuple[torch.optim.Optimizer, torch.optim.Optimizer]  # of the net, of the critic
    game: Game
    images: UInt8[Tensor, "images rows cols"]
    shown: Int[Tensor, "images slots"] | None  # digits, where they are asked for
    settings: Mapping[str, Number]
    taken: int = 0

    def step(self, rows: Int[Tensor, " batch"], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Moves the critic, then the generator; gives the generator's loss, and how often the critic was right."""
        real = pixels(self.images, rows)
        codes, wanted = self._codes(rows, generator)
        drawn = self.net(codes.to(real))
        both = None if wanted is None else wanted.repeat(2, 1)
        on_real, on_drawn = self._answers(torch.cat([real, drawn.detach()]), both).chunk(2)
        loss, every = self.game.critic(on_real, on_drawn), int(self.settings["every"])
        if self.taken % every == 0:
            answers = partial(self._answers, wanted=wanted)
            steep = steepness(answers, real) + steepness(answers, drawn)
            loss = loss + every * float(self.settings["penalty"]) / 2 * steep
        self.taken += 1
        move(self.optimisers[1], loss)
        self.critic.requires_grad_(False)
        said = self.game.generator(on_real.detach(), self._answers(drawn, wanted))
        move(self.optimisers[0], said)
        self.critic.requires_grad_(True)
        return said, (on_real > on_drawn).float().mean()

    def _codes(self, rows: Int[Tensor, " batch"], generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Draws codes; where digits are asked for, those of the batch's real canvases, and marks of them."""
        plan = self.net.plan
        if self.shown is None:
            return plan.drawn(len(rows), generator), None
        marks = F.one_hot(self.shown[rows.to(self.shown.device)], DIGITS)  # batch slots digits
        normal = torch.randn(len(rows), plan.normal, generator=generator).to(marks.device)
        return plan.join(normal, marks), marks.sum(dim=1).float()

    def _answers(self, images: Tensor, wanted: Tensor | None) -> Float[Tensor, " n"]:
        answers = self.critic(images)
        return answers[:, 0] if wanted is None else asked(answers, wanted)


def move(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """Takes one step down a loss."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
