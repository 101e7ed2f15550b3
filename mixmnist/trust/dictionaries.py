"""Report card of dictionaries: each of the shelf on planted cells whose directions and codes are known, and graded.

Each is asked: does it find the directions, and the codes, in many dimensions, in ten, and in superposition? With too few atoms
and too many, with more or fewer concepts in a cell than it was set for, under noise, with weak concepts, with concepts that go
together, with a pair so frequent that it may be absorbed? Do rotated cells change anything, do other seeds, and is it better than
as many random directions? A dictionary added to the shelf is asked by itself; ceilings, which see the truth, are not.

Source:
    D. Chanin, A. Garriga-Alonso (2026), "SynthSAEBench", arXiv:2602.14687: autoencoders on synthetic features. Differs: every
    number stands between random directions and the true ones, classical methods beside, a printed rule and grades.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from mixmnist.core.records import Analysis, Dictionary
from mixmnist.core.registry import collect
from mixmnist.report.drawing import SMALL, STYLES, Album
from mixmnist.report.tables import as_markdown, write_table
from mixmnist.trust._dictionaries_grading import RULE, GradedDictionary, asked_of, grade
from mixmnist.trust._dictionaries_measuring import DIALS, USUAL, Sizes, at, measure
from mixmnist.trust._layers import table_of
from mixmnist.trust._side_by_side import side_by_side
from mixmnist.trust._squares import FAILED, PASSED, ROW, squares

FEWEST_A_PROCESS = 10  # conditions that are worth the start of a process
CURVES = ("coverage", "unique_concepts", "mcc", "mcc_codes", "codes_found", "directions_found", "explained_variance", "l0")
MEANING = (
    "Numbers are means over seeds. Codes, directions: of the way from as many random directions (0) to the true ones (1), in 10 "
    "and 5 dimensions. Seconds: of a processor, for one seed of 20 atoms on 10,000 cells of 10 numbers. NMF is asked on cells "
    "that are not negative, whose directions overlap; all others on cells of both signs."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes the card, the response curves it rests on, and a heat map; of planted cells alone, whatever the folder holds."""
    del folder, root
    write_card(out, Sizes())


def write_card(out: Path, sizes: Sizes, names: Sequence[str] | None = None) -> None:
    """Measures and grades dictionaries, by default the whole shelf, and writes tables into a folder."""
    write_graded(out, grade_all(names or on_the_shelf(), sizes), sizes)


def write_graded(out: Path, graded: Sequence[GradedDictionary], sizes: Sizes) -> None:
    """Writes the card of graded dictionaries, every test and the response curves into a folder."""
    notes = ["Planted cells.", f"n={sizes.seeds} seeds of each dictionary, {sizes.cells:,} cells to fit on.", MEANING, RULE]
    write_table(out, "card", card(graded), notes)
    response_curves(graded).to_csv(out / "response_curves.csv", index=False)
    tests = [{"dictionary": one.name, "grade": one.grade, **_outcomes(one)} for one in graded]
    pd.DataFrame(tests).to_csv(out / "tests.csv", index=False)
    (out / "summary.md").write_text(_summary(graded), encoding="utf-8")


def on_the_shelf() -> list[str]:
    """Lists the dictionaries that are graded: all that see no truth."""
    shelf: dict[str, Dictionary] = collect("dictionaries")
    return [name for name, one in shelf.items() if not one.supervised]


def grade_all(names: Sequence[str], sizes: Sizes) -> list[GradedDictionary]:
    """Grades dictionaries by name or path, on as many cores as there are; the best first."""
    asked = [(name, condition) for name in names for condition in asked_of(name)]
    calls = [(measure, (name, condition, sizes)) for name, condition in asked]
    found = side_by_side(calls, "planted cells", FEWEST_A_PROCESS)
    rows = {name: [row for (own, _), rows in zip(asked, found, strict=True) if own == name for row in rows] for name in names}
    return sorted((grade(name, rows[name]) for name in names), key=lambda g: (g.grade, -g.share, g.name))


def card(graded: Sequence[GradedDictionary]) -> pd.DataFrame:
    """Gives a row a dictionary: its grade, its numbers, what it fails."""
    rows = []
    for one in graded:
        cells = {cell.test: cell.value for cell in one.cells}
        row: dict[str, object] = {"dictionary": one.name, "grade": one.grade, "passed": one.share}
        for test in ("directions_10", "codes_10", "directions_5", "codes_5", "strengths", "absorption", "rotation", "stable"):
            row[test] = cells[test]
        row["seconds"] = one.seconds
        rows.append(row | {"fails": "; ".join(cell.why for cell in one.failed)})
    return pd.DataFrame(rows)


def response_curves(graded: Sequence[GradedDictionary]) -> pd.DataFrame:
    """Gives a row a dictionary, dial, level and seed: its scores beside those of random and of the true directions."""
    return pd.concat([part for one in graded for part in _curves(one)], ignore_index=True)


def _curves(one: GradedDictionary) -> Iterator[pd.DataFrame]:
    for dial, levels in DIALS.items():
        for level in levels:
            own = one.rows[one.rows["condition"] == at(dial, level)]
            keys = {"dictionary": one.name, "dial": dial, "level": level}
            scores = own[["seed", "atoms", *CURVES, "random_coverage", "true_coverage", "said"]]
            yield scores.assign(usual=at(dial, level) == USUAL, **keys)[[*keys, "usual", *scores]]


def _outcomes(one: GradedDictionary) -> dict[str, object]:
    """Gives every test's number and outcome."""
    return {key: value for c in one.cells for key, value in ((c.test, c.value), (f"{c.test}_passed", c.passed))}


def draw(home: Path, album: Album) -> None:
    """Draws which dictionary passes which test."""
    tests = table_of(home, "tests")
    columns = [column for column in map(str, tests) if column.endswith("_passed")]
    passed = tests[columns].astype(float).to_numpy()
    figure, (ax,) = album.make(1, ROW * len(tests) + 1.4)
    scale = STYLES[album.look.style]
    squares(ax, passed, (FAILED, PASSED), [f"{row.dictionary}  {row.grade}" for row in tests.itertuples()], scale)
    for row, column in np.argwhere(passed == 0).tolist():
        ax.text(column, row, "x", ha="center", va="center_baseline", color="white", fontsize=SMALL * scale)
    names = [column.removesuffix("_passed").replace("_", " ") for column in columns]
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=SMALL * scale)
    text = "A row a dictionary with its grade, a column a test. Light: passed; red with x: failed; white: does not apply."
    replace(album, notes=("Planted cells.",)).save(figure, tests, "heat_map", text)


def _summary(graded: Sequence[GradedDictionary]) -> str:
    """Says each dictionary's grade and what it fails first."""
    rows = [(one.name, one.grade, "; ".join(cell.why for cell in one.failed[:3])) for one in graded]
    table = pd.DataFrame(rows, columns=["dictionary", "grade", "fails, among others"])
    return f"Report card of the dictionaries on planted cells. {RULE}\n\n{as_markdown(table)}\n"


ANALYSIS = Analysis("Report card of every dictionary, on planted cells", run, draw=draw, asks=("dictionaries", "scores"))
