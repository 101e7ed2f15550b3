"""The index of results: what lies there and what it says of the claims, from the records alone."""

from pathlib import Path

import pandas as pd

from mixmnist.core import sums
from mixmnist.core.records import require
from mixmnist.report.claims import judge
from mixmnist.report.escaping import for_markdown
from mixmnist.report.reading import StudyRecords, read_study
from mixmnist.report.tables import CLAIMS, as_markdown, cell
from mixmnist.stats import Interval

MARK = "by `mixmnist index`."
SHOWN = ["results", "id", "verdict", "claim", "mean", "level", "n", "p", "number", "rule"]


def write_index(root: Path, path: Path) -> list[str]:
    """Writes a page in Markdown: the verdict on every claim, and the variants and seeds of every study.

    What is damaged is left out; gives a sentence on each such file.

    Args:
        root: Folder of results, <study>/<source> each.
        path: The page.

    Raises:
        FileNotFoundError: If there are no studies below the root.
        ValueError: If something else lies where the page goes, which would be lost.
    """
    free = not path.is_file() or MARK in path.read_text(encoding="utf-8", errors="replace")
    require(free, f"an index must not take the place of something else, got {path}, which is no index. Choose another --out.")
    folders = sorted({runs.parent for runs in root.glob("*/*/runs")})
    if not folders:
        raise FileNotFoundError(f"results must hold <study>/<source>/runs, got none in {root}. Make them: mixmnist run sanity.")
    verdicts, contents, damaged = [], [], []
    for folder in folders:
        try:
            records = read_study(folder)
        except ValueError as error:
            damaged.append(str(error))
            continue
        damaged += records.damaged
        place = folder.relative_to(root).as_posix()
        if records.claims:
            found = judge(records.claims, records.of_last_layer().runs)
            found.insert(0, "results", place)
            verdicts.append(found)
        contents += [f"## {for_markdown(place)}", "", *_content(folder, records), ""]
    lines = ["# Results", "", f"Made from the records in `{root.resolve().name}` {MARK}", ""]
    if verdicts:
        table = pd.concat(verdicts).sort_values(["id", "results"], kind="stable")
        lines += ["## Claims", "", CLAIMS, "", as_markdown(_shown(table)), ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    try:
        partial.write_text("\n".join([*lines, *contents]).rstrip() + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return damaged


def _shown(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Puts the verdict where no screen is too narrow for it, and a mean and its interval into one cell."""
    numbers = verdicts[["mean", "lower", "upper", "n"]].to_numpy()
    return verdicts.assign(mean=[cell(Interval(*row)) for row in numbers])[SHOWN]


def _content(folder: Path, records: StudyRecords) -> list[str]:
    """Says what a study holds."""
    title = folder / sums.STUDY
    said = [for_markdown(sums.read_sealed(title)["title"]) + "."] if sums.trouble(title) is None else []
    runs = records.of_last_layer().runs
    found = {"seeds": ("seed", "size")} | ({"accuracy": ("accuracy", "mean")} if "accuracy" in runs else {})
    seeds = runs.groupby("variant", sort=False).agg(**found).reset_index()
    return [*said, " ".join(map(for_markdown, records.notes())), "", as_markdown(seeds)]
