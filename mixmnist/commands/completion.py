"""Completion: what a shell offers behind `mixmnist`, by argcomplete. Nothing here imports torch: a shell waits for it."""

import argparse
import csv
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from mixmnist.core import registry
from mixmnist.core.studies import load_study, study_files

SHELLS = ("bash", "zsh", "fish")
Offer = Callable[[str, argparse.Namespace], list[str]]


def script(shell: str) -> str:
    """Writes the lines that a shell must read once; it asks the command itself from then on."""
    from argcomplete.shell_integration import shellcode

    lines: str = shellcode(["mixmnist"], shell=shell)
    return lines


def offer(parser: argparse.ArgumentParser) -> None:
    """Answers a shell that asks for completions, and ends; does nothing where none asks."""
    if "_ARGCOMPLETE" in os.environ:
        from argcomplete import autocomplete

        autocomplete(parser)


def completed(action: argparse.Action, offered: Offer) -> None:
    """Has an argument offer something."""

    def completer(
        prefix: str, action: argparse.Action, parser: argparse.ArgumentParser, parsed_args: argparse.Namespace
    ) -> list[str]:
        return offered(prefix, parsed_args)

    vars(action)["completer"] = completer  # where argcomplete looks for it


def of(names: Iterable[str], files: str = "") -> Offer:
    """Offers names and, if an ending is given, folders and files that have it."""

    def offered(prefix: str, _args: argparse.Namespace) -> list[str]:
        return [*(name for name in names if name.startswith(prefix)), *(_paths(prefix, files) if files else ())]

    return offered


def shelf(name: str, *besides: str, files: str = "") -> Offer:
    """Offers the names on a shelf, and others."""
    return lambda prefix, args: of((*besides, *registry.names(name)), files)(prefix, args)


def studies(prefix: str, _args: argparse.Namespace) -> list[str]:
    """Offers studies by name, and files."""
    return of(study_files(), ".py")(prefix, _args)


def variants(prefix: str, args: argparse.Namespace) -> list[str]:
    """Offers the variants of the studies that were named, behind those that are there already."""
    try:
        names = {name for study in args.studies or () for name in load_study(study)[1].variants}
    except ValueError:
        return []
    return _listed(prefix, sorted(names))


def listed(shelf: str) -> Offer:
    """Offers one more name on a shelf, behind those that are there already."""
    return lambda prefix, _args: _listed(prefix, registry.names(shelf))


def recorded(column: str | None, folder: str = "folder") -> Offer:
    """Offers what the table of runs of the named folder has in a column; for None, its columns."""

    def offered(prefix: str, args: argparse.Namespace) -> list[str]:
        path = Path(getattr(args, folder) or "") / "tables" / "runs.csv"
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            known = rows.fieldnames or () if column is None else {row[column] for row in rows}
        return _listed(prefix, sorted(known))

    return offered


def _listed(prefix: str, names: Iterable[str]) -> list[str]:
    """Offers one more name of a list with commas."""
    before, comma, last = prefix.rpartition(",")
    taken = before.split(",")
    return [before + comma + name for name in names if name.startswith(last) and name not in taken]


def _paths(prefix: str, ending: str) -> list[str]:
    """Offers folders, and files with an ending."""
    folder, _, start = prefix.rpartition("/")
    place = Path(folder or ("/" if prefix.startswith("/") else "."))
    if not place.is_dir():
        return []
    found = [path for path in place.iterdir() if path.name.startswith(start) and (start or not path.name.startswith("."))]
    before = prefix[: len(prefix) - len(start)]
    return [before + p.name + ("/" if p.is_dir() else "") for p in sorted(found) if p.is_dir() or p.suffix == ending]
