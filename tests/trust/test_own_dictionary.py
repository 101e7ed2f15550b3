"""A dictionary of one's own is graded as the shelf's are, and `mixmnist grade` says so."""

import json
from pathlib import Path

import pandas as pd
import pytest

from mixmnist import cli
from mixmnist.trust import _own_dictionary
from mixmnist.trust._dictionaries_measuring import Sizes

COPY = "from mixmnist.features.dictionaries.kmeans import DICTIONARY as known\nDICTIONARY = known\n"
SMALL = Sizes(cells=600, scored=400, seeds=1, draws=1)


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Little is drawn, in this process and in a folder of its own."""
    monkeypatch.setattr("mixmnist.trust._own_dictionary.Sizes", lambda **_: SMALL)
    monkeypatch.setattr("mixmnist.trust._own_dictionary.FEW", SMALL)
    monkeypatch.setattr("mixmnist.trust.dictionaries.FEWEST_A_PROCESS", 10**9)
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_the_command_tells_the_card_and_writes_it(capsys):
    """The card is told with what fails in words, the rule, and the shelf's grades where they are; its folder holds it."""
    Path("mine.py").write_text(COPY)
    home = Path("results/reference/trust/mnist/analyses/dictionaries")
    home.mkdir(parents=True)
    pd.DataFrame({"dictionary": ["ica", "random"], "grade": ["A", "F"], "passed": [1.0, 0.1]}).to_csv(home / "card.csv")
    assert cli.main(["grade", "mine.py", "--out", "card"]) == 0
    said = capsys.readouterr().out
    assert "mine.py fails:\n  " in said
    assert "  A  ica\n  F  random\n" in said
    assert "Tests, on ten planted concepts" in said
    assert {"card.csv", "card.md", "tests.csv", "response_curves.csv", "heat_map.png"} <= {p.name for p in Path("card").iterdir()}
    assert pd.read_csv("card/card.csv")["dictionary"].tolist() == ["mine.py"]


@pytest.mark.slow
def test_a_script_gets_the_card(capsys):
    """With --json the document holds the card's row and every test; no card of the shelf is no row."""
    Path("mine.py").write_text(COPY)
    assert cli.main(["grade", "mine.py", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["card"][0]["grade"] in "ABCDEF"
    assert {"directions_10", "rotation"} <= {test["test"] for test in found["tests"]["mine.py"]}
    assert found["shelf"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DICTIONARY = 1\n", "mine.py must end in DICTIONARY = Dictionary(...), got int"),
        ("from mixmnist.features.dictionaries.probe_max import DICTIONARY as d\nDICTIONARY = d\n", "a ceiling sees the truth"),
        (
            "from mixmnist.core.records import Dictionary\nDICTIONARY = Dictionary('d', lambda c, atoms, seeds: 1 / 0)\n",
            "mine.py must fit 20 atoms to 600 cells of 10 units, got ZeroDivisionError: division by zero (mine.py, line 2)",
        ),
    ],
)
def test_a_wrong_file_gives_one_sentence(text, message, capsys):
    """What cannot be graded is said in one line, and nothing is written."""
    Path("mine.py").write_text(text)
    assert cli.main(["grade", "mine.py", "--out", "card"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mixmnist: {message}")
    assert said.count("\n") == 1
    assert not Path("card").exists()


def test_where_there_is_no_card_of_the_shelf_there_are_no_rows(tmp_path):
    """Nothing stands beside then."""
    assert _own_dictionary.shelf_beside(tmp_path).empty
