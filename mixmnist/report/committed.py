"""What is committed: files of results that git tracks, which a report leaves as they are."""

import os
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

PATIENCE = 30  # seconds for an answer of git's


def committed(folder: Path) -> frozenset[Path]:
    """Lists the files below a folder that git tracks; none where there is no git or no checkout."""
    git = shutil.which("git")
    if git is None or not folder.is_dir():
        return frozenset()
    command = [git, "-c", "core.fsmonitor=false", "ls-files", "-z"]  # a checkout of a stranger's may name a program there
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # those of a hook's checkout
    try:
        found = subprocess.run(command, cwd=folder, env=outside, capture_output=True, timeout=PATIENCE, check=True)  # noqa: S603 -- fixed words
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    return frozenset(folder / name for name in found.stdout.decode(errors="surrogateescape").split("\0") if name)


def restore(partial: Path, folder: Path, kept: Collection[Path]) -> list[str]:
    """Puts the kept files of a folder in place of those that were newly written; names those that differ."""
    differing = []
    for old in sorted(path for path in kept if path.is_file() and path.is_relative_to(folder)):
        new = partial / old.relative_to(folder)
        if not new.is_file() or new.read_bytes() != old.read_bytes():
            differing += [old.name] if new.is_file() else []
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(old, new)
    return differing
