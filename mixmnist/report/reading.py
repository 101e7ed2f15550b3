"""Reading a study's records into tables, one row a run, unit, concept or step of a curve."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.core import storage
from mixmnist.core.records import require

KEYS = ["study", "source", "task", "variant", "seed", "block", "layer"]


@dataclass(frozen=True, eq=False)
class StudyRecords:
    """Everything a report needs."""

    runs: pd.DataFrame
    units: pd.DataFrame
    concepts: pd.DataFrame  # `useless`: the concept says nothing about the class
    curves: pd.DataFrame
    tops: dict[tuple[str, int], Path]  # pictures of the units' top images, by variant and seed
    quick: bool
    failures: tuple[str, ...]  # one sentence a failed run
    damaged: tuple[str, ...]  # one sentence a file that cannot be read

    @property
    def variants(self) -> list[str]:
        """The variants, the baseline first, the others in alphabetical order."""
        return list(dict.fromkeys(self.runs["variant"]))

    def notes(self) -> list[str]:
        """Says what a reader of any table or figure must know."""
        first = self.runs.iloc[0]
        sources = {
            "mnist": "Glyphs: MNIST.",
            "digits": "WARNING: glyphs are scikit-learn's 8x8 digits, not MNIST.",
        }
        said = [f"Study {first['study']}. {sources.get(first['source'], 'Glyphs: ' + first['source'] + '.')}"]
        if self.quick:
            said.insert(0, "QUICK: 2 epochs on 4,000 images; says nothing about the claims.")
        for column in ("code", "precision", "device", "threads"):
            if self.runs.groupby("task")[column].nunique().max() > 1:  # another task is other code
                said.append(f"WARNING: runs differ in {column}; compare them with care.")
        if self.failures:
            said.append(f"{len(self.failures)} failed runs are left out.")
        return said


def read_study(folder: Path) -> StudyRecords:
    """Reads every record below `folder/runs`; of a seed that is in several blocks, the widest block's.

    Raises:
        FileNotFoundError: If there are no records.
        ValueError: If no run succeeded.
    """
    homes = sorted(folder.resolve().glob("runs/*/s*-*"))
    if not homes:
        raise FileNotFoundError(f"a study's folder must hold runs/, got none in {folder}. Make them: mixmnist run sanity.")
    chosen: dict[tuple[str, int], tuple[int, Path, dict[str, Any]]] = {}
    damaged = []
    for home, path, record in _records(homes):
        if isinstance(record, Exception):
            damaged.append(f"{path} cannot be read ({record}); delete its block's folder and run the study again.")
            continue
        key, width = (record["variant"], record["seed"]), _width(home.name)
        if key not in chosen or width > chosen[key][0]:
            chosen[key] = (width, path.parent, record)
    failures = [f"{v} seed {s}: {r['failure']}" for (v, s), (_, _, r) in chosen.items() if r["failure"]]
    good = sorted(
        ((record, home) for _, home, record in chosen.values() if not record["failure"]),
        key=lambda pair: (_order(pair[0]["variant"]), pair[0]["seed"]),
    )
    if not good:
        raise ValueError(" ".join([f"a report needs one run that did not fail, got none in {folder}. Run again.", *damaged]))
    tables: dict[str, list[pd.DataFrame]] = {"units": [], "concepts": [], "curves": []}
    for record, home in good:
        keys = _keys(record)
        for name, parts in tables.items():
            part = pd.read_csv(home / f"{name}.csv", dtype={"concept": str, "max_class": str}, keep_default_na=True)
            if name == "concepts":
                part["useless"] = part["concept"].isin(record["useless"])
            parts.append(pd.concat([pd.DataFrame([keys] * len(part), columns=KEYS), part], axis=1))
    return StudyRecords(
        runs=pd.DataFrame([_run(record) for record, _ in good]),
        **{name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()},
        tops={(record["variant"], record["seed"]): home / "top.npz" for record, home in good},
        quick=good[0][0]["quick"],
        failures=tuple(failures),
        damaged=tuple(damaged),
    )


def _records(homes: Iterable[Path]) -> Iterator[tuple[Path, Path, dict[str, Any] | Exception]]:
    """Gives each record's block, its file, and what it holds or why it cannot be read."""
    for home in homes:
        try:
            place = storage.follow(home)
            paths = sorted(place.glob("s*/record.json"))
            require(paths, f"no records in {place}")
        except (OSError, ValueError, KeyError) as error:
            yield home, home, error
            continue
        own = {} if place == home else {"study": home.parts[-5], "variant": home.parent.name}  # as they are called here
        for path in paths:
            try:
                record = json.loads(path.read_text(encoding="utf-8")) | own
                record["variant"], record["seed"], record["failure"] or _run(record)  # whatever a row needs must be there
                yield home, path, record
            except (ValueError, KeyError) as error:
                yield home, path, error


def _order(variant: str) -> tuple[bool, str]:
    """Puts the baseline first, the others in alphabetical order."""
    return variant != "baseline", variant


def _width(block: str) -> int:
    match = re.fullmatch(r"s(\d+)-(\d+)", block)
    return int(match[2]) - int(match[1]) if match else -1


def _keys(record: dict[str, Any]) -> list[Any]:
    return [record[key] for key in KEYS[:-1]] + [record["layer"]["layer"]]


def _run(record: dict[str, Any]) -> dict[str, Any]:
    layer = {k: v for k, v in record["layer"].items() if k != "layer"}
    return {
        **dict(zip(KEYS, _keys(record), strict=True)),
        **{name: float("nan") if value is None else value for name, value in layer.items()},
        "seconds": round(sum(record["seconds"].values()), 1),
        "device": record["config"]["device"],
        "precision": record["config"]["precision"],
        "threads": record["config"]["threads"],
        "code": record["config"]["code"][:12],
        "hardware": record["hardware"],
    }
