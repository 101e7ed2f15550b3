"""The story of one block of runs: draw -> build -> train -> probe -> score -> record.

A block is one variant under a few seeds, trained side by side. It is the unit of work, of resuming and of recording.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from mixmnist.core import storage
from mixmnist.core.repeating import repeatable
from mixmnist.grid import canvases
from mixmnist.grid.block import Block
from mixmnist.grid.machine import stopwatch
from mixmnist.grid.origins import bring_about
from mixmnist.grid.pulse import pulse
from mixmnist.grid.recording import load_block, summary
from mixmnist.grid.unscored import Unscored, record_any
from mixmnist.kinds import Lesson
from mixmnist.training import Watch

Tell = Callable[[str], None]


def run_block(block: Block, tell: Tell, watch: Watch = Watch()) -> list[str]:  # noqa: B008 -- it is frozen
    """Runs a block to its records and gives the failures, one sentence each; recorded weights are used again if they hold."""
    started = time.perf_counter()
    why = block.why_again()
    if why:
        tell(f"{block.label}: {why}")
    watch = replace(watch, tell=pulse(block.label, tell))
    storage.publish(block.home, lambda folder: fill(block, folder, tell, watch), replaced=block.folder / "replaced")
    tell(summary(block, time.perf_counter() - started))
    return block.failures()


def fill(block: Block, folder: Path, tell: Tell, watch: Watch = Watch()) -> None:  # noqa: B008 -- as above
    """Writes the records of a block, s<seed> each, into an empty folder; the same block gives the same bytes on one device."""
    with repeatable(block.device):
        _fill(block, folder, tell, watch)


def _fill(block: Block, folder: Path, tell: Tell, watch: Watch) -> None:
    started, spent, own = time.perf_counter(), stopwatch(block.device, block.threads), None
    holder = block if block.has_weights() else block.twin()
    if holder is not None:
        trained, seconds, own = load_block(holder)
    else:
        watched = replace(watch, title=block.label)
        lesson = Lesson(block.variant, block.seeds, block.draw, block.device, block.precision, watched, block.source, block.root)
        trained = bring_about(lesson, tell, canvases.forget)
        seconds, own = time.perf_counter() - started, spent()
    nets = list(zip(block.seeds, trained, strict=True))
    doing, done = ("recording", "recorded") if isinstance(block, Unscored) else ("scoring", "scored")
    bar = tqdm(nets, f"{block.label}: {doing}", position=watch.position, leave=False, disable=None)
    beat = watch.tell or (lambda _share, _said: None)
    beat(0.0, "")
    for number, (seed, one) in enumerate(bar, start=1):
        (folder / f"s{seed}").mkdir()
        record_any(block, folder / f"s{seed}", seed, one, seconds / len(trained), own and own / len(trained))
        beat(number / len(nets), done)
