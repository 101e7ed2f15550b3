"""Training: one plain loop for any module that maps [n, copies, rows, cols] to [n, copies, classes].

It knows no net and no task by name. Copies train side by side, each on its own canvases in its own order; the loss is the sum
of theirs, so that none changes another. On a GPU a step is captured once as a CUDA graph and then replayed, since launching
its many small kernels would take longer than they do.
"""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped, UInt8
from torch import Tensor, nn
from tqdm import tqdm

from mixmnist.core.records import Training
from mixmnist.core.seeding import derive

PRECISIONS = ("auto", "float32", "bf16")
EAGER_STEPS = 3  # taken on a GPU before a step is captured: by then the optimiser and the libraries hold what they need
Step = Callable[[Tensor], Tensor]  # rows of each copy's canvases [copies, batch] -> loss and accuracy [2, copies]
Losses = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # outputs, targets -> loss and accuracy, each [copies]
View = Callable[..., Tensor]  # images, targets, module, generators -> images


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
    tell: Callable[[float, str], None] | None = None
    """Called after each epoch with the share of all steps that are taken, and a few words."""


class Stopped(Exception):  # noqa: N818 -- nothing went wrong
    """Training was asked to stop before its end; nothing of it is kept."""


def choose_precision(precision: str, device: str) -> str:
    """Turns "auto" into "bf16" on a GPU that computes in it natively, else into "float32".

    On a processor float32 is the faster one, even where it has bf16: the compiled loops are for float32 alone.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got precision={precision!r}.")
    if precision != "auto":
        return precision
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "float32"


def cross_entropies(
    logits: Float[Tensor, "batch copies classes"], y: Int[Tensor, "batch copies *classes"]
) -> tuple[Float[Tensor, " copies"], Float[Tensor, " copies"]]:
    """Gives each copy's mean loss and share of right answers: one class an image, or a yes or no for each class."""
    if y.ndim == 2:
        each = F.cross_entropy(logits.transpose(1, 2), y, reduction="none")
        right = logits.detach().argmax(dim=2) == y
        return each.mean(dim=0), right.to(logits.dtype).mean(dim=0)
    each = F.binary_cross_entropy_with_logits(logits, y.to(logits.dtype), reduction="none")
    right = (logits.detach() > 0) == (y > 0)
    return each.mean(dim=(0, 2)), right.to(logits.dtype).mean(dim=(0, 2))


@dataclass(frozen=True)
class Aim:
    """What is asked of a module's outputs."""

    losses: Losses = cross_entropies
    """Gives each copy's loss and accuracy of a batch [batch, copies, ...]."""
    view: View | None = None
    """Changes the images of each batch, [batch, copies, rows, cols] in [0, 1]; is given targets, the module, and a generator a
    copy, on the images' device."""


def train(
    module: nn.Module,
    images: UInt8[Tensor, "copies images rows cols"],
    labels: Shaped[Tensor, "copies images *target"],
    recipe: Training,
    seeds: Sequence[int],
    precision: str = "float32",
    watch: Watch = Watch(),
    capture: bool = True,
    aim: Aim | None = None,
) -> list[Outcome]:
    """Trains a module in place, on the device of its parameters and images, and leaves it in eval mode.

    Args:
        module: One copy of a net per seed.
        images: Each copy's canvases.
        labels: Their classes; or, where classes do not exclude each other, 0 or 1 for each; or whatever the aim takes.
        recipe: Epochs, batch, learning rate and so on.
        seeds: One a copy; decides the order in which it sees its canvases.
        precision: "float32" or "bf16" (autocast).
        watch: Progress bar and stop signal.
        capture: Whether steps are captured as a CUDA graph, on a GPU. A module that draws random numbers of its own lists its
            generators in `generators`.
        aim: What is asked of the outputs; by default the labels, by cross-entropy.

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
    aim = aim or Aim()
    generators = [torch.Generator(images.device).manual_seed(derive(seed, "view")) for seed in seeds if aim.view is not None]
    step = _Step(module, optimiser, images, labels, precision, capture and images.is_cuda, aim, generators)
    with _bar(watch, recipe.epochs * steps) as bar:
        for epoch in range(recipe.epochs):
            order = torch.stack([torch.randperm(images.shape[1], generator=g) for g in orders]).to(images.device)
            totals = torch.zeros(2, len(seeds), device=images.device, dtype=torch.float64)
            for rows in order.split(recipe.batch, dim=1)[:steps]:
                if watch.stop is not None and watch.stop.is_set():
                    raise Stopped
                totals += step(rows)
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
    """Makes the optimiser under a one-cycle learning rate, the momentum constant."""
    device = next(module.parameters()).device
    # a captured step reads the learning rate from the GPU's memory, which only the fused forms do
    rate = torch.tensor(recipe.peak, device=device) if device.type == "cuda" else recipe.peak
    form: dict[str, Any] = {"lr": rate, "weight_decay": recipe.decay}
    form |= {"fused": True} if device.type == "cuda" else {"foreach": True}
    optimiser: torch.optim.Optimizer
    if recipe.optimiser == "adamw":
        betas = (recipe.momentum, 0.999)
        optimiser = torch.optim.AdamW(module.parameters(), betas=betas, capturable=device.type == "cuda", **form)
    else:
        nesterov = recipe.optimiser == "nesterov"
        optimiser = torch.optim.SGD(module.parameters(), momentum=recipe.momentum, nesterov=nesterov, **form)
    warmup = recipe.warmup * (1 + 1e-9 * (recipe.warmup * steps == 1))  # torch divides by the steps before the peak, less one
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=recipe.peak, total_steps=steps, pct_start=warmup, cycle_momentum=False
    )
    return optimiser, schedule


@dataclass
class _Step:
    """Takes steps on given rows of each copy's canvases; gives each copy's loss and accuracy."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    images: UInt8[Tensor, "copies images rows cols"]
    labels: Shaped[Tensor, "copies images *target"]
    precision: str
    capture: bool
    aim: Aim
    generators: Sequence[torch.Generator]  # of the aim's view, one a copy
    taken: int = 0
    replay: Step | None = None  # the captured step

    def __call__(self, rows: Int[Tensor, "copies batch"]) -> Float[Tensor, "2 copies"]:
        """Takes one step."""
        if self.capture and self.taken == EAGER_STEPS:
            try:
                self.replay = self._captured(rows)
            except RuntimeError as error:
                warnings.warn(f"a step could not be captured, training goes on step by step: {error}", stacklevel=2)
        self.taken += 1
        return self._eager(rows) if self.replay is None else self.replay(rows)

    def _eager(self, rows: Int[Tensor, "copies batch"]) -> Float[Tensor, "2 copies"]:
        dtype = next(self.module.parameters()).dtype
        x, y = _batch(self.images, self.labels, rows, dtype)
        if self.aim.view is not None:
            x = self.aim.view(x, y, self.module, self.generators)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            logits = self.module(x)
        losses, accuracy = self.aim.losses(logits.to(dtype), y)
        self.optimiser.zero_grad()
        losses.sum().backward()
        self.optimiser.step()
        return torch.stack([losses.detach(), accuracy])

    def _captured(self, rows: Int[Tensor, "copies batch"]) -> Step:
        """Captures a step, without taking it, as a graph that reads its rows from one place."""
        place, graph = rows.clone(), torch.cuda.CUDAGraph()
        for generator in (*getattr(self.module, "generators", ()), *self.generators):
            graph.register_generator_state(generator)
        torch.cuda.synchronize()
        with torch.cuda.graph(graph):
            result = self._eager(place)

        def replay(rows: Tensor) -> Tensor:
            place.copy_(rows)
            graph.replay()
            return result

        return replay


def _batch(
    images: UInt8[Tensor, "copies images rows cols"],
    labels: Shaped[Tensor, "copies images *target"],
    rows: Int[Tensor, "copies batch"],
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    """Gathers one batch, [batch, copies, rows, cols] in [0, 1] with the copies outermost in memory, and its labels."""
    first = torch.arange(0, labels.shape[0] * labels.shape[1], labels.shape[1], device=images.device)[:, None]
    chosen = (rows + first).flatten()
    x, y = (every.flatten(0, 1).index_select(0, chosen).unflatten(0, rows.shape) for every in (images, labels))
    return x.to(dtype).div_(255).transpose(0, 1), y.transpose(0, 1)


class _Bar(tqdm):  # type: ignore[type-arg]  # its stubs alone have a parameter
    """A progress bar on a terminal; in a log it stays silent. On both it tells the watch of every epoch."""

    def __init__(self, watch: Watch, steps: int) -> None:
        self._watch, self._taken, self._steps = watch, 0, steps
        form = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}{postfix}"
        super().__init__(total=steps, desc=watch.title, position=watch.position, leave=False, disable=None, bar_format=form)

    def update(self, n: float | None = 1) -> bool | None:
        """Counts a step; a silent bar does not."""
        self._taken += 1
        return super().update(n)

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        """Shows what is said of an epoch."""
        super().set_postfix_str(s, refresh)
        if self._watch.tell is not None:
            self._watch.tell(self._taken / self._steps, f"trained, {s}")


@contextlib.contextmanager
def _bar(watch: Watch, steps: int) -> Iterator["tqdm[Any]"]:
    """Opens a progress bar."""
    with _Bar(watch, steps) as bar:
        yield bar


def _summary(histories: Sequence[Sequence[tuple[float, float]]], bar: "tqdm[Any]", images: int) -> str:
    """Writes the block's mean loss and accuracy in the last epoch and its speed, `images` being those of a step."""
    loss, accuracy = (sum(h[-1][i] for h in histories) / len(histories) for i in (0, 1))
    rate = bar.format_dict["rate"] or bar.n / max(bar.format_dict["elapsed"], 1e-9)
    speed = f", {images * rate:,.0f} images/s" if rate else ""  # a silent bar does not know it
    return f"loss {loss:.3f}, accuracy {accuracy:.3f}{speed}"
