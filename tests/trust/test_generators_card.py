"""Report card of rankings: the oracle passes, random fails, and what a map hides is told."""

import pandas as pd
import pytest
import torch

from mixmnist.core import registry
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import _generators_card_measuring as measuring
from mixmnist.trust import generators_card as cards
from mixmnist.trust._generators_card_grading import MIXED, SPECIAL, TESTS, best_first, by_generator, card, grade
from mixmnist.trust._generators_card_measuring import BEST, Sizes, first, measured, null, recovered, subject_of

FEW = Sizes(samples=40, random=3, steps=1)
RIGHT = {"own": 1.0, "others": 0.0, "idle": 0.0, "recovered": 1.0, "clean_removal": 1.0, "clean_removal_random": 0.1}
RIGHT |= {"removed": 1.0, "removed_random": 0.1, "off_target": 0.0, "off_target_random": 0.1}
RIGHT |= {"inserted": 1.0, "clean_insertion": 1.0, "place_error": 0.0}


def made(ranking="right", **changed):
    """Makes the rows of a ranking that passes everything, but for some measures of some generators: NAME__MEASURE."""
    rows = []
    for name in registry.names("planted"):
        for digit in range(10):
            values = RIGHT | {"best": 0.0 if name in MIXED else 1.0}
            for key, value in changed.items():
                generator, measure = key.split("__")
                values |= {measure: value} if generator in (name, "every") else {}
            rows += [[name, ranking, digit, measure, value, 7] for measure, value in values.items()]
    return pd.DataFrame(rows, columns=["generator", "ranking", "digit", "measure", "value", "n"])


def failed(**changed):
    """Names the tests that such a ranking fails."""
    return {cell.test for cell in grade("right", made(**changed)).failed}


def test_what_passes_everything_has_a():
    """A ranking that knows the truth passes every test and gets A."""
    graded = grade("right", made())
    assert graded.failed == []
    assert graded.grade == "A"
    assert graded.n == 8 * 10 * 7
    assert len(graded.cells) == len(TESTS)


@pytest.mark.parametrize("name", SPECIAL)
def test_each_fooling_generator_has_a_test(name):
    """Units that are missed beside an echo, of twins, behind a gate, beside a bystander fail that test alone."""
    assert failed(**{f"{name}__recovered": 0.5}) == {name}


@pytest.mark.parametrize(("name", "test"), [("echo", "echo_idle"), ("bystander", "bystander_idle")])
def test_a_score_for_an_idle_unit_fails(name, test):
    """A unit without effect may have a quarter of a painter's score and no more."""
    assert failed(**{f"{name}__idle": 0.2}) == set()
    assert failed(**{f"{name}__idle": 0.4}) == {test}


@pytest.mark.parametrize(("name", "test"), [("rotated", "rotation"), ("superposed", "superposition"), ("pixels", "null")])
def test_seeing_units_where_none_draws_fails(name, test):
    """A best unit that scores as a painter does, where no unit draws, fails; on the scale from idle to sound."""
    assert failed(**{f"{name}__best": 0.7}) == set()
    assert failed(**{f"{name}__best": 0.8}) == {test}
    assert failed(**{f"{name}__best": 0.8, "painter__own": 2.0}) == set()


def test_scores_that_find_no_painter_say_nothing():
    """Where less than half of the painters are found, scores mean nothing: all tests of scores are failed."""
    lost = failed(painter__recovered=0.4)
    assert lost == {"painter", "echo_idle", "bystander_idle", "rotation", "superposition", "null"}


def test_no_better_than_random_sets_is_f():
    """A ranking whose sets are gone no more cleanly than random ones gets F, whatever else it passes."""
    graded = grade("right", made(every__clean_removal_random=0.8))
    assert [cell.test for cell in graded.failed] == ["beyond_random"]
    assert graded.grade == "F"


def test_grades_fall_with_the_share_of_tests_passed():
    """One test of fourteen failed is B, two C or D by the printed shares."""
    assert grade("right", made(echo__recovered=0.5)).grade == "B"
    assert grade("right", made(echo__recovered=0.5, twins__recovered=0)).grade == "B"
    assert grade("right", made(echo__recovered=0.5, twins__recovered=0, gate__recovered=0)).grade == "C"


def test_recovered_counts_ties_by_expectation():
    """Tied units count as many as fit, by chance; a perfect order counts 1, a wrong one 0."""
    scores = torch.tensor([1.0, 1.0, 0.0, 0.0])
    assert recovered(scores, (0,)) == 0.5
    assert recovered(scores, (0, 1)) == 1
    assert recovered(scores, (2,)) == 0
    assert recovered(scores, (0, 2)) == 0.5
    assert recovered(torch.zeros(4), (0,)) == 0.25


def test_first_units_are_so_many_and_the_best():
    """So many units are chosen, the best ones, the same each time; among tied ones not simply the first."""
    assert first(torch.tensor([0.1, 0.9, 0.5]), 2).tolist() == [False, True, True]
    tied = [int(first(torch.zeros(n), 1).nonzero()) for n in range(2, 12)]
    assert any(tied)
    assert tied == [int(first(torch.zeros(n), 1).nonzero()) for n in range(2, 12)]


@pytest.fixture(scope="module")
def rows():
    """What is measured of three rankings on two planted generators."""
    return pd.concat([measured(name, None, ["oracle", "iou", "random"], FEW) for name in ("echo", "rotated")], ignore_index=True)


def values(rows, generator, ranking, measure):
    """Gives a measure's numbers, a digit after the other."""
    own = rows[rows["generator"].eq(generator) & rows["ranking"].eq(ranking) & rows["measure"].eq(measure)]
    return own["value"].tolist()


@pytest.mark.slow
def test_what_is_known_of_an_echo_is_measured(rows):
    """The oracle's units are found, gone cleanly and written elsewhere; IoU cannot tell 3 from its echo."""
    for measure in ("recovered", "clean_removal", "clean_insertion", "own", "best"):
        assert values(rows, "echo", "oracle", measure) == [1] * 10
    assert values(rows, "echo", "oracle", "off_target") == [0] * 10
    assert values(rows, "echo", "iou", "recovered") == [1, 1, 1, 0.5, 1, 1, 1, 1, 1, 1]
    assert values(rows, "echo", "iou", "idle")[3] == 1
    assert sum(values(rows, "echo", "random", "recovered")) <= 4


@pytest.mark.slow
def test_no_single_unit_of_rotated_ones_removes_a_digit(rows):
    """Where units are rotated nothing is gone cleanly, whatever the order, though a digit's best IoU may be 1."""
    for ranking in ("oracle", "iou", "random"):
        assert max(values(rows, "rotated", ranking, "clean_removal")) == 0
    assert max(values(rows, "rotated", "iou", "best")) > 0.95
    assert values(rows, "rotated", "oracle", "best") == [0] * 10
    assert values(rows, "rotated", "oracle", "recovered") == []


@pytest.mark.slow
def test_what_was_asked_is_not_asked_again(monkeypatch):
    """A set that was removed once is not removed again for another digit or ranking."""
    calls = []
    read = measuring.read_without
    monkeypatch.setattr(measuring, "read_without", lambda *asked: calls.append(asked) or read(*asked))
    measured("painter", None, ["oracle"], FEW)
    assert len(calls) == 10


@pytest.mark.slow
def test_the_null_counts_and_removes():
    """Most pixels count as units by the literature's threshold, and eight of them take digits away, chosen or not."""
    found = null(None, FEW).set_index("threshold")
    assert found.loc["information", "units_that_count"] > 0.7
    assert found.loc["information", "units"] == 16
    assert (found["removed_random"] > 0.2).all()
    assert found["removed_random"].nunique() == 1
    assert BEST == 8


def test_recorded_generators_come_first(tmp_path):
    """A generator that is not recorded is built, and the notes say so."""
    assert cards.planted_in(tmp_path) == {}
    assert "Built here, not recorded: bystander, echo" in cards.about(tmp_path, {})
    assert subject_of("gate").truth[5] == (5, 10)


def test_the_card_is_written_and_drawn(tmp_path):
    """Tables, every test and a summary are written; the figure is drawn from them alone."""
    rows = pd.concat([made("good"), made("bad", every__clean_removal=0.2, echo__recovered=0.5)], ignore_index=True)
    graded = best_first([grade(name, rows) for name in ("bad", "good")])
    cards.write_graded(tmp_path, graded, rows, ["About."])
    assert [one.name for one in graded] == ["good", "bad"]
    assert card(graded)["grade"].tolist() == ["A", "F"]
    assert "puts the unit that draws before its echo in 0.50" in (tmp_path / "card.md").read_text()
    assert by_generator(rows).shape == (16, 10)
    assert "| good" in (tmp_path / "summary.md").read_text()
    with style(Look()):
        cards.draw(tmp_path, Album(tmp_path, Look(formats=("png",)), ()))
    assert (tmp_path / "tests_of_rankings.png").stat().st_size > 5_000
