"""An evaluation is published whole or not at all, whatever the task, the images and the disk are like."""

import json

import pandas as pd
import pytest
import torch
from torch import nn

from mixmnist import Setting, cli, evaluate
from mixmnist.grid.verifying import verify
from mixmnist.report.reading import read_study

FEW = Setting(n=300, few=50, permutations=20)
SAME = """
import numpy as np
from mixmnist.core.records import Task
def draw(n, stream):
    first, second = stream.below(np.full(n, 10)), stream.below(np.full(n, 10))
    return (first == second).astype(np.int64), np.stack([first, second], axis=1)
TASK = Task("same or not", tuple("0123456789"), ("different", "same"), draw)
"""


class Own(nn.Module):
    """A layer of convolutions and a linear head on its mean."""

    def __init__(self, classes=45, units=6):
        super().__init__()
        torch.manual_seed(0)
        self.second = nn.Sequential(nn.Conv2d(1, units, 7, stride=3), nn.ReLU())
        self.head = nn.Linear(units, classes)

    def forward(self, x):
        return self.head(self.second(x).mean((2, 3)))


@pytest.fixture
def no_report(monkeypatch):
    """Leaves tables, figures and page out where a test does not look at them."""
    monkeypatch.setattr("mixmnist.guests.evaluated.write_report", lambda folder, _look, **_: read_study(folder))
    monkeypatch.setattr("mixmnist.guests.evaluated.make_page", lambda *_: None)


@pytest.mark.slow
def test_a_task_no_class_of_which_owns_a_concept_is_evaluated(tmp_path):
    """Where no digit is on every image of a class there are no class curves: that must be said, and all else be there."""
    (tmp_path / "same.py").write_text(SAME)
    found = evaluate(Own(2).eval(), "second", str(tmp_path / "same.py"), "digits", out=tmp_path, name="own", setting=FEW)
    assert "The figure class_curves is left out: there are no numbers in curve_keep and curve_remove." in found.said
    there = {path.stem for path in (found.folder / "figures").iterdir()}
    assert {"ablation_curves", "best_alignment", "class_drops", "preview"} <= there
    assert "class_curves" not in there
    assert (found.folder / "report" / "index.html").is_file()
    assert not [path for path in found.folder.parent.rglob("*") if "partial" in path.name]
    texts = [
        path.read_text(errors="replace") for path in found.folder.rglob("*") if path.suffix in (".md", ".json", ".html", ".js")
    ]
    assert not any("partial" in text for text in texts)


def test_a_class_that_is_on_no_image_is_left_out_and_told(tmp_path, no_report):
    """One class without images may not make the whole curve nan; which are left out must be in the notes."""
    setting = Setting(n=150, few=50, permutations=20)
    found = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", setting=setting)
    assert found.curves["curve_keep"].notna().all()
    notes = json.loads((found.folder / "evaluation.json").read_text())["notes"]
    (note,) = [note for note in notes if note.startswith("Classes on none of the test images, left out: ")]
    assert 0 < len(note.removesuffix(".").rpartition(": ")[2].split(", ")) < 20


@pytest.mark.parametrize("broken", ["write_report", "make_exhibit", "make_page", "write_scores", "save_pictures"])
def test_an_evaluation_that_breaks_leaves_what_was_there(tmp_path, no_report, monkeypatch, broken):
    """A fault or a full disk at any step must leave the earlier results as they were and nothing beside them."""
    before = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", setting=FEW)
    kept = {path: path.read_bytes() for path in before.folder.parent.rglob("*") if path.is_file()}

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"mixmnist.guests.evaluated.{broken}", full)
    with pytest.raises(OSError, match="No space left"):
        evaluate(
            Own(units=4).eval(), "second", source="digits", out=tmp_path, name="own", setting=Setting(n=350, permutations=20)
        )
    now = {path: path.read_bytes() for path in before.folder.parent.rglob("*") if path.is_file()}
    assert {path: text for path, text in now.items() if path.suffix != ".lock"} == {
        path: text for path, text in kept.items() if path.suffix != ".lock"
    }


def test_what_new_results_take_the_place_of_is_kept(tmp_path, no_report):
    """Results of another setting, or of the same seed, must be moved to `replaced`, and that be said; other seeds stay."""
    first = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", setting=FEW)
    before = pd.read_csv(first.folder / "runs" / "own" / "s0-0" / "s0" / "units.csv")
    second = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", seed=1, setting=FEW)
    assert read_study(second.folder).runs["seed"].tolist() == [0, 1]
    assert (first.said, second.said) == ((), ())
    other = evaluate(
        Own(units=4).eval(), "second", source="digits", out=tmp_path, name="own", setting=Setting(n=350, permutations=20)
    )
    assert read_study(other.folder).runs["seed"].tolist() == [0]
    (kept,) = (tmp_path / "own" / "replaced").iterdir()
    assert other.said == (f"What was in {other.folder} is of another setting, or of the same seed; it is kept in {kept}.",)
    pd.testing.assert_frame_equal(pd.read_csv(kept / "runs" / "own" / "s0-0" / "s0" / "units.csv"), before)
    again = evaluate(
        Own(units=4).eval(), "second", source="digits", out=tmp_path, name="own", setting=Setting(n=350, permutations=20)
    )
    assert len(list((tmp_path / "own" / "replaced").iterdir())) == 2
    assert len(again.said) == 1


def test_what_people_said_stays_beside_another_seed(tmp_path, no_report):
    """A person's annotations of an evaluated network are no results of a program and must outlive its next seed."""
    first = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", setting=FEW)
    (first.folder / "annotations").mkdir()
    (first.folder / "annotations" / "units.csv").write_text("unit\n0\n")
    evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", seed=1, setting=FEW)
    assert (first.folder / "annotations" / "units.csv").read_text() == "unit\n0\n"


@pytest.mark.parametrize("line", ["ownnet:make --layer 0 --source digits", "--arrays acts.npz"])
def test_a_place_that_cannot_be_written_is_told_before_any_work(tmp_path, monkeypatch, capsys, line):
    """What is in the way of the results must be told before images are drawn or arrays are scored."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("mine")
    monkeypatch.setattr("mixmnist.data.drawing.draw", None)
    monkeypatch.setattr("mixmnist.guests.evaluating.read_arrays", None)
    (tmp_path / "ownnet.py").write_text("import torch\ndef make():\n    return torch.nn.Conv2d(1, 2, 3)\n")
    assert cli.main(["evaluate", *line.split(), "--out", "taken"]) == 2
    assert "out must be a folder, got the file taken" in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "mine"


def test_damage_to_an_evaluation_is_told(tmp_path, no_report):
    """Its weights are not kept, but what was cut or is gone must be named before that is said."""
    found = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", setting=FEW)
    (sound,) = [verdict for verdict in verify(found.folder) if verdict.run != "tables"]
    assert len(sound.differences) == 1
    units, curves = (found.folder / "runs/own/s0-0/s0" / f"{name}.csv" for name in ("units", "curves"))
    units.write_bytes(units.read_bytes()[:100])
    curves.unlink()
    (harmed,) = [verdict for verdict in verify(found.folder) if verdict.run != "tables"]
    assert harmed.differences == (f"{curves} is gone; {units} is not as it was written", *sound.differences)


def test_an_evaluation_that_says_nothing_is_named(tmp_path, no_report, capsys):
    """An empty object in the place of what tells an evaluation must be one sentence that names the file."""
    found = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", setting=FEW)
    path = found.folder / "evaluation.json"
    path.write_text("{}")
    assert any(str(path) in sentence for verdict in verify(found.folder) for sentence in verdict.differences)
    assert cli.main(["page", str(found.folder), "--out", str(tmp_path / "page")]) == 2
    assert f"{path} cannot be read (it does not say its title" in capsys.readouterr().err
