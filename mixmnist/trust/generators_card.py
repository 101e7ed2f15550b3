"""Report card of rankings: which order of a generator's units finds those that draw a digit, and says so where none does?

Every ranking of the shelf is fitted on a rank sample of every planted generator and judged on a test sample by who reads exactly.
Does it find the units that draw, beside an echo that goes nowhere, of twins each of which is enough, behind a gate that is
always on? Does it call a unit that does nothing a good one? Does it see a unit for a digit where digits are rotated or
superposed, or in plain pixels? Are its sets gone cleanly, beside random ones, and can they be written elsewhere?
The oracle knows the truth and must pass; random must fail. A ranking added to the shelf is graded by itself.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597. Differs: the units that draw are known, a printed rule and grades.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mixmnist.core.records import Analysis
from mixmnist.core.registry import names
from mixmnist.report.drawing import SMALL, STYLES, Album
from mixmnist.report.tables import as_markdown, write_table
from mixmnist.trust._generators_card_grading import (
    RULE,
    TESTS,
    GradedRanking,
    best_first,
    by_generator,
    card,
    grade,
    outcomes,
)
from mixmnist.trust._generators_card_measuring import BEST, COUNTS, NULL, Sizes, measured, null
from mixmnist.trust._layers import table_of
from mixmnist.trust._networks import Recorded, recorded
from mixmnist.trust._side_by_side import Call, side_by_side
from mixmnist.trust._squares import FAILED, PASSED, ROW, squares

GLYPHS = "Glyphs: stamps, read exactly."
MEANING = (
    "Numbers are means over digits. recovered: of the units that draw the digit the share among as many first ones; "
    "clean_removal: of the samples with the digit those on which it alone is gone without the set; _random: the same of random "
    "sets of the size; off_target: of the samples with another digit those that lose it; inserted, clean_insertion: each unit "
    "written at its usual height into a legal box of samples without the digit."
)
COLOURS = "Light: passed; red with x: failed."


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes the card, what it rests on by generator, the null, every number, and a summary."""
    del root  # planted generators bring their glyphs
    nets = planted_in(folder)
    graded, rows = grade_all(names("rankings"), nets, Sizes())
    write_graded(out, graded, rows, [about(folder, nets)])
    how = f"The {BEST} first units by IoU, beside random sets of as many; a unit counts above {COUNTS:g}."
    write_table(out, "null", null(nets.get(NULL), Sizes()), [GLYPHS, "Pixels of canvases as if they were units.", how])


def planted_in(folder: Path) -> dict[str, Recorded]:
    """Gives the recorded planted generators of a study, of each the one with the first seed."""
    known = [net for net in recorded(folder) if net.settings.kind == "generator" and net.settings.net in names("planted")]
    return {net.settings.net: net for net in sorted(known, key=lambda net: -net.seed)}


def about(folder: Path, nets: dict[str, Recorded]) -> str:
    """Says which generators were recorded and which were built anew."""
    built = [name for name in names("planted") if name not in nets]
    said = "" if not built else f" Built here, not recorded: {', '.join(built)}."
    return f"Study {folder.parent.name}. {GLYPHS}{said}"


def grade_all(rankings: Sequence[str], nets: dict[str, Recorded], sizes: Sizes) -> tuple[list[GradedRanking], pd.DataFrame]:
    """Grades rankings by name or path on every planted generator, on as many cores as there are.

    Args:
        rankings: Which.
        nets: Recorded generators by name; others are built.
        sizes: How much is drawn.

    Returns:
        The graded rankings, best first, and all that was measured.
    """
    calls: list[Call] = [(measured, (name, nets.get(name), rankings, sizes)) for name in names("planted")]
    rows = pd.concat(side_by_side(calls, "planted generators", fewest=2), ignore_index=True)
    return best_first([grade(ranking, rows) for ranking in rankings]), rows


def write_graded(out: Path, graded: Sequence[GradedRanking], rows: pd.DataFrame, notes: Sequence[str]) -> None:
    """Writes the card of graded rankings, what they do to each generator, every test and every measured number."""
    n = f"n={max(one.n for one in graded):,} digits on test samples of {rows['generator'].nunique()} generators."
    write_table(out, "card", card(graded), [*notes, n, RULE])
    write_table(out, "generators", by_generator(rows), [*notes, MEANING])
    tests = pd.DataFrame([{"ranking": one.name, "grade": one.grade, **outcomes(one)} for one in graded])
    tests.to_csv(out / "tests.csv", index=False, float_format="%.4g")
    rows.to_csv(out / "measured.csv", index=False, float_format="%.4g")
    said = [(one.name, one.grade, "; ".join(cell.why for cell in one.failed[:3])) for one in graded]
    table = as_markdown(pd.DataFrame(said, columns=["ranking", "grade", "fails, among others"]))
    text = f"Report card of rankings of a generator's units. {RULE}\n\n{table}\n"
    (out / "summary.md").write_text(text, encoding="utf-8")


def draw(home: Path, album: Album) -> None:
    """Draws which ranking passes which test."""
    tests = table_of(home, "tests")
    columns = [f"{bar.test}_passed" for bar in TESTS]
    passed = tests[columns].astype(float).to_numpy()
    scale = STYLES[album.look.style]
    figure, (ax,) = album.make(1, ROW * len(tests) + 1.3)
    squares(ax, passed, (FAILED, PASSED), [f"{row.ranking}  {row.grade}" for row in tests.itertuples()], scale)
    for row, column in np.argwhere(passed == 0).tolist():
        ax.text(column, row, "x", ha="center", va="center_baseline", color="white", fontsize=SMALL * scale)
    said = [bar.test.replace("_", " ") for bar in TESTS]
    ax.set_xticks(range(len(said)), said, rotation=90, fontsize=SMALL * scale)
    album.save(figure, tests, "tests_of_rankings", f"A row a ranking with its grade, a column a test. {COLOURS} {RULE}")


ANALYSIS = Analysis(
    "Report card of every ranking of a generator's units, on planted ones",
    run,
    draw=draw,
    asks=("planted", "rankings"),
)
