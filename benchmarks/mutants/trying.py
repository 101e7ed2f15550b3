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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from areas import AREAS, ROOT
from drawing import Mutant

LIBRARIES = (
    "torch torchvision numpy pandas scipy.stats scipy.optimize sklearn.linear_model sklearn.metrics sklearn.preprocessing "
    "sklearn.datasets matplotlib.pyplot seaborn numba hypothesis.extra.numpy PIL.Image safetensors.torch jinja2 torch._dynamo"
).split()
PYTEST = ("-x", "-q", "-n", "0", "--jaxtyping-packages=", "-p", "no:cacheprovider", "-m", "not slow and not browser")
LOADED = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"  # that the libraries are there already is meant
PATIENCE = 4.0  # times as long as the tests of the area take; more is a mutant that hangs
LEAST = 30.0  # seconds of patience
UNKNOWN = 20.0  # seconds that tests are taken to need where nobody has looked


@dataclass(frozen=True)
class Found:
    """What became of one mutant."""

    outcome: str  # killed, survived or timeout
    by: str  # the test that noticed
    seconds: float


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


def baseline(area: str) -> float:
    """Runs the tests of an area on the sources as they are.

    Returns:
        Seconds.

    Raises:
        RuntimeError: If they fail.
    """
    (found,) = (found for _, found in try_all([area], 1, {area: 600.0}))
    if found.outcome != "survived":
        raise RuntimeError(f"the tests of {area} must pass before its sources are changed, got {found.by}.")
    return found.seconds


def try_all(mutants: Sequence[Mutant | str], at_a_time: int, takes: Mapping[str, float]) -> Iterator[tuple[Any, Found]]:
    """Tries mutants, several at a time; gives each when it is done.

    Args:
        mutants: What to try; the name of an area stands for its sources as they are.
        at_a_time: Processes side by side.
        takes: Seconds that the tests of each area take.
    """
    left, running = list(mutants), dict[int, tuple[Any, float, Path]]()
    try:
        while left or running:
            while left and len(running) < at_a_time:
                mutant, said = left.pop(0), Path(tempfile.mkdtemp(prefix="mutant-"))
                pid = os.fork()
                if not pid:
                    _child(mutant, said)
                running[pid] = mutant, time.monotonic(), said
            for pid, (mutant, since, said) in list(running.items()):
                ended, status = os.waitpid(pid, os.WNOHANG)
                seconds = time.monotonic() - since
                if not ended and seconds < max(LEAST, PATIENCE * takes[_area(mutant)]):
                    continue
                _end(pid, reap=not ended)
                yield mutant, _found(status if ended else None, said, seconds)
                shutil.rmtree(said, ignore_errors=True)
                del running[pid]
            time.sleep(0.02)
    finally:
        for pid in running:
            _end(pid, reap=True)


def _area(mutant: Mutant | str) -> str:
    return mutant if isinstance(mutant, str) else mutant.area


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
    return Found("survived" if known["code"] == 0 else "killed", known["by"], round(seconds, 1))


def _child(mutant: Mutant | str, said: Path) -> None:
    """Runs the tests of a mutant's area with the change in place, and ends the process."""
    code, first = -1, _First()
    try:
        os.setsid()
        os.chdir(ROOT)
        sys.path[:] = [str(ROOT), *(p for p in sys.path if Path(p or ".").resolve() != Path(__file__).parent)]
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
        sys.dont_write_bytecode = True
        if isinstance(mutant, Mutant):
            _put_in_place(mutant)
        ours = ("-W", LOADED, f"--basetemp={said / 'tmp'}", "--hypothesis-profile=mutants")
        code = int(pytest.main([*PYTEST, *ours, *AREAS[_area(mutant)].asked()], plugins=[first]))
    except BaseException as error:  # whatever a mutant does, it is noticed
        first.failed = first.failed or repr(error)
    finally:
        (said / "told.json").write_text(json.dumps({"code": code, "by": first.failed}))
        os._exit(0)


def _put_in_place(mutant: Mutant) -> None:
    source = mutant.source()
    assert source is not None
    if mutant.path.suffix == ".py":
        finder = Changed(mutant.path, source)
        sys.meta_path.insert(0, finder)
        importlib.import_module(finder.name)  # before pytest, which rewrites what belongs to a plugin and would read the file
        return
    real = Path.read_text

    def read(path: Path, encoding: str | None = None, errors: str | None = None) -> str:
        return source if path.name == mutant.path.name else real(path, encoding, errors)

    Path.read_text = read  # type: ignore[method-assign]
