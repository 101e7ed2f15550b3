"""Verifying: are records still what their weights, data and code give?"""

import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from mixmnist.core import registry, storage, sums
from mixmnist.core.records import Metric, Variant
from mixmnist.grid.block import WEIGHTS, Block, newer, outdated
from mixmnist.grid.recording import score_net, stored_net
from mixmnist.grid.unscored import Unscored, block_type, differences
from mixmnist.report.reading import TABLES, read_study, run_folders
from mixmnist.report.tables import write_tables
from mixmnist.scoring import Scores

CLOSE = 1e-4  # largest difference of a score that rounding may make
JOINED = ("units.csv", "concepts.csv")  # tables that are no more than those of the runs, and need not be kept
SAME = 1e-9  # the same of a table that is made of recorded numbers
NO_STUDY = "is of an evaluated network, whose weights are not kept. Run `mixmnist evaluate` again and compare."


@dataclass(frozen=True)
class Verdict:
    """What differs between a record and what is computed from its weights now."""

    run: str  # variant, block and seed
    differences: tuple[str, ...]  # sentences; none if the record stands
    fatal: bool = False  # the record cannot be read at all
    place: int = 1  # its number among all that are verified
    of: int = 1


def verify(folder: str | Path, root: str | None = None) -> Iterator[Verdict]:
    """Recomputes every recorded run's scores from its weights and its mixture, and compares fingerprints and sums of files.

    What lies beside the runs is told at the end, if anything of it is damaged.

    Args:
        folder: Of a study and source, e.g. results/reference/sanity/mnist.
        root: Folder that holds the source's files.

    Raises:
        FileNotFoundError: If the folder holds no records.
    """
    folder = Path(folder)
    homes = sorted(folder.glob("runs/*/s*-*"))
    if not homes:
        raise FileNotFoundError(f"a study's folder must hold runs/, got none in {folder}. Make them: mixmnist run sanity.")
    runs: list[tuple[str, Path]] = []
    for home in homes:
        label = f"{home.parent.name} {home.name}"
        try:
            runs += [(f"{label} {place.name}", place / "record.json") for place in run_folders(home.name, storage.follow(home))]
        except ValueError as error:
            yield Verdict(label, (str(error),), fatal=True)
    for number, (run, path) in enumerate(runs, start=1):
        yield replace(_verdict(run, path, folder, root), place=number, of=len(runs))
    stale = _stale_tables(folder)
    if stale:
        yield Verdict(
            "tables", tuple(f"{path} is not what the records give; `mixmnist report` writes it again" for path in stale)
        )
    beside = sums.troubles(folder)
    if beside:
        yield Verdict("beside the runs", tuple(sentence.rstrip(".") for sentence in beside), fatal=True)


def _verdict(run: str, path: Path, folder: Path, root: str | None) -> Verdict:
    """Recomputes one run."""
    try:
        record = sums.read_json(path)
        if "evaluation" in record:
            return Verdict(run, (*_damage(record, path.parent), f"{path} {NO_STUDY}"), fatal=True)
        return Verdict(run, tuple(_differences(record, _block(record, folder, root), path.parent)))
    except ValueError as error:
        return Verdict(run, (str(error),), fatal=True)
    except (OSError, KeyError, TypeError, AttributeError) as error:
        return Verdict(run, (f"{path} cannot be used ({type(error).__name__}: {error})",), fatal=True)


def _damage(record: dict[str, Any], home: Path) -> Iterator[str]:
    """Says what of a record and the files beside it is not as it was written."""
    if not sums.is_whole(record):
        yield f"{home / 'record.json'} is not as it was written"
    wrong = sums.altered(home, record)
    if wrong:
        yield sums.said(home, wrong)


def _stale_tables(folder: Path) -> list[Path]:
    """Lists the tables of a report that are not what the records give, but for rounding."""
    home = folder / "tables"
    if not home.is_dir():
        return []
    with tempfile.TemporaryDirectory() as made:
        try:
            write_tables(read_study(folder), Path(made))
        except (OSError, ValueError):
            return []  # said above
        wanted = {path.name for path in Path(made).glob("*.csv")} - {name for name in JOINED if not (home / name).exists()}
        names = sorted(wanted | {path.name for path in home.glob("*.csv")})
        return [home / name for name in names if not _alike(home / name, Path(made) / name)]


def _alike(path: Path, other: Path) -> bool:
    try:
        ours, theirs = (pd.read_csv(one, low_memory=False) for one in (path, other))
        pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, rtol=SAME, atol=SAME)
    except (OSError, ValueError, AssertionError):
        return False
    return True


def _block(record: dict[str, Any], folder: Path, root: str | None) -> Block:
    """Gives the block that a record belongs to, as it would be run now."""
    config = record["config"]
    variant = Variant.from_dict(config["variant"])
    return block_type(variant)(
        study=record["study"],
        name=record["variant"],
        variant=variant,
        source=record["source"],
        root=root,
        seeds=tuple(config["seeds"]),
        device="cpu",
        precision=config["precision"],
        threads=config["threads"],
        folder=folder,
        quick=record["quick"],
    )


def _differences(record: dict[str, Any], block: Block, home: Path) -> Iterator[str]:
    """Says what is not as the record has it."""
    yield from _damage(record, home)
    if record["failure"]:
        return
    for name, meaning in (("data", "the source's glyphs are others"), ("code", "the code that trains has changed")):
        if record["config"].get(name) != block.config.get(name):
            yield meaning
    if not isinstance(record["fingerprints"]["scores"], dict):
        yield "the record is of a former layout; `mixmnist run` runs it again"
        return
    weights_alike = {**record["fingerprints"], "weights": block.fingerprints["weights"]}  # said above
    for sentence in outdated(weights_alike, block.fingerprints):
        yield f"{sentence}; `mixmnist run` scores the weights anew"
    weights = home / WEIGHTS
    if not weights.is_file():
        yield "it has no weights to compute scores from"
        return
    if sums.sha256(weights) != record["weights_sha256"]:
        yield "the weights are not those that were recorded"
    before = torch.get_num_threads()
    torch.set_num_threads(block.threads)
    try:
        if isinstance(block, Unscored):
            yield from differences(block, home, record)
            return
        scores, rows, _ = score_net(block, stored_net(home, record))
    finally:
        torch.set_num_threads(before)
    metrics: list[Metric] = [registry.choose("metrics", name) for name in newer(record["fingerprints"], block.fingerprints)]
    yield from _moved(record, scores, rows, home, {column for metric in metrics for column in metric.columns})


def _moved(
    record: dict[str, Any], scores: Scores, rows: list[dict[str, Any]], home: Path, later: Collection[str]
) -> Iterator[str]:
    """Names the numbers that differ by more than rounding; columns that are newer than the record may be missing there."""
    found = {"layers": pd.DataFrame(rows)} | {table: getattr(scores, table) for table in TABLES}
    for table, now in found.items():
        words = list(now.select_dtypes(exclude="number").columns)
        as_text = dict.fromkeys(words, str)
        try:
            then = pd.DataFrame(record["layers"]) if table == "layers" else pd.read_csv(home / f"{table}.csv", dtype=as_text)
        except (OSError, ValueError) as error:
            yield f"{home / f'{table}.csv'} cannot be read ({type(error).__name__})"
            continue
        if len(now) != len(then):
            yield f"{table} has {len(now)} rows, recorded are {len(then)}"
            continue
        for column in sorted(str(c) for c in (set(now) ^ set(then)) - (set(later) - set(then))):
            yield f"{table}.{column} is {'not recorded' if column in now else 'recorded and no longer computed'}"
        for column in [c for c in now if c in then]:
            if column in words:
                others = (now[column].fillna("").astype(str).to_numpy() != then[column].fillna("").astype(str).to_numpy()).sum()
                if others:
                    yield f"{table}.{column} is another in {others} of {len(now)} rows"
                continue
            numbers = pd.to_numeric(then[column], errors="coerce").astype(float).to_numpy()  # a word is no number
            gap = now[column].astype(float).to_numpy() - numbers
            missing = (now[column].isna().to_numpy() != np.isnan(numbers)).any()
            largest = pd.Series(gap).abs().max()
            if missing or largest > CLOSE:
                yield f"{table}.{column} moved by {'a value that is missing' if missing else f'up to {largest:.2g}'}"
