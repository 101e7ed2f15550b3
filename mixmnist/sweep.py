"""Sweeping: a study's grid as blocks, several at a time; what is recorded is not run again, what fails does not stop the rest."""

import importlib.util
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields, replace
from pathlib import Path
from queue import Queue
from threading import Event

import torch

from mixmnist.core import registry, storage
from mixmnist.core.records import Net, Options, Study, Task, Variant, require
from mixmnist.data.sources import load_glyphs, resolve_source
from mixmnist.pipeline import Block, run_block
from mixmnist.training import Stopped, Watch, choose_precision

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
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"a study's file must run, got {error!r} from {path}. Mend the file.") from error
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        raise ValueError(f"a study's file must end in STUDY = Study(...), got {path} without it. Add that line.")
    return path.stem, study


def run(study: Study | str, options: Options = Options(), tell: Callable[[str], None] = print) -> Result:  # noqa: B008 -- frozen
    """Runs a study: every variant under every seed, in blocks of five seeds, as many blocks at a time as there are cores.

    Args:
        study: A study, the path of its file, or the name of a file in ./benchmarks.
        options: Source, seeds, device and so on. What is recorded under the same configuration is not run again.
        tell: Called with a line whenever a block is done.

    Returns:
        The folder of the records and a sentence for each run that failed.

    Raises:
        ValueError: On anything unknown or impossible, before anything is written.
        FileNotFoundError: If the source's files are neither on disk nor to be fetched.
    """
    blocks = plan(study, options)
    folder = storage.writable_folder(blocks[0].folder)
    storage.clear_partials(folder)
    todo = []
    for block in blocks:
        if block.recorded() == block.fingerprints:
            tell(f"{block.label}: already recorded")
        else:
            todo.append(block)
    workers = 1 if blocks[0].device.startswith("cuda") else max(1, (os.cpu_count() or 1) // options.threads)
    return Result(folder, tuple(_run_blocks(todo, workers, options.threads, tell)))


def plan(study: Study | str, options: Options) -> list[Block]:
    """Gives the blocks of a study in the order in which they run; checks everything and writes nothing."""
    name, study = load_study(study) if isinstance(study, str) else ("study", study)
    seeds = study.seeds if options.seeds is None else options.seeds
    require(seeds >= 1, f"seeds must be 1 or more, got seeds={seeds}.")
    require(options.threads >= 1, f"threads must be 1 or more, got threads={options.threads}.")
    for asked in options.variants:
        if asked not in study.variants:
            raise registry.nearest("variant", asked, study.variants)
    device = choose_device(options.device)
    precision = choose_precision(options.precision, device)
    source, root = resolve_source(options.source, options.root)
    chosen = {n: v for n, v in study.variants.items() if not options.variants or n in options.variants}
    if options.quick:
        chosen = {n: _quick(v) for n, v in chosen.items()}
    for variant in chosen.values():
        _check(variant, source, root)
    folder = Path(options.out) / name / (source + ("-quick" if options.quick else ""))
    return [
        Block(
            study=name,
            name=variant_name,
            variant=variant,
            source=source,
            root=root,
            seeds=tuple(group),
            device=device,
            precision=precision,
            threads=options.threads,
            folder=folder,
            quick=options.quick,
        )
        for group in _groups(seeds)
        for variant_name, variant in chosen.items()
    ]


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
    known = [field.name for field in fields(net.settings)]
    for setting in variant.net_settings:
        if setting not in known:
            raise registry.nearest("net setting", setting, known)
    net.settings(**variant.net_settings)
    for split in ("train", "test"):
        load_glyphs(source, root, split)
        sample = 20 * len(task.classes)
        draw(variant.task, source, split, sample, canvas=variant.canvas, settings=variant.task_settings, root=root)


def _run_blocks(blocks: Sequence[Block], workers: int, threads: int, tell: Callable[[str], None]) -> list[str]:
    """Runs blocks, several at a time, and gives the failures."""
    failures: list[str] = []
    stop, lines = Event(), Queue[int]()
    for line in range(workers):
        lines.put(line)

    def work(block: Block) -> list[str]:
        line = lines.get()
        try:
            return run_block(block, tell, Watch(position=line, stop=stop))
        finally:
            lines.put(line)

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with ThreadPoolExecutor(workers, initializer=lambda: torch.set_num_threads(threads)) as pool:
            futures = {pool.submit(work, block): block for block in blocks}
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
                failures.append(f"{block.label}: {error!r}")
    return failures
