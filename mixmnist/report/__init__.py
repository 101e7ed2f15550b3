"""The report room: records in, files out. Tables as csv, md and tex; figures as pdf and png with the csv they were drawn from."""

from pathlib import Path

import pandas as pd

from mixmnist.core import storage
from mixmnist.report.plots import draw_figures
from mixmnist.report.reading import StudyRecords, read_study
from mixmnist.report.tables import as_markdown, compare, for_people, interval_note, summarise, write_tables


def show_variants(records: StudyRecords) -> str:
    """Writes the variants table for a terminal: a column a variant, under the notes that every table carries."""
    variants = summarise(records.runs)
    turned = for_people(variants).set_index("variant").T.rename_axis(None, axis=1).reset_index(names="score")
    return " ".join([*records.notes(), interval_note(variants)]) + "\n\n" + as_markdown(turned) + "\n"


def compare_with(folder: Path, reference: Path) -> str:
    """Sets a study's variants beside the reference's, as a table in Markdown, or says why there is nothing to compare."""
    study, source = folder.parts[-2:]
    path = reference / study / source / "tables" / "variants.csv"
    if source.endswith("-quick"):
        return f"{study} {source}: a quick run is not compared with the reference."
    if not path.is_file():
        return f"{study} {source}: there is no reference at {path}."
    table = compare(pd.read_csv(folder / "tables" / "variants.csv"), pd.read_csv(path))
    return f"{study} {source}: yours against the reference and its 95 % t interval over seeds\n\n{as_markdown(table)}\n"


def write_report(folder: str | Path) -> StudyRecords:
    """Writes `tables/` and `figures/` of a study's folder from its records, each whole or not at all.

    Raises:
        FileNotFoundError: If the folder holds no records.
        ValueError: If every run in it failed.
    """
    records = read_study(Path(folder))
    for name, fill in (("tables", write_tables), ("figures", draw_figures)):
        storage.publish(Path(folder) / name, lambda partial, fill=fill: fill(records, partial))  # type: ignore[misc]
    return records
