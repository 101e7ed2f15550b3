"""Shelf of analyses: what is made of a study's recorded nets when its grid is done, one file each, ending in `ANALYSIS`.

They ask which scores can be trusted: planted units and networks whose right scores are known, controls on trained networks.
"""

import shutil
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from mixmnist.core import code, registry, storage, sums
from mixmnist.core.records import Analysis
from mixmnist.report.committed import restore
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust._networks import recorded

PICTURES = (".png", ".pdf", ".svg")  # of a figure, beside its caption (txt) and the csv it was drawn from


def analyse(folder: Path, root: str | None, tell: Callable[[str], None]) -> None:
    """Makes the analyses that a study asks for into `folder/analyses/<name>`, each whole or not at all, their figures apart.

    One that is there, whole, and was made from the same records by the same code is not made again. Each one's `summary.md` is
    told. Records that are damaged are left out.

    Args:
        folder: Of a study and source.
        root: Folder that holds the source's files.
        tell: Called with lines about each.

    Raises:
        ValueError: If there is no such analysis, or the study's file is damaged.
    """
    names = sums.read_sealed(folder / sums.STUDY).get("analyses", [])
    chosen: dict[str, Analysis] = {name: registry.choose("analyses", name) for name in names}
    nets = [[net.variant, net.seed, net.fingerprint] for net in recorded(folder)]
    for name, analysis in chosen.items():
        asked = [code.entry(shelf, one) for shelf in ("metrics", "plants", *analysis.asks) for one in registry.names(shelf)]
        made_from = {"records": storage.fingerprint(nets), "code": code.digest([code.entry("analyses", name), *asked])}
        home, label = folder / "analyses" / Path(name).stem, f"{folder.parent.name} {folder.name}: {analysis.title}"
        why = _why_again(home / sums.ANALYSIS, made_from)
        if why is None:
            tell(f"{label}: already made")
            continue
        tell(f"{label}: {why} ..." if why else f"{label} ...")

        def fill(out: Path, analysis: Analysis = analysis, made_from: dict[str, str] = made_from) -> None:
            analysis.run(folder, out, root)
            sums.write_sealed(out / sums.ANALYSIS, made_from)

        storage.publish(home, fill)
        tell((home / "summary.md").read_text(encoding="utf-8"))


def _why_again(path: Path, made_from: dict[str, str]) -> str | None:
    """Says why an analysis must be made, nothing where it needs no words; None if it is there and whole."""
    if not path.parent.exists():
        return ""
    trouble = sums.trouble(path)
    if trouble is not None:
        return f"{trouble}; it is made again"
    known = sums.read_sealed(path)
    return None if sums.is_sealed(known) and {name: known.get(name) for name in made_from} == made_from else ""


def draw_analyses(
    folder: Path, look: Look, keep: Collection[Path] = (), tell: Callable[[str], None] = lambda _line: None
) -> None:
    """Draws the figures of a study's analyses anew from the tables beside them; nothing is computed again.

    Args:
        folder: Of a study and source.
        look: Formats, style and size of the figures.
        keep: Files that stay as they are.
        tell: Called with a line about each analysis whose figures stay as they are, and why.
    """
    known = folder / sums.STUDY
    names = sums.read_sealed(known).get("analyses", []) if known.is_file() and sums.trouble(known) is None else []
    for name in names:
        home = folder / "analyses" / Path(name).stem
        if not home.is_dir() or sums.trouble(home / sums.ANALYSIS) is not None:
            continue  # a report names what is damaged
        try:
            analysis: Analysis = registry.choose("analyses", name)
            if analysis.draw is not None:
                storage.publish(home, partial(_redraw, analysis, folder, home, look, keep))
        except Exception as error:  # tables that nobody thought of may not cost the others
            if isinstance(error, MemoryError | OSError) and not isinstance(error, FileNotFoundError):
                raise  # of the machine, not of the tables
            why = f"{type(error).__name__}: {error}"
            tell(f"The figures of the analysis {home.name} are not drawn anew ({why}); {sums.BY_RUN}.")


def _redraw(analysis: Analysis, folder: Path, home: Path, look: Look, keep: Collection[Path], out: Path) -> None:
    """Copies an analysis but for its figures, draws these, and seals what is there then."""
    figures = {path.stem for path in home.iterdir() if path.suffix in PICTURES}
    for path in home.iterdir():
        if path.is_file() and not (path.stem in figures and path.suffix in (*PICTURES, ".txt", ".csv")):
            shutil.copy2(path, out)
    quick = "QUICK: 2 epochs on 4,000 images. " if folder.name.endswith("-quick") else ""
    note = f"{quick}Study {folder.parent.name}, glyphs: {folder.name.removesuffix('-quick')}."
    assert analysis.draw is not None
    with style(look):
        analysis.draw(home, Album(out, look, (note,)))
    restore(out, home, keep)
    said = sums.read_sealed(home / sums.ANALYSIS)
    if sums.is_sealed(said) and not any(path == home / sums.ANALYSIS for path in keep):
        made_from = {name: value for name, value in said.items() if name not in (sums.SEAL, sums.FILES)}
        sums.write_sealed(out / sums.ANALYSIS, made_from)
