"""Sweeping: a study's grid as blocks, several at a time; what is recorded is not run again, what fails does not stop the rest."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any

import torch

from mixmnist.core import registry, storage, sums
from mixmnist.core.records import Options, Study, Variant, check_runs, require
from mixmnist.core.studies import load_study
from mixmnist.data.sources import label, resolve_source
from mixmnist.grid import origins
from mixmnist.grid.block import Block
from mixmnist.grid.estimating import training_cost
from mixmnist.grid.machine import choose_device
from mixmnist.grid.unscored import block_type, groups, in_blocks
from mixmnist.grid.workers import Here, Worker
from mixmnist.training import Stopped, choose_precision

QUICK: dict[str, Any] = {"epochs": 2, "images": 4000}
ON_A_GPU = 2  # blocks at a time
PATIENCE = 1.0  # seconds that a worker waits for a block of another process before it looks for other work


@dataclass(frozen=True)
class Result:
    """What a sweep left behind."""

    folder: Path  # of the study and source, for `report`
    failures: tuple[str, ...]  # one sentence a failed run


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
    (result,) = run_all((study,), options, tell)
    return result


def run_all(studies: Sequence[Study | str], options: Options, tell: Callable[[str], None]) -> Iterator[Result]:
    """Runs several studies as one grid, so that no core waits for the end of one; gives each as soon as it is whole."""
    plans = [plan(study, options) for study in studies]
    failures: dict[Path, list[str]] = {}
    waiting: dict[Path, int] = {}
    todo: list[Block] = []
    for study, blocks in zip(studies, plans, strict=True):
        folder = storage.writable_folder(blocks[0].folder)
        storage.clear_partials(folder)
        named = load_study(study)[1] if isinstance(study, str) else study
        said: dict[str, Any] = {"title": named.title, "claims": [asdict(claim) for claim in named.claims]}
        said |= {"analyses": list(named.analyses)} if named.analyses else {}
        said |= {"about": named.about} if named.about else {}
        said |= {"moments": list(named.moments)} if named.moments else {}
        sums.write_sealed(folder / sums.STUDY, said, beside=False)
        known = [block for block in blocks if _is_recorded(block, options)]
        for block in known:
            tell(f"{block.label}: already recorded")
        failures[folder] = [line for block in known for line in block.failures()]
        waiting[folder] = len(blocks) - len(known)
        todo += [block for block in blocks if block not in known]
    todo.sort(key=lambda block: not block.has_weights())  # what is only scored is soon done
    try:
        yield from (Result(folder, tuple(sorted(failures[folder]))) for folder, left in waiting.items() if not left)
        for block, found in _work_off(todo, options, tell):
            failures[block.folder] += found
            waiting[block.folder] -= 1
            if not waiting[block.folder]:
                yield Result(block.folder, tuple(sorted(failures[block.folder])))
    finally:
        for folder in waiting:
            storage.clear_partials(folder)  # of worker processes that were ended


def _work_off(todo: Sequence[Block], options: Options, tell: Callable[[str], None]) -> Iterator[tuple[Block, list[str]]]:
    """Runs blocks here or on a cluster; gives each with its failures when it is done."""
    seen: set[str] = set()
    first: list[Block] = []
    same: list[Block] = []  # a block with the runs of an earlier one waits until that is recorded, to refer to it
    for block in todo:
        (same if block.fingerprints["weights"] in seen else first).append(block)
        seen.add(block.fingerprints["weights"])
    for part in (first, same):
        here = [block for block in part if options.cluster is None or block.has_weights() or block.twin()]
        away = [block for block in part if block not in here]
        yield from _run_blocks(here, options.threads, tell)
        if away:
            yield from _send_blocks(away, options, tell)


def _is_recorded(block: Block, options: Options) -> bool:
    """Says whether a block need not be run; where workers chose their device, on whatever device it was run."""
    free = options.cluster is not None and options.device == "auto"
    return any(replace(block, device=device).is_done() for device in (("cpu", "cuda") if free else (block.device,)))


def _refer(block: Block, tell: Callable[[str], None]) -> bool:
    """Refers to another study's block where one has the same runs; says whether there is one."""
    twin = block.twin()
    if twin is None or not twin.is_done():
        return False
    storage.refer(block.home, twin.home, replaced=block.folder / "replaced")
    tell(f"{block.label}: the same runs as {twin.label}")
    return True


def _send_blocks(blocks: Sequence[Block], options: Options, tell: Callable[[str], None]) -> Iterator[tuple[Block, list[str]]]:
    """Runs blocks on a cluster; those that another process is at are waited for."""
    from mixmnist.grid import cluster  # needs an extra that few have

    assert options.cluster is not None
    left = list(blocks)
    while left:
        with contextlib.ExitStack() as locks:
            patience = PATIENCE / len(left)
            mine = [b for b in left if locks.enter_context(storage.sole_right(b.lock, patience))]
            left = [b for b in left if b not in mine]
            done = [b for b in mine if _is_recorded(b, options)]  # by another process, in the meantime
            yield from ((b, b.failures()) for b in done)
            todo = [b for b in mine if b not in done]
            if todo:
                yield from cluster.run_blocks(todo, options.cluster, options.device == "auto", tell)


def plan(study: Study | str, options: Options) -> list[Block]:
    """Gives the blocks of a study in the order in which they run; checks everything and writes nothing.

    Of each five seeds the variants that need least training come first, so that there is soon a number to look at.
    """
    name, study = load_study(study) if isinstance(study, str) else (_folder_name(study.title), study)
    seeds = study.seeds if options.seeds is None else options.seeds
    check_runs(seeds, len(options.variants or study.usual or study.variants))
    require(options.threads >= 1, f"threads must be 1 or more, got threads={options.threads}.")
    for asked in options.variants:
        if asked not in study.variants:
            raise registry.nearest("variant", asked, study.variants)
    for analysis in study.analyses:
        registry.choose("analyses", analysis)
    device = choose_device(options.device)
    precision = choose_precision(options.precision)
    source, root = resolve_source((options.source == "auto" and study.source) or options.source, options.root)
    if options.refer is not None:
        require(Path(options.refer).is_dir(), f"refer must be a folder of results, got {options.refer!r} which is none.")
    of_source = label(source, root)
    folder = Path(options.out) / name / (of_source + ("-quick" if options.quick else ""))
    chosen = chosen_variants(study, options, folder)
    if options.quick:
        chosen = {n: _quick(v) for n, v in chosen.items()}
    for variant in chosen.values():
        registry.check_settings("tasks", variant.task, variant.task_settings)
        registry.check_settings("objectives", variant.objective, variant.objective_settings)
        origins.check(variant, source, root)
    return [
        block_type(variant)(
            study=name,
            name=variant_name,
            variant=variant,
            source=source,
            root=root,
            seeds=seeds_of_block,
            device=device,
            precision=precision,
            threads=options.threads,
            folder=folder,
            quick=options.quick,
            elsewhere=None if options.refer is None else Path(options.refer),
        )
        for group in groups(seeds)
        for variant_name, variant in sorted(chosen.items(), key=lambda named: training_cost(named[1]))
        for seeds_of_block in in_blocks(group, variant)
    ]


def chosen_variants(study: Study, options: Options, folder: Path) -> dict[str, Variant]:
    """Gives the variants that are asked for; where none are, the usual ones and those that are begun in the folder, or all."""
    usual = study.usual or tuple(study.variants)
    begun = tuple(name for name in study.variants if (folder / "runs" / name).is_dir())
    names = options.variants or (*usual, *begun)
    return {name: variant for name, variant in study.variants.items() if name in names}


def blocks_at_a_time(blocks: Sequence[Block], threads: int) -> int:
    """Gives how many blocks run side by side here: as many as the cores allow; on a GPU two, so that one trains as one scores."""
    room = _cores() // threads
    if blocks and blocks[0].device.startswith("cuda"):
        room = min(room, ON_A_GPU)
    return max(1, min(room, len(blocks)))


def _cores() -> int:
    """Counts the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _folder_name(title: str) -> str:
    """Turns a study's title into the name of a folder."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "study"


def _quick(variant: Variant) -> Variant:
    return replace(variant, training=replace(variant.training, **QUICK), probe_images=QUICK["images"])


class _Crew:
    """Workers that share the blocks of a sweep."""

    def __init__(self, workers: Sequence[Here | Worker], tell: Callable[[str], None]) -> None:
        self._workers, self._tell = workers, tell
        self._stop, self._told = Event(), set[Path]()
        self._idle = SimpleQueue[Here | Worker]()
        for worker in workers:
            self._idle.put(worker)

    def work_on(self, block: Block) -> list[str] | None:
        """Runs a block and gives its failures, unless another process is at it; None if that one is not done yet."""
        with storage.sole_right(block.lock, PATIENCE) as mine:
            if self._stop.is_set():
                raise Stopped
            if not mine:
                if block.home not in self._told:
                    self._tell(f"{block.label}: another process is at it; waiting for its record")
                    self._told.add(block.home)
                return None
            if block.is_done():
                self._tell(f"{block.label}: recorded by another process")
                return block.failures()
            if _refer(block, self._tell):
                return block.failures()
            worker = self._idle.get()
            try:
                return worker.run(block, self._tell)
            finally:
                self._idle.put(worker)

    def end(self) -> None:
        """Ends all work at once."""
        self._stop.set()
        for worker in self._workers:
            worker.end()


def _run_blocks(blocks: Sequence[Block], threads: int, tell: Callable[[str], None]) -> Iterator[tuple[Block, list[str]]]:
    """Runs blocks, several at a time, each in a process of its own; gives each with its failures when it is done."""
    if not blocks:
        return
    at_a_time = blocks_at_a_time(blocks, threads)
    crew = _Crew([Worker(line) if at_a_time > 1 else Here(line) for line in range(at_a_time)], tell)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with ThreadPoolExecutor(at_a_time, initializer=lambda: torch.set_num_threads(threads)) as pool:
            try:
                yield from _gather(pool, crew.work_on, blocks)
            except BaseException:  # whatever it is, the workers must be told, or the pool would wait for them
                crew.end()
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        crew.end()
        torch.set_num_threads(before)


def _gather(
    pool: ThreadPoolExecutor, work: Callable[[Block], list[str] | None], blocks: Sequence[Block]
) -> Iterator[tuple[Block, list[str]]]:
    """Waits for the blocks; what goes wrong in one is a failure of its runs, a full disk ends the sweep."""
    waiting = {pool.submit(work, block): block for block in blocks}
    while waiting:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            block = waiting.pop(future)
            try:
                found = future.result()
            except (Stopped, OSError):
                raise
            except Exception as error:
                found = [f"{block.label}: {error!r}"]
            if found is None:
                waiting[pool.submit(work, block)] = block  # behind what is left to do
            else:
                yield block, found
