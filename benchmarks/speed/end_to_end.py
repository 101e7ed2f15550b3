"""Where the time of `make benchmark` goes: both studies on MNIST with five seeds, from glyphs to tables and figures.

Writes results/speed/end-to-end-<hardware>.json and .md. Cost: as `make benchmark`, about 25 minutes of two cores.
"""

import json
import os
import re
import tempfile
import time
from pathlib import Path

import torch

from mixmnist import Options, sweep
from mixmnist.pipeline import hardware
from mixmnist.report import write_report

OUT = Path("results/speed")
STUDIES = ("sanity", "usefulness")
SEEDS = 5


def shares(folder: Path, sweep_seconds: float, report_seconds: float, cores: int) -> dict[str, float]:
    """Gives the seconds of each part of one study; training and scoring run on several cores at a time, so theirs are shared."""
    records = [json.loads(path.read_text()) for path in folder.glob("runs/*/*/*/record.json")]
    parts = {part: sum(record["seconds"][part] for record in records) / cores for part in ("train", "score")}
    return {**parts, "idle core, starting, writing": sweep_seconds - sum(parts.values()), "report": report_seconds}


def table(where: str, found: dict[str, dict[str, float]]) -> str:
    """Writes the parts for people."""
    parts = list(next(iter(found.values())))
    total = sum(sum(study.values()) for study in found.values())
    lines = [f"{where}; MNIST, {SEEDS} seeds, {total / 60:.1f} minutes in all.", ""]
    lines += [f"| seconds | {' | '.join(found)} | share |", "|---" * (len(found) + 2) + "|"]
    for part in parts:
        each = [study[part] for study in found.values()]
        lines.append(f"| {part} | {' | '.join(f'{s:.0f}' for s in each)} | {sum(each) / total:.1%} |")
    lines.append(f"| all | {' | '.join(f'{sum(study.values()):.0f}' for study in found.values())} | |")
    return "\n".join(lines) + "\n"


def write(where: str, found: dict[str, dict[str, float]]) -> None:
    """Writes the result."""
    OUT.mkdir(parents=True, exist_ok=True)
    name = "end-to-end-" + re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    content = {"hardware": where, "torch": torch.__version__, "seeds": SEEDS, "seconds": found}
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (OUT / f"{name}.md").write_text(table(where, found), encoding="utf-8")
    print(table(where, found))


def main() -> None:
    """Runs both studies and times their parts."""
    found, cores = {}, len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        for study in STUDIES:
            start = time.perf_counter()
            result = sweep.run(study, Options(source="mnist", seeds=SEEDS, out=folder))
            middle = time.perf_counter()
            write_report(result.folder)
            found[study] = shares(result.folder, middle - start, time.perf_counter() - middle, cores)
    write(hardware("cpu"), found)


if __name__ == "__main__":
    main()
