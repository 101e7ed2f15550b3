"""Grading: a way of showing what a unit wants held against what is known of its maps or pictures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mixmnist.trust._grading import GRADES, Cell
from mixmnist.trust._ways_measuring import kind_of

PLACED, POINTED = 0.9, 0.9  # own ink as a share of all ink in a map; how often its strongest pixel lies in the own box
OF_CONTRAST, POINTED_CONTRAST = 0.75, 0.85  # the same of the contrast, to which the other digit's ink matters as well
WORTH = 0.25  # error against exact worths, a map of zeros having 1
AT_CHANCE, ALIKE = 0.15, 0.5  # with other weights: how far from half of the ink; rank correlation with the maps before
FOOLED = 0.05  # of the ink, or of the readings, that a circuit takes away, at most
SHOWN = 0.9  # pictures of perfect detectors in which the stamp is to be found
READ, ALONE, NOTHING, BEYOND = 0.7, 0.5, 0.1, 0.3  # shares of pictures read so; beyond: above the other digits' share
EXCITES, NEAR = 0.8, 0.65  # response over the best natural; likeness
PATH, DIVERSE = 0.8, 0.5  # shares of the natural path and of the natural diversity
UNTAUGHT, LIES = 0.15, 0.2  # with other weights, above the other digits' share; pictures that show the planted digit
MOST_OF_PLANTED = "C"  # where no trained net could be asked
RULE = " ".join(
    (
        f"Tests of maps. Planted, of perfect detectors of stamps: own ink at least {PLACED:g} of all ink in the map; error",
        f"against exact worths, the map's unit put right, at most {WORTH:g}. Trained nets, of the peaks of detectors: own",
        f"ink at least {PLACED:g}; strongest pixel in the own box in at least {POINTED:g}; worth error at most {WORTH:g},",
        f"and as much in the target's own unit (adds up). Of the contrast of classes: own ink {OF_CONTRAST:g}, strongest",
        f"pixel {POINTED_CONTRAST:g}, worth error {WORTH:g}. With the layer's weights shuffled: own ink within",
        f"{AT_CHANCE:g} of half, ranks on ink correlated with those before by at most {ALIKE:g}. Fooled by a switch and by",
        f"a ripple that leave every response what it was: own ink falls by at most {FOOLED:g}. Tests of pictures. Planted:",
        f"the stamp shown in at least {SHOWN:g}, and as often once a switch is added; of units that may be silent at the",
        "start what they answer to, in pictures that are made at all. Trained nets, by the reader: own digit in at least",
        f"{READ:g}, alone in {ALONE:g}, nothing in at most {NOTHING:g}, the own digit {BEYOND:g} more often than others;",
        f"response at least {EXCITES:g} of the best natural image's; nearest real glyph {NEAR:g}; path at least {PATH:g}",
        f"of the natural one, diversity {DIVERSE:g}; with shuffled weights the own digit at most {UNTAUGHT:g} more often",
        f"than others; fooled by the switch: read {FOOLED:g} less often at most, the planted digit in at most {LIES:g}. A",
        "map of zeros fails what it is asked. Grade: share of the tests passed that apply, A from .95, B .85, C .75, D",
        ".65, E .50, else F. Maps that other weights do not change, and pictures in which the own digit is not read more",
        f"often than others, get F. Where no trained net could be asked, {MOST_OF_PLANTED} at most.",
    )
)


@dataclass(frozen=True)
class Bar:
    """A test by one number, the mean over nets."""

    test: str
    condition: str
    measure: str
    bar: float
    why: str  # with the number, where it failed
    most: bool = False  # whether the bar is the most there may be, not the least
    less: tuple[str, str] | None = None  # condition and measure that the number is taken off from
    share_of: str | None = None  # measure of the same condition that the number is divided by
    around: float | None = None  # the number's distance from it is held to the bar

    def value(self, means: "pd.Series[float]") -> float:
        """Gives the number; nan where there is none."""
        found = float(means.get((self.condition, self.measure), math.nan))
        if self.less is not None:
            found = float(means.get(self.less, math.nan)) - found
        if self.share_of is not None:
            found /= float(means.get((self.condition, self.share_of), math.nan))
        return found if self.around is None else abs(found - self.around)

    def cell(self, means: "pd.Series[float]", asked: set[str]) -> Cell:
        """Gives the test's outcome; none where the way could not be asked."""
        if self.condition not in asked:
            return Cell(self.test, math.nan, None)
        value = self.value(means)
        if math.isnan(value):
            return Cell(
                self.test, value, passed=False, why="its maps are the same all over" if self.most else "its maps are all zeros"
            )
        passed = value <= self.bar if self.most else value >= self.bar
        return Cell(self.test, value, passed, "" if passed else self.why.format(value))


OF_MAPS = (
    Bar("planted_selective", "planted", "selective", PLACED, "has {:.2f} of the ink on a perfect detector's digit"),
    Bar("planted_worth", "planted", "worth_error_scaled", WORTH, "is off a perfect detector's worths by {:.2f}", most=True),
    Bar("selective", "peak", "selective", PLACED, "has {:.2f} of the ink on the detector's digit"),
    Bar("points", "peak", "points_at_box", POINTED, "points at the digit's box in {:.2f}"),
    Bar("worth", "peak", "worth_error_scaled", WORTH, "is off the worths by {:.2f}", most=True),
    Bar("adds_up", "peak", "worth_error", WORTH, "is off the worths by {:.2f} in the target's unit", most=True),
    Bar("contrast_selective", "contrast", "selective", OF_CONTRAST, "has {:.2f} of the ink on the digit that classes differ in"),
    Bar("contrast_points", "contrast", "points_at_box", POINTED_CONTRAST, "points at the digit that classes differ in in {:.2f}"),
    Bar("contrast_worth", "contrast", "worth_error_scaled", WORTH, "is off the worths of the contrast by {:.2f}", most=True),
    Bar("at_chance", "peak", "selective_shuffled", AT_CHANCE, "is {:.2f} off chance with other weights", most=True, around=0.5),
    Bar("changes", "peak", "rank_on_ink", ALIKE, "hardly changes with other weights ({:.2f})", most=True),
    Bar("switch", "gated", "selective", FOOLED, "is fooled by a switch (by {:.2f})", most=True, less=("peak", "selective")),
    Bar("ripple", "rippled", "selective", FOOLED, "is fooled by a ripple (by {:.2f})", most=True, less=("peak", "selective")),
)
OF_IMAGES = (
    Bar("planted_own", "planted", "own", SHOWN, "shows a perfect detector's stamp in {:.2f}"),
    Bar("planted_switch", "planted gated", "own", SHOWN, "shows it in {:.2f} once the detector is switched"),
    Bar("planted_silent", "planted silent", "own", SHOWN, "shows nothing of a silent unit in {:.2f}"),
    Bar("reads_own", "trained", "reads_own", READ, "has the own digit read in {:.2f}"),
    Bar("only_own", "trained", "only_own", ALONE, "has it read alone in {:.2f}"),
    Bar("something", "trained", "nothing", NOTHING, "has nothing read in {:.2f}", most=True),
    Bar("null", "trained", "beyond_others", BEYOND, "has the own digit read {:.2f} more often than others"),
    Bar("excites", "trained", "response", EXCITES, "excites {:.2f} as much as the best natural image"),
    Bar("like_glyphs", "trained", "nearest_glyph", NEAR, "is like the nearest glyph by {:.2f}"),
    Bar("path", "trained", "path", PATH, "takes another path through the net ({:.2f} of the natural)", share_of="path_natural"),
    Bar("diverse", "trained", "diversity", DIVERSE, "has {:.2f} of the natural diversity", share_of="diversity_natural"),
    Bar("untaught", "shuffled", "beyond_others", UNTAUGHT, "shows the digit of other weights ({:+.2f})", most=True),
    Bar("switch", "gated", "reads_own", FOOLED, "is fooled by a switch (by {:.2f})", most=True, less=("trained", "reads_own")),
    Bar("lies", "gated", "reads_decoy", LIES, "shows the planted digit in {:.2f}", most=True),
)
FATAL = {"map": "changes", "image": "null"}
TRAINED = {"map": "peak", "image": "trained"}  # conditions


@dataclass(frozen=True, eq=False)
class GradedWay:
    """A way with its tests."""

    name: str
    kind: str
    rows: pd.DataFrame  # as measured
    cells: tuple[Cell, ...]

    @property
    def failed(self) -> list[Cell]:
        """The tests that it fails."""
        return [cell for cell in self.cells if cell.passed is False]

    @property
    def share(self) -> float:
        """Share of the tests that apply which it passes; nan where none does."""
        applies = [cell.passed for cell in self.cells if cell.passed is not None]
        return sum(applies) / len(applies) if applies else math.nan

    @property
    def grade(self) -> str:
        """A to F; - where nothing could be asked."""
        if math.isnan(self.share):
            return "-"
        if any(cell.test == FATAL[self.kind] for cell in self.failed):
            return "F"
        earned = next((grade for grade, least in GRADES.items() if self.share >= least), "F")
        trained = TRAINED[self.kind] in set(self.rows["condition"])
        return earned if trained else max(earned, MOST_OF_PLANTED)

    @property
    def nets(self) -> int:
        """How many trained nets it was asked of."""
        return int(self.rows["net"][self.rows["condition"] == TRAINED[self.kind]].nunique())


def grade(way: str, rows: pd.DataFrame) -> GradedWay:
    """Holds what was measured of a way to every test of its kind.

    Args:
        way: Its name, with settings; or its file.
        rows: Of `_ways_measuring`, of all ways or of this one.
    """
    own, kind = rows[rows["way"] == way], kind_of(way)
    refused = own[own["measure"].eq("made") & own["value"].eq(0)]
    asked = set(own["condition"]) - set(refused["condition"])
    means = own.groupby(["condition", "measure"])["value"].mean()
    bars: Sequence[Bar] = OF_MAPS if kind == "map" else OF_IMAGES
    cells = [bar.cell(means, asked) for bar in bars]
    return GradedWay(way, kind, own, tuple(cells))
