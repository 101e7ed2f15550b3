"""Where the time of `make benchmark` goes, and what people wait for: with five seeds on MNIST, from glyphs to figures and pages.

Writes results/speed/end-to-end-<hardware>.json and .md. Cost: as `make benchmark`, about 25 minutes of two cores.
With the word `waits` it times what people wait for instead, medians of five rounds where a round is short, and writes
results/speed/waits-<hardware>.json and .md; about five minutes of two cores.
"""

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from _timing import ROUNDS, timed

from mixmnist import Options
from mixmnist.grid import sweep
from mixmnist.grid.machine import hardware
from mixmnist.page.making import make_page
from mixmnist.report import write_report
from mixmnist.report.drawing import FORMATS, Look

OUT = Path("results/speed")
STUDIES = ("demo", "sanity", "usefulness")  # as `make benchmark` has them
SEEDS = 5
RECORDS = Path("results/reference/sanity/mnist")  # for the report and the page that are timed
COMMAND = [sys.executable, "-m", "mixmnist.cli"]
TEST = """
import torch
from mixmnist import Setting
from torch import nn

def test_units(mixmnist_regression):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 7, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 45)).eval()
    mixmnist_regression.check(net, layer="1", setting=Setting(n=701, few=50))
"""


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


@dataclass(frozen=True)
class Wait:
    """Something that people wait for: its seconds in each round."""

    what: str
    seconds: tuple[float, ...]


def waits() -> Iterator[Wait]:
    """Times what people wait for, one thing after the other."""
    with tempfile.TemporaryDirectory() as place:
        yield from _report_waits(Path(place) / "sanity" / "mnist")
        yield from _plugin_waits(Path(place) / "tests")
        demo = [timed(lambda n=n: _call("demo", "--out", f"{place}/demo-{n}")) for n in range(3)]
        yield Wait("`mixmnist demo`, from the command to the page", tuple(demo))
        yield Wait("first finished number of `make benchmark`, into a log", (_first_number(f"{place}/out"),))


def _report_waits(folder: Path) -> Iterator[Wait]:
    """Times tables, figures and page of a study of four variants and five seeds, after a round that loads things."""
    for home in RECORDS.glob(f"runs/*/s0-{SEEDS - 1}"):
        shutil.copytree(home, folder / home.relative_to(RECORDS))
    shutil.copy(RECORDS / "study.json", folder)
    tables, figures, pages = [], [], []
    for _ in range(ROUNDS + 1):
        begun, written = time.perf_counter(), []
        write_report(folder, Look(FORMATS), written=lambda _records, then=written: then.append(time.perf_counter()))
        tables.append(written[0] - begun)
        figures.append(time.perf_counter() - written[0])
        shutil.rmtree(folder / "exhibits", ignore_errors=True)
        pages.append(timed(lambda: make_page([folder], folder / "report", None, lambda _line: None)))
    yield Wait("tables and verdicts of a study of 4 variants and 5 seeds", tuple(tables[1:]))
    yield Wait("its figures, in pdf, svg and png", tuple(figures[1:]))
    yield Wait("its page, with exhibits", tuple(pages[1:]))


def _plugin_waits(folder: Path) -> Iterator[Wait]:
    """Times pytest with a test that needs nothing of mixmnist, and with one that holds a small network against its record."""
    folder.mkdir()
    for name, content in (("test_nothing.py", "def test_nothing(): pass\n"), ("test_units.py", TEST)):
        (folder / name).write_text(content, encoding="utf-8")

    def pytest(name: str, *more: str) -> Callable[[], None]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name, *more]
        return lambda: _run(command, folder)

    pytest("test_units.py", "--mixmnist-update")()
    yield Wait("pytest where the plugin is not used", tuple(timed(pytest("test_nothing.py")) for _ in range(ROUNDS)))
    yield Wait("pytest with one network against its record", tuple(timed(pytest("test_units.py")) for _ in range(ROUNDS)))


def _call(*words: str) -> None:
    _run([*COMMAND, *words], Path.cwd())


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _first_number(out: str) -> float:
    """Gives the seconds until a block's scores are told, and ends the rest."""
    command = [*COMMAND, "run", *STUDIES, "--source", "mnist", "--seeds", str(SEEDS), "--device", "cpu", "--out", out]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "unique concepts" in line)
        seconds = time.perf_counter() - begun
        process.terminate()
        with contextlib.suppress(BrokenPipeError):
            process.stdout.read()
    return seconds


def write_waits(where: str) -> None:
    """Times what people wait for, prints each row as it comes, and writes all of them."""
    lines = [
        f"{where}; medians, with the least and the most.",
        "",
        "| what people wait for | seconds | rounds |",
        "|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    rows = []
    for wait in waits():
        rows.append({"what": wait.what, "seconds": wait.seconds})
        spread = f" [{min(wait.seconds):.1f}, {max(wait.seconds):.1f}]" if len(wait.seconds) > 1 else ""
        lines.append(f"| {wait.what} | {statistics.median(wait.seconds):.1f}{spread} | {len(wait.seconds)} |")
        print(lines[-1], flush=True)
    _keep("waits", where, {"hardware": where, "torch": torch.__version__, "rows": rows}, lines)


def _keep(kind: str, where: str, content: dict[str, object], lines: list[str]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    name = f"{kind}-" + re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (OUT / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write(where: str, found: dict[str, float]) -> None:
    """Writes the result."""
    total = sum(found.values())
    lines = [
        f"{where}; MNIST, {SEEDS} seeds, a first look and both studies: {total / 60:.1f} minutes.",
        "",
        "| part | seconds | share |",
        "|---|---|---|",
    ]
    lines += [f"| {part} | {seconds:.0f} | {seconds / total:.1%} |" for part, seconds in found.items()]
    content = {"hardware": where, "torch": torch.__version__, "seeds": SEEDS, "seconds": found, "total": total}
    _keep("end-to-end", where, content, lines)
    print("\n".join(lines))


def main() -> None:
    """Runs the studies and times their parts; or, given the seconds that a run took and its folders, tells its parts."""
    if sys.argv[1:] == ["waits"]:
        write_waits(hardware("cpu"))
        return
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
