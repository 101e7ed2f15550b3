"""The page: a folder that opens from disk in any browser, made from saved exhibits and a study's records alone."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FunctionLoader, StrictUndefined

from mixmnist.core import grades, storage
from mixmnist.core.records import require
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.page.exhibit import Exhibit
from mixmnist.page.hero import hero, heroic, unit_table
from mixmnist.page.numbers import SCORE, bare
from mixmnist.page.overview import Section, scores
from mixmnist.page.packing import pack
from mixmnist.page.wanting import Wanted, pack_wanted
from mixmnist.page.words import GLOSSARY

DATA = "data.js"  # the mark of a page's folder
ALWAYS = ("base", "notes", "tables")  # scripts of every page
SCRIPTS = tuple("draw algebra grid wants unit bench compare label truth address main".split())  # of one with units
STYLES = ("page.css", "front.css")
FIGURES = 1_500_000  # bytes of all figures on a page together; those that do not fit are left out


@dataclass(frozen=True, eq=False)
class Matching:
    """Which unit of one exhibit is which of another, one to one; or why that cannot be said."""

    first: int  # place of the exhibit on the page
    second: int
    ours: Sequence[int] = ()
    theirs: Sequence[int] = ()
    correlation: Sequence[float] = ()
    why_not: str = ""


@dataclass(frozen=True, eq=False)
class Page:
    """Everything that a page shows."""

    title: str
    sections: tuple[Section, ...]  # a study or network each
    exhibits: tuple[Exhibit, ...] = ()
    matchings: tuple[Matching, ...] = ()
    wants: tuple[Wanted | None, ...] = ()  # pictures of each exhibit's units, where they are asked for


def write_page(folder: Path, page: Page) -> Path:
    """Writes a page into `folder`, whole or not at all, and gives its `index.html`.

    Raises:
        ValueError: If something else lies there, which would be lost.
    """
    folder = folder.resolve()
    free = not folder.exists() or (folder / DATA).is_file() or (folder.is_dir() and not any(folder.iterdir()))
    require(free, f"a page must have a folder of its own, got {folder}, which holds something else. Name a new one.")
    storage.publish(folder, lambda partial: _fill(partial, page))
    return folder / "index.html"


def _fill(folder: Path, page: Page) -> None:
    assets = files("mixmnist.page") / "assets"
    for name in (*STYLES, *(f"{script}.js" for script in (*ALWAYS, *SCRIPTS))):
        (folder / name).write_text((assets / name).read_text(encoding="utf-8"), encoding="utf-8")
    exhibits = pack(page.exhibits, folder)
    for packed, wanted in zip(exhibits, page.wants, strict=False):
        packed |= {} if wanted is None else {"wants": pack_wanted(wanted, packed, folder)}
    matchings = [_matching(matching) for matching in page.matchings]
    said = {"glossary": GLOSSARY, "grades": {column: grade._asdict() for column, grade in grades.UNITS.items()}}
    data = {"title": page.title, "threshold": THRESHOLD, "exhibits": exhibits, "matchings": matchings, **said}
    (folder / DATA).write_text(f"window.mixmnist = {_as_json(data)};\n", encoding="utf-8")
    loader = FunctionLoader(lambda name: (assets / name).read_text(encoding="utf-8"))
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals["glossary"] = GLOSSARY
    template = environment.get_template("index.html.jinja")
    first = heroic(page.exhibits) if exhibits else 0
    html = template.render(
        page=page,
        sections=[(section, *_figures(section, number, folder)) for number, section in enumerate(page.sections)],
        scores=scores(page.sections),
        hero=hero(page.exhibits[first], exhibits[first]) if exhibits else [],
        hero_of=exhibits[first] if exhibits else None,
        tables=[unit_table(one, packed) for one, packed in zip(page.exhibits, exhibits, strict=True)],
        exhibits=exhibits,
        scripts=(*ALWAYS, *(SCRIPTS if exhibits else ())),
        styles=STYLES,
        version=version("mixmnist"),
        cell_of=_cell,
    )
    (folder / "index.html").write_text(html, encoding="utf-8")


def _figures(section: Section, number: int, folder: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Copies a section's figures, as many as there is room for; gives them, and the titles of those that are left out."""
    found, left_out, room = [], [], FIGURES
    for path in section.figures:
        title, drawing = path.stem.replace("_", " "), see_through(path.read_text(encoding="utf-8"))
        size = len(drawing.encode())
        if size > room:
            left_out.append(title)
            continue
        room -= size
        name, caption = f"s{number}-{path.name}", path.with_suffix(".txt")
        (folder / name).write_text(drawing, encoding="utf-8")
        said = caption.read_text(encoding="utf-8").strip() if caption.is_file() else ""
        found.append({"file": name, "title": title, "caption": said})
    return found, left_out


def see_through(drawing: str) -> str:
    """Takes the white ground from a figure as matplotlib writes it, so that it stands on a dark page, too.

    Example:
        >>> see_through('<g id="axes_2"><g id="patch_7"><path style="fill: #ffffff"/></g><path style="fill: #ffffff"/>')
        '<g id="axes_2"><g id="patch_7"><path style="fill: none"/></g><path style="fill: #ffffff"/>'
    """
    grounds = r'(<g id="(?:figure|axes)_\d+">\s*<g id="patch_\d+">\s*<path [^>]*?style="fill: )#ffffff'
    return re.sub(grounds, r"\1none", drawing)


def _matching(matching: Matching) -> dict[str, Any]:
    return {
        "first": matching.first,
        "second": matching.second,
        "ours": list(matching.ours),
        "theirs": list(matching.theirs),
        "correlation": [round(float(value), 4) for value in matching.correlation],
        "why_not": matching.why_not,
    }


def _as_json(data: Any) -> str:  # noqa: ANN401 -- anything that JSON can hold
    """Writes JSON as short as it gets; numbers that are none become null."""
    return json.dumps(storage.without_nan(data), separators=(",", ":"), allow_nan=False)


def _cell(value: Any) -> dict[str, Any]:  # noqa: ANN401 -- whatever a table holds
    """Gives a cell of a further table: numbers that are not whole with three decimals, none for what is missing."""
    if pd.isna(value):
        return {"value": None, "text": ""}
    return {"value": value, "text": bare(value, SCORE, 3) if isinstance(value, float) else f"{value}"}
