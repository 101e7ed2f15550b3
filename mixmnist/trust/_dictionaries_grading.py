"""Grading: a dictionary held against planted directions and codes, by bars that are the same for all."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from mixmnist.core import registry
from mixmnist.core.records import Dictionary, Settings, require
from mixmnist.features.planted import Superposition
from mixmnist.trust._dictionaries_measuring import USUAL, Condition, Row, Sizes, as_table, at, conditions, measure
from mixmnist.trust._grading import GRADES, Cell

FOUND = 0.9  # of the way from random directions to the true ones, where cells are what a dictionary is made for
HELD = 0.8  # of that way, where one thing is other than it is made for
LIKE = 0.9  # correlation with the true codes; cosine of an atom with a concept where atoms are too few
ABSORBED = 0.05  # share of the images that show a concept in which another atom speaks for its own, at most
TURNED = 0.01  # change of coverage when the cells are rotated, at most
SCATTER = 0.05  # coverage of the best seed less that of the worst, at most
RULE = " ".join(
    (
        "Tests, on ten planted concepts, two in a cell, 20 atoms.",
        "Directions, codes: how far the atoms' likeness to the true directions and the coverage of their codes lie from as many",
        f"random directions (0) to the true ones (1), at least {FOUND:g} in 10, 30 and 5 dimensions;",
        "with 10 or 40 atoms, 1 or 3 concepts in a cell, more noise, weaker concepts, concepts that go together,",
        f"and a pair 20 times as frequent, at least {HELD:g} by the codes.",
        f"Strengths: correlation of codes with true ones, at least {LIKE:g}.",
        f"Five atoms: mean cosine of each with its nearest concept, at least {LIKE:g}.",
        f"Absorption, with that pair: in at most {ABSORBED:g} of a concept's images another atom speaks for its own.",
        f"Rotation: coverage within {TURNED:g}.",
        f"Stable: atoms in use, over seeds, at least {HELD:g} of the way from random directions to the same ones.",
        f"Scatter: coverage over seeds within {SCATTER:g}.",
        "Null: each seed above every random draw, in 10 and 5 dimensions.",
        "Converged: every fit.",
        "Grade: share of the tests passed that apply, A from .95, B .85, C .75, D .65, E .50, else F;",
        "one that is not above random directions in 10 dimensions gets F.",
        "Three dimensions are not graded: read by the true directions themselves, no concept is detected there.",
    )
)


@dataclass(frozen=True)
class Bar:
    """A test by one number, the mean over seeds."""

    test: str
    condition: Condition
    column: str
    least: float
    why: str  # with the number, where it failed

    def cell(self, means: dict[Condition, "pd.Series[float]"]) -> Cell:
        """Gives the test's outcome; none where the number is missing."""
        value = float(means[self.condition][self.column]) if self.condition in means else math.nan
        if math.isnan(value):
            return Cell(self.test, value, None)
        passed = value >= self.least
        return Cell(self.test, value, passed, "" if passed else self.why.format(value))


def _bars() -> Iterator[Bar]:
    places = {"10": USUAL, "30": at("dimensions", 30), "5": at("dimensions", 5)}
    for name, place in places.items():
        said = f"finds {{:.2f}} of the {{what}} in {name} dimensions"
        yield Bar(f"directions_{name}", place, "directions_found", FOUND, said.replace("{what}", "directions"))
        yield Bar(f"codes_{name}", place, "codes_found", FOUND, said.replace("{what}", "codes"))
    yield Bar("strengths", USUAL, "mcc_codes", LIKE, "its codes correlate by {:.2f} with the true ones")
    yield Bar("atoms_5", at("atoms", 5), "purity", LIKE, "mixes concepts where atoms are too few (cosine {:.2f})")
    for dial, level, said in (
        ("atoms", 10, "with 10 atoms"),
        ("atoms", 40, "with 40 atoms"),
        ("shown", 1, "with one concept in a cell"),
        ("shown", 3, "with three concepts in a cell"),
        ("noise", 0.2, "under more noise"),
        ("weakest", 0.1, "where concepts may be weak"),
        ("together", 0.8, "where concepts go together"),
        ("frequent", 20.0, "where a pair is frequent"),
    ):
        yield Bar(f"{dial}_{level:g}", at(dial, level), "codes_found", HELD, f"finds {{:.2f}} of the codes {said}")
    yield Bar("stable", USUAL, "stable", HELD, "other seeds find other atoms (alike by {:.2f})")


@dataclass(frozen=True, eq=False)
class GradedDictionary:
    """A dictionary with its tests."""

    name: str
    title: str
    rows: pd.DataFrame  # a row a condition and seed
    cells: tuple[Cell, ...]

    @property
    def failed(self) -> list[Cell]:
        """The tests that it fails."""
        return [cell for cell in self.cells if cell.passed is False]

    @property
    def share(self) -> float:
        """Share of the tests that apply which it passes."""
        applies = [cell.passed for cell in self.cells if cell.passed is not None]
        return sum(applies) / len(applies)

    @property
    def grade(self) -> str:
        """A to F."""
        if any(cell.test == "null_10" for cell in self.failed):
            return "F"
        return next((grade for grade, least in GRADES.items() if self.share >= least), "F")

    @property
    def seconds(self) -> float:
        """Processor time of one seed in the usual condition."""
        return float(self.usual["seconds"].mean())

    @property
    def usual(self) -> pd.DataFrame:
        """Its rows in the usual condition."""
        return self.rows[self.rows["condition"] == USUAL]


def asked_of(dictionary: str | Dictionary) -> list[Condition]:
    """Lists the conditions that a dictionary can be put in: rotated cells have both signs.

    Raises:
        ValueError: If it is a ceiling.
    """
    chosen: Dictionary = registry.choose("dictionaries", dictionary) if isinstance(dictionary, str) else dictionary
    require(not chosen.supervised, f"a ceiling sees the truth and is not graded, got {chosen.title!r}. Name a dictionary.")
    return [one for one in conditions() if not (one.rotated and chosen.needs == "non-negative")]


def grade_dictionary(
    dictionary: str | Dictionary, sizes: Sizes | None = None, settings: Settings | None = None
) -> GradedDictionary:
    """Grades a dictionary of the shelf, or one's own, on planted cells.

    Args:
        dictionary: A name of the shelf, a file that ends in `DICTIONARY`, or a dictionary.
        sizes: How much is drawn; by default that of the card.
        settings: Overrides of the dictionary's settings, in all conditions.

    Raises:
        ValueError: If it is a ceiling, or `fit_dictionary` refuses what it gives.
    """
    sizes = sizes or Sizes()
    rows = [row for one in asked_of(dictionary) for row in measure(dictionary, one, sizes, settings)]
    return grade(dictionary, rows)


def grade(dictionary: str | Dictionary, rows: list[Row]) -> GradedDictionary:
    """Holds what was measured to every test."""
    chosen: Dictionary = registry.choose("dictionaries", dictionary) if isinstance(dictionary, str) else dictionary
    table = as_table(rows)
    means = {one: table[table["condition"] == one].mean(numeric_only=True) for one in table["condition"].unique()}
    cells = [*(bar.cell(means) for bar in _bars()), *_others(table, means)]
    name = dictionary if isinstance(dictionary, str) else chosen.title
    return GradedDictionary(name, chosen.title, table, tuple(cells))


def _others(table: pd.DataFrame, means: dict[Condition, "pd.Series[float]"]) -> Iterator[Cell]:
    """Tests that are no bar on a mean."""
    absorbed = float(means[at("frequent", 20.0)]["absorption_rate"])
    yield _cell(
        "absorption", absorbed, absorbed <= ABSORBED, f"another atom speaks for its own in {absorbed:.0%} of a concept's images"
    )
    turned = means.get(replace(USUAL, rotated=True))
    moved = math.nan if turned is None else float(turned["coverage"] - means[USUAL]["coverage"])
    yield _cell("rotation", moved, abs(moved) <= TURNED, f"coverage moves by {moved:+.3f} when cells are rotated")
    usual = table[table["condition"] == USUAL]
    scatter = float(usual["coverage"].max() - usual["coverage"].min())
    yield _cell("scatter", scatter, scatter <= SCATTER, f"coverage differs by {scatter:.2f} over seeds")
    for name, place in (("10", USUAL), ("5", Condition(Superposition(5)))):
        own = table[table["condition"] == place]
        above = float(own["coverage"].min() - own["random_highest"].max())
        yield _cell(f"null_{name}", above, above > 0, f"random directions reach as much in {name} dimensions ({above:+.2f})")
    stopped = float((table["said"] != "").mean())
    yield _cell("converged", stopped, stopped == 0, f"{stopped:.0%} of the fits did not converge")


def _cell(test: str, value: float, passed: bool, why: str) -> Cell:
    return Cell(test, value, None if math.isnan(value) else passed, "" if passed or math.isnan(value) else why)
