"""Training: one plain loop for any module that maps [n, copies, rows, cols] to [n, copies, classes].

It knows no net and no task by name. Copies train side by side, each on its own canvases in its own order; the loss is the sum
of theirs, so that none changes another.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from tqdm import tqdm

from mixmnist.core.records import Training
from mixmnist.core.seeding import derive

PRECISIONS = ("auto", "float32", "bf16")


@dataclass(frozen=True)
class Outcome:
    """What became of one copy."""

    history: tuple[tuple[float, float], ...]  # training loss and training accuracy of each epoch, running means over it
    failure: str | None  # why the run failed, or None


@dataclass(frozen=True)
class Watch:
    """How a training is watched from outside."""

    title: str = "training"
    """What the progress bar is called."""
    position: int = 0
    """The line of the progress bar on the terminal."""
    stop: Event | None = None
    """Set from elsewhere to give up."""


class Stopped(Exception):  # noqa: N818 -- nothing went wrong
    """Training was asked to stop before its end; nothing of it is kept."""


def choose_precision(precision: str, device: str) -> str:
    """Turns "auto" into "bf16" where the processor computes in it natively, else "float32"."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got precision={precision!r}.")
    if precision != "auto":
        return precision
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # torch has no public question for this
    return "bf16" if probe is not None and probe() else "float32"


def train(
    module: nn.Module,
    images: UInt8[Tensor, "copies images rows cols"],
    labels: Int[Tensor, "copies images"],
    recipe: Training,
    seeds: Sequence[int],
    precision: str = "float32",
    watch: Watch = Watch(),
) -> list[Outcome]:
    """Trains a module in place, on the device of its parameters and images, and leaves it in eval mode.

    Args:
        module: One copy of a net per seed.
        images: Each copy's canvases.
        labels: Their classes.
        recipe: Epochs, batch, learning rate and so on.
        seeds: One a copy; decides the order in which it sees its canvases.
        precision: "float32" or "bf16" (autocast).
        watch: Progress bar and stop signal.

    Returns:
        What became of each copy. A copy whose loss is not a number has failed; the others are not touched by it.

    Raises:
        Stopped: If the watch's stop signal was set.
    """
    steps = images.shape[1] // recipe.batch
    optimiser, schedule = _optimiser(module, recipe, recipe.epochs * steps)
    orders = [torch.Generator().manual_seed(derive(seed, "order")) for seed in seeds]
    histories: list[list[tuple[float, float]]] = [[] for _ in seeds]
    failures: list[str | None] = [None for _ in seeds]
    module.train()
    with _bar(watch, recipe.epochs * steps) as bar:
        for epoch in range(recipe.epochs):
            order = torch.stack([torch.randperm(images.shape[1], generator=g) for g in orders]).to(images.device)
            totals = torch.zeros(2, len(seeds), device=images.device, dtype=torch.float64)
            for rows in order.split(recipe.batch, dim=1)[:steps]:
                if watch.stop is not None and watch.stop.is_set():
                    raise Stopped
                totals += _step(module, optimiser, images, labels, rows, precision)
                schedule.step()
                bar.update()
            for copy, (loss, accuracy) in enumerate((totals / steps).T.tolist()):
                histories[copy].append((loss, accuracy))
                if failures[copy] is None and not math.isfinite(loss):
                    failures[copy] = f"the training loss was not a number in epoch {epoch + 1} of {recipe.epochs}"
            bar.set_postfix_str(_summary(histories, bar, recipe.batch * len(seeds)))
            if all(failures):
                break
    module.eval()
    return [Outcome(tuple(h), f) for h, f in zip(histories, failures, strict=True)]


def _optimiser(
    module: nn.Module, recipe: Training, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Makes stochastic gradient descent under a one-cycle learning rate, the momentum constant."""
    optimiser = torch.optim.SGD(
        module.parameters(), lr=recipe.peak, momentum=recipe.momentum, weight_decay=recipe.decay, foreach=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=recipe.peak, total_steps=steps, pct_start=recipe.warmup, cycle_momentum=False
    )
    return optimiser, schedule


def _step(
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: UInt8[Tensor, "copies images rows cols"],
    labels: Int[Tensor, "copies images"],
    rows: Int[Tensor, "copies batch"],
    precision: str,
) -> Float[Tensor, "2 copies"]:
    """Takes one step on the given rows of each copy's canvases; gives each copy's loss and accuracy."""
    dtype = next(module.parameters()).dtype
    x, y = _batch(images, labels, rows, dtype)
    with torch.autocast(x.device.type, torch.bfloat16, enabled=precision == "bf16"):
        logits = module(x)
    logits = logits.to(dtype).transpose(1, 2)  # images classes copies
    losses = F.cross_entropy(logits, y, reduction="none").mean(dim=0)
    optimiser.zero_grad()
    losses.sum().backward()
    optimiser.step()
    accuracy = (logits.detach().argmax(dim=1) == y).to(dtype).mean(dim=0)
    return torch.stack([losses.detach(), accuracy])


def _batch(
    images: UInt8[Tensor, "copies images rows cols"],
    labels: Int[Tensor, "copies images"],
    rows: Int[Tensor, "copies batch"],
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    """Gathers one batch, [batch, copies, rows, cols] in [0, 1] with the copies outermost in memory, and its labels."""
    copy = torch.arange(len(images), device=images.device)[:, None]
    return images[copy, rows].to(dtype).div_(255).transpose(0, 1), labels[copy, rows].T


@contextlib.contextmanager
def _bar(watch: Watch, steps: int) -> Iterator["tqdm[Any]"]:
    """Opens a progress bar on a terminal; in a log it stays silent."""
    form = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}{postfix}"
    with tqdm(total=steps, desc=watch.title, position=watch.position, leave=False, disable=None, bar_format=form) as bar:
        yield bar


def _summary(histories: Sequence[Sequence[tuple[float, float]]], bar: "tqdm[Any]", images: int) -> str:
    """Writes the block's mean loss and accuracy in the last epoch and its speed, `images` being those of a step."""
    loss, accuracy = (sum(h[-1][i] for h in histories) / len(histories) for i in (0, 1))
    rate = bar.format_dict["rate"] or bar.n / max(bar.format_dict["elapsed"], 1e-9)
    return f"loss {loss:.3f}, accuracy {accuracy:.3f}, {images * rate:,.0f} images/s"
