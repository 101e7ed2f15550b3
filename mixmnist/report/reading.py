"""Reading a study's records into tables, one row a run, unit, concept or step of a curve."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.core import storage
from mixmnist.core.records import Claim, require

KEYS = ["study", "source", "task", "variant", "seed", "block", "layer"]  # of a row; all but the layer are a run's


@dataclass(frozen=True, eq=False)
class StudyRecords:
    """Everything a report needs."""

    runs: pd.DataFrame
    units: pd.DataFrame
    concepts: pd.DataFrame  # `useless`: the concept says nothing about the class
    curves: pd.DataFrame
    tops: dict[tuple[str, int], Path]  # pictures of the units' top images, by variant and seed
    claims: tuple[Claim, ...]
    quick: bool
    failures: tuple[str, ...]  # one sentence a failed run
    damaged: tuple[str, ...]  # one sentence a file that cannot be read
    mixed_code: bool  # runs of one task, net, objective, origin and kind were made by different code
    fitted: tuple[str, ...]  # variants whose head was fitted after a training on something else
    left_out: tuple[str, ...] = ()  # one sentence a figure that could not be drawn

    @property
    def layer(self) -> str:
        """The layer that feeds the head, the last one of the net."""
        last: str = self.runs["layer"].iloc[-1]
        return last

    def of_layer(self, layer: str) -> "StudyRecords":
        """Gives the records of one layer."""
        tables = {name: getattr(self, name) for name in ("runs", "units", "concepts", "curves")}
        return replace(self, **{name: table[table["layer"] == layer] for name, table in tables.items()})

    @property
    def variants(self) -> list[str]:
        """The variants, the baseline first, the others in alphabetical order, their numbers as numbers."""
        return list(dict.fromkeys(self.runs["variant"]))

    def notes(self) -> list[str]:
        """Says what a reader of any table or figure must know."""
        first = self.runs.iloc[0]
        sources = {
            "mnist": "Glyphs: MNIST.",
            "digits": "WARNING: glyphs are scikit-learn's 8x8 digits, not MNIST.",
            "arrays": "From arrays.",
        }
        said = [f"Study {first['study']}. {sources.get(first['source'], 'Glyphs: ' + first['source'] + '.')}"]
        if self.quick:
            said.insert(0, "QUICK: 2 epochs on 4,000 images; says nothing about the claims.")
        columns = ("precision", "device", "threads")
        differing = [*(["code"] if self.mixed_code else []), *(c for c in columns if len(self.runs[c].unique()) > 1)]
        said += [f"WARNING: runs differ in {column}; compare them with care." for column in differing]
        if self.fitted:
            said.append(f"Trained on something else, the head fitted on the frozen units afterwards: {', '.join(self.fitted)}.")
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
        keys = [record[key] for key in KEYS[:-1]]
        for name, parts in tables.items():
            part = pd.read_csv(home / f"{name}.csv", dtype={"concept": str, "max_class": str, "layer": str}, keep_default_na=True)
            if name == "concepts":
                part["useless"] = part["concept"].isin(record["useless"])
            parts.append(pd.concat([pd.DataFrame([keys] * len(part), columns=KEYS[:-1]), part], axis=1))
    found = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    runs = _with_best(pd.DataFrame([row for record, _ in good for row in _runs(record)]), found["concepts"])
    return StudyRecords(
        runs=_with_analyses(runs, sorted(folder.glob("analyses/*/runs.csv"))),
        **found,
        tops={(r["variant"], r["seed"]): home / "top.npz" for r, home in good if (home / "top.npz").is_file()},
        claims=_claims(folder / "study.json"),
        quick=good[0][0]["quick"],
        failures=tuple(failures),
        damaged=tuple(damaged),
        mixed_code=_mixed_code([record for record, _ in good]),
        fitted=tuple(dict.fromkeys(record["variant"] for record, _ in good if record.get("head") == "fitted")),
        left_out=(),
    )


def _mixed_code(records: Iterable[dict[str, Any]]) -> bool:
    """Says whether records that the same code should have made were made by different code."""
    codes: dict[tuple[Any, ...], set[str]] = {}
    for record in records:
        variant = record["config"].get("variant", {})  # an evaluated network has none
        made_by = tuple(variant.get(name) for name in ("task", "net", "origin", "kind", "objective"))
        codes.setdefault(made_by, set()).add(record["config"]["code"])
    return any(len(different) > 1 for different in codes.values())


def _with_best(runs: pd.DataFrame, concepts: pd.DataFrame) -> pd.DataFrame:
    """Adds, where a task has useless concepts, the best alignment with one of them and the worst with a useful one."""
    for name, useless, pick in (("useless_alignment", True, "max"), ("worst_useful_alignment", False, "min")):
        if concepts["useless"].any():
            best = concepts[concepts["useless"] == useless].groupby(KEYS)["alignment"].agg(pick).rename(name)
            runs = runs.merge(best.reset_index(), on=KEYS, how="left")
    return runs


def _with_analyses(runs: pd.DataFrame, paths: Iterable[Path]) -> pd.DataFrame:
    """Adds what analyses say of single runs, of the layer that feeds the head."""
    for path in paths:
        found = pd.read_csv(path).assign(layer=runs["layer"].iloc[-1])
        runs = runs.merge(found, on=["variant", "seed", "layer"], how="left", validate="m:1")
    return runs


def _claims(path: Path) -> tuple[Claim, ...]:
    """Gives the study's claims, as its last run had them."""
    if not path.is_file():
        return ()
    return tuple(Claim(**claim) for claim in json.loads(path.read_text(encoding="utf-8"))["claims"])


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
                record["variant"], record["seed"], record["failure"] or _runs(record)  # whatever a row needs must be there
                yield home, path, record
            except (ValueError, KeyError) as error:
                yield home, path, error


def _order(variant: str) -> tuple[bool, list[tuple[str, float]]]:
    """Puts the baseline first, the others in alphabetical order, their numbers as numbers."""
    parts = re.findall(r"(\D*)(\d+(?:\.\d+)?|$)", variant)
    return variant != "baseline", [(text, float(number or 0)) for text, number in parts]


def _width(block: str) -> int:
    match = re.fullmatch(r"s(\d+)-(\d+)", block)
    return int(match[2]) - int(match[1]) if match else -1


def _runs(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Gives a row for each layer."""
    run = {
        "seconds": round(sum(record["seconds"].values()), 1),
        "device": record["config"]["device"],
        "precision": record["config"]["precision"],
        "threads": record["config"]["threads"],
        "code": record["config"]["code"][:12],
        "hardware": record["hardware"],
    }
    keys = {key: record[key] for key in KEYS[:-1]}
    known = [{n: float("nan") if v is None and n != "layer" else v for n, v in layer.items()} for layer in record["layers"]]
    return [keys | layer | run for layer in known]
