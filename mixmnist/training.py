"""Training: one plain loop for any module that maps [n, copies, rows, cols] to [n, copies, classes].

It knows no net and no task by name. Copies train side by side, each on its own canvases in its own order; the loss is the sum
of theirs, so that none changes another. On a GPU steps are captured as CUDA graphs and then replayed, since launching their
many small kernels would take longer than they do; the processor waits for the card once an epoch.
"""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped, UInt8
from torch import Tensor, nn
from tqdm import tqdm

from mixmnist.core.records import Training
from mixmnist.core.repeating import repeatable
from mixmnist.core.seeding import derive

PRECISIONS = ("auto", "float32", "bf16")
EAGER_STEPS = 3  # taken on a GPU before one is captured: by then the optimiser and the libraries hold what they need
SPAN = 8  # steps that are captured together, so that the card need not wait for the processor between them
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
    """Called with the share of the work that is done, and a few words: 0 as it begins, then after each epoch."""


class Stopped(Exception):  # noqa: N818 -- nothing went wrong
    """Training was asked to stop before its end; nothing of it is kept."""


def choose_precision(precision: str) -> str:
    """Turns "auto" into "float32": compiled loops on a processor and kernels on a GPU are for it alone, and faster than bf16."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got precision={precision!r}.")
    return "float32" if precision == "auto" else precision


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
        capture: Whether steps are captured as CUDA graphs, on a GPU. A module that draws random numbers of its own lists its
            generators in `generators`.
        aim: What is asked of the outputs; by default the labels, by cross-entropy.

    Returns:
        What became of each copy. A copy whose loss is not a number has failed; the others are not touched by it.

    Raises:
        Stopped: If the watch's stop signal was set.
    """
    n_steps = images.shape[1] // recipe.batch
    rates = torch.tensor(_rates(recipe, recipe.epochs * n_steps), dtype=torch.float64).view(recipe.epochs, n_steps)
    own = [torch.Generator().manual_seed(derive(seed, "order")) for seed in seeds]
    orders = (torch.stack([torch.randperm(images.shape[1], generator=g) for g in own]) for _ in range(recipe.epochs + 1))
    histories: list[list[tuple[float, float]]] = [[] for _ in seeds]
    failures: list[str | None] = [None for _ in seeds]
    module.train()
    aim = aim or Aim()
    generators = [torch.Generator(images.device).manual_seed(derive(seed, "view")) for seed in seeds if aim.view is not None]
    with repeatable(images.device), _bar(watch, recipe.epochs * n_steps) as bar:
        steps = _Steps(module, recipe, images, labels, precision, capture and images.is_cuda, aim, generators)
        order = next(orders)
        for epoch in range(recipe.epochs):
            steps.begin(order, rates[epoch])
            while steps.left > 0:
                if watch.stop is not None and watch.stop.is_set():
                    raise Stopped
                bar.update(steps.advance())
            order = next(orders)  # while a GPU is at work
            for copy, (loss, accuracy) in enumerate((steps.totals / n_steps).T.tolist()):
                histories[copy].append((loss, accuracy))
                if failures[copy] is None and not math.isfinite(loss):
                    failures[copy] = f"the training loss was not a number in epoch {epoch + 1} of {recipe.epochs}"
            _say(_summary(histories, bar, recipe.batch * len(seeds)), bar, watch, (epoch + 1) / recipe.epochs)
            if all(failures):
                break
    module.eval()
    return [Outcome(tuple(h), f) for h, f in zip(histories, failures, strict=True)]


def _rates(recipe: Training, steps: int) -> list[float]:
    """Lists each step's learning rate: one cycle."""
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=recipe.peak)
    warmup = recipe.warmup * (1 + 1e-9 * (recipe.warmup * steps == 1))  # torch divides by the steps before the peak, less one
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.peak, steps, pct_start=warmup, cycle_momentum=False)
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return rates


def _optimiser(module: nn.Module, recipe: Training, rate: Tensor) -> torch.optim.Optimizer:
    """Makes the optimiser, its momentum constant; on a GPU it reads its rate from the card, which only the fused forms do."""
    form: dict[str, Any] = {"lr": rate if rate.is_cuda else recipe.peak, "weight_decay": recipe.decay}
    form |= {"fused": True} if rate.is_cuda else {"foreach": True}
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(module.parameters(), betas=(recipe.momentum, 0.999), capturable=rate.is_cuda, **form)
    nesterov = recipe.optimiser == "nesterov"
    return torch.optim.SGD(module.parameters(), momentum=recipe.momentum, nesterov=nesterov, **form)


@dataclass
class _Steps:
    """Takes steps. What they read and add up stays in its place of the device's memory, where a captured one finds it."""

    module: nn.Module
    recipe: Training
    images: UInt8[Tensor, "copies images rows cols"]
    labels: Shaped[Tensor, "copies images *target"]
    precision: str
    capture: bool
    aim: Aim
    generators: Sequence[torch.Generator]  # of the aim's view, one a copy
    left: int = 0  # steps of the epoch
    taken: int = 0  # steps of the training
    graphs: "dict[int, torch.cuda.CUDAGraph]" = field(default_factory=dict)  # by the number of steps captured in each

    def __post_init__(self) -> None:
        copies, batch, device = len(self.images), self.recipe.batch, self.images.device
        n = self.images.shape[1] // batch
        self.orders = torch.zeros(n, copies, batch, dtype=torch.int64, device=device)
        self.rates = torch.zeros(n, dtype=torch.float32 if device.type == "cuda" else torch.float64, device=device)
        self.rate = self.rates[:1].clone()
        self.step = torch.zeros(1, dtype=torch.int64, device=device)  # of the epoch
        self.totals = torch.zeros(2, copies, dtype=torch.float64, device=device)  # losses and accuracies
        self.optimiser = _optimiser(self.module, self.recipe, self.rate[0])

    def begin(self, order: Int[Tensor, "copies images"], rates: Float[Tensor, " steps"]) -> None:
        """Begins an epoch."""
        (n, _, batch), (copies, images) = self.orders.shape, order.shape
        rows = order + torch.arange(0, copies * images, images)[:, None]  # of all copies' canvases
        self.orders.copy_(rows[:, : n * batch].unflatten(1, (n, batch)).transpose(0, 1))
        self.rates.copy_(rates)
        self.step.zero_()
        self.totals.zero_()
        self.left = n

    def advance(self) -> int:
        """Takes a step, or those that were captured together if so many are left; gives their number."""
        if self.capture and self.taken == EAGER_STEPS:
            try:
                self.graphs = {n: self._captured(n) for n in (1, SPAN)}
            except RuntimeError as error:
                warnings.warn(f"a step could not be captured, training goes on step by step: {error}", stacklevel=2)
        n = max((n for n in self.graphs if n <= self.left), default=1)
        (self.graphs[n].replay if self.graphs else self._take)()
        self.left, self.taken = self.left - n, self.taken + n
        return n

    def _take(self) -> None:
        rows, dtype = self.orders.index_select(0, self.step)[0], next(self.module.parameters()).dtype
        if self.rate.is_cuda:
            torch.index_select(self.rates, 0, self.step, out=self.rate)
        else:
            self.optimiser.param_groups[0]["lr"] = self.rates[self.step].item()
        x, y = _batch(self.images, self.labels, rows, dtype)
        if self.aim.view is not None:
            x = self.aim.view(x, y, self.module, self.generators)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            logits = self.module(x)
        losses, accuracy = self.aim.losses(logits.to(dtype), y)
        self.optimiser.zero_grad()
        losses.sum().backward()
        self.optimiser.step()
        self.totals += torch.stack([losses.detach(), accuracy])
        self.step += 1

    def _captured(self, n: int) -> "torch.cuda.CUDAGraph":
        """Captures n steps, without taking them."""
        graph = torch.cuda.CUDAGraph()
        for generator in (*getattr(self.module, "generators", ()), *self.generators):
            graph.register_generator_state(generator)
        torch.cuda.synchronize()
        with torch.cuda.graph(graph):
            for _ in range(n):
                self._take()
        return graph


def _batch(
    images: UInt8[Tensor, "copies images rows cols"],
    labels: Shaped[Tensor, "copies images *target"],
    rows: Int[Tensor, "copies batch"],
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    """Gathers rows of all copies' canvases, [batch, copies, rows, cols] in [0, 1], the copies outermost in memory, and labels."""
    x, y = (every.flatten(0, 1).index_select(0, rows.flatten()).unflatten(0, rows.shape) for every in (images, labels))
    return x.to(dtype).div_(255).transpose(0, 1), y.transpose(0, 1)


@contextlib.contextmanager
def _bar(watch: Watch, steps: int) -> Iterator["tqdm[Any]"]:
    """Opens a progress bar on a terminal; in a log it stays silent."""
    form = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}{postfix}"
    if watch.tell is not None:
        watch.tell(0.0, "")
    with tqdm(total=steps, desc=watch.title, position=watch.position, leave=False, disable=None, bar_format=form) as bar:
        yield bar


def _say(said: str, bar: "tqdm[Any]", watch: Watch, share: float) -> None:
    """Says what became of an epoch, on the bar and to the watch."""
    bar.set_postfix_str(said)
    if watch.tell is not None:
        watch.tell(share, f"trained, {said}")


def _summary(histories: Sequence[Sequence[tuple[float, float]]], bar: "tqdm[Any]", images: int) -> str:
    """Writes the block's mean loss and accuracy in the last epoch and its speed, `images` being those of a step."""
    loss, accuracy = (sum(h[-1][i] for h in histories) / len(histories) for i in (0, 1))
    rate = bar.format_dict["rate"] or bar.n / max(bar.format_dict["elapsed"], 1e-9)
    speed = f", {images * rate:,.0f} images/s" if rate else ""  # a silent bar does not know it
    return f"loss {loss:.3f}, accuracy {accuracy:.3f}{speed}"
