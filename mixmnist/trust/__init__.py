"""Shelf of analyses: what is made of a study's recorded nets when its grid is done, one file each, ending in `ANALYSIS`.

They ask which scores can be trusted: planted units and networks whose right scores are known, controls on trained networks.
"""

from collections.abc import Callable
from pathlib import Path

from mixmnist.core import code, registry, storage, sums
from mixmnist.core.records import Analysis
from mixmnist.trust._networks import recorded


def analyse(folder: Path, root: str | None, tell: Callable[[str], None]) -> None:
    """Makes the analyses that a study asks for into `folder/analyses/<name>`, each whole or not at all.

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
    shelves = [code.entry(shelf, name) for shelf in ("metrics", "plants") for name in registry.names(shelf)]  # any may be asked
    for name, analysis in chosen.items():
        made_from = {"records": storage.fingerprint(nets), "code": code.digest([code.entry("analyses", name), *shelves])}
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
