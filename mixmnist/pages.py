"""Pages: the units of recorded networks, made into exhibits, and the page of a study, of a network, or of several of them."""

import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from mixmnist.core import registry, storage
from mixmnist.core.records import Task, require
from mixmnist.probing import probe
from mixmnist.report.annotations import FINGERPRINT, judge_annotations, read_annotations, write_annotations
from mixmnist.report.drawing import Look
from mixmnist.report.exhibit import About, Exhibit, load, make_exhibit, save
from mixmnist.report.overview import Section, study_section
from mixmnist.report.page import Matching, Page, write_page
from mixmnist.report.plots import draw_figures
from mixmnist.report.reading import StudyRecords, read_study
from mixmnist.trust._assignment import match, standardise
from mixmnist.trust._layers import IMAGES
from mixmnist.trust._networks import Recorded, recorded
from mixmnist.trust._permutation import hold_against_null

FIGURES = ("alignment_against_ablation", "ablation_curves", "best_alignment", "class_curves", "class_drops", "scores_by_number")
EVALUATION = "evaluation.json"  # of a folder that holds an evaluated network
ANNOTATIONS = "annotations"  # folder of what a person said of the units
NULL = ("null_95", "p_holm", "corrected")  # columns of the analysis that holds units against their null
PERMUTATIONS = 200  # where there is no such analysis: enough for the null's 95 %, too few for corrected p-values
CODE = ("report/exhibit.py", "report/curves.py", "metrics", "probing")
WAY_OUT = "Name a folder that `mixmnist run` or `mixmnist evaluate` made."
Tell = Callable[[str], None]


def make_page(folders: Sequence[Path], out: Path, root: str | None, tell: Tell) -> Path:
    """Makes the page of one folder, or one page for comparing several.

    Args:
        folders: Of a study and source, or of an evaluated network.
        out: The page's own folder.
        root: Folder that holds the source's files.
        tell: Called with lines about what is being done.

    Returns:
        The page's `index.html`.

    Raises:
        FileNotFoundError: If a folder holds neither records nor an evaluated network.
    """
    for folder in folders:
        there = (folder / EVALUATION).is_file() or (folder / "runs").is_dir()
        if not there:
            raise FileNotFoundError(f"a page needs a folder with runs/ or {EVALUATION}, got {folder}. {WAY_OUT}")
    with tempfile.TemporaryDirectory() as drawn:
        parts = [_part(folder, root, Path(drawn) / str(number), tell) for number, folder in enumerate(folders)]
        sections = [section for section, _ in parts]
        several = len(folders) > 1
        exhibits = [_named(e, folder, several) for folder, (_, found) in zip(folders, parts, strict=True) for e in found]
        title = sections[0].title if len(sections) == 1 else "Side by side: " + "; ".join(s.title for s in sections)
        return write_page(out, Page(title, tuple(sections), tuple(exhibits), tuple(matchings(exhibits))))


def _named(exhibit: Exhibit, folder: Path, several: bool) -> Exhibit:
    """Puts the folder's name before an exhibit's, where the page shows those of several folders."""
    if not several:
        return exhibit
    place = folder.resolve()
    home = f"{place.parent.name} {place.name}" if (place / "runs").is_dir() else place.name
    return replace(exhibit, about=replace(exhibit.about, name=f"{home}: {exhibit.about.name}"))


def _part(folder: Path, root: str | None, drawn: Path, tell: Tell) -> tuple[Section, list[Exhibit]]:
    """Gives what a page says of one folder, and its exhibits."""
    if (folder / EVALUATION).is_file():
        return _network(folder, drawn)
    records = read_study(folder)
    exhibits, missing = study_exhibits(folder, records, root, tell)
    said = folder / "study.json"
    title = json.loads(said.read_text(encoding="utf-8"))["title"] if said.is_file() else records.runs["study"].iloc[0]
    section = study_section(title, records)
    tables, stale = _labels(folder, exhibits)
    figures, lacking = _figures(folder, records, drawn), (*section.missing, *missing, *stale)
    return replace(section, figures=figures, missing=lacking, tables=tables), exhibits


def _network(folder: Path, drawn: Path) -> tuple[Section, list[Exhibit]]:
    """Gives what a page says of an evaluated network, and its layers."""
    said = json.loads((folder / EVALUATION).read_text(encoding="utf-8"))
    exhibits = _exhibits(folder)
    tables, missing = _labels(folder, exhibits)
    if not exhibits:
        missing = ("There are no units to show: nothing is kept of the images that they respond to.", *missing)
    section = Section(said["title"], tuple(said["notes"]), missing=missing, tables=tables)
    if (folder / "runs").is_dir():
        records = read_study(folder)
        scored, figures = study_section(said["title"], records), _figures(folder, records, drawn)
        notes = (*scored.notes, *section.notes)
        section = replace(scored, notes=notes, missing=(*scored.missing, *missing), tables=section.tables, figures=figures)
    return section, sorted(exhibits, key=lambda one: one.bench is None)


def _exhibits(folder: Path) -> list[Exhibit]:
    return [load(path) for path in sorted((folder / "exhibits").glob("*.npz"))]


def _labels(folder: Path, exhibits: Sequence[Exhibit]) -> tuple[tuple[tuple[str, pd.DataFrame], ...], tuple[str, ...]]:
    """Gives the tables of what a person said of the units, where there are any; or why they are not shown."""
    home = folder / ANNOTATIONS
    if not (home / "units.csv").is_file():
        return (), ()
    said = pd.read_csv(home / "units.csv", dtype={"named": str})
    if not set(said.get(FINGERPRINT, [""])) <= {exhibit.fingerprint for exhibit in exhibits}:
        return (), (f"What people said is of earlier scores and is left out; it is in {ANNOTATIONS}/. Label this page anew.",)
    agreed = pd.read_csv(home / "agreement.csv")
    return (("agreement with people", agreed), ("what people said", said.drop(columns=FINGERPRINT))), ()


def annotate(folder: Path, path: Path) -> Path:
    """Sets a person's annotations beside the truth and the scores, in `folder/annotations`; gives that folder.

    Args:
        folder: Of a study and source, or of an evaluated network, whose page was annotated.
        path: The file that the page exported.

    Raises:
        FileNotFoundError: If there is no such file, or the folder has no page.
        ValueError: If the file is no export, or is one of another page.
    """
    annotations, exhibits = read_annotations(path), _exhibits(folder)
    if not exhibits:
        raise FileNotFoundError(f"annotations need a folder with exhibits/, got {folder}. Make its page: mixmnist page {folder}.")
    write_annotations(judge_annotations(annotations, exhibits), folder / ANNOTATIONS)
    return folder / ANNOTATIONS


def _figures(folder: Path, records: StudyRecords, drawn: Path) -> tuple[Path, ...]:
    """Gives as svg the figures that the folder has, drawn anew where they are there in other formats only."""
    home = folder / "figures"
    names = [name for name in FIGURES if (home / f"{name}.csv").is_file()]
    if not all((home / f"{name}.svg").is_file() for name in names):
        home = drawn
        home.mkdir()
        draw_figures(records, home, Look(formats=("svg",)), names)
    return tuple(path for name in names if (path := home / f"{name}.svg").is_file())


def study_exhibits(folder: Path, records: StudyRecords, root: str | None, tell: Tell) -> tuple[list[Exhibit], list[str]]:
    """Gives an exhibit of each variant, of the lowest seed whose weights are recorded; and why others are missing.

    They are kept in `folder/exhibits` and made again where the network, its scores or their code have changed.
    """
    nets = recorded(folder)
    firsts = {net.variant: net for net in reversed(nets) if (net.place / "weights.safetensors").is_file()}
    without = [variant for variant in records.variants if variant not in firsts]
    missing = [f"Units of {', '.join(without)} cannot be shown: the weights are not kept here."] if without else []
    made, exhibits = {}, []
    for variant in [variant for variant in records.variants if variant in firsts]:
        path, net = folder / "exhibits" / f"{variant}.npz", firsts[variant]
        if not _is_current(path, net):
            tell(f"Looking at the units of {variant}, seed {net.seed} ...")
            try:
                made[variant] = exhibit_of(net, records, folder, root)
            except FileNotFoundError as error:
                missing.append(f"Units of {variant} cannot be shown: {error}")
                continue
        exhibits.append(made[variant] if variant in made else load(path))
    if made:
        storage.publish(folder / "exhibits", lambda partial: _save_all(exhibits, partial))
    return exhibits, missing


def _save_all(exhibits: Sequence[Exhibit], folder: Path) -> None:
    for exhibit in exhibits:
        save(exhibit, folder / f"{exhibit.about.name.partition(',')[0]}.npz")


def _is_current(path: Path, net: Recorded) -> bool:
    try:
        return path.is_file() and load(path).about.made_from == _made_from(net)
    except ValueError:
        return False  # it is made anew


def _made_from(net: Recorded) -> str:
    return storage.fingerprint([net.fingerprint, storage.code_version(CODE)])


def exhibit_of(net: Recorded, records: StudyRecords, folder: Path, root: str | None) -> Exhibit:
    """Makes the exhibit of a recorded network's last layer, on the mixture that it was scored on."""
    module, mixture = net.net(), net.mixture("test", root)
    readout, rank = (probe(module, one, net.layer) for one in (mixture, net.mixture("rank", root)))
    units = records.units
    own = units[(units["variant"] == net.variant) & (units["seed"] == net.seed) & (units["layer"] == net.layer)]
    own = own.drop(columns=["study", "source", "task", "variant", "seed", "block", "layer"]).reset_index(drop=True)
    task: Task = registry.choose("tasks", net.settings.task)
    about = About(
        name=f"{net.variant}, seed {net.seed}",
        said=f"{task.title} Network: {net.settings.origin}. Layer {net.layer}, {readout.n_units} units.",
        task=net.settings.task,
        source=net.source,
        useless=task.useless,
        made_from=_made_from(net),
    )
    return make_exhibit(readout, rank, own.assign(**_null(net, readout.response, readout.present, folder)), mixture, about)


def _null(net: Recorded, response: torch.Tensor, present: torch.Tensor, folder: Path) -> "dict[str, list[float]]":
    """Gives each unit's null: from the study's own analysis, or from fewer permutations."""
    path = folder / "analyses" / "null" / "units.csv"
    if path.is_file():
        found = pd.read_csv(path)
        found = found[(found["variant"] == net.variant) & (found["seed"] == net.seed)].sort_values("unit")
        if len(found) == response.shape[1]:
            return {column: found[column].tolist() for column in NULL}
    tested = hold_against_null(response[:IMAGES], present[:IMAGES], n=PERMUTATIONS)
    return {"null_95": tested.null.quantile(0.95, dim=0).tolist(), "corrected": tested.corrected.tolist()}


def matchings(exhibits: Sequence[Exhibit]) -> Iterator[Matching]:
    """Matches the units of every two exhibits one to one by the correlation of their responses on the same images."""
    standard = [standardise(torch.from_numpy(exhibit.response)) for exhibit in exhibits]
    for first, second in itertools.combinations(range(len(exhibits)), 2):
        why_not = _why_not(exhibits[first], exhibits[second])
        if why_not:
            yield Matching(first, second, why_not=why_not)
            continue
        found = match(standard[first].T @ standard[second])
        yield Matching(first, second, found.ours.tolist(), found.theirs.tolist(), np.asarray(found.correlation).tolist())


def _why_not(first: Exhibit, second: Exhibit) -> str:
    """Says why units of two exhibits cannot be matched by their responses; nothing if they can."""
    if first.images == second.images:
        return ""
    for what, ours, theirs in (
        ("concepts", ", ".join(first.concepts), ", ".join(second.concepts)),
        ("tasks", first.about.task, second.about.task),
        ("glyphs", first.about.source, second.about.source),
        ("sizes of images", "x".join(map(str, first.top.shape[2:])), "x".join(map(str, second.top.shape[2:]))),
    ):
        if ours != theirs:
            return f"They saw images with other {what}: {ours} and {theirs}."
    return "They saw other images."


def page_home(folders: Sequence[str], out: str | None) -> Path:
    """Says where a page goes: a single folder's into its `report`, one of several where it is asked for.

    Raises:
        ValueError: If there are several folders and no place.
    """
    require(len(folders) == 1 or out, f"out must be given for a page of several folders, got {len(folders)}. Add --out DIR.")
    return Path(out) if out else Path(folders[0]) / "report"
