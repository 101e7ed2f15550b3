"""Watching: which tests call which functions, seen while the tests of an area run on the sources as they are."""

import sys
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

Function = tuple[str, int]  # file, and the line at which it begins
Known = dict[str, dict[str, Any]]  # test -> its seconds, and the functions that it calls


class Calls:
    """Sees every call of a function of some files; what a fixture calls counts for every test that uses it."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = {str(path) for path in files}
        self._seen: list[set[Function]] = [set()]  # the test's, and those of the fixtures that are being made
        self._fixtures: dict[tuple[str, str], set[Function]] = {}
        self.known: Known = {}

    def _see(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename in self._files:
            self._seen[-1].add((code.co_filename, code.co_firstlineno))

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, object, object]:  # noqa: ANN401 -- pytest keeps its type
        """Remembers what making a fixture calls."""
        self._seen.append(set())
        try:
            return (yield)
        finally:
            self._fixtures.setdefault((fixturedef.argname, fixturedef.baseid), set()).update(self._seen.pop())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Remembers what a test calls."""
        self._seen, began = [set()], time.monotonic()
        sys.setprofile(self._see)
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            found = set(self._seen[0])
            for definitions in getattr(item, "_fixtureinfo").name2fixturedefs.values():  # noqa: B009 -- it has no public name
                for one in definitions:
                    found |= self._fixtures.get((one.argname, one.baseid), set())
            self.known[item.nodeid] = {"seconds": time.monotonic() - began, "calls": sorted(found)}


class Chosen:
    """Keeps some tests of those that were collected, the quick ones first as far as a file's tests stay together."""

    def __init__(self, known: Known) -> None:
        self._seconds = {test: said["seconds"] for test, said in known.items()}

    def files(self) -> list[str]:
        """Gives the files of the tests, the one that takes least first."""
        totals: dict[str, float] = {}
        for test, seconds in self._seconds.items():
            file = test.partition("::")[0]
            totals[file] = totals.get(file, 0) + seconds
        return sorted(totals, key=lambda file: totals[file])

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leaves out what was not chosen."""
        items[:] = [item for item in items if item.nodeid in self._seconds]


def callers(known: Known, function: Function | None) -> Known:
    """Gives the tests that call a function; none where it is no function's."""
    return {test: said for test, said in known.items() if function is not None and list(function) in said["calls"]}
