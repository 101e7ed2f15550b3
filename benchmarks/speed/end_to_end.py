"""Where the time of `make benchmark` goes: both studies on MNIST with five seeds, from glyphs to tables, figures and pages.

Writes results/speed/end-to-end-<hardware>.json and .md. Cost: as `make benchmark`, about 25 minutes of two cores.
"""

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import torch

from mixmnist import Options
from mixmnist.grid import sweep
from mixmnist.grid.machine import hardware
from mixmnist.page.making import make_page
from mixmnist.report import write_report
from mixmnist.report.drawing import FORMATS, Look

OUT = Path("results/speed")
STUDIES = ("sanity", "usefulness")
SEEDS = 5


def _report(folder: Path) -> None:
    """Writes tables, figures and page as the command does."""
    write_report(folder, Look(FORMATS))
    make_page([folder], folder / "report", None, print)


def shares(folders: list[Path], total: float, report: float) -> dict[str, float]:
    """Gives the seconds of each part; training and scoring run on every core at a time, so theirs are shared among them."""
    cores = len(os.sched_getaffinity(0))
    records = [json.loads(path.read_text()) for folder in folders for path in folder.glob("runs/*/*/*/record.json")]
    parts = {part: sum(record["seconds"][part] for record in records) / cores for part in ("train", "score")}
    return {**parts, "report": report, "starting, writing, idle cores": total - sum(parts.values()) - report}


def write(where: str, found: dict[str, float]) -> None:
    """Writes the result."""
    total = sum(found.values())
    lines = [
        f"{where}; MNIST, {SEEDS} seeds, both studies: {total / 60:.1f} minutes.",
        "",
        "| part | seconds | share |",
        "|---|---|---|",
    ]
    lines += [f"| {part} | {seconds:.0f} | {seconds / total:.1%} |" for part, seconds in found.items()]
    OUT.mkdir(parents=True, exist_ok=True)
    name = "end-to-end-" + re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    content = {"hardware": where, "torch": torch.__version__, "seeds": SEEDS, "seconds": found, "total": total}
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (OUT / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def main() -> None:
    """Runs both studies and times their parts; or, given the seconds that a run took and its folders, tells its parts."""
    if len(sys.argv) > 2:
        total, folders = float(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]]
        start = time.perf_counter()
        for folder in folders:
            _report(folder)
        write(hardware("cpu"), shares(folders, total, time.perf_counter() - start))
        return
    with tempfile.TemporaryDirectory() as out:
        start, report, folders = time.perf_counter(), 0.0, []
        for result in sweep.run_all(STUDIES, Options(source="mnist", seeds=SEEDS, out=out), print):
            before = time.perf_counter()
            _report(result.folder)
            report += time.perf_counter() - before
            folders.append(result.folder)
        write(hardware("cpu"), shares(folders, time.perf_counter() - start, report))


if __name__ == "__main__":
    main()
