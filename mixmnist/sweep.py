"""Sweeping: a study's grid as blocks, several at a time; what is recorded is not run again, what fails does not stop the rest."""

import importlib.util
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from threading import Event

import torch

from mixmnist.core import registry, storage
from mixmnist.core.records import Net, Study, Task, Variant, require
from mixmnist.data.sources import load_glyphs, resolve_source
from mixmnist.pipeline import Block, run_block
from mixmnist.training import Stopped, choose_precision

BLOCK = 5  # seeds trained side by side
DEVICES = ("auto", "cpu", "cuda")
QUICK = {"epochs": 2, "images": 4000}


@dataclass(frozen=True)
class Result:
    """What a sweep left behind."""

    folder: Path  # of the study and source, for `report`
    failures: tuple[str, ...]  # one sentence a failed run


def load_study(name: str) -> tuple[str, Study]:
    """Loads a study from a Python file that ends in `STUDY = Study(...)`: a path, or the name of a file in ./benchmarks.

    Raises:
        ValueError: If there is no such study or the file defines none.
    """
    path = Path(name) if name.endswith(".py") else Path("benchmarks") / f"{name}.py"
    if not path.is_file():
        known = [p.stem for p in Path("benchmarks").glob("*.py")]
        raise registry.nearest("study", name, known)
    spec = importlib.util.spec_from_file_location(f"mixmnist_study_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    study = getattr(module, "STUDY", None)
    require(
        isinstance(study, Study),
        f"a study's file must end in STUDY = Study(...), got {path} without it. Add that line.",
    )
    return path.stem, study


def run(
    study: Study | str,
    *,
    name: str = "study",
    source: str = "auto",
    root: str | None = None,
    seeds: int | None = None,
    variants: Sequence[str] = (),
    device: str = "auto",
    precision: str = "auto",
    threads: int = 1,
    out: str | Path = "results/local",
    quick: bool = False,
    tell: Callable[[str], None] = print,
) -> Result:
    """Runs a study: every variant under every seed, in blocks of five seeds, as many blocks at a time as there are cores.

    Args:
        study: A study, the path of its file, or the name of a file in ./benchmarks.
        name: What to call a study that is given as an object; it becomes a folder.
        source: Where glyphs come from; "auto" is MNIST where it can be had, else scikit-learn's digits.
        root: Folder (or .npz) that holds the source.
        seeds: Trainings a variant; by default the study's.
        variants: Names of variants to run; by default all.
        device: "auto", "cpu" or "cuda".
        precision: "auto" (bf16 where the processor has it natively), "float32" or "bf16".
        threads: Threads a block; part of the configuration, since rounding depends on it.
        out: Folder for results; the study's go to <out>/<study>/<source>.
        quick: 2 epochs on 4,000 images, into <out>/<study>/<source>-quick; says nothing about the claims.
        tell: Called with a line whenever a block is done.

    Returns:
        The folder of the records and a sentence for each run that failed.

    Raises:
        ValueError: On anything unknown or impossible, before anything is written.
    """
    if isinstance(study, str):
        name, study = load_study(study)
    seeds = study.seeds if seeds is None else seeds
    require(seeds >= 1, f"seeds must be 1 or more, got seeds={seeds}.")
    require(threads >= 1, f"threads must be 1 or more, got threads={threads}.")
    for variant in variants:
        if variant not in study.variants:
            raise registry.nearest("variant", variant, study.variants)
    chosen = {n: _quick(v) if quick else v for n, v in study.variants.items() if not variants or n in variants}
    device = choose_device(device)
    precision = choose_precision(precision, device)
    source, root = resolve_source(source, root)
    for variant in chosen.values():
        _check(variant, source, root)
    folder = storage.writable_folder(Path(out) / name / (source + ("-quick" if quick else "")))
    storage.clear_partials(folder)
    blocks = [
        Block(name, variant_name, variant, source, root, tuple(group), device, precision, threads, folder)
        for group in _groups(seeds)
        for variant_name, variant in chosen.items()
    ]
    workers = 1 if device.startswith("cuda") else max(1, (os.cpu_count() or 1) // threads)
    return Result(folder, tuple(_run_blocks(blocks, workers, threads, tell)))


def choose_device(device: str) -> str:
    """Turns "auto" into "cuda" where there is a GPU, else "cpu".

    Raises:
        ValueError: If the device is unknown or not there.
    """
    kind = device.split(":")[0]
    if kind not in DEVICES:
        raise registry.nearest("device", device, DEVICES)
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    require(
        kind != "cuda" or torch.cuda.is_available(),
        f"device must be one that torch can use, got device={device!r} where torch finds no GPU. Use --device cpu.",
    )
    return device


def _quick(variant: Variant) -> Variant:
    return replace(variant, training=replace(variant.training, **QUICK), probe_images=QUICK["images"])


def _groups(seeds: int) -> list[range]:
    """Cuts the seeds into blocks 0-4, 5-9, ...; the last may be narrower."""
    return [range(first, min(first + BLOCK, seeds)) for first in range(0, seeds, BLOCK)]


def _check(variant: Variant, source: str, root: str | None) -> None:
    """Finds what cannot work before anything is written: names, settings, glyphs of every digit, a legal layout."""
    from mixmnist.data.mixture import draw

    task: Task = registry.choose("tasks", variant.task)
    net: Net = registry.choose("nets", variant.net)
    known = net.settings.__dataclass_fields__  # type: ignore[attr-defined] -- settings are dataclasses
    for setting in variant.net_settings:
        if setting not in known:
            raise registry.nearest("net setting", setting, known)
    net.settings(**variant.net_settings)
    for split in ("train", "test"):
        load_glyphs(source, root, split)
        sample = 20 * len(task.classes)
        draw(variant.task, source, split, sample, canvas=variant.canvas, settings=variant.task_settings, root=root)


def _run_blocks(blocks: Sequence[Block], workers: int, threads: int, tell: Callable[[str], None]) -> list[str]:
    """Runs the blocks that are not recorded yet, several at a time, and gives the failures."""
    todo, failures = [], []
    for block in blocks:
        if block.recorded() == block.fingerprints:
            tell(f"{block.study} {block.source} {block.name} {block.home.name}: already recorded")
        else:
            todo.append(block)
    stop, lines = Event(), Queue[int]()
    for line in range(workers):
        lines.put(line)

    def work(block: Block) -> list[str]:
        line = lines.get()
        try:
            return run_block(block, tell, line, stop)
        finally:
            lines.put(line)

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with ThreadPoolExecutor(workers, initializer=lambda: torch.set_num_threads(threads)) as pool:
            futures = {pool.submit(work, block): block for block in todo}
            try:
                failures += _gather(futures)
            except BaseException:  # whatever it is, the workers must be told, or the pool would wait for them
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        torch.set_num_threads(before)
    return failures


def _gather(futures: dict["Future[list[str]]", Block]) -> list[str]:
    """Waits for the blocks; what goes wrong in one is a failure of its runs, a full disk ends the sweep."""
    failures, waiting = [], set(futures)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            block = futures[future]
            try:
                failures += future.result()
            except (Stopped, OSError):
                raise
            except Exception as error:
                failures.append(f"{block.study} {block.source} {block.name} {block.home.name}: {error!r}")
    return failures
