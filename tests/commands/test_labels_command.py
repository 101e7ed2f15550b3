"""`mixmnist labels`: by the shelf, by a labeller of one's own, from a file, and what it is asked that cannot be."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from torch import nn

from mixmnist import Variant, cli
from mixmnist.core.records import Canvas
from mixmnist.data.mixture import draw
from mixmnist.labellers.annotations import Annotation, write_annotations_file
from mixmnist.plants import perfect
from mixmnist.trust._networks import Recorded
from mixmnist.visualize._targets import unit_target
from mixmnist.visualize.reader import Reader

REPORT = dict.fromkeys(("noise", "scrambled", "strokes", "tiles", "waves", "blobs", "false_alarm"), 0.0)
REPORT |= dict.fromkeys(("label", "whole", "found"), 1.0)
OWN = """
import torch
from mixmnist.core.records import Labeller
LABELLER = Labeller("own", lambda sight: torch.eye(10))
"""


@dataclass(frozen=True)
class Held(Recorded):
    """A recorded net that was never written."""

    drawn: Any = None

    def net(self):
        return perfect.build(0).float()

    def mixture(self, split, root):
        return self.drawn


class Seeing(nn.Module):
    """Ten answers from the detectors of the planted net."""

    def __init__(self):
        super().__init__()
        self.net = perfect.build(0).float()

    def forward(self, x):
        return 8 * unit_target(self.net, "units", 0).maps(x).amax(dim=2) - 4


class Planted(Reader):
    """A reader that is never wrong, and writes no weights."""

    def save(self, path):
        Path(path).write_text("a reader")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with two recorded nets that were never written, and a reader that needs no training."""
    monkeypatch.chdir(tmp_path)
    drawn = draw("pairs", "stamps", "test", n=300, seed=0)
    settings = Variant(origin="planted:perfect", probe_images=300)
    nets = [Held("baseline", seed, Path(str(seed)), "stamps", settings, "units", f"net{seed}", drawn) for seed in (0, 1)]
    reader = Planted(Seeing().eval(), 0.0, "stamps", Canvas(), 0, REPORT)
    monkeypatch.setattr("mixmnist.trust._layers.nets_of", lambda folder: nets)
    monkeypatch.setattr("mixmnist.visualize.reader.train_reader", lambda *args, **named: reader)
    Path("study/runs").mkdir(parents=True)
    return reader


def labels(*words):
    """Runs the command in this process and gives its exit code."""
    return cli.main(["labels", *map(str, words)])


def annotation(unit, concept, **other):
    """What a person said of a unit of the first net."""
    known = {"exhibit": "baseline, seed 0", "layer": "units", "fingerprint": "net0", "category": "a concept"}
    return Annotation(**known | {"misfits": (), "shown": 12} | other, unit=unit, concept=concept)


def test_the_shelf_is_judged_and_written(folder, monkeypatch, capsys):
    """Every labeller has rows; perfect detectors are named rightly; the same command gives the same bytes."""
    assert labels("study", "--nets", 2) == 0
    assert "| baseline | ridge " in capsys.readouterr().out
    units = pd.read_csv("study/labels/units.csv", dtype={"label": str, "truth": str})
    assert set(units["labeller"]) == {"constant", "random", "ridge", "softwpmi", "top_images", "truth"}
    assert units.groupby("labeller")["unit"].size().eq(20).all()
    named = units[units["labeller"].eq("top_images")]
    assert (named["label"] == named["truth"]).all()
    before = {path.name: path.read_bytes() for path in Path("study/labels").iterdir()}
    monkeypatch.setattr("mixmnist.visualize.reader.load_reader", lambda path: folder)
    monkeypatch.setattr("mixmnist.visualize.reader.train_reader", None)  # the one that was kept is read
    assert labels("study", "--nets", 2, "--quiet") == 0
    assert before == {path.name: path.read_bytes() for path in Path("study/labels").iterdir()}


def test_ones_own_stands_beside_named_ones(capsys):
    """A file that ends in LABELLER, and settings, are taken; --json gives one document."""
    Path("mine.py").write_text(OWN)
    assert labels("study", "--labellers", "top_images:images=12", "--labeller", "mine.py", "--out", "o", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert {row["labeller"] for row in answer["labellers"]} == {"top_images:images=12", "mine.py"}
    assert all(row["first"] == 1 for row in answer["units"] if row["labeller"] == "mine.py")


def test_a_file_is_judged_beside_ceiling_and_baselines():
    """Labels of a file are judged on the units that they are of, by the net's own fingerprint."""
    write_annotations_file([annotation(3, "three"), annotation(4, "nine"), annotation(5, "")], Path("a.json"))
    assert labels("study", "--file", "a.json") == 0
    units = pd.read_csv("study/labels/units.csv")
    own = units[units["labeller"].eq("file")].set_index("unit")
    assert own["first"].to_dict() == {3: 1, 4: 0, 5: 0}
    assert own["empty"].to_dict() == {3: 0, 4: 0, 5: 1}
    assert set(units["labeller"]) == {"file", "truth", "top_images", "random", "constant"}
    assert set(units["seed"]) == {0}


def test_a_file_from_the_page_is_known_by_the_exhibit(monkeypatch):
    """What the page exports has the fingerprint of what it showed."""
    Path("study/exhibits").mkdir()
    Path("study/exhibits/baseline.npz").touch()
    shown = SimpleNamespace(about=SimpleNamespace(name="baseline, seed 1"), fingerprint="shown")
    monkeypatch.setattr("mixmnist.page.exhibit.load", lambda path: shown)
    write_annotations_file([annotation(3, "3", fingerprint="shown")], Path("a.json"))
    assert labels("study", "--file", "a.json") == 0
    units = pd.read_csv("study/labels/units.csv")
    assert units[units["labeller"].eq("file")][["seed", "unit", "first"]].to_numpy().tolist() == [[1, 3, 1]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "must be given a folder with runs/"),
        (["study", "--labellers", "softwpm"], "Did you mean softwpmi"),
        (["study", "--labellers", "top_images:image=3"], "settings must be among"),
        (["study", "--labellers", "file"], "must be named by their path"),
        (["study", "--labeller", "none.py"], "the file of a labeller must exist"),
        (["study", "--variants", "bas"], "Did you mean baseline"),
        (["study", "--nets", "0"], "nets must be 1 or more"),
        (["study", "--file", "none.json"], "annotations must be a file"),
        (["study", "--file", "bad.json"], "a file that a page exported"),
        (["study", "--file", "empty.json"], "must say something"),
        (["study", "--file", "strange.json"], "of another study or of earlier scores"),
        (["study", "--file", "beyond.json"], "must be of units 0 to 9"),
        (["study", "--out", "full"], "must be a new folder"),
        (["study", "--reader", "bad.json"], "must hold a reader"),
        (["study", "--labellers", "top_images:images=0"], "images must be 1 or more"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(words, said, capsys):
    """Bad input ends in one sentence and exit code 2, and nothing is written."""
    Path("bad.json").write_text("{}")
    for name, entries in {
        "empty": [],
        "strange": [annotation(0, "3", fingerprint="x")],
        "beyond": [annotation(10, "3")],
    }.items():
        write_annotations_file(entries, Path(f"{name}.json"))
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    assert labels(*words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1 or "Training" in error
    assert not Path("study/labels").exists()


def test_a_reader_of_other_glyphs_is_refused(folder, monkeypatch, capsys):
    """A kept reader must know the nets' glyphs and canvas."""
    other = Planted(folder.net, 0.0, "mnist", Canvas(), 0, REPORT)
    monkeypatch.setattr("mixmnist.visualize.reader.load_reader", lambda path: other)
    assert labels("study", "--reader", "r.safetensors") == 2
    assert "must know glyphs of stamps on canvases of 32 pixels, got mnist" in capsys.readouterr().err


def test_a_reader_below_its_bar_makes_no_table(folder, monkeypatch, capsys):
    """Nothing is judged by a reader that sees digits in noise."""
    poor = Planted(folder.net, 0.0, "stamps", Canvas(), 0, REPORT | {"noise": 0.5})
    monkeypatch.setattr("mixmnist.visualize.reader.train_reader", lambda *args, **named: poor)
    assert labels("study") == 2
    assert "the reader must be above its bar" in capsys.readouterr().err
