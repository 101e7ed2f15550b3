"""Verdicts: are the scores of planted networks those that were written down beforehand?"""

from pathlib import Path

import pandas as pd

from mixmnist.core import registry
from mixmnist.core.records import Analysis, Plant, require
from mixmnist.core.thresholds import LEAST_OF_CLASS
from mixmnist.plants import compare
from mixmnist.report.reading import KEYS, read_study
from mixmnist.report.tables import as_markdown, write_table
from mixmnist.trust._networks import Recorded, recorded


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes a row a value that was written down: the right one, the one found, and whether they agree."""
    del root  # the scores are recorded
    records = read_study(folder)
    records = records.of_last_layer()
    parts, notes = [], [*records.notes(), NOTE]
    for net in recorded(folder):
        name = net.settings.plant
        if name is None:
            continue
        plant: Plant = registry.choose("plants", name)
        tables = {table: _of(getattr(records, of), net.variant, net.seed) for table, of in TABLES.items()}
        found = compare(plant.expected(net.seed), tables, net.settings.probe_images)
        if not _every_class_counts(net):
            found = found[~found["column"].isin(OF_CLASSES)]
            notes.append(f"Not judged of {net.variant}: {', '.join(OF_CLASSES)}, as {FEW}.")
        parts.append(found.assign(variant=net.variant, seed=net.seed))
    require(parts, f"the study must have planted networks, got none in {folder}. Name them as planted:perfect.")
    verdicts = pd.concat(parts, ignore_index=True)
    keys = ["variant", "seed", "table", "column", "row"]
    write_table(out, "verdicts", verdicts[[*keys, *(c for c in verdicts if c not in keys)]], list(dict.fromkeys(notes)))
    counts = verdicts.groupby("variant", sort=False)["right"].agg(right="sum", of="size").reset_index()
    wrong = verdicts[~verdicts["right"]]
    said = f"\n\nWrong:\n\n{as_markdown(wrong)}" if len(wrong) else ""
    (out / "summary.md").write_text(
        f"Scores of planted networks that are right\n\n{as_markdown(counts)}{said}\n", encoding="utf-8"
    )


TABLES = {"layer": "runs", "units": "units", "concepts": "concepts"}  # what plants call a table, and what it is in the records
NOTE = "Expected: written down before any score was computed. Right: found lies within `within` of it, or both are no number."
OF_CLASSES = ("max_class_drop",)
FEW = f"some of its classes may have fewer than {LEAST_OF_CLASS} images and count for nothing"


def _every_class_counts(net: Recorded) -> bool:
    classes = len(registry.choose("tasks", net.settings.task).classes)
    return net.settings.probe_images >= 2 * LEAST_OF_CLASS * classes  # then all have 30, but for 3 draws in 10,000


def _of(table: pd.DataFrame, variant: str, seed: int) -> pd.DataFrame:
    own = table[(table["variant"] == variant) & (table["seed"] == seed)]
    return own.drop(columns=[key for key in KEYS if key in own])


ANALYSIS = Analysis("Scores of planted networks against those written down beforehand", run)
