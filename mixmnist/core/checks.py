"""Checks at the door: names that become paths, types of fields, memory and places to write, before anything is done."""

import contextlib
import math
import os
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.+=-]*[A-Za-z0-9_+=-])?")
LONGEST = 100  # characters of a name: a file's may have 255 bytes, and endings come behind it
PLAIN = {int: "a whole number", float: "a finite number", str: "text", bool: "True or False"}
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # where a container's memory is told


def check_name(kind: str, name: object) -> None:
    """Makes sure that a name can stand in a path: of one folder, on every system.

    Args:
        kind: What has the name, with its article, for the message.
        name: Letters, digits and . _ - + =, the first no sign but _, the last no dot; at most 100.

    Raises:
        ValueError: If it cannot.
    """
    if not isinstance(name, str) or NAME.fullmatch(name) is None or len(name) > LONGEST:
        rule = (
            f"be of letters, digits and . _ - + =, begin with a letter or digit, end in no dot, and have at most {LONGEST} signs"
        )
        raise ValueError(f"the name of {kind} must {rule}, got {_short(name)}. It names files: choose another.")


def check_names(kind: str, names: Iterable[object]) -> None:
    """Makes sure that names can stand in paths, side by side: also where a file system takes A for a.

    Raises:
        ValueError: If they cannot.
    """
    seen: dict[str, tuple[int, object]] = {}
    for number, name in enumerate(names):
        check_name(kind, name)
        first, alike = seen.setdefault(str(name).lower(), (number, name))
        if first != number:
            said = f"the name of {kind} must differ from others in more than capitals, got {alike} and {name}"
            raise ValueError(f"{said}. Some file systems take them for one: rename one.")


def check_fields(thing: Any) -> None:  # noqa: ANN401 -- a dataclass of any kind
    """Makes sure that every field of a dataclass is of its declared type.

    Raises:
        ValueError: If one is not; the message names it.
    """
    plain: Any = type(thing)
    for name, (wanted, words) in _wanted(plain).items():
        value = getattr(thing, name)
        if not _is(value, wanted):
            raise ValueError(f"{name} must be {words}, got {name}={_short(value)}. Mend it in {plain.__name__}(...).")


def check_settings(kind: str, given: Mapping[str, Any], usual: Mapping[str, Any]) -> None:
    """Makes sure that settings are of the same type as the usual ones; unknown names are another's business.

    Raises:
        ValueError: If one is not; the message names it.
    """
    for name, value in given.items():
        wanted = type(usual.get(name, value))
        if wanted in PLAIN and not _is(value, wanted) and not (wanted is int and isinstance(value, float)):
            raise ValueError(f"the {kind} setting {name} must be {PLAIN[wanted]}, got {name}={_short(value)}. Mend it.")


def counted(kind: str, given: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """Gives settings as numbers of the usual one's type: whole numbers of 1 or more, or others of 0 or more; text as it is.

    Raises:
        ValueError: If one is not; the message names it.
    """
    found = dict(given)
    for name, value in given.items():
        wanted = type(usual[name])
        if wanted not in (int, float):
            continue
        least, words = (1, "a whole number, 1 or more") if wanted is int else (0, "0 or more")
        if value < least or wanted(value) != value:
            raise ValueError(f"the {kind} setting {name} must be {words}, got {name}={_short(value)}. Mend it.")
        found[name] = wanted(value)
    return found


@cache
def _wanted(plain: Any) -> dict[str, tuple[Any, str]]:  # noqa: ANN401 -- a class
    """Gives the type of each field of a dataclass, and what it is called."""
    hints = get_type_hints(plain)
    return {field.name: (hints[field.name], _words(hints[field.name])) for field in fields(plain)}


def _is(value: object, wanted: Any) -> bool:  # noqa: ANN401 -- a type
    """Says whether a value is of a type, as deep as fields are declared."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if wanted is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_is(value, each) for each in inner)
    if origin is tuple:
        return isinstance(value, tuple | list) and all(_is(each, inner[0]) for each in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(_is(k, inner[0]) and _is(v, inner[1]) for k, v in value.items())
    if origin is Callable or origin is type(Callable) or str(wanted).startswith("collections.abc.Callable"):
        return callable(value)
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, wanted) if isinstance(wanted, type) else True


def _words(wanted: Any) -> str:  # noqa: ANN401 -- a type
    """Calls a type by what it means to a reader."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(each) for each in inner))
    if origin is tuple:
        return f"a tuple, each of it {_words(inner[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a dictionary from {_words(inner[0])} to {_words(inner[1])}"
    if wanted is types.NoneType:
        return "None"
    if wanted in PLAIN:
        return PLAIN[wanted]
    if is_dataclass(wanted) and isinstance(wanted, type):
        return f"a {wanted.__name__}(...)"
    return "a function" if "Callable" in str(wanted) else f"of type {getattr(wanted, '__name__', wanted)}"


def memory() -> int:
    """Gives the bytes of memory that this process may have at most: the machine's, or a container's."""
    found = []
    for path in LIMITS:
        try:
            found.append(int(Path(path).read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue  # no such limit
    with contextlib.suppress(AttributeError, OSError, ValueError):  # a system that does not say
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found) if found else 2**62


def check_memory(what: str, size: int | float, way_out: str) -> None:
    """Refuses what this machine's memory cannot hold, before any of it is asked for.

    Args:
        what: It, with the numbers that make it large, for the message.
        size: About its bytes.
        way_out: How to ask for less.

    Raises:
        ValueError: If it does not fit.
    """
    there = memory()
    if size > there:
        raise ValueError(f"memory must hold {what}, got about {_bytes(size)} where there are {_bytes(there)}. {way_out}")


def check_writable(path: str | Path, option: str = "out") -> None:
    """Makes sure that a folder can be made, or written to, without making it.

    Raises:
        ValueError: If something of the path is a file, or may not be written to.
    """
    folder, way_out = Path(path), f"Name another with --{option}."
    try:
        there = next(p for p in (folder, *folder.parents) if p.exists() or p.is_symlink())
    except OSError as error:
        raise ValueError(f"{option} must be a folder, got {_short(str(path))}: {error.strerror}. {way_out}") from error
    if not there.is_dir():
        raise ValueError(f"{option} must be a folder, got the file {there}. {way_out}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"{option} must be writable, got {there} without permission. {way_out}")


def _bytes(size: int | float) -> str:
    """Writes a number of bytes."""
    if size < 1e6:
        return f"{size:,.0f} bytes"
    return f"{size / 1e9:,.1f} GB" if size < 1e16 else "more than any machine has"


def _short(value: object, most: int = 60) -> str:
    """Writes a value in one line that is not too long."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."


def check_distinct(what: str, names: Sequence[str]) -> None:
    """Makes sure that no name comes twice.

    Raises:
        ValueError: If one does.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} must differ, got {', '.join(map(_short, twice[:3]))} more than once. Rename one.")
