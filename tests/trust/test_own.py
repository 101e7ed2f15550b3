"""A metric of one's own is graded as the shelf's are, and `mixmnist grade` says so."""

import json
from pathlib import Path

import pandas as pd
import pytest

from mixmnist import cli
from mixmnist.trust import _evidence, _grading
from mixmnist.trust._evidence import Sizes
from mixmnist.trust.own import beside, grade_file

ROOT = Path(__file__).resolve().parents[2]
SMALL = Sizes(
    images=700, images_of_summaries=200, few=60, few_of_labels=100, repeats=1, draws=12, intervals=6, images_of_truth=2_000
)
HEAD = "import torch\nfrom mixmnist.core.records import Metric\n"
BOTH = 'METRIC = Metric("Own", axes=("units", "concepts"), columns={'


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Little is drawn, on few dials and in this process; in a folder of its own."""
    monkeypatch.setattr("mixmnist.trust.own.Sizes", lambda: SMALL)
    for module in (_evidence, _grading):
        monkeypatch.setattr(module, "LEVELS", (0.0, 0.3, 0.6))
        monkeypatch.setattr(module, "DIALS", ("misses", "false_alarms"))
    for name in ("LEVELS", "DIALS"):
        monkeypatch.setattr(f"mixmnist.trust.card.{name}", getattr(_evidence, name))
    monkeypatch.setattr(_evidence, "FEWEST_A_PROCESS", 10**9)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_copy_of_a_score_passes_what_the_score_passes(small):
    """Alignment under another name, and upside down, must pass and fail alike, and be told apart from a blind score."""
    columns = '"copy": lambda alignment: alignment, "reverse": lambda alignment: 1 - alignment, '
    columns += '"blind": lambda response, present: torch.full((response.shape[1], present.shape[1]), .5)'
    (small / "mine.py").write_text(f"{HEAD}{BOTH}{columns}}})\n")
    graded = {one.column.name: one for one in grade_file("mine.py", SMALL).graded}
    upright, reverse = ({cell.test: cell.passed for cell in graded[name].cells} for name in ("copy", "reverse"))
    assert upright == reverse
    assert upright["dial_misses"] is True
    assert upright["extra_0.1"] is True
    assert graded["blind"].grade == "-"


def test_a_score_of_the_layer_is_graded_too(small):
    """A metric without units must be measured with the faults in every unit, and of its acts no truth be asked."""
    (small / "mine.py").write_text(
        HEAD + 'METRIC = Metric("Own", axes=(), columns={"mine": lambda alignment: alignment.mean()})\n'
    )
    (one,) = grade_file("mine.py", SMALL).graded
    assert one.column.summary
    assert {cell.test: cell.passed for cell in one.cells}["dial_misses"] is True


@pytest.mark.slow
def test_the_grade_is_that_of_the_committed_card(tmp_path):
    """Measured in full, alignment under another name must have the tests, the failures and the grade of the shelf's card."""
    (tmp_path / "mine.py").write_text(f'{HEAD}{BOTH}"mine": lambda alignment: alignment}}, chance="prevalence")\n')
    own = grade_file(str(tmp_path / "mine.py")).table.iloc[0]
    card = pd.read_csv(ROOT / "results/reference/trust/mnist/analyses/card/card.csv").set_index("score").loc["alignment"]
    assert own["fails"] == card["fails"]
    assert own["grade"] == card["grade"]
    assert own["passed"] / own["tests"] == pytest.approx(card["passed"])


def test_the_command_tells_the_card_and_writes_it(small, capsys):
    """The card must be told with what fails in words and the shelf's grades; its folder must hold it, beside what lay there."""
    (small / "mine.py").write_text((ROOT / "examples" / "loudness.py").read_text())
    (small / "card").mkdir()
    (small / "card" / "notes.txt").write_text("mine")
    assert cli.main(["grade", "mine.py", "--out", "card"]) == 0
    said = capsys.readouterr().out
    assert "loudness fails:\n  blind to missing labels at 0.25" in said
    assert "  A  iou_box_matched" in said
    written = {path.name for path in Path("card").iterdir()}
    assert {"card.csv", "card.md", "tests.csv", "response_curves_detects.png", "notes.txt"} <= written
    assert pd.read_csv("card/card.csv")["score"].tolist() == ["loudness"]
    assert not [name for name in written if name.startswith(".")]


def test_a_script_gets_the_card_and_the_shelf(small, capsys):
    """With --json the document must hold the card's row, every test and the shelf's grades."""
    (small / "mine.py").write_text((ROOT / "examples" / "loudness.py").read_text())
    assert cli.main(["grade", "mine.py", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (row,) = found["card"]
    assert row["tests"] == row["passed"] + row["failed"]
    assert sum(cell["passed"] is False for cell in found["tests"]["loudness"]) == row["failed"]
    assert {one["score"]: one["grade"] for one in found["shelf"]}["precision_at_100"] == "E"
    assert not list(small.glob("*card*"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "the file of a metric must exist, got mine.py"),
        ("x = 1", "mine.py must end in METRIC = Metric(...), got none"),
        ("1 / 0", "mine.py must be a file that Python can run, got ZeroDivisionError"),
        (f'{HEAD}{BOTH}"mine": lambda respons: respons}})', "the metric mine must ask for what there is, got respons"),
        (f'{HEAD}{BOTH}"mine": lambda response: response}})', "the metric mine must give a tensor of units x concepts"),
        (f'{HEAD}{BOTH}"mine": lambda response: 1 / 0}})', "the metric mine must run, got ZeroDivisionError"),
        (f'{HEAD}{BOTH}"mine": lambda alignment: alignment}}, aside=("mine",))', "a metric that is graded must score units"),
        (
            f'{HEAD}METRIC = Metric("Own", axes=("units", "images"), columns={{"m": lambda response: response.T}})',
            "a metric that is",
        ),
    ],
)
def test_a_wrong_file_gives_one_sentence(small, capsys, text, message):
    """What cannot be graded must be said in one line before anything is measured, and nothing be written."""
    if text is not None:
        (small / "mine.py").write_text(text + "\n")
    assert cli.main(["grade", "mine.py", "--out", "card"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"mixmnist: {message}")
    assert said.err.count("\n") == 1
    assert not list(small.glob("card/*"))


def test_the_shelf_stands_best_first():
    """The shelf's grades must come by grade, those of units before those of runs."""
    units = beside().query("of == 'units'")["grade"].tolist()
    assert [g for g in units if g != "-"] == sorted(g for g in units if g != "-")
    assert beside()["of"].tolist() == sorted(beside()["of"], reverse=True)
