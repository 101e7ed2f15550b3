"""The story of one block of runs: draw -> build -> train -> probe -> score -> record.

A block is one variant under a few seeds, trained side by side. It is the unit of work, of resuming and of recording.
"""

import json
import os
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save
from torch import nn
from tqdm import tqdm

from mixmnist import origins
from mixmnist.block import OUT_OF_MEMORY, Block, sha256
from mixmnist.core import registry, storage
from mixmnist.core.readout import Readout
from mixmnist.core.records import Canvas, Metric, Net, Task, Variant, require
from mixmnist.data.colour import Coloured
from mixmnist.data.mixture import Mixture, draw
from mixmnist.probing import Drawn, HeadAlgebra, probe_layers
from mixmnist.probing.running import Transform
from mixmnist.scoring import Scores, score
from mixmnist.training import Outcome, Watch, train

DEVICES = ("auto", "cpu", "cuda")
TOP = 12  # images kept of each unit, for pictures
FEW, LEAST = 40, 50  # one canvas of 40, but 50 at least, is used where the net must be run again: maps, silencing below the head
FIRST = 32  # canvases kept of the test mixture, for pictures
LIBRARIES = ("torch", "torchvision", "numpy", "scikit-learn", "pandas")


def choose_device(device: str) -> str:
    """Turns "auto" into "cuda" where there is a GPU, else "cpu".

    Raises:
        ValueError: If the device is unknown or not there.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    named = re.fullmatch(r"cpu|cuda(:\d+)?", device)
    if named is None:
        raise registry.nearest("device", device, DEVICES)
    there = device == "cpu" or int((named[1] or ":0")[1:]) < torch.cuda.device_count()
    way_out = "Use --device cpu."
    require(there, f"device must be one that torch can use, got device={device!r} where torch finds no such GPU. {way_out}")
    return device


def run_block(block: Block, tell: Callable[[str], None], watch: Watch = Watch()) -> list[str]:  # noqa: B008 -- it is frozen
    """Runs a block to its records and gives the failures, one sentence each; recorded weights are used again if they hold."""
    started = time.perf_counter()
    damage = block.damage()
    if damage:
        tell(f"{block.label}: {damage}; the block is run again and what is there kept in {block.folder / 'replaced'}")
    storage.publish(block.home, lambda folder: fill(block, folder, tell, watch), replaced=block.folder / "replaced")
    tell(summary(block, time.perf_counter() - started))
    return block.failures()


def fill(block: Block, folder: Path, tell: Callable[[str], None], watch: Watch = Watch()) -> None:  # noqa: B008 -- as above
    """Writes the records of a block, s<seed> each, into an empty folder."""
    started = time.perf_counter()
    holder = block if block.has_weights() else block.twin()
    if holder is not None:
        trained, seconds = _load_block(holder)
    else:
        trained = _train(block, block.seeds, tell, watch)
        seconds = time.perf_counter() - started
    title = f"{block.label}: scoring"
    for seed, one in tqdm(
        list(zip(block.seeds, trained, strict=True)), title, position=watch.position, leave=False, disable=None
    ):
        (folder / f"s{seed}").mkdir()
        _record(block, folder / f"s{seed}", seed, one, seconds / len(trained))


@dataclass(frozen=True)
class _Trained:
    """One net after training."""

    net: nn.Module | None  # None if it failed
    outcome: Outcome
    together: tuple[int, ...]  # the seeds that were trained side by side


def _train(block: Block, seeds: tuple[int, ...], tell: Callable[[str], None], watch: Watch) -> list[_Trained]:
    """Brings nets about as the variant's origin says; trains them side by side, or, where the memory does not hold them, in
    two halves, and so on down to one.
    """
    v = block.variant
    if v.plant is not None:
        return [_Trained(origins.plant(v.plant, seed).to(block.device), Outcome((), None), (seed,)) for seed in seeds]
    task: Task = registry.choose("tasks", v.task)
    net: Net = registry.choose("nets", v.net)
    try:
        canvases = [_draw(block, "train", v.training.images, seed) for seed in seeds]
        images, labels = torch.stack([c.images for c in canvases]), torch.stack([c.labels for c in canvases])
        module = net.build(net.settings(**v.net_settings), len(task.classes), seeds).to(block.device)
        outcomes = [Outcome((), None) for _ in seeds]
        if v.origin == "untrained":
            origins.settle(module, images, v.training.batch)
        else:
            labels = origins.shuffle(labels, seeds) if v.origin == "shuffled" else labels
            outcomes = train(module, images, labels, v.training, seeds, block.precision, replace(watch, title=block.label))
        nets = net.split(module)
        return [_Trained(n, outcome, seeds) for n, outcome in zip(nets, outcomes, strict=True)]
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
    canvases, images, labels, module = [], torch.empty(0), torch.empty(0), nn.Module()  # before anything else is tried
    _draw_once.cache_clear()
    if block.device.startswith("cuda"):
        torch.cuda.empty_cache()
    if len(seeds) == 1:
        return [_Trained(None, Outcome((), f"{OUT_OF_MEMORY} on {block.device}"), seeds)]
    tell(f"{block.label}: out of memory with {len(seeds)} seeds side by side; training them in smaller blocks")
    half = (len(seeds) + 1) // 2
    return [one for part in (seeds[:half], seeds[half:]) for one in _train(block, part, tell, watch)]


def _is_out_of_memory(error: Exception) -> bool:
    """Says whether an error means that memory ran out; on a processor torch has no class of its own for it."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _draw(block: Block, split: str, n: int, seed: int) -> Mixture:
    """Draws a mixture of the block's variant onto its device."""
    v = block.variant
    settings = tuple(sorted(v.task_settings.items()))
    return _draw_once(v.task, block.source, split, n, v.canvas, settings, block.root, seed, block.device)


@lru_cache(maxsize=16)
def _draw_once(
    task: str,
    source: str,
    split: str,
    n: int,
    canvas: Canvas,
    settings: tuple[tuple[str, Any], ...],
    root: str | None,
    seed: int,
    device: str,
) -> Mixture:
    mixture = draw(task, source, split, n, canvas=canvas, settings=dict(settings), root=root, seed=seed)
    return mixture.to(device)


def _record(block: Block, folder: Path, seed: int, trained: _Trained, train_seconds: float) -> None:
    """Probes and scores one trained net and writes its record; of a failed run only the failure."""
    started = time.perf_counter()
    net, outcome = trained.net, trained.outcome
    record: dict[str, Any] = {
        "study": block.study,
        "source": block.source,
        "task": block.variant.task,
        "variant": block.name,
        "seed": seed,
        "block": block.home.name,
        "together": list(trained.together),
        "quick": block.quick,
        "useless": list(registry.choose("tasks", block.variant.task).useless),
        "failure": outcome.failure,
        "history": [list(epoch) for epoch in outcome.history],
        "config": block.config,
        "fingerprints": block.fingerprints,
        **circumstances(block.device),
    }
    if net is not None and outcome.failure is None:
        scores, record["layers"], readout = score_net(block, net)
        write_scores(folder, scores)
        save_pictures(readout, _draw(block, "test", block.variant.probe_images, 0), folder / "top.npz")
        state = {name: tensor.contiguous().cpu() for name, tensor in net.state_dict().items()}
        (folder / "weights.safetensors").write_bytes(save(state))
        record["weights_sha256"] = sha256(folder / "weights.safetensors")
    record["seconds"] = {"train": round(train_seconds, 2), "score": round(time.perf_counter() - started, 2)}
    storage.write_json(folder / "record.json", record)


def score_net(block: Block, net: nn.Module) -> tuple[Scores, list[dict[str, Any]], Readout]:
    """Scores every layer of a trained net on the block's test mixture.

    Returns:
        Tables of all layers, the layer told by a column (curves of the layer that feeds the head); a row of scores a layer; and
        the readout of the layer that feeds the head.
    """
    n = block.variant.probe_images
    test, rank = (_draw(block, split, n, 0) for split in ("test", "rank"))
    scored = score_layers(net, (test, rank), origins.layers_of(block.variant), few=max(n // FEW, LEAST))
    return *join(scored), scored[-1].readout


@dataclass(frozen=True, eq=False)
class Scored:
    """One layer, read on both mixtures, and its scores."""

    readout: Readout
    rank: Readout
    scores: Scores


def score_layers(
    net: nn.Module,
    mixtures: tuple[Drawn, Drawn],
    layers: Sequence[str],
    transform: Transform | None = None,
    few: int | None = None,
    more: Mapping[str, Metric] | None = None,
) -> list[Scored]:
    """Probes and scores layers on a test mixture, thresholds and orders fitted on a rank mixture.

    Groups and curves, which silence several units at a time, are computed where the head's algebra gives them at once.

    Args:
        net: In eval mode.
        mixtures: The test and the rank mixture.
        layers: Names of modules.
        transform: As for `probe`.
        few: As for `probe`.
        more: Metrics that are not on the shelf, by name.
    """
    readouts, ranks = (probe_layers(net, mixture, layers, transform, few) for mixture in mixtures)
    return [
        Scored(one, other, score(one, rank=other, sets=isinstance(one.without, HeadAlgebra), more=more))
        for one, other in zip(readouts, ranks, strict=True)
    ]


def join(scored: Sequence[Scored]) -> tuple[Scores, list[dict[str, Any]]]:
    """Joins the tables of several layers, the layer told by a column (curves of the last one); and gives a row a layer."""
    every = {
        table: pd.concat([getattr(one.scores, table).assign(layer=one.readout.layer) for one in scored])
        for table in ("units", "concepts")
    }
    rows = [{str(name): value for name, value in row.items()} for one in scored for row in one.scores.layer.to_dict("records")]
    last = scored[-1]
    curves = last.scores.curves.assign(layer=last.readout.layer)
    return Scores(**every, layer=last.scores.layer, curves=curves), rows


def write_scores(folder: Path, scores: Scores) -> None:
    """Writes the tables of one run beside its record."""
    for table in ("units", "concepts", "curves"):
        getattr(scores, table).to_csv(folder / f"{table}.csv", index=False)


def save_pictures(readout: Readout, test: Mixture | Coloured, path: Path) -> None:
    """Keeps each unit's top images and the mixture's first ones."""
    top = readout.response.argsort(dim=0, descending=True, stable=True)[:TOP].T.cpu()  # units top
    images, present = test.images.cpu(), test.present.cpu()
    np.savez_compressed(
        path,
        images=images[top].numpy(),  # units top rows cols
        present=present[top].numpy(),  # units top concepts
        first=images[:FIRST].numpy(),  # the mixture's first canvases
        first_classes=np.array(test.titles(FIRST)),
    )


def load_net(folder: str | Path) -> nn.Module:
    """Loads the trained net of a recorded run, on the CPU and in eval mode.

    Args:
        folder: The run's, e.g. results/local/sanity/mnist/runs/baseline/s0-4/s0.

    Raises:
        FileNotFoundError: If the folder holds no weights, as that of a failed run.
    """
    folder = Path(folder)
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    copy = origins.load(Variant.from_dict(record["config"]["variant"]), record["seed"])
    copy.load_state_dict(load_file(folder / "weights.safetensors"))
    return copy.eval()


def _load_block(block: Block) -> tuple[list[_Trained], float]:
    """Loads recorded weights, for scores to be computed anew, and the seconds that they took."""
    trained, seconds = [], 0.0
    for seed in block.seeds:
        record = block.record(seed)
        net = None if record["failure"] else load_net(block.place / f"s{seed}").to(block.device)
        outcome = Outcome(tuple((loss, accuracy) for loss, accuracy in record["history"]), record["failure"])
        trained.append(_Trained(net, outcome, tuple(record.get("together", block.seeds))))
        seconds += record["seconds"]["train"]
    return trained, seconds


def summary(block: Block, seconds: float) -> str:
    """Says in a line what a block gave."""
    rows = []
    for seed in block.seeds:
        record = block.record(seed)
        rows += [record["layers"][-1]] if record["failure"] is None else []
    if not rows:
        return f"{block.label}: every run failed"
    means = {column: np.mean([row[column] for row in rows]) for column in ("accuracy", "unique_concepts", "mean_drop")}
    return (
        f"{block.label}: accuracy {means['accuracy']:.3f}, {means['unique_concepts']:.1f} unique concepts, "
        f"mean drop {means['mean_drop']:.3f} ({len(rows)} of {len(block.seeds)} runs, {seconds:.0f} s)"
    )


def circumstances(device: str) -> dict[str, Any]:
    """Says on what and with what a run was made."""
    return {
        "hardware": hardware(device),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "versions": {name: version(name) for name in ("mixmnist", *LIBRARIES)} | {"python": platform.python_version()},
    }


def hardware(device: str) -> str:
    """Names the processor or the GPU."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{next(named, platform.processor() or platform.machine())}, {os.cpu_count()} cores"
