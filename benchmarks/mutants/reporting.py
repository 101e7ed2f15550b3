"""Reporting: rows of mutants, the share that was noticed in each area, and the survivors with their reasons."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

ENOUGH = 0.90  # share of the mutants that tests must notice
Row = Mapping[str, str]


def read_rows(path: Path) -> list[dict[str, str]]:
    """Reads a table of mutants; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Writes a table of mutants, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)


def summary(rows: Sequence[Row], reasons: Path, seed: int, must_be_enough: bool) -> tuple[str, bool]:
    """Says what was noticed, as Markdown; and whether it is enough, with a reason for each that was not.

    Args:
        rows: A row a mutant.
        reasons: The table of reasons, written by hand: kin, reason.
        seed: Of the sample.
        must_be_enough: Whether the share counts; of a small sample it is mostly chance.
    """
    why = {row["kin"]: row["reason"] for row in read_rows(reasons)}
    lines = [
        "# What the tests would let pass",
        "",
        f"{len(rows)} small changes of the sources (seed {seed}), each against the tests of its area, without the slow ones.",
        "A mutant that hangs its tests counts as noticed. Made by `make mutants`; a row a mutant is in mutants.csv.",
        "",
        "| area | mutants | noticed | share |",
        "|---|---|---|---|",
    ]
    for area in [*dict.fromkeys(row["area"] for row in rows), None]:
        own = [row for row in rows if area in (None, row["area"])]
        seen = sum(row["outcome"] != "survived" for row in own)
        lines.append(f"| {area or 'all'} | {len(own)} | {seen} | {seen / max(1, len(own)):.3f} |")
    left = [row for row in rows if row["outcome"] == "survived"]
    lines += ["", "## Survivors", ""]
    for row in left:
        reason = why.get(row["kin"], "no reason is known")
        place = f"`{row['file']}:{row['line']}` (`{row['kin']}`)"
        lines.append(f"* {place}: `{row['text']}` became `{row.get('became', '')}`: {reason}")
    lines += [] if left else ["None."]
    enough = not must_be_enough or round(len(left) / max(1, len(rows)), 9) <= round(1 - ENOUGH, 9)
    return "\n".join(lines) + "\n", enough and all(row["kin"] in why for row in left)
