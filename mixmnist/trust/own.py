"""One's own metric: its report card, made on the planted units that the shelf's cards were made on."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pandas as pd

from mixmnist.core import registry
from mixmnist.core.grades import RUNS, UNITS
from mixmnist.core.records import Metric, require
from mixmnist.grid.estimating import as_time
from mixmnist.report.drawing import Album, Look, style
from mixmnist.report.tables import write_table
from mixmnist.trust import _plots
from mixmnist.trust._columns import KINDS
from mixmnist.trust._evidence import Evidence, Job, Sizes, asked, gather, measure
from mixmnist.trust._grading import RULE, Graded, grade
from mixmnist.trust.card import DIALS_SAID, MEANING, SCALE, card, response_curves, tests_of

CALLS = 190  # of 10,000 images, or of as many as take as long, that a card takes
TOGETHER = 2  # of which go side by side
START = 15  # seconds until the processes are there that do them


@dataclass(frozen=True, eq=False)
class Card:
    """What was found of one's own metric."""

    graded: tuple[Graded, ...]  # a column each
    evidence: Evidence
    sizes: Sizes

    @property
    def table(self) -> pd.DataFrame:
        """A row a column: grade, how many of the tests that apply it passes, what it is held against, what it fails in words."""
        made = card(self.graded).set_index("score")
        rows = []
        for one in sorted(self.graded, key=lambda g: list(made.index).index(g.column.name)):
            applies = [cell for cell in one.cells if cell.passed is not None]
            counts = {"tests": len(applies), "passed": len(applies) - len(one.failed), "failed": len(one.failed)}
            row = {"score": one.column.name, "grade": one.grade, **counts, "held_against": one.column.kind}
            rows.append(row | {"sound": one.sound, "idle": one.idle, "tau": one.tau[0], "fails": made["fails"][one.column.name]})
        return pd.DataFrame(rows)


def grade_file(path: str, sizes: Sizes | None = None, tell: Callable[[str], None] = lambda _line: None) -> Card:
    """Makes the report card of the metric that a file ends in; of the shelf only what it is computed from is measured.

    Args:
        path: A Python file that ends in METRIC.
        sizes: How much is drawn; by default what the shelf's own cards were made of.
        tell: Called with a line about what is done, and how long that takes.

    Raises:
        ValueError: If the file is none that ends in a metric, the metric does not run or gives what its axes do not say, or
            none of its columns scores units, concepts, a layer or curves.
        FileNotFoundError: If there is no such file.
    """
    metric: Metric = registry.choose("metrics", path)
    sizes, columns = sizes or Sizes(), asked(path)[1]
    which = "units, concepts, a layer or curves"
    require(columns, f"a metric that is graded must score {which}, got none that does in {path}. Mend its axes, or `aside`.")
    parts = tuple({column.part for column in columns})
    n = sizes.images_of_summaries if parts == ("summaries",) else sizes.images
    begun = monotonic()
    for part in parts:
        measure(Job(n=n, few=sizes.few, parts=(part,)), path)  # what does not run is said before minutes have gone
    about = as_time(START + (monotonic() - begun) * CALLS / TOGETHER)
    tell(f"Grading {', '.join(c.name for c in columns)} on planted units: about {about} ...")
    evidence = gather(sizes, path)
    return Card(tuple(grade(column, evidence, metric) for column in columns), evidence, sizes)


def beside() -> pd.DataFrame:
    """Gives the grades of the shelf's scores, best first: score, grade, what to do with it and why, of units and of runs."""
    rows = [
        {"score": score, "of": of, "grade": one.grade, "say": one.say, "why": one.why}
        for of, scores in (("units", UNITS), ("runs", RUNS))
        for score, one in scores.items()
    ]
    return pd.DataFrame(rows).sort_values(["of", "grade"], ascending=[False, True], kind="stable", ignore_index=True)


def write_card(found: Card, out: Path) -> None:
    """Writes a card into a folder, beside what lies there: tables, every test, response curves and their figure.

    Nothing is written before all of it could be made.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".partial-") as place:
        _fill(found, Path(place))
        for path in Path(place).iterdir():
            path.replace(out / path.name)


def _fill(found: Card, folder: Path) -> None:
    notes = ["Planted units.", f"{found.sizes.images:,} images.", SCALE, MEANING, RULE]
    write_table(folder, "card", found.table, notes)
    pd.DataFrame([tests_of(one) for one in found.graded if one.cells]).to_csv(folder / "tests.csv", index=False)
    curves = response_curves([one for one in found.graded if not one.column.summary], found.evidence)
    if curves.empty:
        return
    curves = curves.assign(metric=curves["score"])  # each of its scores is drawn, not the first alone
    curves.to_csv(folder / "response_curves.csv", index=False)
    look = Look()
    with style(look):
        for kind in dict.fromkeys(curves["kind"]):
            own, name = curves[curves["kind"] == kind], f"response_curves_{kind}"
            _plots.response_curves(Album(folder, look, ("Planted units.",)), own, KINDS[kind], DIALS_SAID, name)
