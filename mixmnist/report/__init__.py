"""The report room: records in, files out. Tables as csv, md and tex; figures as pdf and png with the csv they were drawn from."""

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from mixmnist.core import storage
from mixmnist.report.committed import restore
from mixmnist.report.drawing import Look
from mixmnist.report.papers import check_columns, write_paper_table
from mixmnist.report.pictures import RegionsOf
from mixmnist.report.plots import Shown, choose, draw_figures
from mixmnist.report.reading import StudyRecords, read_study
from mixmnist.report.tables import as_markdown, for_people, interval_note, summarise, write_tables


def show_variants(records: StudyRecords) -> str:
    """Writes the variants table for a terminal: a column a variant, under the notes that every table carries."""
    variants = summarise(records.of_last_layer().runs)
    turned = for_people(variants).set_index("variant").T.rename_axis(None, axis=1).reset_index(names="score")
    return " ".join([*records.notes(turned["score"]), interval_note(variants)]) + "\n\n" + as_markdown(turned) + "\n"


def write_report(
    folder: str | Path,
    look: Look | None = None,
    only: Sequence[str] = (),
    keep: Collection[Path] = (),
    tell: Callable[[str], None] = lambda _line: None,
    written: Callable[[StudyRecords], None] = lambda _records: None,
    shown: Shown = Shown(),  # noqa: B008 -- frozen
    regions: RegionsOf | None = None,
) -> StudyRecords:
    """Writes `tables/` and `figures/` of a study's folder from its records, each whole or not at all.

    Args:
        folder: Of a study and source.
        look: Formats, style and size of the figures.
        only: Names of the figures to draw, beside those that are there; by default all figures and all tables.
        keep: Files that stay as they are.
        tell: Called with a line as the writing begins, and with one that names those that would differ, if any.
        written: Called with the records when the tables are there and the figures, which take longer, are not drawn yet.
        shown: Panels and variants of the figures; variants and columns of `variants.tex`. All other tables are whole.
        regions: Gives where a net's maps are high on its top images; without it they are shown without maps.

    Returns:
        The records, with a sentence a figure that there is nothing for.

    Raises:
        FileNotFoundError: If the folder holds no records.
        ValueError: If every run in it failed, or there is no such figure, panel, variant or column.
    """
    folder, records = Path(folder), replace(read_study(Path(folder)), regions=regions)
    choose(records, only, shown)  # a wrong name is told before anything is written
    check_columns(records, shown.columns)
    tell(f"Writing {'' if only else 'tables and '}figures of {folder} ...")
    left: list[str] = []
    left_out: list[str] = []

    def draw(partial: Path) -> None:
        if only and (folder / "figures").is_dir():
            shutil.copytree(folder / "figures", partial, dirs_exist_ok=True)
        left_out.extend(draw_figures(records, partial, look or Look(), only, shown) or ())
        left.extend(restore(partial, folder / "figures", keep))

    def write(partial: Path) -> None:
        write_tables(records, partial)
        write_paper_table(records, partial / "variants.tex", shown.columns, shown.variants)
        left.extend(restore(partial, folder / "tables", keep))

    if not only:
        storage.publish(folder / "tables", write)
    written(records)
    storage.publish(folder / "figures", draw)
    if left:
        what = f"{len(left)} committed files are left as they are, though the records give others"
        tell(f"{what}: {', '.join(sorted(left))}; --force writes over them.")
    return replace(records, left_out=tuple(left_out))
