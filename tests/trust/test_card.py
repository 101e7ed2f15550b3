"""Report cards: NeuronEval's table by hand, and that good, bad and blind scores get the grades that they earn."""

import pandas as pd
import pytest
import torch

from mixmnist.core.records import Metric
from mixmnist.core.registry import collect
from mixmnist.metrics.precision_at_k import precision_at_k
from mixmnist.plants.units import Faults
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import _columns, _evidence, _grading
from mixmnist.trust._evidence import Job, Sizes, gather, measure
from mixmnist.trust._grading import grade
from mixmnist.trust.card import ANALYSIS, card, write_cards

pytestmark = pytest.mark.slow
SMALL = Sizes(
    images=700, images_of_summaries=200, few=60, few_of_labels=100, repeats=1, draws=12, intervals=6, images_of_truth=2_000
)
LABELS = {  # change of a perfect unit's score when half of the labels are missing, or as many again are wrong, by prevalence
    0.1: {
        ("f1", "f1"): (-0.33, -0.33),
        ("iou", "iou_box_information"): (-0.50, -0.50),
        ("correlation", "correlation"): (-0.31, -0.33),
        ("average_precision", "alignment"): (-0.50, -0.40),
        ("concept_average_precision", "concept_average_precision"): (-0.45, -0.50),
    },
    0.2: {("correlation", "correlation"): (-0.33, -0.39), ("average_precision", "alignment"): (-0.50, -0.30)},
}


@pytest.mark.parametrize("prevalence", LABELS)
def test_scores_answer_to_wrong_labels_as_arithmetic_says(prevalence):
    """A perfect unit's scores under missing and under extra labels must change as a sheet of paper says, to .01."""
    right, missing, extra = (measure(Job(Faults(), prevalence, n=2_000, few=200, edit=edit)) for edit in ("", "missing", "extra"))
    for key, (less, more) in LABELS[prevalence].items():
        assert missing[key] - right[key] == pytest.approx(less, abs=0.01), key
        assert extra[key] - right[key] == pytest.approx(more, abs=0.01), key


def test_precision_at_as_many_as_are_active_is_blind_to_extra_labels():
    """With k the number of images on which a perfect unit fires, missing labels must cost .50 and extra ones nothing."""
    found = []
    for edit in ("", "missing", "extra"):
        readout, _ = Job(Faults(), 0.1, n=2_000, edit=edit).readouts()
        found.append(float(precision_at_k(readout.response[:, :1], readout.present[:, :1], k=200)))
    assert found == pytest.approx([1, 0.5, 1])


@pytest.fixture(scope="module")
def shelf():
    """A small shelf with scores added to it: one upside down, one that is blind, one that says what fires."""
    known = {
        name: metric for name, metric in collect("metrics").items() if name in ("average_precision", "dead", "correct", "drop")
    }
    ap = known["average_precision"].columns["alignment"]
    added = {
        "reverse": lambda response, present: 1 - ap(response, present),
        "blind": lambda response: torch.full_like(response[0], 0.5),
        "loudness": lambda response: response.mean(dim=0),
    }
    axes = {"reverse": ("units", "concepts"), "blind": ("units",), "loudness": ("units",)}
    return known | {name: Metric(name, axes=axes[name], columns={name: column}) for name, column in added.items()}


@pytest.fixture(scope="module")
def evidence(shelf):
    """What is measured for that shelf, on few dials; the shelf stays in place for the tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        _with(shelf, patch)
        yield gather(SMALL)
    _columns.columns.cache_clear()


@pytest.fixture(scope="module")
def graded(evidence):
    """The cards of that shelf."""
    return {column.name: grade(column, evidence) for column in _columns.columns()}


def _with(shelf, patch):
    """Puts a shelf in place of that of the metrics, and draws on fewer dials."""
    for module in ("mixmnist.trust._columns", "mixmnist.scoring", "mixmnist.trust._grading"):
        patch.setattr(f"{module}.collect", lambda _: shelf)
    for module in (_evidence, _grading):
        patch.setattr(module, "LEVELS", (0.0, 0.3, 0.6))
        patch.setattr(module, "DIALS", ("misses", "false_alarms", "shift"))
    patch.setattr("mixmnist.trust.card.DIALS", _evidence.DIALS)
    patch.setattr("mixmnist.trust.card.LEVELS", _evidence.LEVELS)
    patch.setattr(_evidence, "FEWEST_A_PROCESS", 10**9)
    _columns.columns.cache_clear()


def test_a_score_added_to_the_shelf_gets_its_card(graded):
    """Every column that scores must have a card, those of new metrics too, and what is aside none."""
    assert set(graded) >= {"alignment", "drop", "reverse", "blind", "loudness"}
    assert not {"dead", "max_class"} & set(graded)


def test_a_blind_score_has_no_grade(graded):
    """A score that gives a sound and an idle unit the same must get a dash."""
    assert graded["blind"].grade == "-"
    assert graded["blind"].cells == ()


def test_a_score_upside_down_is_as_good(graded):
    """Which way is up must not matter: 1 - average precision must pass and fail as average precision."""
    upright, reverse = ({c.test: c.passed for c in graded[n].cells} for n in ("alignment", "reverse"))
    assert upright == reverse
    assert graded["alignment"].grade == graded["reverse"].grade


def test_a_score_that_asks_nothing_of_labels_is_not_asked(graded):
    """Tests of labels must not apply to scores that use none."""
    loud = {c.test: c.passed for c in graded["loudness"].cells}
    assert {loud[f"{kind}_0.1"] for kind in ("missing", "extra")} == {None}


def test_loudness_fails_where_it_must(graded):
    """The mean response must fail where false alarms raise it, and when the response is scaled."""
    failed = {c.test for c in graded["loudness"].failed}
    assert {"same_under_scale"} <= failed
    assert graded["loudness"].grade > graded["alignment"].grade


def test_what_a_unit_is_worth_is_held_against_its_effect(graded):
    """The drop must follow the effect along misses, and stay under a shift of the map."""
    passed = {c.test: c.passed for c in graded["drop"].cells}
    assert passed["dial_misses"] is True
    assert passed["dial_shift"] is True
    assert graded["drop"].tau[0] > 0.6


def test_the_cards_table_is_in_the_order_of_grades(graded):
    """A row a score, the best grade first, dashes last, each failed test in words."""
    table = card(list(graded.values()))
    assert table["grade"].tolist() == sorted(table["grade"], key=lambda g: (g == "-", g))
    row = table.set_index("score").loc["loudness"]
    assert "scale" in row["fails"]
    assert row["missing"] == "n/a"


def test_everything_is_written(evidence, tmp_path, monkeypatch):
    """Tables in three formats, figures with their numbers, and a summary must be there."""
    monkeypatch.setattr("mixmnist.trust.card.gather", lambda _: evidence)
    write_cards(tmp_path, SMALL)
    with style(look := Look(("png", "pdf"))):
        ANALYSIS.draw(tmp_path, Album(tmp_path, look, ()))
    written = {p.name for p in tmp_path.iterdir()}
    assert {"card.csv", "card.md", "card.tex", "heat_map.png", "response_curves.csv", "tests.csv", "summary.md"} <= written
    assert {"response_curves_detects.png", "response_curves_acts.pdf"} <= written
    curves = pd.read_csv(tmp_path / "response_curves.csv").set_index(["score", "dial", "level"])
    assert curves.loc[("alignment", "misses", 0.0), "scaled"].item() == pytest.approx(1)
    assert curves.loc[("alignment", "misses", 0.3), "truth"].item() == pytest.approx(0.7, abs=0.02)
