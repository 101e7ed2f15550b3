"""Shelves: a folder in which each file ends in one constant, and the file's name is the entry's name.

Names are read from the file names, so listing a shelf imports nothing. Files that begin with an underscore are helpers, and so
are those that set no such constant.
"""

import difflib
import importlib
import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SHELVES = {
    "tasks": ("mixmnist.data.tasks", "TASK"),
    "sources": ("mixmnist.data.sources", "SOURCE"),
    "nets": ("mixmnist.nets", "NET"),
    "metrics": ("mixmnist.metrics", "METRIC"),
    "plants": ("mixmnist.plants", "PLANT"),
    "analyses": ("mixmnist.trust", "ANALYSIS"),
}


def names(shelf: str) -> tuple[str, ...]:
    """Lists the entries of a shelf in alphabetical order, without importing them."""
    package, constant = SHELVES[shelf]
    spec = importlib.util.find_spec(package)
    assert spec is not None
    ends = re.compile(rf"^{constant}\b", re.MULTILINE)
    files = (path for folder in spec.submodule_search_locations or () for path in Path(folder).glob("[!_]*.py"))
    return tuple(sorted(path.stem for path in files if ends.search(path.read_text(encoding="utf-8"))))


def nearest(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """Makes the error for an unknown name; the message lists the nearest known names first."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return ValueError(f"{kind} must be a known name, got {kind}={name!r}. {hint}Known: {', '.join(known) or 'none'}.")


def choose(shelf: str, name: str) -> Any:  # noqa: ANN401 -- each shelf has its own type; the callers name it
    """Loads one entry of a shelf.

    Raises:
        ValueError: If the shelf has no such entry; the message names the nearest ones.
    """
    if name not in names(shelf):
        raise nearest(SHELVES[shelf][1].lower(), name, names(shelf))
    return _load(shelf, name)


def explain(shelf: str, name: str) -> str:
    """Gives what the file of an entry says of it."""
    return importlib.import_module(f"{SHELVES[shelf][0]}.{name}").__doc__ or ""


def collect(shelf: str) -> dict[str, Any]:
    """Loads every entry of a shelf, in alphabetical order."""
    return {name: _load(shelf, name) for name in names(shelf)}


def _load(shelf: str, name: str) -> Any:  # noqa: ANN401 -- as above
    package, constant = SHELVES[shelf]
    return getattr(importlib.import_module(f"{package}.{name}"), constant)
