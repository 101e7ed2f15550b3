"""Making: the page of a study, of an evaluated network, or of several of them."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mixmnist.core import sums
from mixmnist.core.records import require
from mixmnist.core.sums import ANNOTATIONS, EVALUATION
from mixmnist.page.annotations import FEWEST, FINGERPRINT, judge_annotations, read_annotations, too_few, write_annotations
from mixmnist.page.exhibit import Exhibit, load
from mixmnist.page.exhibiting import Tell, study_exhibits
from mixmnist.page.matching import matchings
from mixmnist.page.opening import network_opening, settings_of, study_opening
from mixmnist.page.overview import Section, study_section
from mixmnist.page.wanting import all_wanted
from mixmnist.page.writing import Page, write_page
from mixmnist.report.drawing import Look
from mixmnist.report.plots import draw_figures
from mixmnist.report.reading import StudyRecords, read_study
from mixmnist.trust._networks import recorded

FIGURES = ("alignment_against_ablation", "ablation_curves", "best_alignment", "class_curves", "class_drops", "scores_by_number")
WAY_OUT = "Name a folder that `mixmnist run` or `mixmnist evaluate` made."


@dataclass(frozen=True)
class Desk:
    """Where figures of a folder are drawn, if need be."""

    place: Path
    drawn: bool  # those that the folder has are relied on


def make_page(
    folders: Sequence[Path], out: Path, root: str | None, tell: Tell, drawn: bool = True, pictures: bool = False
) -> Path:
    """Makes the page of one folder, or one page for comparing several.

    Args:
        folders: Of a study and source, or of an evaluated network.
        out: The page's own folder.
        root: Folder that holds the source's files.
        tell: Called with lines about what is being done.
        drawn: Whether figures are taken that were drawn as svg; else they are drawn anew, as those may be damaged.
        pictures: Whether pictures of what units want are made, too, in minutes; of a study's nets alone.

    Returns:
        The page's `index.html`.

    Raises:
        FileNotFoundError: If a folder holds neither records nor an evaluated network.
    """
    if pictures:
        of_study = len(folders) == 1 and (folders[0] / "runs").is_dir() and not (folders[0] / EVALUATION).is_file()
        require(of_study, "pictures must be of the nets of one study, got another folder. Leave --pictures out.")
    for folder in folders:
        there = (folder / EVALUATION).is_file() or (folder / "runs").is_dir()
        if not there:
            raise FileNotFoundError(f"a page needs a folder with runs/ or {EVALUATION}, got {folder}. {WAY_OUT}")
    with tempfile.TemporaryDirectory() as place:
        parts = [_part(folder, root, Desk(Path(place) / str(number), drawn), tell) for number, folder in enumerate(folders)]
        sections = [section for section, _ in parts]
        several = len(folders) > 1
        exhibits = [_named(e, folder, several) for folder, (_, found) in zip(folders, parts, strict=True) for e in found]
        title = sections[0].title if len(sections) == 1 else "Side by side: " + "; ".join(s.title for s in sections)
        page = Page(title, tuple(sections), tuple(exhibits), tuple(matchings(exhibits)))
        return write_page(out, _with_pictures(page, folders[0], root, tell) if pictures else page)


def _with_pictures(page: Page, folder: Path, root: str | None, tell: Tell) -> Page:
    """Adds pictures of what units want, and to the only section why some are missing."""
    wants, missing = all_wanted(page.exhibits, recorded(folder), folder, root, tell)
    (section,) = page.sections
    return replace(page, wants=tuple(wants), sections=(replace(section, missing=(*section.missing, *missing)),))


def _named(exhibit: Exhibit, folder: Path, several: bool) -> Exhibit:
    """Puts the folder's name before an exhibit's, where the page shows those of several folders."""
    if not several:
        return exhibit
    place = folder.resolve()
    home = f"{place.parent.name} {place.name}" if (place / "runs").is_dir() else place.name
    return replace(exhibit, about=replace(exhibit.about, name=f"{home}: {exhibit.about.name}"))


def _part(folder: Path, root: str | None, desk: Desk, tell: Tell) -> tuple[Section, list[Exhibit]]:
    """Gives what a page says of one folder, and its exhibits."""
    if (folder / EVALUATION).is_file():
        return _network(folder, desk)
    records = read_study(folder)
    way_out = f"What its analyses say is in {folder / 'analyses'}."
    require(records.is_scored, f"a page needs networks that are scored, got none in {folder}. {way_out}")
    exhibits, missing = study_exhibits(folder, records, root, tell)
    said = folder / sums.STUDY
    known = sums.read_sealed(said) if sums.trouble(said) is None else {"title": records.runs["study"].iloc[0]}
    section = study_section(known["title"], records)
    opening = study_opening(records.scored(), settings_of(folder), str(known.get("about", "")))
    tables, stale = _labels(folder, exhibits)
    figures, lacking = _figures(folder, records, desk), (*section.missing, *missing, *stale)
    return replace(section, opening=opening, figures=figures, missing=lacking, tables=tables), exhibits


def _network(folder: Path, desk: Desk) -> tuple[Section, list[Exhibit]]:
    """Gives what a page says of an evaluated network, and its layers."""
    trouble = sums.trouble(folder / EVALUATION)
    require(trouble is None, f"{trouble}; {sums.BY_EVALUATE}.")
    said = sums.read_sealed(folder / EVALUATION)
    exhibits, lost = _exhibits(folder)
    tables, missing = _labels(folder, exhibits)
    missing = (*missing, *lost)
    if not exhibits:
        missing = ("There are no units to show: nothing is kept of the images that they respond to.", *missing)
    opening = network_opening(said.get("about", {}), exhibits)
    section = Section(said["title"], tuple(said["notes"]), opening, missing=missing, tables=tables)
    if (folder / "runs").is_dir():
        records = read_study(folder)
        scored, figures = study_section(said["title"], records, layers=True), _figures(folder, records, desk)
        notes, missing = (*scored.notes, *section.notes), (*scored.missing, *missing)
        section = replace(scored, opening=opening, notes=notes, missing=missing, tables=tables, figures=figures)
    return section, sorted(exhibits, key=lambda one: one.bench is None)


def _exhibits(folder: Path) -> tuple[list[Exhibit], list[str]]:
    """Gives the exhibits that are kept, and a sentence on each that is damaged."""
    found, lost = [], []
    for path in sorted((folder / "exhibits").glob("*.npz")):
        try:
            found.append(load(path))
        except ValueError as error:
            lost.append(str(error))
    return found, lost


def losses(folder: Path) -> list[str]:
    """Says, a sentence each, what is damaged in a folder that has a page, and cannot be made again by making its page."""
    found = list(read_study(folder).damaged) if (folder / "runs").is_dir() else sums.troubles(folder)
    return [*found, *(_exhibits(folder)[1] if (folder / EVALUATION).is_file() else ())]


def _labels(folder: Path, exhibits: Sequence[Exhibit]) -> tuple[tuple[tuple[str, pd.DataFrame], ...], tuple[str, ...]]:
    """Gives the tables of what a person said of the units, where there are any; or why they are not shown."""
    home = folder / ANNOTATIONS
    if not (home / "units.csv").is_file():
        return (), ()
    wrong = sums.trouble(home / sums.LISTED) if (home / sums.LISTED).exists() else None
    try:
        said, agreed = pd.read_csv(home / "units.csv", dtype={"named": str}), pd.read_csv(home / "agreement.csv")
    except (OSError, ValueError) as error:
        wrong = wrong or f"{home} cannot be read ({type(error).__name__})"
    if wrong:
        return (), (f"What people said is left out: {wrong}.",)
    if not set(said.get(FINGERPRINT, [""])) <= {exhibit.fingerprint for exhibit in exhibits}:
        return (), (f"What people said is of earlier scores and is left out; it is in {ANNOTATIONS}/. Label this page anew.",)
    told = ("what people said", said.drop(columns=FINGERPRINT))
    return ((told,), (too_few(len(said)),)) if len(said) < FEWEST else ((("agreement with people", agreed), told), ())


def annotate(folder: Path, path: Path) -> Path:
    """Sets a person's annotations beside the truth and the scores, in `folder/annotations`; gives that folder.

    Args:
        folder: Of a study and source, or of an evaluated network, whose page was annotated.
        path: The file that the page exported.

    Raises:
        FileNotFoundError: If there is no such file, or the folder has no page.
        ValueError: If the file is no export, or is one of another page.
    """
    annotations, (exhibits, lost) = read_annotations(path), _exhibits(folder)
    require(not lost, " ".join(lost))
    if not exhibits:
        raise FileNotFoundError(f"annotations need a folder with exhibits/, got {folder}. Make its page: mixmnist page {folder}.")
    write_annotations(judge_annotations(annotations, exhibits), folder / ANNOTATIONS)
    return folder / ANNOTATIONS


def _figures(folder: Path, records: StudyRecords, desk: Desk) -> tuple[Path, ...]:
    """Gives as svg the figures that the folder has, drawn anew where they are in other formats only, or are not relied on."""
    home = folder / "figures"
    names = [name for name in FIGURES if any(home.glob(f"{name}.*"))]
    if not desk.drawn or not all((home / f"{name}.svg").is_file() for name in names):
        home = desk.place
        home.mkdir()
        draw_figures(records, home, Look(formats=("svg",)), names)
    return tuple(path for name in names if (path := home / f"{name}.svg").is_file())


def page_home(folders: Sequence[str], out: str | None) -> Path:
    """Says where a page goes: a single folder's into its `report`, one of several where it is asked for.

    Raises:
        ValueError: If there are several folders and no place.
    """
    require(len(folders) == 1 or out, f"out must be given for a page of several folders, got {len(folders)}. Add --out DIR.")
    return Path(out) if out else Path(folders[0]) / "report"
