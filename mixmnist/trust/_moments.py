"""Moments: a net trained once more as it was, its weights kept before chosen steps.

Training knows nothing of it: a module that hands everything on counts the forward passes of the training, one a step.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from mixmnist.core import sums
from mixmnist.core.records import Net, Objective, Training, require
from mixmnist.core.registry import choose  # by name, so that a glimpse of this file can follow it
from mixmnist.data.mixture import Mixture, draw
from mixmnist.grid.pulse import pulse
from mixmnist.kinds.classifier import settle
from mixmnist.training import Watch, train
from mixmnist.trust._networks import Recorded

MOMENTS = 15
SETTLED = 2_560  # training canvases on which batch norm's statistics are estimated: 20 batches
NEEDED = "moments must be of nets trained on classes that exclude each other, by cross-entropy"
Weights = dict[str, Tensor]


def last_step(recipe: Training) -> int:
    """Counts the steps of a training.

    Example:
        >>> last_step(Training())
        4680
    """
    return recipe.epochs * (recipe.images // recipe.batch)


def log_moments(last: int, n: int = MOMENTS) -> tuple[int, ...]:
    """Gives steps from 0 (initialised) to the last, evenly on a logarithmic scale from 1 on.

    Args:
        last: Steps of the training, 1 or more.
        n: Moments, 2 or more; fewer are given where there are not so many steps.

    Raises:
        ValueError: If there are fewer than 2 moments, or no step.

    Example:
        >>> log_moments(4680)
        (0, 1, 2, 4, 7, 13, 26, 49, 95, 181, 347, 666, 1275, 2443, 4680)
    """
    require(n >= 2, f"moments must be 2 or more, got moments={n}. The first and the last step are among them.")
    require(last >= 1, f"a training must have 1 step or more, got {last}. Train for longer.")
    between = (round(last ** (place / (n - 2))) for place in range(n - 1)) if n > 2 else (last,)
    return tuple(sorted({0, *between}))


def check_moments(moments: Sequence[int], last: int) -> tuple[int, ...]:
    """Puts moments in order, the last step among them.

    Args:
        moments: Steps before which weights are kept; none stands for some 15 on a logarithmic scale.
        last: Steps of the training.

    Raises:
        ValueError: If one lies beyond the last step, or below 0.

    Example:
        >>> check_moments((100, 0), last=4680)
        (0, 100, 4680)
    """
    for moment in moments:
        got = f"got moments={moment:,} of {last:,} steps"
        require(0 <= moment <= last, f"moments must lie between 0 and the last step, {got}. Leave it out, or train for longer.")
    return tuple(sorted({*moments, last})) if moments else log_moments(last)


class Kept(nn.Module):
    """A module that hands everything on to another, and keeps copies of its weights before chosen steps of its training.

    A step is a forward pass in train mode; what asks for several a step, as an adversary in the loop, cannot be followed.
    """

    def __init__(self, module: nn.Module, moments: Sequence[int]) -> None:
        super().__init__()
        self.module, self.moments = module, frozenset(moments)
        self.steps = 0  # that were begun
        self.weights: dict[int, Weights] = {}

    @property
    def generators(self) -> Sequence[torch.Generator]:
        """Those of the module, from which it draws random numbers of its own."""
        return tuple(getattr(self.module, "generators", ()))

    def forward(self, x: Tensor) -> Tensor:
        """Gives what the module gives."""
        if self.training:
            self.keep()
            self.steps += 1
        answer: Tensor = self.module(x)
        return answer

    def keep(self) -> None:
        """Keeps the weights as they are, if this is one of the moments."""
        if self.steps in self.moments:
            self.weights[self.steps] = {name: tensor.detach().clone() for name, tensor in self.module.state_dict().items()}


@dataclass(frozen=True, eq=False)
class Retrained:
    """Nets of a block at each moment of their training."""

    stack: nn.Module  # whose weights are put in place of others
    net: Net
    seeds: tuple[int, ...]  # of its copies
    weights: dict[int, Weights]  # by step
    images: UInt8[Tensor, "copies images rows cols"]  # training canvases that statistics are estimated on
    batch: int

    def nets(self, step: int, settled: bool = True) -> dict[int, nn.Module]:
        """Gives each seed's net before a step, on the processor and in eval mode.

        Args:
            step: One of the moments.
            settled: Whether batch norm's statistics are those of these weights on training canvases; else they are the running
                ones, which lag behind: before the first step they are no statistics at all.
        """
        self.stack.load_state_dict(self.weights[step])
        if settled:
            settle(self.stack, self.images, self.batch)
        return {seed: one.cpu() for seed, one in zip(self.seeds, self.net.split(self.stack), strict=True)}


def retrain(net: Recorded, root: str | None, moments: Sequence[int] = ()) -> Retrained:
    """Trains the nets of a recorded one's block once more, as they were: the same seeds side by side, recipe, device and code.

    Args:
        net: One of the block.
        root: Holds the source's files.
        moments: Steps before which weights are kept, as for `check_moments`.

    Raises:
        ValueError: If moments lie beyond the last step, or the net was not trained on classes that exclude each other, by
            cross-entropy.
    """
    v, record = net.settings, sums.read_sealed(net.place / "record.json")
    moments = check_moments(moments, last_step(v.training))
    objective = _objective(net)
    seeds, device = tuple(record.get("together", record["config"]["seeds"])), _device(record["config"]["device"])
    canvases = [_draw(net, root, seed).to(device) for seed in seeds]
    require(canvases[0].labels.ndim == 1, f"{NEEDED}, got {net.variant} with task={v.task!r}. Leave it out.")
    images, labels = torch.stack([one.images for one in canvases]), torch.stack([one.labels for one in canvases])
    images, targets = objective.prepare(images, labels, seeds, **objective.with_settings(v.objective_settings))
    entry: Net = choose("nets", v.net)
    kept = Kept(entry.build(entry.settings(**v.net_settings), len(canvases[0].classes), seeds).to(device), moments)
    with _threads(record["config"]["threads"]):
        watch = told(f"emergence {net.variant} s{seeds[0]}-{seeds[-1]}")
        train(kept, images, targets, v.training, seeds, record["config"]["precision"], watch, capture=False)
    kept.keep()  # the end
    few = images[:, : max(SETTLED, v.training.batch)]
    return Retrained(kept.module, entry, seeds, kept.weights, few, v.training.batch)


def difference(one: nn.Module, other: nn.Module) -> float:
    """Gives the largest absolute difference of two nets' weights and statistics; infinite where one is no number.

    Example:
        >>> one, other = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> _ = other.load_state_dict({name: tensor + 0.5 for name, tensor in one.state_dict().items()})
        >>> difference(one, other)
        0.5
    """
    theirs = other.state_dict()
    gaps = [float((tensor.double() - theirs[name].double()).abs().max()) for name, tensor in one.state_dict().items()]
    return max(math.inf if math.isnan(gap) else gap for gap in gaps)


def told(title: str) -> Watch:
    """Gives a watch with a progress bar on a terminal, and with lines in a log."""
    return Watch(title, tell=pulse(title, partial(print, file=sys.stderr, flush=True)))


def _objective(net: Recorded) -> Objective:
    """Gives what a net was trained on.

    Raises:
        ValueError: If its training cannot be followed.
    """
    v = net.settings
    trained = v.kind == "classifier" and v.origin == "trained"
    require(trained, f"{NEEDED}, got {net.variant} of kind={v.kind!r} and origin={v.origin!r}. Leave it out.")
    objective: Objective = choose("objectives", v.objective)
    plain = objective.outputs is None and objective.losses is None and objective.view is None
    require(plain, f"{NEEDED}, got {net.variant} with objective={v.objective!r}. Leave it out.")
    return objective


def _draw(net: Recorded, root: str | None, seed: int) -> Mixture:
    v = net.settings
    n, settings = v.training.images, dict(v.task_settings)
    return draw(v.task, net.source, "train", n, canvas=v.canvas, settings=settings, root=root, seed=seed)


def _device(recorded: str) -> str:
    """Gives the device that a net was trained on, where there is one; else the processor."""
    return recorded if recorded.startswith("cpu") or torch.cuda.is_available() else "cpu"


@contextmanager
def _threads(n: int) -> Iterator[None]:
    """Takes so many threads, on which rounding depends."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
