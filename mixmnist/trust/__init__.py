"""Shelf of analyses: what is made of a study's recorded nets when its grid is done, one file each, ending in `ANALYSIS`.

They ask which scores can be trusted: planted units and networks whose right scores are known, controls on trained networks.
"""

import json
from collections.abc import Callable
from pathlib import Path

from mixmnist.core import code, registry, storage
from mixmnist.core.records import Analysis
from mixmnist.trust._networks import recorded

RECORD = "analysis.json"  # what an analysis was made from


def analyse(folder: Path, root: str | None, tell: Callable[[str], None]) -> None:
    """Makes the analyses that a study asks for into `folder/analyses/<name>`, each whole or not at all.

    One that is there and was made from the same records by the same code is not made again. Each one's `summary.md` is told.

    Args:
        folder: Of a study and source.
        root: Folder that holds the source's files.
        tell: Called with lines about each.

    Raises:
        ValueError: If there is no such analysis.
    """
    names = json.loads((folder / "study.json").read_text(encoding="utf-8")).get("analyses", [])
    chosen: dict[str, Analysis] = {name: registry.choose("analyses", name) for name in names}
    nets = [[net.variant, net.seed, net.fingerprint] for net in recorded(folder)]
    shelves = [code.entry(shelf, name) for shelf in ("metrics", "plants") for name in registry.names(shelf)]  # any may be asked
    for name, analysis in chosen.items():
        made_from = {"records": storage.fingerprint(nets), "code": code.digest([code.entry("analyses", name), *shelves])}
        home, label = folder / "analyses" / Path(name).stem, f"{folder.parent.name} {folder.name}: {analysis.title}"
        record = home / RECORD
        if record.is_file() and json.loads(record.read_text(encoding="utf-8")) == made_from:
            tell(f"{label}: already made")
            continue
        tell(f"{label} ...")

        def fill(out: Path, analysis: Analysis = analysis, made_from: dict[str, str] = made_from) -> None:
            analysis.run(folder, out, root)
            storage.write_json(out / RECORD, made_from)

        storage.publish(home, fill)
        tell((home / "summary.md").read_text(encoding="utf-8"))
