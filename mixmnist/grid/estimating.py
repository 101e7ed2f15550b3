"""Estimating: about how long blocks take and how much memory they need, before any is run.

Seconds are arithmetic times a pace. Training is counted in multiply-adds of the forward passes, scoring in images times units;
the pace is what recorded runs of the same net took on this hardware, else what a trial of some seconds takes here, in the
processor's own time: what else it has to do at that moment does not count. Memory is counted, not tried.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from mixmnist.core import registry, storage
from mixmnist.core.records import PLANTED, Task, Training, Variant
from mixmnist.grid import origins
from mixmnist.grid.block import Block
from mixmnist.grid.machine import hardware, stopwatch
from mixmnist.grid.recording import score_net
from mixmnist.grid.unscored import is_scored
from mixmnist.kinds import Lesson

BASE = 850_000_000  # bytes of a process that has loaded torch, the tables and the compiled loops; measured on Linux
TRIAL_BATCHES, TRIAL_SECONDS = 4, 1.0  # steps at a time, and how long they are repeated
TRIAL_IMAGES = (720, 2_000)  # scored to warm up, and against the clock
COUNTED = (
    "a process with torch (.85 GB); the seeds' canvases, drawn and side by side; a batch's feature maps and their gradients; or, "
    "where that is more, the scored canvases with responses and the logits without each unit, of which four sets are held"
)


@dataclass(frozen=True)
class Pace:
    """How fast some hardware is."""

    train: float  # seconds a multiply-add of a training image's forward pass
    score: float  # seconds an image and unit, all scores of all layers
    basis: str  # where that was found, in words


@dataclass(frozen=True)
class Cost:
    """What a block, or several, take."""

    seconds: float
    memory: int  # bytes

    def __str__(self) -> str:
        return f"{as_time(self.seconds)} and {self.memory / 1e9:.1f} GB"


@dataclass(frozen=True)
class _Size:
    """What one image asks of a net."""

    multiply_adds: int
    cells: int  # values of all feature maps
    units: int  # of the layers that are scored
    classes: int


def find_paces(blocks: Sequence[Block], roots: Iterable[Path]) -> list[Pace]:
    """Finds the pace of each of some blocks that are to be run: one for all that have the same net.

    Args:
        blocks: On one device, with one precision and number of threads.
        roots: Folders of results, <study>/<source> each, whose records may be of this hardware.
    """
    places, found = tuple(roots), dict[str, Pace]()
    for block in blocks:
        kind = _kind(block.variant)
        if kind not in found:
            found[kind] = _recorded_pace(block, places) or _tried_pace(block)
    return [found[_kind(block.variant)] for block in blocks]


def _kind(variant: Variant) -> str:
    """Gives what the pace of a variant depends on: all but how many images it is trained on, how fast, and scored with."""
    batch = variant.training.batch
    recipe = Training(images=batch, epochs=1, batch=batch, optimiser=variant.training.optimiser)
    return storage.fingerprint(replace(variant, training=recipe, probe_images=1).as_dict())


def what_is_left(block: Block, earlier: Sequence[Block]) -> str:
    """Says what must be done for a block that runs after others: "to do", "to score", or nothing and why."""
    if block.is_done():
        return "recorded"
    twin = block.twin()
    if twin is not None and twin.is_done():
        return f"the same runs as {twin.label}"
    same = next((other for other in earlier if other.fingerprints == block.fingerprints), None)
    if same is not None:
        return f"the same runs as {same.label}"
    return "to score" if twin is not None or block.has_weights() else "to do"


def estimate(block: Block, pace: Pace, trained: bool = False) -> Cost:
    """Says about what a block takes; `trained` says that its weights are recorded and only scores are wanted."""
    v, size = block.variant, _size(block.variant)
    training = 0.0 if trained else _trained_on(v)
    seconds = pace.train * training * size.multiply_adds + pace.score * v.probe_images * size.units
    seeds, pixels = len(block.seeds), v.canvas.size**2
    canvases = seeds * v.training.images * pixels if training else 0
    maps = 2 * 4 * seeds * v.training.batch * size.cells if training else 0
    answers = 4 * v.probe_images * (4 * size.units + 2 * size.classes + 4 * size.units * size.classes)
    scoring = 2 * v.probe_images * pixels + answers
    return Cost(round(seconds * seeds, 1), BASE + canvases + max(canvases + maps, scoring))


def training_cost(variant: Variant) -> float:
    """Counts the multiply-adds of the forward passes that training one seed of a variant takes; 0 if it is planted."""
    images = _trained_on(variant)
    try:
        return images * _size(variant).multiply_adds if images else 0.0
    except Exception:  # of a net of somebody's own, which says itself what is wrong with it when it is run
        return math.inf


def in_all(costs: Sequence[Cost], at_a_time: int) -> Cost:
    """Says about what several blocks take, so many at a time; tables and figures are not counted."""
    seconds = max(max(cost.seconds for cost in costs), sum(cost.seconds for cost in costs) / at_a_time)
    memory = sum(sorted((cost.memory for cost in costs), reverse=True)[:at_a_time])
    return Cost(round(seconds, 1), memory)


def _recorded_pace(block: Block, roots: Iterable[Path]) -> Pace | None:
    """Gives the median pace of recorded runs of the same net, hardware, precision and threads; None if there are none."""
    trained, scored = [], []
    for record, variant in _records_like(block, roots):
        size, seconds = _size(variant), {**record["seconds"], **{k: v for k, v in record.get("processor", {}).items() if v}}
        scored.append(seconds["score"] / (variant.probe_images * size.units) if size.units else 0.0)
        trained.append(seconds["train"] / max(1.0, _trained_on(variant) * size.multiply_adds))
    if not scored:
        return None
    low, middle, high = np.quantile(trained, (0.25, 0.5, 0.75))
    spread = f"; the middle half of their training took {low / middle:.1f} to {high / middle:.1f} times the median"
    basis = f"from {len(scored)} recorded runs on {hardware(block.device)} of the same net{spread if middle else ''}"
    return Pace(float(middle), float(np.median(scored)), basis)


def _records_like(block: Block, roots: Iterable[Path]) -> Iterator[tuple[dict[str, Any], Variant]]:
    """Gives a record of each block of the same net, hardware, device, precision and threads, and its variant."""
    here, kind = hardware(block.device), _kind(block.variant)
    for home in sorted({home.resolve() for root in roots for home in root.glob("*/*/runs/*/s*-*")}):
        try:
            record = json.loads(min(home.glob("s*/record.json")).read_text(encoding="utf-8"))
            config = record["config"]
            same = all(config[name] == getattr(block, name) for name in ("device", "precision", "threads"))
            if same and record["hardware"] == here and not record["failure"] and record.get("quick", False) == block.quick:
                variant = Variant.from_dict(config["variant"])
                if _kind(variant) == kind:
                    _size(variant)
                    yield record, variant
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # none there, damaged, or of a net that is no longer known


def _tried_pace(block: Block) -> Pace:
    """Trains a few steps of a block and scores one net of it on this machine."""
    v, size, slow, seconds, n = block.variant, _size(block.variant), 0.0, 0.0, 1
    net = origins.load(v, 0).eval()
    before = torch.get_num_threads()
    torch.set_num_threads(block.threads)
    sizes = sorted({min(n, v.probe_images) for n in TRIAL_IMAGES}) if size.units else []
    try:
        with tqdm(total=1 + len(sizes), desc="trial", delay=2, leave=False, disable=None) as bar:
            if v.plant is None:
                slow = _trial_training(block) / size.multiply_adds
            bar.update()
            for n in sizes:
                spent = stopwatch(block.device, block.threads)
                score_net(replace(block, variant=replace(v, probe_images=n)), net)
                seconds = spent()
                bar.update()
    finally:
        torch.set_num_threads(before)
    where = f"from a trial of some seconds on {hardware(block.device)} (no run of that net is recorded)"
    basis = f"{where}; beside other work it takes longer"
    return Pace(slow, seconds / (n * size.units) if size.units else 0.0, basis)


def _trial_training(block: Block) -> float:
    """Gives the seconds that a training image of one seed takes."""
    v, kind = block.variant, origins.kind_of(block.variant)
    recipe = replace(v.training, images=TRIAL_BATCHES * v.training.batch, epochs=1)
    variant = replace(v, training=recipe, origin="trained")
    lesson = Lesson(variant, block.seeds, block.draw, block.device, block.precision, source=block.source, root=block.root)
    kind.train(lesson)  # loops are compiled, canvases drawn, memory is got
    rounds, spent = 0, stopwatch(block.device, block.threads)
    while rounds == 0 or spent() < TRIAL_SECONDS:
        kind.train(lesson)
        rounds += 1
    return spent() / (rounds * recipe.images * len(block.seeds))


def _trained_on(variant: Variant) -> float:
    """Counts the images of one net's training; to settle an untrained one takes a third of a pass."""
    if variant.origin.startswith(PLANTED):
        return 0.0
    return float(variant.training.images * (variant.training.epochs if variant.origin != "untrained" else 1 / 3))


def _size(variant: Variant) -> _Size:
    """Counts what one image asks of a variant's net."""
    if not is_scored(variant):  # what it does with an image is its kind's own affair: its seconds an image are tried as they are
        return _Size(multiply_adds=1, cells=0, units=0, classes=0)
    settings = tuple(sorted(variant.net_settings.items()))
    return _counted(variant.task, variant.net, settings, variant.canvas.size, variant.origin, variant.kind)


@lru_cache
def _counted(task: str, net: str, settings: tuple[tuple[str, Any], ...], size: int, origin: str, kind: str) -> _Size:
    variant = Variant(task=task, net=net, net_settings=dict(settings), origin=origin, kind=kind)
    module = origins.load(variant, 0).eval()
    shapes: dict[nn.Module, torch.Size] = {}

    def remember(part: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            shapes[part] = output.shape[1:]

    for part in module.modules():
        part.register_forward_hook(remember)
    with torch.no_grad():
        module(torch.zeros(1, 1, size, size))
    leaves = [(part, shape.numel()) for part, shape in shapes.items() if not list(part.children())]
    weights = [(part.weight, cells) for part, cells in leaves if isinstance(part, nn.Conv2d | nn.Linear)]
    layers = origins.layers_of(variant)
    entry: Task = registry.choose("tasks", task)
    return _Size(
        multiply_adds=max(1, sum(weight.numel() * cells // len(weight) for weight, cells in weights)),
        cells=sum(cells for _, cells in leaves),
        units=sum(shapes[module.get_submodule(layer)][0] for layer in layers),
        classes=len(entry.classes),
    )


def as_time(seconds: float) -> str:
    """Writes seconds, minutes or hours."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
