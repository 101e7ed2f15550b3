"""Storage: fingerprints of what a run depends on, and folders that appear whole or not at all."""

import contextlib
import hashlib
import json
import math
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

SAME = "same.json"  # in place of records: where another study has them
PACKAGE = Path(__file__).resolve().parents[1]
COSTS = PACKAGE / "metrics" / "costs.json"  # of the scores, in milliseconds; measured by benchmarks/speed/metrics.py


def fingerprint(content: Any) -> str:  # noqa: ANN401 -- anything that JSON can hold
    """Gives the SHA-256 of names and numbers, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def write_json(path: Path, content: Any) -> None:  # noqa: ANN401 -- as above
    """Writes JSON that any reader takes, whole or not at all. A file that says so already is left alone.

    Raises:
        ValueError: If a folder lies where the file goes.
    """
    if path.is_dir():
        raise ValueError(f"{path.name} must be a file, got the folder {path}. Move it away and type the same command again.")
    text = (as_json(content) + "\n").encode()
    if path.is_file() and path.read_bytes() == text:
        return
    partial = path.with_name(f".{path.name}.partial-{_process()}-{time.monotonic_ns()}")
    try:
        partial.write_bytes(text)
        _sync(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def as_json(content: Any) -> str:  # noqa: ANN401 -- as above
    """Gives JSON that any reader takes: numbers that are none become null, those of numpy plain ones."""
    return json.dumps(without_nan(content), indent=1, allow_nan=False)


def without_nan(content: Any) -> Any:  # noqa: ANN401 -- as above
    """Puts None in place of numbers that are none, at any depth, and plain numbers in place of numpy's."""
    if isinstance(content, np.generic):
        return without_nan(content.item())
    if isinstance(content, dict):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def publish(folder: Path, fill: Callable[[Path], None], replaced: Path | None = None) -> None:
    """Writes a folder under a temporary name and renames it, so that it is there whole or not at all.

    Its files are on the disk before it is renamed: neither a full disk nor a loss of power leaves a half one under its name.

    Args:
        folder: Where it shall appear.
        fill: Writes its content into an empty folder.
        replaced: Where a folder that is already there is moved, so that nothing recorded is lost; None for folders that can be
            made again, whose old content is dropped.
    """
    partial = folder.with_name(f".{folder.name}.partial-{_process()}-{time.monotonic_ns()}")
    partial.mkdir(parents=True)
    try:
        fill(partial)
        _sync_all(partial)
        old = set_aside(folder, replaced) if folder.exists() else None
        try:
            partial.rename(folder)
        except BaseException:
            if old is not None:
                old.rename(folder)
            raise
        _sync(folder.parent)
        if old is not None and replaced is None:
            _remove(old)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def set_aside(folder: Path, replaced: Path | None) -> Path:
    """Moves a folder away, into `replaced` under its parent's and its own name, or beside itself where it is to be dropped."""
    home = replaced or folder.parent
    home.mkdir(parents=True, exist_ok=True)
    old = home / f".{folder.name}.old.partial-{_process()}-{time.monotonic_ns()}"
    if replaced is not None:
        old = home / f"{folder.parent.name}-{folder.name}-{time.time_ns()}"
    folder.rename(old)
    return old


def _sync_all(folder: Path) -> None:
    """Waits until a folder with all that is in it is on the disk."""
    for path in (*folder.rglob("*"), folder):
        _sync(path)


def _sync(path: Path) -> None:
    """Waits until a file, or the list of a folder's files, is on the disk."""
    if path.is_dir() and os.name != "posix":
        return  # a folder cannot be opened there
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    """Removes a folder, or what lies in the place of one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def writable_folder(path: str | Path) -> Path:
    """Makes a folder and makes sure that it can be written to.

    Raises:
        ValueError: If the path is a file or cannot be written to.
    """
    folder = Path(path)
    way_out = "Name another folder with --out."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except (FileExistsError, NotADirectoryError) as error:
        file = next((p for p in (folder, *folder.parents) if p.exists() and not p.is_dir()), folder)
        raise ValueError(f"out must be a folder, got the file {file}. {way_out}") from error
    except PermissionError as error:
        raise ValueError(f"out must be writable, got {folder} without permission. {way_out}") from error
    except OSError as error:
        raise ValueError(f"out must be writable, got {folder} with {error.strerror}. {way_out}") from error
    return folder


def clear_partials(folder: Path) -> None:
    """Removes what processes of this machine that are no longer alive left half-written below a folder."""
    for partial in folder.glob("**/.*.partial-*"):
        named = re.fullmatch(r"\..*\.partial-(\w+)-(\d+)-\d+", partial.name)
        if named is None or named[1] != _machine():
            continue  # not ours, or of a machine whose processes cannot be asked for
        try:
            os.kill(int(named[2]), 0)
        except ProcessLookupError:
            with contextlib.suppress(OSError):
                _remove(partial)
        except PermissionError:
            continue  # alive, of another user


def _process() -> str:
    """Names this process among those of all machines that may share a folder."""
    return f"{_machine()}-{os.getpid()}"


def _machine() -> str:
    return re.sub(r"\W", "_", platform.node())


@contextlib.contextmanager
def sole_right(path: Path, patience: float) -> Iterator[bool]:
    """Holds a lock that the system gives back when its holder dies; says whether it was got within `patience` seconds.

    Args:
        path: The lock's file. It is empty and stays when the lock is given back.
        patience: Seconds to wait for another process that holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def refer(home: Path, other: Path, replaced: Path) -> None:
    """Records that what belongs into a folder lies in another, wherever both are moved together."""
    link = {"as": Path(os.path.relpath(other, home)).as_posix()}
    publish(home, lambda folder: write_json(folder / SAME, link), replaced)


def is_link(home: Path) -> bool:
    """Says whether a folder refers to another one."""
    return (home / SAME).is_file()


def follow(home: Path) -> Path:
    """Gives the folder that holds what belongs into this one: mostly itself.

    Raises:
        ValueError: If it refers to another one in a way that leads nowhere.
    """
    link = home / SAME
    if not link.is_file():
        return home
    try:
        other = Path(os.path.normpath(home / json.loads(link.read_bytes().decode("utf-8"))["as"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f'{link} must say where the runs are, as {{"as": "../.."}}, and cannot be read') from error
    if not other.is_dir() or is_link(other):
        raise ValueError(f"{link} leads to {other}, where there are no runs")
    return other
