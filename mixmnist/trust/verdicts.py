"""Verdicts: are the scores of planted networks those that were written down beforehand?"""

from pathlib import Path

import pandas as pd

from mixmnist.core import registry
from mixmnist.core.records import Analysis, Plant, require
from mixmnist.plants import compare
from mixmnist.report.reading import KEYS, read_study
from mixmnist.report.tables import as_markdown, write_table
from mixmnist.trust._networks import recorded


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes a row a value that was written down: the right one, the one found, and whether they agree."""
    del root  # the scores are recorded
    records = read_study(folder)
    records = records.of_layer(records.layer)
    parts = []
    for net in recorded(folder):
        name = net.settings.plant
        if name is None:
            continue
        plant: Plant = registry.choose("plants", name)
        tables = {table: _of(getattr(records, of), net.variant, net.seed) for table, of in TABLES.items()}
        found = compare(plant.expected(net.seed), tables, net.settings.probe_images)
        parts.append(found.assign(variant=net.variant, seed=net.seed))
    require(parts, f"the study must have planted networks, got none in {folder}. Name them as planted:perfect.")
    verdicts = pd.concat(parts, ignore_index=True)
    keys = ["variant", "seed", "table", "column", "row"]
    write_table(out, "verdicts", verdicts[[*keys, *(c for c in verdicts if c not in keys)]], [*records.notes(), NOTE])
    counts = verdicts.groupby("variant", sort=False)["right"].agg(right="sum", of="size").reset_index()
    wrong = verdicts[~verdicts["right"]]
    said = f"\n\nWrong:\n\n{as_markdown(wrong)}" if len(wrong) else ""
    (out / "summary.md").write_text(
        f"Scores of planted networks that are right\n\n{as_markdown(counts)}{said}\n", encoding="utf-8"
    )


TABLES = {"layer": "runs", "units": "units", "concepts": "concepts"}  # what plants call a table, and what it is in the records
NOTE = "Expected: written down before any score was computed. Right: found lies within `within` of it, or both are no number."


def _of(table: pd.DataFrame, variant: str, seed: int) -> pd.DataFrame:
    own = table[(table["variant"] == variant) & (table["seed"] == seed)]
    return own.drop(columns=[key for key in KEYS if key in own])


ANALYSIS = Analysis("Scores of planted networks against those written down beforehand", run)
