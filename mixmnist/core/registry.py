"""Shelves: a folder in which each file ends in one constant, and the file's name is the entry's name.

Names are read from the file names, so listing a shelf imports nothing. Files that begin with an underscore are helpers, and so
are those that set no such constant. A file of one's own, anywhere, that ends in the constant is named by its path.
"""

import dataclasses
import difflib
import importlib
import importlib.util
import re
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mixmnist.core.glimpse import docstring, glimpse

SHELVES = {
    "tasks": ("mixmnist.data.tasks", "TASK"),
    "sources": ("mixmnist.data.sources", "SOURCE"),
    "nets": ("mixmnist.nets", "NET"),
    "objectives": ("mixmnist.objectives", "OBJECTIVE"),
    "kinds": ("mixmnist.kinds", "KIND"),
    "metrics": ("mixmnist.metrics", "METRIC"),
    "plants": ("mixmnist.plants", "PLANT"),
    "analyses": ("mixmnist.trust", "ANALYSIS"),
    "dictionaries": ("mixmnist.features.dictionaries", "DICTIONARY"),
    "scores": ("mixmnist.features.scores", "SCORE"),
    "ways": ("mixmnist.visualize.ways", "WAY"),
    "labellers": ("mixmnist.labellers", "LABELLER"),
    "generators": ("mixmnist.dissect.generators", "GENERATOR"),
    "planted": ("mixmnist.dissect.planted", "GENERATOR"),
    "rankings": ("mixmnist.dissect.rankings", "RANKING"),
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
    """Loads one entry of a shelf, or the entry that a file ends in.

    Args:
        shelf: A key of `SHELVES`.
        name: The entry's name, or the path of a Python file.

    Raises:
        ValueError: If the shelf has no such entry, and the message names the nearest ones; or if the file ends in none.
        FileNotFoundError: If there is no such file.
    """
    if name.endswith(".py"):
        return _from_file(shelf, Path(name))
    if name not in names(shelf):
        raise nearest(SHELVES[shelf][1].lower(), name, names(shelf))
    return _load(shelf, name)


def _from_file(shelf: str, path: Path) -> Any:  # noqa: ANN401 -- as above
    constant = SHELVES[shelf][1]
    kind = constant.lower()
    if not path.is_file():
        raise FileNotFoundError(
            f"the file of a {kind} must exist, got {path}. Give its path, or a name of `mixmnist list {shelf}`."
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a stranger's file may raise
        raise ValueError(f"{path} must be a file that Python can run, got {raised(error, path)}. Mend it.") from error
    entry = getattr(module, constant, None)
    if type(entry).__name__ != constant.title():
        got = "none" if entry is None else type(entry).__name__
        raise ValueError(
            f"{path} must end in {constant} = {constant.title()}(...), got {got}. See `mixmnist list {shelf} --long`."
        )
    return entry


def raised(error: BaseException, path: Path) -> str:
    """Says in a line what a stranger's file raised, and at which of its lines."""
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).resolve() == path.resolve()
    ]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    said = (error.msg if isinstance(error, SyntaxError) else str(error)).strip().splitlines()
    kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
    what = _no_such_field(said[0] if said else "") or f"{kind}{said[0] if said else 'no word'}".removesuffix(".")
    return f"{what} ({path}{'' if line is None else f', line {line}'})"


def _no_such_field(said: str) -> str | None:
    """Says which fields there are, where Python says that a record has none of a name; else nothing."""
    match = re.fullmatch(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'.*", said)
    record = getattr(importlib.import_module("mixmnist.core.records"), match[1], None) if match else None
    if match is None or not dataclasses.is_dataclass(record):
        return None
    known = [field.name for field in dataclasses.fields(record)]
    close = difflib.get_close_matches(match[2], known, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return f"{match[1]} has no field {match[2]!r}{hint} Its fields: {', '.join(known)}"


def check_settings(shelf: str, name: str, settings: Iterable[str]) -> None:
    """Refuses names of settings that an entry does not have.

    Raises:
        ValueError: If there is one; the message names those that it has.
    """
    own, who = choose(shelf, name).settings, f"the {SHELVES[shelf][1].lower()} {name}"
    for setting in settings:
        if setting not in own:
            raise ValueError(
                f"a setting of {who} must be one of {', '.join(own)}, got {setting!r}. Mend the name."
                if own
                else f"{who} has no settings, got {setting!r}. Leave it out."
            )


def explain(shelf: str, name: str) -> str:
    """Gives what the file of an entry says of it, without importing it."""
    return docstring(f"{SHELVES[shelf][0]}.{name}")


def glimpsed(shelf: str) -> dict[str, Any]:
    """Gives every entry of a shelf in alphabetical order, good for its words and not for use: its functions may be stand-ins.

    An entry whose file does not say what it is without its imports is loaded.
    """
    package, constant = SHELVES[shelf]
    found = {}
    for name in names(shelf):
        try:
            found[name] = glimpse(f"{package}.{name}", constant)
        except LookupError:
            found[name] = _load(shelf, name)
    return found


def collect(shelf: str) -> dict[str, Any]:
    """Loads every entry of a shelf, in alphabetical order."""
    return {name: _load(shelf, name) for name in names(shelf)}


def _load(shelf: str, name: str) -> Any:  # noqa: ANN401 -- as above
    package, constant = SHELVES[shelf]
    return getattr(importlib.import_module(f"{package}.{name}"), constant)
