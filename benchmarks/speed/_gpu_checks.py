"""Whether a device gives what the processor gives: each check is a function of the device, so that a processor can rehearse it.

How numbers may differ. Pictures: not at all. The same seeds twice on one device: not at all, neither weights nor records.

The same weights on both: sums of float32 come out in another order, so what a net answers may differ by `CLOSE` of the largest
answer of its layer, and then two images whose responses lie closer than that may change places: precision at a recall moves by
as many images as lie that close, which is rounding and no fault. No threshold on scores can tell the two apart. So the answers
are compared in float32, which finds wrong arithmetic (TF32 is a hundred times over `CLOSE`); and every score of every table in
float64, where no two images are that close by chance, to `EQUAL`, a thousandth of an image. Those that are equal (one glyph on
two canvases) are so only before rounding: what was read is cut to float32's digits before it is scored. One unit is made dead,
since a score must be told without it on both. What float32 made of the scores is told and not judged.

Trained on both: rounding makes other nets of the same seeds, so accuracies are compared as a mean difference by seed, whose
interval (99 %, over seeds) must lie within `APART`. Two processors with other instructions differed by .004, standard deviation
.011 over five seeds: with ten the interval is about .012 to each side.
"""

import contextlib
import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from mixmnist.core import sums
from mixmnist.core.readout import Readout
from mixmnist.core.records import Canvas, Options, Study, Training, Variant
from mixmnist.core.repeating import repeatable
from mixmnist.data.mixture import Mixture, draw
from mixmnist.grid import canvases, sweep
from mixmnist.grid.layers import few_of, join, score_layers
from mixmnist.grid.origins import kind_of, layers_of
from mixmnist.grid.workers import Here, Worker
from mixmnist.kinds import Lesson
from mixmnist.probing import probe_layers
from mixmnist.stats.seeds import t_interval

CLOSE = 1e-5  # of the largest answer of a layer
EQUAL = 1e-6  # of a score in float64
APART = 0.03  # of two mean accuracies
TIMES = ("seconds", "processor", "seal")  # of a record: what differs between two runs of one block


@dataclass(frozen=True)
class Size:
    """How much the parts do."""

    source: str = "digits"
    root: str | None = None
    variant: Variant = field(default_factory=lambda: Variant(training=Training(epochs=3)))
    seeds: int = 5  # of a block
    paired: int = 10  # seeds whose accuracies are compared
    pictures: int = 2_000  # canvases of each policy
    scored: int = 1_000  # canvases of each mixture that is scored in float64
    rounds: int = 5  # of what is timed
    studies: tuple[str, ...] = ("sanity", "usefulness")
    processes: int = 1  # that train on the processor side by side; 1: this one


@dataclass(frozen=True)
class Found:
    """What a part found."""

    said: str
    good: bool | None = None  # None of a timing
    numbers: dict[str, Any] = field(default_factory=dict)


def same_pictures(device: str, size: Size) -> Found:
    """Renders canvases, presence and every mask on both, under each overlap policy, and of a task with empty slots."""
    asked = [("pairs", Canvas(overlap=overlap)) for overlap in ("reject", "max", "clip", "wrap")] + [("presence", None)]
    wrong = []
    for (task, canvas), scope in itertools.product(asked, (contextlib.nullcontext, partial(repeatable, device))):
        here = draw(task, size.source, "test", size.pictures, canvas=canvas, root=size.root)
        every = torch.arange(len(here))
        with scope():  # which takes other ways to the same pixels
            there = here.to(device)
            same = torch.equal(here.images, there.images.cpu()) and torch.equal(here.present, there.present.cpu())
            same = same and torch.equal(here.masks(every), there.masks(every.to(device)).cpu())
        wrong += [] if same else [f"{task} {canvas.overlap if canvas else ''}".strip()]
    said = f"other pixels: {', '.join(wrong)}" if wrong else f"{len(asked)} x {size.pictures:,} canvases and all their masks"
    return Found(said, not wrong)


def drawer(device: str, size: Size, variant: Variant) -> Callable[[str, int, int], Mixture]:
    """Gives what draws the canvases of a variant onto a device, once for all who ask."""
    settings = tuple(sorted(variant.task_settings.items()))

    def drawn(split: str, n: int, seed: int) -> Mixture:
        return canvases.drawn(variant.task, size.source, split, n, variant.canvas, settings, size.root, seed, device)

    return drawn


def trained(device: str, size: Size, seeds: Sequence[int], variant: Variant | None = None) -> list[nn.Module]:
    """Trains a block of nets on a device."""
    variant = variant or size.variant
    lesson = Lesson(variant, tuple(seeds), drawer(device, size, variant), device, "float32")
    with repeatable(device):
        return [net for net, _ in kind_of(variant).train(lesson)]


def same_weights(device: str, size: Size) -> Found:
    """Trains blocks twice on the device: as usual, with dropout, and on turned images; the weights must be the same bytes."""
    short = replace(size.variant, training=replace(size.variant.training, epochs=1))
    asked = {
        "baseline": short,
        "dropout": replace(short, net_settings={**short.net_settings, "dropout": 0.5}),
        "rotation": replace(short, objective="rotation"),
    }
    wrong = []
    for name, variant in asked.items():
        first, second = ([_bytes(net) for net in trained(device, size, range(size.seeds), variant)] for _ in range(2))
        wrong += [] if first == second else [name]
    said = f"other weights the second time: {', '.join(wrong)}" if wrong else f"{len(asked)} blocks of {size.seeds}, twice each"
    return Found(said, not wrong)


def _bytes(net: nn.Module) -> list[bytes]:
    return [tensor.cpu().contiguous().numpy().tobytes() for tensor in net.state_dict().values()]


def same_records(device: str, size: Size, folder: Path, again: Here | Worker) -> Found:
    """Runs a block of two seeds to its records here, and again, as another process does; every file must be the same bytes."""
    study, places = Study("again", {"baseline": size.variant}, seeds=2), (folder / "first", folder / "second")
    for place, worker in zip(places, (Here(0), again), strict=True):
        options = Options(source=size.source, root=size.root, device=device, precision="float32", out=str(place))
        (block,) = sweep.plan(study, options)
        try:
            failures = worker.run(block, lambda _line: None)
        finally:
            worker.end()
        if failures:
            return Found(failures[0], good=False)
    first, second = (dict(_files(place)) for place in places)
    wrong = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    said = f"other bytes the second time: {', '.join(wrong)}" if wrong else f"{len(first)} files of 2 seeds, in two processes"
    return Found(said, bool(first) and not wrong)


def _files(folder: Path) -> Iterator[tuple[str, object]]:
    """Gives what records hold, their times apart."""
    for path in sorted(folder.glob("*/*/runs/*/*/*/*")):
        known: object = path.read_bytes()
        if path.name == "record.json":
            known = {name: value for name, value in sums.read_sealed(path).items() if name not in TIMES}
        yield path.relative_to(folder).as_posix(), known


def same_answers(device: str, size: Size, net: nn.Module) -> Found:
    """Reads every layer of one net on both, in float32: responses, means, logits, and logits with each unit silenced."""
    largest: dict[str, float] = {}
    layers = layers_of(size.variant)
    read = [_read(where, size, net, layers) for where in ("cpu", device)]
    for layer, here, there in zip(layers, *read, strict=True):
        for what, one, other in zip(("response", "mean", "logits", "silenced"), here, there, strict=True):
            largest[f"{layer} {what}"] = float((one - other).abs().max() / one.abs().max())
    worst = max(largest, key=lambda name: largest[name] if math.isfinite(largest[name]) else math.inf)
    said = f"largest difference {largest[worst]:.1e} of the layer's largest ({worst}); {CLOSE:.0e} may be"
    return Found(said, largest[worst] <= CLOSE, {"differences": largest})


def _read(device: str, size: Size, net: nn.Module, layers: Sequence[str]) -> list[list[Tensor]]:
    """Gives what each layer says on the processor or the device, moved to the processor."""
    n = size.variant.probe_images
    mixture = drawer(device, size, size.variant)("test", n, 0)
    found = []
    for readout in probe_layers(copy.deepcopy(net).to(device), mixture, layers, few=few_of(n)):
        assert readout.logits is not None
        assert readout.without is not None
        each = torch.eye(readout.n_units, dtype=torch.bool, device=device)
        silenced = readout.without(each, torch.zeros(readout.n_units, device=device))
        found.append([part.cpu() for part in (readout.response, readout.mean, readout.logits, silenced)])
    return found


def same_scores(device: str, size: Size, net: nn.Module) -> Found:
    """Scores every layer of one net on both, in float64, where no two images change places; float32 is told beside it."""
    variant, net = replace(size.variant, probe_images=size.scored), _with_a_dead_unit(net)
    numbers: dict[str, Any] = {}
    for dtype in (torch.float64, torch.float32):
        here, there = (_tables(where, size, variant, net, dtype) for where in ("cpu", device))
        apart = {column: difference(here[column], there[column]) for column in here}
        name = max(apart, key=lambda column: apart[column])
        numbers[str(dtype).removeprefix("torch.")] = {"column": name, "difference": apart[name], "columns": len(apart)}
    found = numbers["float64"]
    said = (
        f"{found['columns']} columns, in float64 at most {found['difference']:.1e} apart ({found['column']}), {EQUAL:.0e} may be"
    )
    rounded = numbers["float32"]
    said += f"; in float32 {rounded['difference']:.1e} ({rounded['column']})"
    return Found(said, found["difference"] <= EQUAL, numbers)


def _with_a_dead_unit(net: nn.Module) -> nn.Module:
    """Gives a convnet whose last layer has a unit that never fires."""
    mended = copy.deepcopy(net)
    norm = mended.get_submodule("conv3.norm")
    with torch.no_grad():
        norm.weight[0], norm.bias[0] = 0.0, -1.0
    return mended


def _tables(device: str, size: Size, variant: Variant, net: nn.Module, dtype: torch.dtype) -> dict[str, pd.Series]:
    """Gives every column of every table of one net's layers."""
    n, canvases_of = variant.probe_images, drawer(device, size, variant)
    mixtures = (canvases_of("test", n, 0), canvases_of("rank", n, 0))
    there = copy.deepcopy(net).to(device, dtype)
    scores, rows = join(score_layers(there, mixtures, layers_of(variant), few=few_of(n), read=_read_and_cut))
    tables = {"units": scores.units, "concepts": scores.concepts, "curves": scores.curves, "layers": pd.DataFrame(rows)}
    return {f"{name}.{column}": table[column].reset_index(drop=True) for name, table in tables.items() for column in table}


def _read_and_cut(*asked: Any) -> list[Readout]:  # noqa: ANN401 -- as probe_layers takes them
    """Reads layers and cuts what their units say to the digits of float32, so that what is equal before rounding is equal."""
    read = probe_layers(*asked)
    return [replace(one, response=one.response.float().to(one.mean), mean=one.mean.float().to(one.mean)) for one in read]


def difference(one: pd.Series, other: pd.Series) -> float:
    """Gives the largest difference of two columns; infinite where names differ, or one lacks what the other has."""
    if len(one) != len(other) or not pd.api.types.is_numeric_dtype(one) or one.dtype == bool:
        return 0.0 if one.equals(other) else math.inf
    apart = (one - other).abs().where(one != other, 0.0).where(one.notna() | other.notna(), 0.0)
    return float(apart.fillna(math.inf).max())


def same_accuracy(device: str, size: Size) -> Found:
    """Trains the same seeds on both, by a short recipe; the interval of the accuracies' differences must lie within `APART`."""
    seeds = range(size.paired)
    work = partial(accuracies, size=size)
    if size.processes == 1:
        here = work("cpu", seeds=seeds)
    else:
        groups = [seeds[start :: size.processes] for start in range(min(size.processes, len(seeds)))]
        with ProcessPoolExecutor(len(groups), get_context("spawn")) as pool:
            found = pool.map(partial(work, "cpu"), groups)
            of_seed: dict[int, float] = {}
            for group, each in zip(groups, found, strict=True):
                of_seed |= dict(zip(group, each, strict=True))
        here = [of_seed[seed] for seed in seeds]
    blocks = [seeds[start : start + size.seeds] for start in range(0, len(seeds), size.seeds)]
    there = [accuracy for block in blocks for accuracy in work(device, block)]
    apart = t_interval([other - one for one, other in zip(here, there, strict=True)], 0.99)
    means = [math.fsum(part) / len(part) for part in (here, there)]
    said = f"{means[0]:.3f} on the processor, {means[1]:.3f} on the device, difference {apart.mean:+.3f} [{apart.lower:+.3f}, "
    said += f"{apart.upper:+.3f}] over {apart.n} seeds; within {APART} it must lie"
    good = -APART <= apart.lower <= apart.upper <= APART
    return Found(said, good, {"processor": here, "device": there, "interval": apart._asdict()})


def accuracies(device: str, seeds: Sequence[int], size: Size) -> list[float]:
    """Trains nets side by side on a device, in one thread where that is the processor; gives each one's accuracy on it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        nets = trained(device, size, seeds)
        test, last = drawer(device, size, size.variant)("test", size.variant.probe_images, 0), layers_of(size.variant)[-1:]
        logits = [probe_layers(net, test, last)[0].logits for net in nets]
    finally:
        torch.set_num_threads(threads)
    return [float((one.argmax(dim=1) == test.labels).double().mean()) for one in logits if one is not None]
