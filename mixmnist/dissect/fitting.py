"""One plain loop for all generators: batches, learning rates, averaged weights, and what became of it.

What a step does is the generator's own affair: it is given the rows of a batch and a generator of random numbers, moves its
weights, and says its loss and a share. The recorded weights are running means of the trained ones.

Source:
    Averaged weights of generators: Y. Yazıcı et al. (2019), arXiv:1806.04498.
"""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from mixmnist.core.entries import Number
from mixmnist.core.records import Variant, require
from mixmnist.core.repeating import repeatable
from mixmnist.core.seeding import derive
from mixmnist.data.mixture import Mixture
from mixmnist.training import Outcome, Stopped, Watch

UNSEEN = Watch()  # nobody looks on
AVERAGE = 0.998  # how much of the averaged weights stays at each step, once there are a thousand
WARMUP, DECAY = 0.02, 0.3  # shares of all steps: in which the rate rises, and in which it falls at the end
ALIKE, LOOKED = 0.05, 64  # samples of which no pixel differs by more are alike; how many are looked at
Net = TypeVar("Net", bound=nn.Module)
Step = Callable[[Int[Tensor, " batch"], torch.Generator], tuple[Tensor, Tensor]]


@runtime_checkable
class Lesson(Protocol):
    """What a generator is asked for: one net a seed of a variant."""

    @property
    def variant(self) -> Variant:
        """The configuration; its training says how many canvases there are and how often they may be seen."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """One net each."""

    @property
    def draw(self) -> Callable[[str, int, int], Mixture]:
        """Draws a split's canvases: how many, from which seed."""

    @property
    def device(self) -> str:
        """Where it is trained."""

    @property
    def watch(self) -> Watch:
        """Who looks on."""


@dataclass(frozen=True)
class Course:
    """How long a training is, and in what bites."""

    canvases: int
    """Training canvases."""
    batch: int
    """Of them a step."""
    steps: int
    """In all."""

    def __post_init__(self) -> None:
        said = f"got batch={self.batch} with {self.canvases} canvases"
        require(1 <= self.batch <= self.canvases, f"batch must be between 1 and the number of training canvases, {said}.")
        require(self.steps >= 1, f"steps must be 1 or more, got steps={self.steps}.")

    @property
    def epoch(self) -> int:
        """Steps of a pass over the canvases; the last partial batch is dropped."""
        return self.canvases // self.batch


def course_of(variant: Variant, settings: Mapping[str, Number]) -> Course:
    """Sets a course: the generator's own batch and steps, but never more passes over the canvases than the variant's epochs."""
    images, epochs, batch = variant.training.images, variant.training.epochs, int(settings["batch"])
    return Course(images, batch, min(int(settings["steps"]), epochs * max(1, images // max(batch, 1))))


@contextmanager
def initialised(seed: int) -> Iterator[None]:
    """Lets nets be initialised by a seed of their own, and leaves torch's random numbers as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "initial"))
        yield


def adam(net: nn.Module, rate: float, first: float = 0.0) -> torch.optim.Adam:
    """Makes an optimiser with a short memory for the size of gradients, as two nets that answer each other need it."""
    return torch.optim.Adam(net.parameters(), rate, betas=(first, 0.99), foreach=True)


def pace(done: float) -> float:
    """Gives the share of the learning rate after a share of the steps: it rises, stays, and falls to nearly 0.

    Example:
        >>> [round(pace(done), 2) for done in (0.0, 0.02, 0.5, 0.85, 1.0)]
        [0.0, 1.0, 1.0, 0.5, 0.0]
    """
    return max(0.0, min(1.0, done / WARMUP, (1 - done) / DECAY))


def fit(
    net: Net, step: Step, optimisers: Sequence[torch.optim.Optimizer], course: Course, seed: int, watch: Watch = UNSEEN
) -> tuple[Net, Outcome]:
    """Takes all steps of a training.

    Args:
        net: What is trained; it is changed in place.
        step: Is given the rows of a batch and a source of random numbers, both on the processor; moves the weights; gives its
            loss and a share, both numbers.
        optimisers: Whose learning rates follow `pace`.
        course: How long.
        seed: Decides the order of the canvases and all other random numbers.
        watch: Who looks on.

    Returns:
        The net with averaged weights in eval mode, and what became of it. A loss that is not a number ends the training.

    Raises:
        Stopped: If the watch's stop signal was set.
    """
    average, device = copy.deepcopy(net), next(net.parameters()).device
    generator = torch.Generator().manual_seed(derive(seed, "fitting"))
    rates = [[group["lr"] for group in optimiser.param_groups] for optimiser in optimisers]
    history: list[tuple[float, float]] = []
    failure = None
    net.train()
    with repeatable(device), _bar(watch, course.steps) as bar:
        rows, since, totals = torch.empty(0, dtype=torch.int64), 0, torch.zeros(2, dtype=torch.float64)
        for done in range(course.steps):
            if watch.stop is not None and watch.stop.is_set():
                raise Stopped
            if len(rows) < course.batch:
                rows = torch.randperm(course.canvases, generator=generator)
            _set_rates(optimisers, rates, pace((done + 1) / (course.steps + 1)))
            said = step(rows[: course.batch], generator)
            rows, since = rows[course.batch :], since + 1
            totals += torch.stack([part.detach().double().cpu() for part in said])
            blend(average, net, min(AVERAGE, (1 + done) / (10 + done)))
            bar.update(1)
            if since == course.epoch or done + 1 == course.steps:
                loss, share = (totals / since).tolist()
                history.append((loss, share))
                since, totals = 0, torch.zeros_like(totals)
                bar.set_postfix_str(f"loss {loss:.3f}")
                if watch.tell is not None:
                    watch.tell((done + 1) / course.steps, f"trained, loss {loss:.3f}, share {share:.3f}")
                if not math.isfinite(loss):
                    failure = f"the training loss was not a number in step {done + 1} of {course.steps} or before"
                    break
    average.eval()
    return average, Outcome(tuple(history), failure)


@torch.no_grad()
def alive(fitted: tuple[Net, Outcome]) -> tuple[Net, Outcome]:
    """Calls a training failed whose generator draws the same canvas of all codes: it collapsed.

    Args:
        fitted: A generator in eval mode, and what became of its training.
    """
    net, outcome = fitted
    generator: Any = net  # all of them have codes
    images = generator(generator.codes(LOOKED, 0))
    spread = float((images.amax(dim=0) - images.amin(dim=0)).max())
    if outcome.failure is None and not spread > ALIKE:
        outcome = replace(outcome, failure=f"the generator collapsed: {LOOKED} samples differ by {spread:.1g} at most")
    return net, outcome


@torch.no_grad()
def blend(average: nn.Module, net: nn.Module, keep: float) -> None:
    """Moves averaged weights towards a net's, in place: a share of them is kept.

    Args:
        average: A copy of the net.
        net: Whose weights they follow.
        keep: 1 leaves them, 0 takes the net's.
    """
    torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - keep)
    for old, new in zip(average.buffers(), net.buffers(), strict=True):
        old.copy_(new)


def _set_rates(optimisers: Sequence[torch.optim.Optimizer], rates: Sequence[Sequence[float]], share: float) -> None:
    for optimiser, own in zip(optimisers, rates, strict=True):
        for group, rate in zip(optimiser.param_groups, own, strict=True):
            group["lr"] = rate * share


@contextmanager
def _bar(watch: Watch, steps: int) -> Iterator["tqdm[Any]"]:
    """Opens a progress bar on a terminal; in a log it stays silent."""
    form = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}{postfix}"
    if watch.tell is not None:
        watch.tell(0.0, "")
    named: dict[str, Any] = {"desc": watch.title, "position": watch.position, "bar_format": form}
    with tqdm(total=steps, leave=False, disable=None, delay=2, **named) as bar:
        yield bar


def pixels(images: Tensor, rows: Int[Tensor, " batch"]) -> Float[Tensor, "batch 1 rows cols"]:
    """Takes a batch of canvases, from 0 to 1."""
    return images[rows.to(images.device)][:, None].float().div_(255)
