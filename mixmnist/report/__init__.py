"""The report room: records in, files out. Tables as csv, md and tex; figures as pdf and png with the csv they were drawn from."""

from pathlib import Path

from mixmnist.core import storage
from mixmnist.report.plots import draw_figures
from mixmnist.report.reading import StudyRecords, read_study
from mixmnist.report.tables import write_tables


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
