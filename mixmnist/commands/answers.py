"""What every command has in common: it says things to people, gives an answer to scripts, and complains elsewhere."""

import argparse
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixmnist.core import checks
from mixmnist.core.records import require

Say = Callable[[str], None]
SILENCE = 5.0  # seconds after which a step says what it does, on a terminal and off it


@dataclass(frozen=True)
class Answer:
    """What a command found. Data are names, numbers, lists and dictionaries: whatever --json can print."""

    data: object
    code: int = 0  # the exit code: 1 where some runs failed or some checks did


def complain(line: str) -> None:
    """Prints a line about something that went wrong, on the channel for it."""
    print(f"mixmnist: {line}", file=sys.stderr, flush=True)  # noqa: T201 -- a command speaks


@contextlib.contextmanager
def at_work(what: str, say: Say) -> Iterator[None]:
    """Says what a step does, in a line, if it takes more than five seconds."""
    timer = threading.Timer(SILENCE, say, [f"{what} ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def find_source(args: argparse.Namespace, say: Say) -> tuple[str, str | None]:
    """Gives the source that the options ask for, and the folder of its files; they are fetched if they are not there.

    Raises:
        ValueError: If there is no such source.
        FileNotFoundError: If its files are neither on disk nor to be fetched.
    """
    from mixmnist.data.sources import resolve_source

    with at_work(f"Looking for the glyphs of {args.source}; they are fetched if they are not on this machine", say):
        found = resolve_source(args.source, args.data_root)
    warn_of_digits(args.source, found[0])
    return found


def warn_of_digits(asked: str, source: str) -> None:
    """Says that `auto` found no MNIST."""
    if asked == "auto" and source == "digits":
        complain("WARNING: MNIST is neither on disk nor to be fetched; going on with scikit-learn's 8x8 digits.")


def read_numbers(settings: Sequence[str]) -> dict[str, float]:
    """Reads settings that are written name=number."""
    found = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise ValueError(f"set must be written name=number, got {setting!r}. For example --set q=.5.") from None
    return found


def new_file(name: str, endings: tuple[str, ...]) -> Path:
    """Gives the path of a file that is to be written, without making anything.

    Raises:
        ValueError: If it has another ending, is a folder, or may not be written.
    """
    path = Path(name)
    require(path.suffix in endings, f"out must end in {' or '.join(endings)}, got {name!r}. Rename it.")
    require(not path.is_dir(), f"out must be a file, got the folder {name!r}. Add a file name.")
    checks.check_writable(path.parent)
    return path
