"""What an evaluation leaves: tables, and a record that reads as a study's, so that figures and page come by themselves."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from mixmnist.core import registry, storage, sums
from mixmnist.core.records import Task, Variant, require
from mixmnist.core.sums import EVALUATION
from mixmnist.data.colour import Coloured
from mixmnist.data.mixture import Mixture
from mixmnist.grid import digests
from mixmnist.grid.layers import Scored, join, write_scores
from mixmnist.grid.machine import circumstances
from mixmnist.grid.recording import save_pictures
from mixmnist.guests.arrays import LAYER
from mixmnist.page.exhibit import About, make_exhibit, save
from mixmnist.page.making import make_page
from mixmnist.report import write_report
from mixmnist.report.drawing import FORMATS, Look
from mixmnist.trust._permutation import FEWEST

NULL_IMAGES = 2_000  # test images, the first ones, on which a unit is held against its null


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation found, as tables; the layer is told by a column."""

    units: pd.DataFrame  # a row a unit, with p-value and null of its alignment
    concepts: pd.DataFrame  # a row a concept, with its best unit
    layers: pd.DataFrame  # a row a layer
    curves: pd.DataFrame  # ablation curves of the last layer; only the number of units where it feeds no linear head
    folder: Path | None  # where tables, figures and page were written


@dataclass(frozen=True)
class Run:
    """What an evaluation is called and when it began."""

    name: str
    seed: int
    started: float


def joined(scored: Sequence[Scored], folder: Path | None) -> Evaluation:
    """Joins what was found of several layers."""
    scores, rows = join(scored)
    return Evaluation(scores.units, scores.concepts, pd.DataFrame(rows), scores.curves, folder)


def finish(
    scored: Sequence[Scored], run: Run, about: Mapping[str, Any], test: Mixture | Coloured | None, out: Path | None
) -> Evaluation:
    """Writes, where it is asked for, a record as a study's runs have, and tables and figures of all that the folder holds.

    Runs of the same name under another setting are not of one kind with this one. They are replaced when this one is recorded
    whole, and kept, as an earlier run of the same seed is, in the folder's `replaced/`.

    Raises:
        ValueError: If something else lies in the folder, or the name is none for a folder.
    """
    if out is None:
        return joined(scored, None)
    named = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", run.name)
    require(named, f"name must be of letters, digits and . _ + -, got name={run.name!r}. Choose another --name.")
    folder = out / run.name / str(about["source"])
    require(
        not folder.exists() or (folder / EVALUATION).is_file(),
        f"out must not hold something else by that name, got {folder}, which no evaluation wrote. Choose --name or --out.",
    )
    home, replaced = folder / "runs" / run.name / f"s{run.seed}-{run.seed}", folder / "replaced"
    storage.publish(home, lambda partial: _record(partial / f"s{run.seed}", scored, run, about, test), replaced)
    _set_others_aside(folder, about)
    title = f"{run.name}: {', '.join(about['layers'])}"
    sums.write_sealed(folder / EVALUATION, {"title": title, "notes": _notes(about), "about": dict(about)}, beside=False)
    write_report(folder, Look(FORMATS))
    if test is not None:
        storage.publish(folder / "exhibits", lambda partial: _exhibit(partial, scored, run, about, test))
    make_page([folder], folder / "report", None, lambda _line: None)
    return joined(scored, folder)


def _set_others_aside(folder: Path, about: Mapping[str, Any]) -> None:
    """Moves runs under another setting to those that were replaced, and damaged ones, whose setting is unknown."""
    ours = json.loads(storage.as_json(dict(about)))
    for home in sorted(folder.glob("runs/*/*")):
        try:
            records = [sums.read_sealed(path) for path in home.glob("*/record.json")]
            others = not records or storage.is_link(home) or any(record["evaluation"] != ours for record in records)
        except (ValueError, KeyError):
            others = True
        if others:
            storage.set_aside(home, folder / "replaced")


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
    if not about["classifies"]:
        said.append("Scored as a detector: there are no logits [n, classes] for the task's classes, so no accuracy and no drops.")
    if about.get("fitted_on"):
        said.append(f"Thresholds and orders are fitted on {about['fitted_on']}.")
    return said
