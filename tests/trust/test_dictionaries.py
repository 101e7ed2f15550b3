"""Report card of dictionaries: the right dictionary gets the best grade, chance and a broken one the worst."""

import math
from dataclasses import replace
from functools import partial

import pandas as pd
import pytest
import torch

from mixmnist.core.records import Dictionary
from mixmnist.features.dictionaries._nonnegative import best_codes
from mixmnist.features.fitted import Fitted
from mixmnist.features.planted import packing
from mixmnist.plants._rotation import random_rotation
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import _dictionaries_measuring as measuring
from mixmnist.trust._dictionaries_grading import RULE, Bar, grade, grade_dictionary
from mixmnist.trust._dictionaries_measuring import DIALS, USUAL, Condition, Sizes, as_table, at, conditions, measure
from mixmnist.trust._grading import GRADES
from mixmnist.trust.dictionaries import card, draw, on_the_shelf, response_curves, write_card

pytestmark = pytest.mark.slow
SMALL = Sizes(cells=1_500, scored=1_000, seeds=2, draws=3)
TURN = random_rotation(10, 0).float()


def known(cells, atoms, seeds, noise=0.0):
    """The planted directions as atoms, with idle ones beyond ten; where cells are rotated, the rotated ones."""
    right = packing(cells.n_units).float()
    if cells.n_units == 10 and _explains(right @ TURN.T, cells) > _explains(right, cells):
        right = right @ TURN.T
    found = []
    for seed in seeds:
        drawn = torch.randn(max(atoms, 10), cells.n_units, generator=torch.Generator().manual_seed(seed))
        atoms_of = torch.cat([right + noise * drawn[:10], right.new_zeros(max(atoms - 10, 0), cells.n_units)])[:atoms]
        found.append(Fitted(atoms_of, partial(_best, atoms_of), torch.zeros(cells.n_units)))
    return found


def _best(atoms, rows):
    return best_codes(rows, atoms)


def _explains(directions, cells):
    """Says how far cells lie along directions and along nothing between: the fourth moment of their codes."""
    return float((cells.values @ directions.T).pow(4).mean())


@pytest.fixture(scope="module")
def graded():
    """Cards of dictionaries that are known to be right, half right, and chance."""
    right = Dictionary("right", known)
    half = Dictionary("half", partial(known, noise=0.25))
    return {
        "right": grade_dictionary(right, SMALL),
        "half": grade_dictionary(half, SMALL),
        "random": grade_dictionary("random", SMALL),
    }


def test_the_planted_dictionary_has_the_best_grade(graded):
    """Where atoms are the true directions, every test that applies to it is passed; each number of the way is 1."""
    right = graded["right"]
    values = {cell.test: cell.value for cell in right.cells}
    assert values["directions_10"] == pytest.approx(1, abs=1e-5)
    assert values["codes_10"] == pytest.approx(1, abs=1e-3)
    assert values["rotation"] == pytest.approx(0, abs=0.005)
    assert values["absorption"] == 0
    assert [cell.test for cell in right.failed] == []
    assert right.grade == "A"


def test_random_directions_have_the_worst_grade(graded):
    """They are not above as many random directions, and find nothing of the way."""
    random = graded["random"]
    values = {cell.test: cell.value for cell in random.cells}
    assert abs(values["directions_10"]) < 0.2
    assert abs(values["codes_10"]) < 0.2
    assert "null_10" in {cell.test for cell in random.failed}
    assert random.grade == "F"


def test_a_dictionary_that_is_half_right_is_between(graded):
    """Directions with as much noise as themselves fail what is asked of directions, and are above random ones."""
    half = graded["half"]
    failed = {cell.test for cell in half.failed}
    assert {"directions_10", "directions_30", "stable"} <= failed
    assert "null_10" not in failed
    assert graded["right"].share > half.share > graded["random"].share


def test_failed_tests_are_said_in_words(graded):
    """Each failure has a sentence with its number, and no other cell has one."""
    for one in graded.values():
        assert all(cell.why for cell in one.failed)
        assert not any(cell.why or math.isnan(cell.value) for cell in one.cells if cell.passed)
    why = {cell.test: cell.why for cell in graded["random"].failed}
    assert why["directions_10"].endswith("of the directions in 10 dimensions")
    assert why["shown_3"].startswith("finds ")


def test_the_card_has_a_row_a_dictionary_the_best_first(graded):
    """Grade, numbers, seconds and failures stand in a row."""
    table = card([graded["right"], graded["random"]]).set_index("dictionary")
    assert table.index.tolist() == ["right", "random"]
    assert table.loc["right", "fails"] == ""
    assert table.loc["random", "passed"] < 0.5
    assert table["seconds"].notna().all()


def test_response_curves_have_every_level_of_every_dial_and_seed(graded):
    """A row a dictionary, dial, level and seed; the usual level of each dial is the same measurement."""
    curves = response_curves([graded["right"]])
    assert len(curves) == sum(map(len, DIALS.values())) * SMALL.seeds
    usual = curves[curves["usual"]]
    assert set(usual["dial"]) == set(DIALS)
    assert usual["coverage"].nunique() <= SMALL.seeds
    along = curves[curves["dial"] == "dimensions"].groupby("level")["true_coverage"].mean()
    assert along.is_monotonic_increasing or along.loc[3] < along.loc[5] < along.loc[10]


def test_each_condition_is_measured_once():
    """A dial at its usual level is the usual condition; rotated cells come last."""
    found = conditions()
    assert found[0] == USUAL == at("frequent", 1.0) == at("dimensions", 10)
    assert len(found) == len(set(found)) == 2 + sum(len(levels) - 1 for levels in DIALS.values())
    assert found[-1].rotated


def test_numbers_of_the_way_are_arithmetic():
    """Half of the way from random to the best is .5; where random directions reach the best there is no number."""
    row = {"coverage": 0.7, "random_coverage": 0.5, "true_coverage": 0.9, "mcc": 0.9, "random_mcc": 0.6}
    row |= {"stability": 0.4, "random_stability": 0.4}
    table = as_table([row, row | {"random_coverage": 0.86, "coverage": 0.9}])
    assert table["codes_found"].round(6).tolist()[0] == 0.5
    assert math.isnan(table["codes_found"][1])
    assert table["directions_found"].round(6).tolist() == [0.75, 0.75]
    assert table["stable"].round(6).tolist() == [0, 0]


@pytest.mark.parametrize(("value", "passed"), [(0.9, True), (0.899, False), (math.nan, None)])
def test_a_bar_is_passed_from_its_number_on(value, passed):
    """At the bar is passed, below is not, and no number is no test."""
    bar = Bar("any", USUAL, "mcc", 0.9, "only {:.3f}")
    cell = bar.cell({USUAL: pd.Series({"mcc": value})})
    assert cell.passed is passed
    assert cell.why == ("only 0.899" if passed is False else "")


def test_grades_follow_the_share_that_is_passed(graded):
    """The printed shares make the grades; not above random directions is F whatever else is passed."""
    right = graded["right"]
    sound = [cell for cell in right.cells if cell.passed]
    for wanted, least in GRADES.items():
        wrong = [
            replace(sound[0], test=f"t{i}", passed=False, why="-") for i in range(math.floor(len(sound) * (1 - least) + 1e-9))
        ]
        assert replace(right, cells=(*sound[len(wrong) :], *wrong)).grade == wanted
    null = tuple(replace(cell, passed=False) if cell.test == "null_10" else cell for cell in right.cells)
    assert replace(right, cells=null).grade == "F"
    assert "F" in RULE


def test_a_fit_that_stops_short_fails_convergence():
    """What a fit says of itself is counted; no warning leaves it."""
    rows = measure("ica", USUAL, SMALL, {"steps": 1})
    assert all(row["said"].startswith("not converged in 1 steps") for row in rows)


def test_absorption_is_asked_where_it_is_planted(graded):
    """It is a number where a pair is frequent, and nowhere else."""
    rows = graded["right"].rows
    has = rows.groupby(rows["condition"].map(lambda one: one.how.frequent > 1))["absorption"].apply(lambda s: s.notna().all())
    assert has.loc[True]
    assert not has.loc[False]


def test_what_needs_cells_that_are_not_negative_gets_them():
    """NMF is asked on such cells, and not of rotated ones, which have both signs."""
    mine = Dictionary("mine", lambda cells, atoms, seeds: [_of(cells, atoms) for _ in seeds], needs="non-negative")
    one = grade_dictionary(mine, SMALL)
    assert {cell.test: cell.passed for cell in one.cells}["rotation"] is None
    assert not any(condition.rotated for condition in one.rows["condition"])


def _of(cells, atoms):
    assert cells.values.min() >= 0
    drawn = torch.rand(atoms, cells.n_units, generator=torch.Generator().manual_seed(0))
    return Fitted(drawn, lambda rows: rows @ drawn.T, torch.zeros(cells.n_units))


def test_atoms_are_cut_to_what_there_are():
    """A grid that asks for more atoms than a dictionary can have goes on, with the number that it had."""
    rows = measure("pca", at("atoms", 40), SMALL)
    assert [row["atoms"] for row in rows] == [20, 20]
    assert {row["atoms"] for row in measure("pca", at("atoms", 5), SMALL)} == {4}


def test_random_ones_and_true_ones_stand_beside_with_as_many_atoms(monkeypatch):
    """The null has the atoms that were used, not those that were asked for."""
    asked = []
    monkeypatch.setattr(measuring, "_nulls", lambda how, atoms, sizes, rotated: asked.append(atoms) or {})
    measure("ica", at("dimensions", 5), SMALL)
    measure("kmeans", at("atoms", 40), SMALL)
    assert asked == [10, 40]


def test_a_ceiling_is_not_graded():
    """It sees the truth; the shelf's are left out by themselves."""
    with pytest.raises(ValueError, match="a ceiling sees the truth and is not graded, got 'ceiling: linear probe on means'"):
        grade_dictionary("probe_mean", SMALL)
    assert not {name for name in on_the_shelf() if name.startswith("probe")}
    assert {"random", "ica", "sparse", "matryoshka"} <= set(on_the_shelf())


def test_rotated_cells_have_rotated_directions():
    """The truth turns with the cells: their codes are the same."""
    plain, turned = (measuring._planted(USUAL.how, 50, 0, rotated) for rotated in (False, True))
    before, after = (one.cells.values @ one.directions.T for one in (plain, turned))
    torch.testing.assert_close(before, after)
    assert not torch.allclose(plain.cells.values, turned.cells.values)


def test_everything_is_written(tmp_path):
    """Tables in three formats, curves, a heat map with its numbers, and a summary; a dictionary of one's own among them."""
    own = tmp_path / "own.py"
    own.write_text(
        "import torch\n"
        "from mixmnist.core.records import Dictionary\n"
        "from mixmnist.features.fitted import Fitted\n"
        "def fit(cells, atoms, seeds):\n"
        "    some = cells.values[:atoms]\n"
        "    return [Fitted(some, lambda rows: (rows @ some.T).relu(), torch.zeros(cells.n_units)) for _ in seeds]\n"
        "DICTIONARY = Dictionary('first cells', fit)\n"
    )
    out = tmp_path / "out"
    out.mkdir()
    write_card(out, replace(SMALL, cells=400, scored=300), ["ica", str(own)])
    with style(Look()):
        draw(out, Album(out, Look(), ()))
    written = {path.name for path in out.iterdir()}
    tables = {"card.csv", "card.md", "card.tex", "tests.csv", "response_curves.csv", "summary.md"}
    assert tables | {"heat_map.png", "heat_map.csv", "heat_map.txt"} <= written
    table = pd.read_csv(out / "card.csv")
    assert table["dictionary"].tolist() == ["ica", str(own)]
    assert "Grade: share of the tests passed" in (out / "summary.md").read_text()


def test_a_card_is_the_same_twice():
    """Grades are a function of the code: the same sizes give the same numbers, seconds aside."""
    one, again = (grade_dictionary("kmeans", replace(SMALL, cells=300, scored=200), {"starts": 1}) for _ in range(2))
    pd.testing.assert_frame_equal(one.rows.drop(columns="seconds"), again.rows.drop(columns="seconds"))
    assert one.cells == again.cells or all(a.passed == b.passed for a, b in zip(one.cells, again.cells, strict=True))


def test_grading_goes_by_what_was_measured():
    """The grade of given rows is that of the dictionary that they were measured for."""
    rows = [row for one in conditions() for row in measure("random", one, replace(SMALL, cells=300, scored=200))]
    assert grade("random", rows).grade == "F"
    assert {Condition, *map(type, (row["condition"] for row in rows))} == {Condition}
