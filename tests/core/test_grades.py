import re
from pathlib import Path

import pandas as pd
import pytest

from mixmnist.core import grades

CARDS = Path(__file__).parents[2] / "results/reference/trust/mnist/analyses/card"


def card(name):
    """The committed card: letter by score."""
    table = pd.read_csv(CARDS / f"{name}.csv", keep_default_na=False)
    return dict(zip(table["score"], table["grade"], strict=True))


def test_units_grades_are_those_of_the_card():
    """Every score of the card must be told, with its letter, and no other."""
    assert {name: grade.grade for name, grade in grades.UNITS.items()} == card("card")


def test_grades_of_runs_are_those_of_the_card():
    """What is told of a column of the runs must have the letter that the card of summaries gives it."""
    known = card("card_of_summaries")
    assert {name: grade.grade for name, grade in grades.RUNS.items()} == {name: known[name] for name in grades.RUNS}


@pytest.mark.parametrize("table", [grades.UNITS, grades.RUNS])
def test_advice_follows_the_letter(table):
    """No score below C may be quoted, none of A or B be forbidden, and each must say why in one sentence."""
    for grade, say, why in table.values():
        assert say in (grades.QUOTE, grades.WITH_CARE, grades.NOT_ALONE)
        assert say != grades.QUOTE or grade in "AB"
        assert say != grades.NOT_ALONE or grade in "DEF-"
        assert re.fullmatch(r"[A-Z](?!.*\. ).*\.", why)


def test_the_scores_that_the_document_forbids_are_forbidden():
    """What docs/trust.md says not to quote alone must be so on the page, and what it says to quote must be quoted."""
    forbidden = ["precision_at_100", "precision_at_recall_25", "selectivity", "class_correlation", "weight_norm"]
    assert {grades.UNITS[name].say for name in [*forbidden, "max_class_drop", "drop_resample"]} == {grades.NOT_ALONE}
    assert {grades.UNITS[name].say for name in ("alignment", "iou_box_matched", "drop", "group_drop")} == {grades.QUOTE}
