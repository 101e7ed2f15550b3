"""Whether a GPU gives what the processor gives, and how fast; `make gpu-check` runs it where torch finds a GPU, in 180 seconds.

Checks come first: the same pictures on both; the same seeds twice give the same weights and the same records, byte for byte; the
same weights give the same answers and scores on both; the same seeds reach the same accuracy on both (`_gpu_checks` says how much
numbers may differ, and why). Then timings: a step, drawing, scoring, a report, and both studies from glyphs to tables.

Each part says what it takes. A part that no longer fits is left out and named. What was found is printed at once and written to
results/speed/gpu-<hardware>.json and .md after every part. Glyphs are MNIST's where they lie on disk (MIXMNIST_DATA), else the
digits that come with scikit-learn. Exit code 1 if a check fails, 3 if a part was left out, 2 without a GPU.
"""

import argparse
import faulthandler
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import _gpu_checks as checks
import _gpu_timings as timings
import torch
from _gpu_checks import Found, Size

from mixmnist.data.sources._torchvision import data_root
from mixmnist.grid.machine import hardware
from mixmnist.grid.workers import Worker

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "results" / "speed"
BUDGET = 170.0  # seconds; with the start of the process 180
GRACE = 10.0  # seconds after which what does not end is ended


@dataclass(frozen=True)
class Part:
    """A check or a timing, and about how many seconds it takes."""

    name: str
    seconds: float
    work: Callable[[], Found]


def parts(device: str, size: Size, folder: Path, study: Path, left: Callable[[], float]) -> list[Part]:
    """Gives every part, checks before timings, what costs little before what costs much.

    Args:
        device: Where it is run.
        size: How much is done.
        folder: For what is written on the way.
        study: A recorded one, for its report.
        left: Tells how many seconds of the budget are left.
    """
    net = cache(lambda: checks.trained(device, size, range(size.seeds))[0])
    worker = partial(Worker, 0)
    return [
        Part("same pictures", 7, lambda: checks.same_pictures(device, size)),
        Part("same weights twice", 4, lambda: checks.same_weights(device, size)),
        Part("same answers", 3, lambda: checks.same_answers(device, size, net())),
        Part("same scores", 15, lambda: checks.same_scores(device, size, net())),
        Part("same records twice", 22, lambda: checks.same_records(device, size, folder, worker())),
        Part("same accuracy", 41, lambda: checks.same_accuracy(device, size)),
        Part("step", 20, lambda: timings.steps(device, size)),
        Part("drawing", 1, lambda: timings.drawing(device, size)),
        Part("scoring", 4, lambda: timings.scoring(device, size, net())),
        Part("studies", 40, lambda: timings.studies(device, size, folder, left())),
        Part("report", 10, lambda: timings.report(study, folder)),
    ]


@dataclass
class Log:
    """What was found so far; it is on disk after every part."""

    stem: Path
    about: dict[str, Any]
    found: list[dict[str, Any]]

    def add(self, name: str, verdict: str, spent: float, said: str, numbers: dict[str, Any] | None = None) -> None:
        """Prints and writes what became of a part."""
        print(f"{name}: {verdict}, {spent:.1f} s: {said}", flush=True)
        self.found.append({"part": name, "verdict": verdict, "seconds": round(spent, 1), "said": said, "numbers": numbers or {}})
        lines = [f"{self.about['hardware']}, torch {self.about['torch']}, glyphs of {self.about['source']}.", ""]
        lines += ["| part | verdict | seconds | what was found |", "|---|---|---|---|"]
        lines += [f"| {f['part']} | {f['verdict']} | {f['seconds']} | {f['said'].replace('|', '/')} |" for f in self.found]
        self._write(".json", json.dumps({**self.about, **self.verdict(), "parts": self.found}, indent=1))
        self._write(".md", "\n".join(lines))

    def _write(self, ending: str, text: str) -> None:
        """Writes a file whole or not at all."""
        self.stem.parent.mkdir(parents=True, exist_ok=True)
        partial_file = self.stem.with_name(f"{self.stem.name}{ending}.part")
        partial_file.write_text(text + "\n", encoding="utf-8")
        partial_file.replace(self.stem.with_name(self.stem.name + ending))

    def verdict(self) -> dict[str, list[str]]:
        """Names the parts that failed and those that were left out."""
        return {v: [one["part"] for one in self.found if one["verdict"] == v] for v in ("FAILED", "left out")}

    def code(self) -> int:
        """Gives the exit code."""
        failed, left_out = self.verdict().values()
        return 1 if failed else 3 if left_out else 0


def run(every: Iterable[Part], left: Callable[[], float], log: Log) -> int:
    """Runs the parts that fit into what is left; what goes wrong in one does not stop the others. Gives the exit code."""
    for part in every:
        if left() < part.seconds:
            log.add(part.name, "left out", 0.0, f"it takes about {part.seconds:.0f} s where {max(left(), 0):.0f} are left")
            continue
        print(f"{part.name}: about {part.seconds:.0f} s ...", flush=True)
        start = time.monotonic()
        try:
            found = part.work()
        except subprocess.TimeoutExpired as cut:
            log.add(part.name, "left out", time.monotonic() - start, f"cut off after {cut.timeout:.0f} s")
        except Exception as error:
            traceback.print_exc()
            log.add(
                part.name, "FAILED", time.monotonic() - start, f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
            )
        else:
            verdict = {True: "good", False: "FAILED", None: "timed"}[found.good]
            log.add(part.name, verdict, time.monotonic() - start, found.said, found.numbers)
    return log.code()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs every check and timing and writes the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds in all (default: %(default).0f)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the result (default: results/speed)")
    args = parser.parse_args(argv)
    start, device = time.monotonic(), "cuda"
    if not torch.cuda.is_available():
        print("gpu-check needs a GPU that torch can use, got none. Run it on such a machine.", file=sys.stderr)
        return 2
    faulthandler.dump_traceback_later(args.budget + GRACE, exit=True)  # a kernel that hangs cannot be told to stop
    has_mnist = (data_root(None) / "MNIST" / "raw").is_dir()
    cores = len(os.sched_getaffinity(0))
    size = replace(Size(), source="mnist" if has_mnist else "digits", processes=min(cores, Size.paired), rounds=3)
    about = {"hardware": hardware(device), "processor": hardware("cpu"), "torch": torch.__version__, "source": size.source}
    name = "gpu-" + re.sub(r"[^a-z0-9]+", "-", about["hardware"].lower()).strip("-")

    def left() -> float:
        return float(args.budget - (time.monotonic() - start))

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # what was cut off may still write
        study = ROOT / "results" / "reference" / "sanity" / "digits"
        code = run(parts(device, size, Path(folder), study, left), left, log := Log(args.out / name, about, []))
    faulthandler.cancel_dump_traceback_later()
    print(f"{log.stem}.json and .md; exit code {code}, {args.budget - left():.0f} s", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
