"""Sums: how a file of results says what it holds and what lies beside it, so that damage does not go unseen.

A sealed file is JSON with a `seal`, the fingerprint of all its other content, and mostly `files`, the SHA-256 of every file in
its folder. Sums tell damage and edits by hand; they are no signature, since whoever writes a file can write its sum.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mixmnist.core import storage

SEAL, FILES = "seal", "files"
ANALYSIS = "analysis.json"  # what an analysis was made from, in its folder
ANNOTATIONS = "annotations"  # folder of what a person said of the units
LISTED = "sums.json"  # the sums of a folder that has nothing else to seal
DRAWN = (".pdf", ".svg")  # figures that are drawn again at any time, and so belong to no sum
STUDY, EVALUATION = "study.json", "evaluation.json"  # what a folder of results is
SAYS: Mapping[str, Mapping[str, type]] = {  # what these must hold besides, so that a file without a seal is not taken for one
    STUDY: {"title": str, "claims": list},
    EVALUATION: {"title": str, "notes": list},
}
BY_RUN = "`mixmnist run` makes it again"
BY_EVALUATE = "`mixmnist evaluate` makes it again"


def sha256(path: Path) -> str:
    """Gives the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sums_of(folder: Path, but: str) -> dict[str, str]:
    """Gives the SHA-256 of every file below a folder by its path there; figures in vector formats are left out."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in DRAWN and path.name != but)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in paths}


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the content as JSON has it, with its seal."""
    plain: dict[str, Any] = json.loads(storage.as_json({name: value for name, value in content.items() if name != SEAL}))
    return plain | {SEAL: storage.fingerprint(plain)}


def write_sealed(path: Path, content: Mapping[str, Any], beside: bool = True) -> None:
    """Writes content under its seal, last of all files of a folder, whose sums it names.

    Args:
        path: The file.
        content: Whatever JSON can hold.
        beside: Whether the sums of the other files of its folder are part of it.
    """
    storage.write_json(path, sealed({**content, **({FILES: sums_of(path.parent, path.name)} if beside else {})}))


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON file that holds names and values.

    Raises:
        ValueError: If it is not there or is anything else, in a sentence that names it.
    """
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read ({_why(path, error)})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} cannot be read (it must hold names and values, got a {type(content).__name__})")
    return content


def _why(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return "it is not there" if not path.exists() else "it is a folder" if path.is_dir() else f"{error.strerror}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return "it is empty" if not path.stat().st_size else "it is not whole JSON"


def read_sealed(path: Path) -> dict[str, Any]:
    """Reads a sealed file. One without a seal, as they were written formerly, is given as it stands.

    Raises:
        ValueError: If it cannot be read, or is not as it was written.
    """
    content = read_json(path)
    if not is_whole(content):
        raise ValueError(f"{path} is not as it was written")
    lacking = [name for name, kind in SAYS.get(path.name, {}).items() if not isinstance(content.get(name), kind)]
    if lacking:
        raise ValueError(f"{path} cannot be read (it does not say its {' and '.join(lacking)})")
    return content


def is_whole(content: Mapping[str, Any]) -> bool:
    """Says whether sealed content is as it was written; of content without a seal nothing can be said, and it passes."""
    return SEAL not in content or sealed(content)[SEAL] == content[SEAL]


def is_sealed(content: Mapping[str, Any]) -> bool:
    """Says whether content has its seal and the sums of the files beside it."""
    return SEAL in content and isinstance(content.get(FILES), dict)


def altered(folder: Path, content: Mapping[str, Any]) -> dict[str, str]:
    """Gives what is wrong with each file of a folder whose sums the content has: path there -> words."""
    found = {}
    for name, sum_ in content.get(FILES, {}).items():
        path = folder / name
        if not path.is_file():
            found[name] = "is a folder" if path.is_dir() else "is gone"
        elif sha256(path) != sum_:
            found[name] = "is not as it was written"
    return found


def said(folder: Path, wrong: Mapping[str, str]) -> str:
    """Says in a few words what is wrong with files of a folder."""
    return "; ".join(f"{folder / name} {words}" for name, words in wrong.items())


def trouble(path: Path, files: Iterable[str] = ()) -> str | None:
    """Says what is wrong with a sealed file and those beside it, or None if they are as they were written.

    Args:
        path: The sealed file.
        files: Paths in its folder that are asked for; by default all that it names.
    """
    try:
        content = read_sealed(path)
        wrong = altered(path.parent, content)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        return str(error)
    asked = set(files)
    return said(path.parent, {name: words for name, words in wrong.items() if not asked or name in asked}) or None


def title_troubles(folder: Path) -> list[str]:
    """Says, a sentence each, what is damaged in what says of a folder that it is a study or an evaluation."""
    titles = {name: way_out for name, way_out in ((STUDY, BY_RUN), (EVALUATION, BY_EVALUATE)) if (folder / name).exists()}
    if not titles:
        return [f"{folder} has lost {STUDY} or {EVALUATION}, which says what it is; {BY_RUN}, or `mixmnist evaluate`."]
    return [f"{wrong}; {way_out}." for name, way_out in titles.items() if (wrong := trouble(folder / name))]


def troubles(folder: Path) -> list[str]:
    """Says, a sentence each, what is damaged in the folder of a study or evaluation, its runs and what is made of them apart."""
    found = title_troubles(folder)
    for home in sorted(path for path in folder.glob("analyses/[!.]*") if path.is_dir()):
        wrong = trouble(home / ANALYSIS)
        if wrong:
            found.append(f"{wrong}; {BY_RUN}.")
    home = folder / ANNOTATIONS
    if (home / LISTED).exists() and (wrong := trouble(home / LISTED)):
        found.append(f"{wrong}; `mixmnist report --annotations` makes them again from what a page exported.")
    return found
