"""Trying: each mutant in a process of its own, made of one that has loaded the libraries already; no file is written."""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

import pytest
from areas import AREAS, ROOT
from drawing import Mutant
from watching import Calls, Chosen, Known, callers

LIBRARIES = (
    "torch torchvision numpy pandas scipy.stats scipy.optimize sklearn.linear_model sklearn.metrics sklearn.preprocessing "
    "sklearn.datasets matplotlib.pyplot seaborn numba hypothesis.extra.numpy PIL.Image safetensors.torch jinja2 torch._dynamo"
).split()
PYTEST = ("-x", "-q", "-n", "0", "--jaxtyping-packages=", "-p", "no:cacheprovider", "-m", "not slow and not browser")
LOADED = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"  # that the libraries are there already is meant
PATIENCE = 4.0  # times as long as the tests of the area take; more is a mutant that hangs
LEAST = 30.0  # seconds of patience
MOST = 900.0  # seconds that the tests of an area may take
UNKNOWN = 100.0  # seconds that tests are taken to need where nobody has looked


@dataclass(frozen=True)
class Found:
    """What became of one mutant."""

    outcome: str  # killed, survived or timeout
    by: str  # the test that noticed
    seconds: float
    known: Known = field(default_factory=dict)  # what calls what, where that was watched


class Changed(importlib.abc.MetaPathFinder):
    """Gives one module the source of a mutant; where it lies, and what its file says, stay as they are."""

    def __init__(self, path: Path, source: str) -> None:
        parts = path.relative_to(ROOT).with_suffix("").parts
        self.name, self._path, self._source = ".".join(parts).removesuffix(".__init__"), path, source

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Answers for the one module alone."""
        if name != self.name:
            return None
        loader = _Loader(name, str(self._path))
        loader.source = self._source
        return importlib.util.spec_from_file_location(name, self._path, loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    source = ""

    def get_code(self, _fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _First:
    """Remembers the first test that failed."""

    def __init__(self) -> None:
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes each report."""
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Takes each file of tests that cannot be read."""
        if report.failed and not self.failed:
            self.failed = f"{report.nodeid} (cannot be imported)"


def load_libraries() -> None:
    """Loads once what all tests need and no mutant is of; a library that is missing here is one that tests do without."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    import hypothesis
    import torch

    torch.set_num_threads(1)
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # a failure need not be made small
    hypothesis.settings.register_profile("mutants", database=None, derandomize=True, phases=phases)
    from mixmnist.nets import _loops  # noqa: F401 -- compiled, and never a mutant


@dataclass(frozen=True)
class Trial:
    """One run of an area's tests."""

    area: str
    mutant: Mutant | None = None  # None: the sources as they are, and what calls what is watched
    chosen: Known | None = None  # only these tests; None: all of the area


def baselines(areas: Sequence[str], at_a_time: int) -> dict[str, tuple[float, Known]]:
    """Runs the tests of areas on the sources as they are.

    Returns:
        Seconds of each area, and which of its tests calls what.

    Raises:
        RuntimeError: If they fail.
    """
    found = {}
    for trial, seen in _run_all([Trial(area) for area in areas], at_a_time, lambda _: MOST):
        if seen.outcome != "survived":
            raise RuntimeError(f"the tests of {trial.area} must pass before its sources are changed, got {seen.by}.")
        found[trial.area] = seen.seconds, seen.known
    return found


def try_all(
    mutants: Sequence[Mutant], at_a_time: int, known: Mapping[str, tuple[float, Known]]
) -> Iterator[tuple[Mutant, Found]]:
    """Tries mutants, several at a time; gives each when it is done.

    The tests that call the changed function come first, and if they notice nothing, all of the area.

    Args:
        mutants: What to try.
        at_a_time: Processes side by side.
        known: Seconds of each area's tests, and what they call; nothing where nobody has looked.
    """

    def first(mutant: Mutant) -> Trial:
        chosen = callers(known[mutant.area][1], mutant.function)
        return Trial(mutant.area, mutant, chosen or None)

    waiting = [first(mutant) for mutant in mutants]
    for trial, seen in _run_all(waiting, at_a_time, lambda trial: max(LEAST, PATIENCE * known[trial.area][0])):
        assert trial.mutant is not None
        if seen.outcome == "survived" and trial.chosen is not None:
            waiting.append(Trial(trial.area, trial.mutant))  # taken up by the loop below
        else:
            yield trial.mutant, seen


def _run_all(waiting: list[Trial], at_a_time: int, patience: Callable[[Trial], float]) -> Iterator[tuple[Trial, Found]]:
    """Runs what waits, which may grow meanwhile, several at a time."""
    running: dict[int, tuple[Trial, float, Path]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_a_time:
                trial, said = waiting.pop(0), Path(tempfile.mkdtemp(prefix="mutant-"))
                pid = os.fork()
                if not pid:
                    _child(trial, said)
                running[pid] = trial, time.monotonic(), said
            for pid, (trial, since, said) in list(running.items()):
                ended, status = os.waitpid(pid, os.WNOHANG)
                seconds = time.monotonic() - since
                if not ended and seconds < patience(trial):
                    continue
                _end(pid, reap=not ended)
                del running[pid]
                found = _found(status if ended else None, said, seconds)
                shutil.rmtree(said, ignore_errors=True)
                yield trial, found
            time.sleep(0.02)
    finally:
        for pid in running:
            _end(pid, reap=True)


def _end(pid: int, reap: bool) -> None:
    """Ends a child with all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if reap:
        os.waitpid(pid, 0)


def _found(status: int | None, said: Path, seconds: float) -> Found:
    if status is None:
        return Found("timeout", "", round(seconds, 1))
    told = said / "told.json"
    known = json.loads(told.read_text()) if told.is_file() else {"code": -1, "by": "the process died"}
    if known["code"] == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise RuntimeError(f"an area must have tests, got none: {known}")
    outcome = "survived" if known["code"] == 0 else "killed"
    return Found(outcome, known["by"], round(seconds, 1), known.get("known", {}))


def _child(trial: Trial, said: Path) -> None:
    """Runs the tests of an area, with the change in place if there is one, and ends the process."""
    code, first, calls, area = -1, _First(), None, AREAS[trial.area]
    try:
        os.setsid()
        os.chdir(ROOT)
        sys.path[:] = [str(ROOT), *(p for p in sys.path if Path(p or ".").resolve() != Path(__file__).parent)]
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
        sys.dont_write_bytecode = True
        plugins: list[object] = [first]
        if trial.mutant is None:
            calls = Calls(area.files())
            plugins.append(calls)
        else:
            _put_in_place(trial.mutant, said)
        asked = area.asked()
        if trial.chosen is not None:
            chosen = Chosen(trial.chosen)
            plugins, asked = [first, chosen], chosen.files()
        ours = ("-W", LOADED, f"--basetemp={said / 'tmp'}", "--hypothesis-profile=mutants")
        code = int(pytest.main([*PYTEST, *ours, *asked], plugins=plugins))
    except BaseException as error:  # whatever a mutant does, it is noticed
        first.failed = first.failed or repr(error)
    finally:
        told = {"code": code, "by": first.failed, "known": {} if calls is None else calls.known}
        (said / "told.json").write_text(json.dumps(told))
        os._exit(0)


def _put_in_place(mutant: Mutant, scratch: Path) -> None:
    source = mutant.source()
    assert source is not None
    if "numba" in source:  # a compiled loop that is kept does not notice that a number of its module is another
        import numba

        numba.config.CACHE_DIR = str(scratch)
    if mutant.path.suffix == ".py":
        finder = Changed(mutant.path, source)
        sys.meta_path.insert(0, finder)
        importlib.import_module(finder.name)  # before pytest, which rewrites what belongs to a plugin and would read the file
        return
    real = Path.read_text

    def read(path: Path, encoding: str | None = None, errors: str | None = None) -> str:
        return source if path.name == mutant.path.name else real(path, encoding, errors)

    Path.read_text = read  # type: ignore[method-assign]
