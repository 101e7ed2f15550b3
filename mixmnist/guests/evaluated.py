"""What an evaluation leaves: tables, and a record that reads as a study's, so that figures and page come by themselves."""

import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from mixmnist.core import checks, registry, storage, sums
from mixmnist.core.records import Task, Variant, require
from mixmnist.core.sums import ANNOTATIONS, EVALUATION
from mixmnist.data.colour import Coloured
from mixmnist.data.mixture import Mixture
from mixmnist.grid import digests
from mixmnist.grid.layers import Scored, join, write_scores
from mixmnist.grid.machine import circumstances
from mixmnist.grid.recording import save_pictures
from mixmnist.guests.arrays import LAYER
from mixmnist.guests.nulls import NULL_IMAGES
from mixmnist.page.exhibit import About, make_exhibit, save
from mixmnist.page.making import make_page
from mixmnist.report import write_report
from mixmnist.report.drawing import FORMATS, Look
from mixmnist.report.pictures import Regions, RegionsOf
from mixmnist.trust._permutation import FEWEST
from mixmnist.trust._regions import kept_regions

RUNS = "runs"  # folder of records
PATIENCE = 600.0  # seconds that one evaluation waits for another to write into the same folder


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation found, as tables; the layer is told by a column."""

    units: pd.DataFrame  # a row a unit, with p-value and null of its alignment
    concepts: pd.DataFrame  # a row a concept, with its best unit
    layers: pd.DataFrame  # a row a layer
    curves: pd.DataFrame  # ablation curves of the last layer; only the number of units where it feeds no linear head
    folder: Path | None  # where tables, figures and page were written
    said: tuple[str, ...] = ()  # sentences: what could not be drawn, where earlier results are


@dataclass(frozen=True)
class Run:
    """What an evaluation is called and when it began."""

    name: str
    seed: int
    started: float


def joined(scored: Sequence[Scored], folder: Path | None, said: tuple[str, ...] = ()) -> Evaluation:
    """Joins what was found of several layers."""
    scores, rows = join(scored)
    return Evaluation(scores.units, scores.concepts, pd.DataFrame(rows), scores.curves, folder, said)


def check_place(out: Path, name: str, source: str) -> Path:
    """Gives the folder of an evaluation, and refuses one that cannot be written, before any work.

    Raises:
        ValueError: If something else lies there, it may not be written to, or the name is none for a folder.
    """
    checks.check_name("an evaluation", name)
    folder = out / name / source
    checks.check_writable(folder)
    require(
        not folder.exists() or (folder / EVALUATION).is_file(),
        f"out must not hold something else by that name, got {folder}, which no evaluation wrote. Choose --name or --out.",
    )
    return folder


def finish(
    scored: Sequence[Scored], run: Run, about: Mapping[str, Any], test: Mixture | Coloured | None, out: Path | None
) -> Evaluation:
    """Publishes, where it is asked for, a record as a study's runs have, and tables, figures and page of all that there is.

    All of it appears at once, or nothing does. Runs of the same name and setting under other seeds stay; what the new run takes
    the place of, or is of another setting, is kept in `out/<name>/replaced`.

    Raises:
        ValueError: As `check_place`.
    """
    if out is None:
        return joined(scored, None)
    folder = check_place(out, run.name, str(about["source"]))
    storage.clear_partials(folder.parent)
    about, said = {**about, "absent": [] if test is None else _absent(test)}, list[str]()
    with storage.sole_right(folder.parent / ".locks" / f"{folder.name}.lock", PATIENCE) as mine:
        require(mine, f"one evaluation at a time may write into {folder}, got another that is at it. Wait for it, or name --out.")
        alike = _is_alike(folder, about)
        replaces = folder.exists() and not (alike and not _home(folder, run).exists())
        replaced = folder.parent / "replaced"
        before = set(replaced.glob("*"))
        storage.publish(
            folder,
            lambda partial: said.extend(_fill(partial, scored, run, about, test, folder if alike else None)),
            replaced if replaces else None,
        )
        for kept in set(replaced.glob("*")) - before:
            said.append(f"What was in {folder} is of another setting, or of the same seed; it is kept in {kept}.")
    return joined(scored, folder, tuple(said))


def _fill(
    folder: Path,
    scored: Sequence[Scored],
    run: Run,
    about: Mapping[str, Any],
    test: Mixture | Coloured | None,
    earlier: Path | None,
) -> tuple[str, ...]:
    """Writes everything of an evaluation into an empty folder, beside earlier runs of its kind; says what is left out."""
    for kept in [] if earlier is None else [earlier / RUNS, earlier / ANNOTATIONS]:
        if kept.is_dir():
            shutil.copytree(kept, folder / kept.name)
    home = _home(folder, run)
    shutil.rmtree(home, ignore_errors=True)
    _record(home / f"s{run.seed}", scored, run, about, test)
    title = f"{run.name}: {', '.join(about['layers'])}"
    sums.write_sealed(folder / EVALUATION, {"title": title, "notes": _notes(about), "about": dict(about)}, beside=False)
    records = write_report(folder, Look(FORMATS), regions=_regions(home, scored, run.seed))
    if test is not None:
        storage.publish(folder / "exhibits", lambda partial: _exhibit(partial, scored, run, about, test))
    make_page([folder], folder / "report", None, lambda _line: None)
    return records.left_out


def _regions(home: Path, scored: Sequence[Scored], known: int) -> RegionsOf:
    """Gives a function that finds where maps are high, of the network at hand alone."""

    def find(variant: str, seed: int) -> Regions:
        require(seed == known, f"maps are of the network that was evaluated last (seed {known}), got seed={seed} of {variant}.")
        return kept_regions(scored[-1].rank, home / f"s{seed}")

    return find


def _absent(test: Mixture | Coloured) -> list[str]:
    """Names the classes that no image belongs to."""
    seen = test.labels.any(dim=0) if test.labels.ndim == 2 else torch.bincount(test.labels, minlength=len(test.classes)) > 0
    return [name for name, there in zip(test.classes, seen.tolist(), strict=True) if not there]


def _home(folder: Path, run: Run) -> Path:
    return folder / RUNS / run.name / f"s{run.seed}-{run.seed}"


def _is_alike(folder: Path, about: Mapping[str, Any]) -> bool:
    """Says whether all runs that lie in a folder are of an evaluation under the same setting."""
    now = json.loads(storage.as_json(dict(about)))
    homes = list(folder.glob(f"{RUNS}/*/*"))
    try:
        found = [[sums.read_sealed(path) for path in home.glob("*/record.json")] for home in homes if not storage.is_link(home)]
        alike = all(records and all(record["evaluation"] == now for record in records) for records in found)
        return folder.is_dir() and len(found) == len(homes) and alike
    except (OSError, ValueError, KeyError, TypeError):
        return False  # damaged: it is kept apart


def _record(folder: Path, scored: Sequence[Scored], run: Run, about: Mapping[str, Any], test: Mixture | Coloured | None) -> None:
    folder.mkdir(parents=True)
    scores, rows = join(scored)
    write_scores(folder, scores)
    if test is not None:
        save_pictures(scored[-1].readout, test, folder / "top.npz")
    known = registry.choose("tasks", about["task"]).useless if about["task"] != LAYER else ()
    precision = str(scored[-1].readout.response.dtype).removeprefix("torch.")
    config = {"device": about["device"], "precision": precision, "threads": torch.get_num_threads()}
    record = {
        "study": run.name,
        "source": about["source"],
        "task": Path(about["task"]).stem,
        "variant": run.name,
        "seed": run.seed,
        "block": f"s{run.seed}-{run.seed}",
        "quick": False,
        "useless": list(known),
        "failure": None,
        "layers": rows,
        "evaluation": dict(about),
        "config": config | {"code": storage.fingerprint(digests.of_scores(Variant()))},
        "seconds": {"score": round(time.perf_counter() - run.started, 2)},
        **circumstances(about["device"]),
    }
    sums.write_sealed(folder / "record.json", record)


def _exhibit(folder: Path, scored: Sequence[Scored], run: Run, about: Mapping[str, Any], test: Mixture | Coloured) -> None:
    """Writes an exhibit of each layer for the page."""
    task: Task = registry.choose("tasks", about["task"])
    for number, one in enumerate(scored):
        layer = one.readout.layer
        said = About(
            name=run.name,
            said=f"{task.title} Layer {layer}, {one.readout.n_units} units.",
            task=Path(about["task"]).stem,
            source=about["source"],
            useless=task.useless,
        )
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", layer)
        taken = (folder / f"{name}.npz").exists()  # a layer whose name differs by such a sign only
        place = folder / (f"{name}-{number}.npz" if taken else f"{name}.npz")
        save(make_exhibit(one.readout, one.rank, one.scores.units, test, said), place)


def of_p_values(permutations: int) -> str:
    """Says what p-values are, or why there are none."""
    if permutations < FEWEST:
        none = f"No p-values: none can fall below .05 with {permutations} permutations. Give {FEWEST} or more"
        return f"{none}; 1000 is usual."
    how = f"p: alignment against {permutations} permutations, {NULL_IMAGES:,} images at most"
    return f"{how}; p_layer: against the highest unit of the layer in each of them."


def _notes(about: Mapping[str, Any]) -> list[str]:
    """Says what a reader must know."""
    said = [
        f"{about['n']:,} images.",
        of_p_values(about["permutations"]),
    ]
    if about.get("few"):
        said.append(f"Maps, and silencing where the network is run again: the first {about['few']:,} images.")
    said += [f"{caution[0].upper()}{caution[1:]}." for caution in about.get("cautions", [])]
    if about.get("absent"):
        said.append(f"Classes on none of the test images, left out: {', '.join(about['absent'])}.")
    if not about["classifies"]:
        said.append("Scored as a detector: there are no logits [n, classes] for the task's classes, so no accuracy and no drops.")
    if about.get("fitted_on"):
        said.append(f"Thresholds and orders are fitted on {about['fitted_on']}.")
    return said
