"""Annotations: the file in which labels of units are written, as the page exports it; and what words in it mean."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixmnist.core import sums
from mixmnist.core.records import require

KIND = "mixmnist annotations"
NUMERALS = "zero one two three four five six seven eight nine".split()
FILLERS = frozenset(
    "a an the all always mostly only just it is digit digits number numbers numeral numerals figure figures s".split()
)
BETWEEN = frozenset("or and both either sometimes also".split())  # words that stand between names


@dataclass(frozen=True)
class Annotation:
    """What a person said of one unit."""

    exhibit: str
    layer: str
    fingerprint: str
    unit: int
    concept: str
    category: str
    misfits: tuple[int, ...]  # places of the shown images that do not fit
    shown: int


def read_annotations(path: Path) -> list[Annotation]:
    """Reads what the page exports.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such export.
    """
    if not path.is_file():
        raise FileNotFoundError(f"annotations must be a file, got {path}. Export one from a page's part 'Label it yourself'.")
    try:
        content = sums.read_json(path)
        require(content["kind"] == KIND, "another kind")
        found = [_annotation(entry) for entry in content["units"]]
        require(len({(one.fingerprint, one.unit) for one in found}) == len(found), "a unit must be there once")
        return found
    except (ValueError, KeyError, TypeError) as error:
        way_out = "Export one from a page's part 'Label it yourself'."
        raise ValueError(f"annotations must be a file that a page exported, got {path}. {way_out}") from error


def _annotation(entry: Mapping[str, Any]) -> Annotation:
    texts = {name: entry[name] for name in ("exhibit", "layer", "fingerprint", "concept", "category")}
    require(all(isinstance(text, str) for text in texts.values()), "texts must be texts")
    misfits, shown = tuple(entry["misfits"]), entry["shown"]
    require(all(type(number) is int for number in (*misfits, shown, entry["unit"])), "numbers must be whole")
    require(shown >= 1 and all(0 <= place < shown for place in misfits), "misfits must be places of shown images")
    return Annotation(**texts, unit=entry["unit"], misfits=misfits, shown=shown)


def write_annotations_file(annotations: Sequence[Annotation], path: Path, title: str = "") -> None:
    """Writes annotations as a page exports them."""
    units = [asdict(one) | {"misfits": list(one.misfits)} for one in annotations]
    path.write_text(json.dumps({"kind": KIND, "title": title, "units": units}, indent=1), encoding="utf-8")


def understood(said: str, concepts: Sequence[str]) -> int | None:
    """Gives the concept that somebody's words mean, by its place; None where they mean none, or more.

    Written as it is called, whatever the case; or as a word, in the plural, with words around it that say nothing.

    Example:
        >>> digits = [str(digit) for digit in range(10)]
        >>> [understood(said, digits) for said in ("seven", "a 7", "all 7's", "the digit Sixes", "4 or 9", "a loop")]
        [7, 7, 7, 6, None, None]
    """
    names = [name.casefold() for name in concepts]
    if said.strip().casefold() in names:
        return names.index(said.strip().casefold())
    words = [word for word in re.findall(r"[^\W_]+", said.casefold()) if word not in FILLERS]
    if len(words) != 1:
        return None
    meant = {names.index(form) for form in _forms(words[0]) if form in names}
    return meant.pop() if len(meant) == 1 else None


def all_understood(said: str, concepts: Sequence[str]) -> tuple[int, ...]:
    """Gives all concepts that somebody's words mean, in their order; none where a word among them means none.

    Example:
        >>> digits = [str(digit) for digit in range(10)]
        >>> [all_understood(said, digits) for said in ("4 or 9", "nines, sometimes a four", "7", "4 with a loop", "")]
        [(4, 9), (9, 4), (7,), (), ()]
    """
    whole = understood(said, concepts)
    if whole is not None:
        return (whole,)
    words = [word for word in re.findall(r"[^\W_]+", said.casefold()) if word not in FILLERS | BETWEEN]
    meant = [understood(word, concepts) for word in words]
    return () if None in meant else tuple(dict.fromkeys(one for one in meant if one is not None))


def _forms(word: str) -> list[str]:
    """Gives a word as it stands, in the singular, and each of them as a digit."""
    forms = [word, *(word.removesuffix(ending) for ending in ("s", "es") if word.endswith(ending))]
    return forms + [str(NUMERALS.index(form)) for form in forms if form in NUMERALS]
