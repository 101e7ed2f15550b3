"""How long things take on a device: each timing is a function of the device, so that a processor can rehearse it."""

import contextlib
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from unittest import mock

import torch
from _gpu_checks import Found, Size, drawer
from _timing import timed
from torch import nn
from training import plain_loop

from mixmnist import training
from mixmnist.core.records import Options
from mixmnist.core.repeating import repeatable
from mixmnist.data.mixture import Mixture, draw
from mixmnist.grid import sweep
from mixmnist.grid.layers import join, score_variant
from mixmnist.nets import convnet
from mixmnist.report import write_report
from mixmnist.training import train


def synchronise(device: str) -> None:
    """Waits for a GPU."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def seconds(device: str, work: Callable[[], object]) -> float:
    """Gives the seconds that work takes on a device, to its end."""
    synchronise(device)

    def whole() -> None:
        work()
        synchronise(device)

    return timed(whole)


@dataclass(frozen=True)
class _Way:
    """A way to train a block."""

    epochs: int = 3  # so many more, whose seconds are those of the steps alone
    capture: bool = True
    kernels: bool = True  # the net's own, where it has any for the device
    repeats: bool = True  # gives the same bytes each time


WAYS = {
    "captured": _Way(),
    "captured, by torch's operations": _Way(1, kernels=False),
    "captured, by torch's operations, not repeatable": _Way(1, kernels=False, repeats=False),
    "not captured": _Way(1, capture=False),
}


def steps(device: str, size: Size) -> Found:
    """Times a step of a block: captured and not, by torch's operations, the same without repeating, and a plain loop's.

    What an epoch of a training costs beside its steps (building, capturing) is taken off: two lengths are timed.
    """
    drawn = [drawer(device, size, size.variant)("train", size.variant.training.images, seed) for seed in range(size.seeds)]
    images, labels = torch.stack([d.images for d in drawn]), torch.stack([d.labels for d in drawn])
    recipe, n_classes = size.variant.training, len(drawn[0].classes)
    n_steps = recipe.images // recipe.batch

    def block(way: _Way, epochs: int) -> float:
        stack = convnet.build(convnet.Widths(**size.variant.net_settings), n_classes, range(size.seeds)).to(device)
        if not way.kernels:
            stack._fits_kernels = lambda _x: False
        asked = replace(recipe, epochs=epochs)
        scope = repeatable if way.repeats else contextlib.nullcontext
        with mock.patch.object(training, "repeatable", scope):
            return seconds(device, lambda: train(stack, images, labels, asked, range(size.seeds), capture=way.capture))

    x, y = images[0, :, None] / 255, labels[0]
    found: dict[str, list[float]] = {name: [] for name in [*WAYS, "eager loop, seed by seed"]}
    for way in WAYS.values():
        block(way, 1)  # warms up
    for _ in range(size.rounds):
        for name, way in WAYS.items():
            found[name].append(1e3 * (block(way, 1 + way.epochs) - block(way, 1)) / (way.epochs * n_steps))
        loop = seconds(device, lambda: plain_loop(x, y, 1, 0))
        found["eager loop, seed by seed"].append(1e3 * loop * size.seeds / n_steps)
    middle = {name: statistics.median(each) for name, each in found.items()}
    speed = size.seeds * recipe.batch / middle["captured"]
    said = "; ".join(f"{name} {ms:.2f} ms" for name, ms in middle.items())
    said = f"a step of {size.seeds} x {recipe.batch}: {said}; captured {1e3 * speed:,.0f} images/s"
    return Found(said, numbers={"milliseconds": found, "medians": middle, "images_per_second": 1e3 * speed})


def drawing(device: str, size: Size) -> Found:
    """Times drawing a block's training canvases, plan and pixels, where the source's glyphs are already in memory."""
    v = size.variant

    def work(first: int) -> list[torch.Tensor]:
        drawn: list[Mixture] = [
            draw(v.task, size.source, "train", v.training.images, canvas=v.canvas, root=size.root, seed=first + seed)
            for seed in range(size.seeds)
        ]
        return [mixture.to(device).images for mixture in drawn]

    work(0)
    each = [seconds(device, lambda first=size.seeds * turn: work(first)) for turn in range(1, size.rounds + 1)]
    said = f"{size.seeds} x {v.training.images:,} canvases: {statistics.median(each):.2f} s"
    return Found(said, numbers={"seconds": each})


def scoring(device: str, size: Size, net: nn.Module) -> Found:
    """Times reading and scoring every layer of one net; the canvases are already drawn."""
    there, canvases = net.to(device), drawer(device, size, size.variant)

    def work() -> object:
        with repeatable(device):
            return join(score_variant(size.variant, there, canvases))

    work()
    each = [seconds(device, work) for _ in range(size.rounds)]
    said = f"all layers of a net on {size.variant.probe_images:,} canvases: {statistics.median(each):.2f} s"
    return Found(said, numbers={"seconds": each})


def report(study: Path, folder: Path) -> Found:
    """Times tables and figures of a study that is recorded elsewhere."""
    copy = folder / "report" / study.parent.name / study.name
    shutil.copytree(study, copy, ignore=shutil.ignore_patterns("tables", "figures"))
    spent = timed(lambda: write_report(copy))
    runs = len(list(copy.glob("runs/*/*/*/record.json")))
    return Found(f"tables and figures of {runs} runs: {spent:.1f} s", numbers={"seconds": spent, "runs": runs})


def studies(device: str, size: Size, folder: Path, limit: float) -> Found:
    """Times studies from glyphs to tables and figures, as the command runs them in a process of its own.

    Raises:
        subprocess.TimeoutExpired: If they take longer than `limit` seconds.
    """
    options = Options(source=size.source, root=size.root, device=device, out=str(folder / "studies"), seeds=size.seeds)
    blocks = [block for study in size.studies for block in sweep.plan(study, options)]
    together = min(sweep.blocks_at_a_time(blocks, options.threads), len(blocks))
    asked = {"source": size.source, "device": device, "out": options.out, "seeds": str(size.seeds)}
    asked |= {} if size.root is None else {"data-root": size.root}
    given = [part for name, value in asked.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-m", "mixmnist.cli", "run", *size.studies, *given, "--no-page"]
    codes: list[int] = []
    spent = timed(lambda: codes.append(subprocess.run(command, timeout=limit, check=False).returncode))
    numbers = {"seconds": spent, "blocks": len(blocks), "together": together, "options": asdict(options)}
    said = (
        f"{' and '.join(map(str, size.studies))}, {len(blocks)} blocks of {size.seeds} seeds, {together} at a time: {spent:.0f} s"
    )
    return Found(said if codes == [0] else f"{said}; it ended with code {codes[0]}", None if codes == [0] else False, numbers)
