"""A way of one's own is graded as the shelf's are, and `mixmnist grade` says so."""

import json
from pathlib import Path

import pandas as pd
import pytest

from mixmnist import cli
from mixmnist.trust import _own_way
from mixmnist.trust._ways_measuring import Sizes

COPY = "from mixmnist.visualize.ways.{} import WAY as known\nWAY = known\n"
HEAD = "from mixmnist.core.records import Way\n"
SMALL = Sizes(canvases=8, each=2, pictures=1, natural=200, nets=1)


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Little is drawn, in this process and in a folder of its own, without trained nets."""
    monkeypatch.setattr("mixmnist.trust._own_way.Sizes", lambda **_: SMALL)
    monkeypatch.setattr("mixmnist.trust._own_way.FEW", SMALL)
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_the_command_tells_the_card_and_writes_it(capsys):
    """The card is told with what fails in words, the rule, and the shelf's grades where they are; its folder holds it."""
    Path("mine.py").write_text(COPY.format("ink"))
    home = Path("results/reference/ways/mnist/analyses/ways")
    home.mkdir(parents=True)
    pd.DataFrame({"way": ["hirescam", "ink"], "grade": ["B", "F"], "passed": [0.9, 0.1]}).to_csv(home / "card_of_maps.csv")
    assert cli.main(["grade", "mine.py", "--out", "card"]) == 0
    said = capsys.readouterr().out
    assert "Grading mine on planted networks alone, as no nets are in results/reference" in said
    assert "mine.py fails:\n  has 0." in said
    assert "  B  hirescam\n  F  ink\n" in said
    assert "Tests of maps. Planted," in said
    assert {"card_of_maps.csv", "tests.csv", "measured.csv", "tests_of_maps.png"} <= {p.name for p in Path("card").iterdir()}
    assert pd.read_csv("card/card_of_maps.csv")["way"].tolist() == ["mine.py"]


@pytest.mark.slow
def test_a_script_gets_the_card_of_pictures(capsys):
    """With --json the document holds the card's row and every test; what could not be asked is no number."""
    Path("mine.py").write_text(COPY.format("top"))
    assert cli.main(["grade", "mine.py", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["card"][0]["grade"] == "C"
    tests = {test["test"]: test["passed"] for test in found["tests"]["mine.py"]}
    assert tests["planted_own"] is True
    assert tests["reads_own"] is None
    assert found["shelf"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("WAY = 1\n", "mine.py must end in WAY = Way(...), got int"),
        (f"{HEAD}WAY = Way('w', 'film', lambda: 1)\n", "mine.py must be a file that Python can run, got kind must be one of map"),
        (
            f"{HEAD}WAY = Way('w', 'map', lambda target, images: 1 / 0)\n",
            "a way must run on canvases of 32 x 32, got ZeroDivisionError: division by zero (mine.py, line 2). Mend its run.",
        ),
        (
            f"{HEAD}WAY = Way('w', 'map', lambda target, images: images)\n",
            "a way must give one map an image, [8, 32, 32], got (8, 1",
        ),
        (
            f"{HEAD}WAY = Way('w', 'image', lambda target, supplies, seeds: supplies.canvases.images[:1])\n",
            "a way must give one image a seed, [10, 1, 32, 32], got (1, 32, 32)",
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
    assert _own_way.shelf_beside("map", tmp_path).empty


def test_what_the_reference_keeps_is_copied_and_never_written(tmp_path):
    """A reader and generators are taken from the shelf's card into a folder of one's own; what is there already stays."""
    home = tmp_path / "ways/mnist/analyses/ways"
    home.mkdir(parents=True)
    for name in ("reader", "generator-baseline-0"):
        (home / f"{name}.safetensors").write_text("of the reference")
    _own_way.LOCAL.mkdir(parents=True)
    (_own_way.LOCAL / "reader.safetensors").write_text("my own")
    kept = _own_way._kept(tmp_path)
    assert kept == _own_way.LOCAL
    assert (kept / "reader.safetensors").read_text() == "my own"
    assert (kept / "generator-baseline-0.safetensors").read_text() == "of the reference"


@pytest.mark.plain
def test_nets_whose_glyphs_are_not_there_are_left(tmp_path, monkeypatch):
    """Without their glyphs nets cannot be asked; the next ones are."""
    for name in _own_way.NETS:
        (tmp_path / name).mkdir(parents=True)

    class Net:
        def __init__(self, folder):
            self.folder = folder

        def mixture(self, split, root):
            if self.folder.name == "mnist":
                raise FileNotFoundError("no glyphs")

    monkeypatch.setattr(_own_way, "trained", lambda folder, sizes: [Net(folder)])
    (found,) = _own_way._nets(tmp_path, SMALL, None)
    assert found.folder.name == "digits"
