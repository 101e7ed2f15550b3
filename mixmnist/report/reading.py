"""Reading a study's records into tables, one row a run, unit, concept or step of a curve."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.core import storage, sums
from mixmnist.core.records import Claim, require
from mixmnist.core.registry import nearest
from mixmnist.report.rows import WHOLE, is_last, is_scored, last_layers, name_of_last, order_of, with_analyses

TABLES = ("units", "concepts", "curves")  # of each run
MOST = 1_000  # runs of a block: more are no block's
REPLAYED = {"n_silenced": "drop|damage|reliance|gini|curve|class_accuracy|used", "n_mapped": "iou"}  # and columns made from it
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
    unsealed: int = 0  # runs whose record has no sums to check its files by
    left_out: tuple[str, ...] = ()  # one sentence a figure that could not be drawn
    regions: Callable[[str, int], Any] | None = None  # gives where a net's maps are high, of a variant and seed, for pictures
    unscored: tuple[str, ...] = ()  # variants whose networks are not scored in the grid

    @property
    def layer(self) -> str:
        """The layer that feeds the head, the last one of the net, as `name_of_last` names it."""
        return name_of_last(self.runs)

    @property
    def is_scored(self) -> bool:
        """Whether any network is scored in the grid."""
        return set(self.variants) > set(self.unscored)

    def of_last_layer(self) -> "StudyRecords":
        """Gives the records of the layer that feeds the head, of each variant its own, and those of nets that are not scored."""
        layers = last_layers(self.runs)
        tables = {name: getattr(self, name) for name in ("runs", "units", "concepts", "curves")}
        return replace(self, **{name: table[is_last(table, layers)] for name, table in tables.items()})

    def scored(self) -> "StudyRecords":
        """Gives the records of the variants whose networks are scored; all, where none is."""
        return self.of_variants([name for name in self.variants if name not in self.unscored]) if self.unscored else self

    def of_variants(self, names: Sequence[str]) -> "StudyRecords":
        """Gives the records of some variants; of all where none are named.

        Raises:
            ValueError: If there is no variant of a name.
        """
        for name in names:
            if name not in self.variants:
                raise nearest("variant", name, self.variants)
        if not names:
            return self
        tables = {name: getattr(self, name) for name in ("runs", "units", "concepts", "curves")}
        kept = {name: table[table["variant"].isin(names)] for name, table in tables.items()}
        tops = {key: path for key, path in self.tops.items() if key[0] in names}
        fitted, unscored = (tuple(name for name in told if name in names) for told in (self.fitted, self.unscored))
        return replace(self, **kept, tops=tops, fitted=fitted, unscored=unscored)

    @property
    def variants(self) -> list[str]:
        """The variants, the baseline first, the others in alphabetical order, their numbers as numbers."""
        return list(dict.fromkeys(self.runs["variant"]))

    def notes(self, shown: Iterable[object] | None = None) -> list[str]:
        """Says what a reader of a table or figure must know.

        Args:
            shown: Columns that it shows, or that its numbers are made of; by default any.
        """
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
        if self.unscored:
            said.append(f"Not scored in the grid, as analyses say what they do: {', '.join(self.unscored)}.")
        names = None if shown is None else " ".join(map(str, shown))
        said += self._amounts([dear for dear, columns in REPLAYED.items() if names is None or re.search(columns, names)])
        if self.unsealed:
            formerly = f"{self.unsealed} of the runs are of a former layout, whose files cannot be checked"
            said.append(f"WARNING: {formerly}; `mixmnist run` scores their weights anew.")
        if self.failures:
            said.append(f"{len(self.failures)} failed runs are left out.")
        return said

    def _amounts(self, dear: Collection[str]) -> list[str]:
        """Says on how many canvases the numbers stand, and those for which the nets were run again."""
        if "n_images" not in self.runs:
            return []
        said = f"On {_number(self.runs['n_images'])} canvases"
        sentences = {"n_silenced": "units were silenced on the first {} in {}", "n_mapped": "IoU is on the first {} in {}"}
        for column, sentence in ((column, sentences[column]) for column in dear):
            fewer = self.runs[self.runs[column] < self.runs["n_images"]] if column in self.runs else self.runs[:0]
            if len(fewer):
                said += "; " + sentence.format(_number(fewer[column]), ", ".join(dict.fromkeys(fewer["layer"])))
        return [f"{said}."]


def _number(values: "pd.Series[int]") -> str:
    """Writes the number that all values are, or from which to which they go."""
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def read_study(folder: Path) -> StudyRecords:
    """Reads every record below `folder/runs`; of a seed that is in several blocks, the widest block's.

    Runs whose record or tables are not as they were written are left out, and what is wrong is told.

    Raises:
        FileNotFoundError: If there are no records.
        ValueError: If no run succeeded.
    """
    homes = sorted(folder.resolve().glob("runs/*/s*-*"))
    if not homes:
        raise FileNotFoundError(f"a study's folder must hold runs/, got none in {folder}. Make them: mixmnist run sanity.")
    chosen: dict[tuple[str, int], tuple[int, _Run]] = {}
    damaged = []
    again = sums.BY_EVALUATE if (folder / sums.EVALUATION).exists() else sums.BY_RUN
    for home, run in _records(homes):
        if isinstance(run, str):
            damaged.append(f"{run}; {again}.")
            continue
        key, width = (run.record["variant"], run.record["seed"]), _width(home.name)
        if key not in chosen or width > chosen[key][0]:
            chosen[key] = (width, run)
    damaged += [f"{run.flaw}; its scores stand, {again}." for _, run in chosen.values() if run.flaw]
    damaged += sums.troubles(folder)
    failures = [f"{v} seed {s}: {run.record['failure']}" for (v, s), (_, run) in chosen.items() if run.record["failure"]]
    good = sorted(
        (run for _, run in chosen.values() if not run.record["failure"]),
        key=lambda run: (order_of(run.record["variant"]), run.record["seed"]),
    )
    if not good:
        raise ValueError(" ".join([f"a report needs one run that did not fail, got none in {folder}. Run again.", *damaged]))
    found: dict[str, Any] = {name: _joined([run.tables[name] for run in good if run.tables]) for name in TABLES}
    runs = _with_best(pd.DataFrame([row for run in good for row in _runs(run.record)]), found["concepts"])
    return StudyRecords(
        runs=with_analyses(runs, sorted(folder.glob("analyses/[!.]*/runs.csv"))),
        **found,
        tops={(run.record["variant"], run.record["seed"]): run.top for run in good if run.top is not None},
        claims=_claims(folder / sums.STUDY),
        quick=good[0].record["quick"],
        failures=tuple(failures),
        damaged=tuple(damaged),
        mixed_code=_mixed_code([run.record for run in good]),
        fitted=tuple(dict.fromkeys(run.record["variant"] for run in good if run.record.get("head") == "fitted")),
        unsealed=sum(not sums.is_sealed(run.record) for run in good),
        unscored=tuple(dict.fromkeys(run.record["variant"] for run in good if not is_scored(run.record))),
    )


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Joins the tables of several runs; where no run has any, gives one of no rows."""
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*KEYS, "useless"])


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


def _claims(path: Path) -> tuple[Claim, ...]:
    """Gives the study's claims, as its last run had them; none where they are damaged."""
    return tuple(Claim(**claim) for claim in sums.read_sealed(path)["claims"]) if sums.trouble(path) is None else ()


@dataclass(frozen=True, eq=False)
class _Run:
    """One recorded run, read."""

    record: dict[str, Any]
    tables: dict[str, pd.DataFrame]  # none of a failed run
    top: Path | None  # pictures
    flaw: str | None  # what is wrong with its pictures or weights


def _records(homes: Iterable[Path]) -> Iterator[tuple[Path, _Run | str]]:
    """Gives each recorded run with its block, or a sentence without its end on why it cannot be read."""
    for home in homes:
        try:
            place = storage.follow(home)
        except ValueError as error:
            yield home, str(error)
            continue
        own = {} if place == home else {"study": home.parts[-5], "variant": home.parent.name}  # as they are called here
        for folder in run_folders(home.name, place):
            try:
                yield home, _read_run(folder, own)
            except (KeyError, TypeError, AttributeError) as error:  # of a record that nothing seals
                yield home, f"{folder / 'record.json'} cannot be read ({error!r})"
            except (OSError, ValueError) as error:
                yield home, str(error)


def run_folders(block: str, place: Path) -> list[Path]:
    """Lists the folders of the runs that a block's name tells of, s0 to s4 for s0-4, be they there or not, and any others."""
    match = re.fullmatch(r"s(\d+)-(\d+)", block)
    told = [place / f"s{seed}" for seed in range(int(match[1]), min(int(match[2]), int(match[1]) + MOST) + 1)] if match else []
    return [*told, *sorted({path.parent for path in place.glob("s*/record.json")} - set(told))]


def _read_run(folder: Path, own: dict[str, str]) -> _Run:
    record = sums.read_sealed(folder / "record.json") | own
    require(folder.name == f"s{record['seed']}", f"{folder / 'record.json'} is of another seed")
    wrong = sums.altered(folder, record)
    tables = {f"{name}.csv": name for name in TABLES}
    spoilt = {name: words for name, words in wrong.items() if name in tables}
    require(not spoilt, sums.said(folder, spoilt))
    record["variant"], record["failure"] or _runs(record)  # whatever a row needs must be there
    none = record["failure"] or not is_scored(record)
    parts = {} if none else {name: _table(folder / file, record, name) for file, name in tables.items()}
    top = folder / "top.npz"
    kept = top if top.is_file() and top.name not in wrong else None
    return _Run(record, parts, kept, sums.said(folder, wrong) or None)


def _table(path: Path, record: dict[str, Any], name: str) -> pd.DataFrame:
    """Reads a table of a run, its keys in front."""
    try:
        part = pd.read_csv(path, dtype={"concept": str, "max_class": str, "layer": str}, keep_default_na=True)
        if name == "concepts":
            part["useless"] = part["concept"].isin(record["useless"])
        part["layer"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} cannot be read ({type(error).__name__})") from error
    keys = [record[key] for key in KEYS[:-1]]
    return pd.concat([pd.DataFrame([keys] * len(part), columns=KEYS[:-1]), part], axis=1)


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
    known = known if is_scored(record) else [row | {"layer": WHOLE} for row in known]
    return [keys | layer | run for layer in known]
