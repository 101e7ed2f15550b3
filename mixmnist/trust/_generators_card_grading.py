"""Grading: a ranking of units held against planted generators, whose drawing units are known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mixmnist.dissect.planted.bystander import SEEN
from mixmnist.dissect.planted.echo import COPIED
from mixmnist.dissect.planted.gate import GATED
from mixmnist.dissect.planted.twins import SHARED
from mixmnist.trust._grading import GRADES, Cell
from mixmnist.trust._ways_grading import Bar

SPECIAL = {"echo": (COPIED,), "twins": (SHARED,), "gate": (GATED,), "bystander": SEEN}  # the digits that are asked of
WITH_TRUTH = ("painter", *SPECIAL)
MIXED = ("rotated", "superposed", "pixels")  # in which no unit draws a digit
FOUND, IDLE = 0.95, 0.25  # share of drawing units found; of a painter's score that a unit without effect may have
SAID, MOST_SAID = 0.75, 0.1  # of a painter's score, from which a unit is said to draw; digits of which this may be said wrongly
CLEAN, BEYOND, OFF, WRITTEN = 0.9, 0.5, 0.02, 0.9
TELLS = 0.5  # painters found, below which a score means nothing
RULE = " ".join(
    (
        f"Tests: of the units that draw a digit at least {FOUND:g} found, for painters, the digit that is echoed, the one of the",
        f"twins, of the gate, of the bystander; echo and bystander, without effect, score at most {IDLE:g} of what a painter",
        f"does; where no unit draws a digit, a best unit's score of {SAID:g} of a painter's for at most {MOST_SAID:g} of the",
        f"digits; sets of the truth's size: clean removal at least {CLEAN:g}, {BEYOND:g} more than random sets, others lost",
        f"at most {OFF:g}, clean insertion at legal places at least {WRITTEN:g}. Scores count from what units of other",
        f"digits have; where less than {TELLS:g} of the painters are found they say nothing, and such tests are failed.",
        "Grade: share of the tests passed, A from .95, B .85, C .75, D .65, E .50, else F; no better than random sets: F.",
    )
)
FATAL = "beyond_random"
TESTS = (
    Bar("painter", "painter", "recovered", FOUND, "finds {:.2f} of painters"),
    Bar("echo", "echo", "recovered", FOUND, "puts the unit that draws before its echo in {:.2f}"),
    Bar("twins", "twins", "recovered", FOUND, "finds {:.2f} of twins"),
    Bar("gate", "gate", "recovered", FOUND, "finds {:.2f} of a painter and its gate"),
    Bar("bystander", "bystander", "recovered", FOUND, "puts those that draw before a bystander in {:.2f}"),
    Bar("echo_idle", "echo", "idle", IDLE, "gives an echo {:.2f} of a painter's score", most=True),
    Bar("bystander_idle", "bystander", "idle", IDLE, "gives a bystander {:.2f} of a painter's score", most=True),
    Bar("rotation", "rotated", "said", MOST_SAID, "sees a unit for {:.2f} of the digits in rotated ones", most=True),
    Bar("superposition", "superposed", "said", MOST_SAID, "sees a unit for {:.2f} of superposed digits", most=True),
    Bar("null", "pixels", "said", MOST_SAID, "sees a unit for {:.2f} of the digits in pixels", most=True),
    Bar("clean_removal", "effects", "clean_removal", CLEAN, "removes {:.2f} cleanly"),
    Bar("beyond_random", "effects", "beyond_random", BEYOND, "removes cleanly only {:.2f} more than random sets"),
    Bar("off_target", "effects", "off_target", OFF, "loses {:.3f} of other digits", most=True),
    Bar("clean_insertion", "effects", "clean_insertion", WRITTEN, "inserts {:.2f} cleanly"),
)


@dataclass(frozen=True, eq=False)
class GradedRanking:
    """A ranking with its tests."""

    name: str
    n: int  # test samples of each generator's digits, all digits together
    numbers: "pd.Series[float]"  # by condition and measure
    cells: tuple[Cell, ...]

    @property
    def failed(self) -> list[Cell]:
        """The tests that it fails."""
        return [cell for cell in self.cells if not cell.passed]

    @property
    def share(self) -> float:
        """Share of the tests which it passes."""
        return 1 - len(self.failed) / len(self.cells)

    @property
    def grade(self) -> str:
        """A to F."""
        if any(cell.test == FATAL for cell in self.failed):
            return "F"
        return next((grade for grade, least in GRADES.items() if self.share >= least), "F")


def numbers_of(rows: pd.DataFrame) -> "pd.Series[float]":
    """Gives what a ranking's tests are about, by condition and measure.

    Args:
        rows: Of `measured`, of one ranking and all planted generators.
    """
    table = rows.pivot_table("value", ["generator", "digit"], "measure")
    painter = table.loc["painter"]
    tells = float(painter["recovered"].mean()) >= TELLS
    idle, sound = float(painter["others"].mean()), float(painter["own"].mean())

    def scaled(scores: "pd.Series[float]") -> "pd.Series[float]":
        return (scores - idle) / (sound - idle) if tells and sound > idle else scores * 0 + 1  # else all is said alike

    found = {("painter", "recovered"): float(painter["recovered"].mean())}
    for name, digits in SPECIAL.items():
        own = table.loc[name].loc[list(digits)]
        found[name, "recovered"] = float(own["recovered"].mean())
        if name in ("echo", "bystander"):
            found[name, "idle"] = float(scaled(own["idle"]).mean())
    for name in MIXED:
        found[name, "said"] = float((scaled(table.loc[name]["best"]) >= SAID).mean())
    effects = table.loc[list(WITH_TRUTH)].mean()
    found |= {("effects", name): float(effects[name]) for name in ("clean_removal", "off_target", "clean_insertion")}
    found["effects", "beyond_random"] = float(effects["clean_removal"] - effects["clean_removal_random"])
    return pd.Series(found)


def grade(ranking: str, rows: pd.DataFrame) -> GradedRanking:
    """Holds what was measured of a ranking to every test.

    Args:
        ranking: Its name, or its file.
        rows: Of `measured`, of all rankings or of this one.
    """
    own = rows[rows["ranking"] == ranking]
    numbers = numbers_of(own)
    asked = set(numbers.index.get_level_values(0))
    cells = tuple(bar.cell(numbers, asked) for bar in TESTS)
    n = int(own.drop_duplicates(["generator", "digit"])["n"].sum())
    return GradedRanking(ranking, n, numbers, cells)


def best_first(graded: Sequence[GradedRanking]) -> list[GradedRanking]:
    """Puts graded rankings in the order of their grades."""
    return sorted(graded, key=lambda one: (one.grade, -one.share, one.name))


def card(graded: Sequence[GradedRanking]) -> pd.DataFrame:
    """Gives a row a ranking: its grade, its numbers, what it fails."""
    rows = []
    for one in graded:
        row: dict[str, object] = {"ranking": one.name, "grade": one.grade, "passed": one.share}
        rows.append(row | {c.test: c.value for c in one.cells} | {"fails": "; ".join(cell.why for cell in one.failed)})
    return pd.DataFrame(rows)


def outcomes(one: GradedRanking) -> dict[str, object]:
    """Gives every test's number and outcome."""
    return {key: value for c in one.cells for key, value in ((c.test, c.value), (f"{c.test}_passed", c.passed))}


def by_generator(rows: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a generator and ranking: means over digits of what is recovered, removed and inserted."""
    shown = ("recovered", "removed", "clean_removal", "clean_removal_random", "off_target", "inserted", "clean_insertion")
    found = []
    for (name, ranking), own in rows.groupby(["generator", "ranking"], sort=False):
        means = own.groupby("measure")["value"].mean()
        n = int(own.drop_duplicates("digit")["n"].sum())
        found.append({"generator": name, "ranking": ranking, "n": n} | {m: float(means.get(m, math.nan)) for m in shown})
    return pd.DataFrame(found)
