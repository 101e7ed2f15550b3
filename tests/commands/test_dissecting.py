"""`mixmnist dissect` and `mixmnist invert`: each form once, and what they are asked that cannot be."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from mixmnist import cli
from mixmnist.dissect import _encoder, inverting
from mixmnist.dissect._judge_card import NUMBERS
from mixmnist.dissect.judging import build, judge_of

MADE = """
import torch
from torch import nn
from mixmnist.core.records import Canvas
from mixmnist.dissect.planted.painter import build

def painter():
    return build(Canvas(), 0)

class Net(nn.Module):
    def __init__(self, size=32, scale=1.0, spread=1.0):
        super().__init__()
        torch.manual_seed(0)
        self.scale, self.size, self.spread = scale, size, spread
        self.plan, self.maps, self.draw = nn.Linear(3, 256), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, z):
        maps = self.maps(self.plan(self.spread * z).view(-1, 4, 8, 8))
        return nn.functional.interpolate(self.draw(maps), size=(self.size, self.size)).sigmoid() * self.scale

def net():
    return Net().eval()

def small():
    return Net(28).eval()

def bright():
    return Net(scale=3.0).eval()

def collapsed():
    return Net(spread=0.0).eval()
"""
STUDY = """
from mixmnist import Study, Variant
STUDY = Study("Tiny", {"painter": Variant(kind="generator", net="painter", probe_images=20)}, seeds=1)
"""
FEW = "--samples 30 --edited 12 --rankings iou"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with generators of one's own, a study with a recorded one, canvases, readers and weights."""
    home = tmp_path_factory.mktemp("dissect")
    (home / "made.py").write_text(MADE)
    (home / "tiny.py").write_text(STUDY)
    judge = build()
    judge.report.copy_(torch.zeros(len(NUMBERS)))
    judge_of(judge, source="stamps").save(home / "bad.safetensors")
    judge.report.copy_(torch.ones(len(NUMBERS)))
    judge_of(judge, source="stamps").save(home / "good.safetensors")
    save_file({"other": torch.zeros(2)}, home / "other.safetensors")
    np.savez(home / "small.npz", images=np.zeros((3, 28, 28), dtype=np.uint8))
    np.savez(home / "grey.npz", images=np.zeros((3, 32, 32)))
    np.savez(home / "none.npz", canvases=np.zeros((3, 32, 32), dtype=np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert cli.main("export --source stamps --n 4 --out four.npz --quiet".split()) == 0
        assert cli.main("run tiny.py --source stamps --no-page --out recorded --quiet".split()) == 0
    return home


@pytest.fixture(autouse=True)
def here(place, monkeypatch):
    """Runs in that folder, and forgets its module."""
    monkeypatch.chdir(place)
    yield
    sys.modules.pop("made", None)
    shutil.rmtree("found", ignore_errors=True)


def run(line):
    """Runs a command in this process and gives its exit code."""
    return cli.main(line.split())


def refusal(line, capsys):
    """Runs a command that must be refused and gives its sentence."""
    assert run(line) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("mixmnist: ")
    assert len(said.splitlines()) == 1
    return said


def test_a_generator_of_ones_own_is_dissected(capsys):
    """Tables on the screen and in a folder, with what they must beat; figures beside them."""
    assert run(f"dissect made:painter --layer units --source stamps {FEW} --out found") == 0
    said = capsys.readouterr().out
    assert "painter, layer units: 10 units of 16 x 16 cells" in said
    assert "valid (two different digits read once each, no junk): 1.000 of 30 samples, of real canvases 1.000" in said
    assert "exact on stamps" in said
    removals = pd.read_csv("found/removals.csv")
    own = removals[removals["ranking"].eq("iou") & removals["size"].eq(1) & removals["n"].gt(0)]
    assert own["clean_removal"].tolist() == [1.0] * len(own)
    assert removals.query("ranking == 'random sets' and size == 1")["clean_removal"].mean() < 0.5
    units = pd.read_csv("found/units.csv")
    assert units["digit"].tolist() == list(range(10))
    assert (units["iou_null"] < units["iou"]).all()
    names = {path.name for path in Path("found").iterdir()}
    assert names >= {"samples.png", "units.png", "removal.png", "removal.csv", "digits.md", "ranking_iou.csv", "asked.json"}
    assert Path("found/samples.png").read_bytes().startswith(b"\x89PNG")


def test_a_recorded_generator_is_dissected(capsys):
    """A run's folder needs no layer and no source; --json is one document."""
    assert run(f"dissect recorded/tiny/stamps {FEW} --json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["about"].startswith("painter, seed 0, layer units")
    assert answer["quality"]["valid"] == 1
    assert [row["causal_iou"] for row in answer["digits"] if row["samples"] >= 5] == [
        1 for row in answer["digits"] if row["samples"] >= 5
    ]


def test_a_generator_that_cannot_be_read_gets_no_verdict(capsys):
    """Of noise the tables are printed, and why nothing follows from them."""
    assert run(f"dissect made:net --layer maps --latent 3 --source stamps {FEW}") == 0
    said = capsys.readouterr().out
    assert "No verdict: valid is below a third of its ceiling" in said
    assert "IoU above" not in said


def test_canvases_are_inverted(capsys, monkeypatch):
    """Codes, maps and a strip are written, with what is kept of each canvas beside the controls."""
    monkeypatch.setattr(_encoder.Teaching, "__init__", tiny(_encoder.Teaching))
    monkeypatch.setattr(inverting, "TRIED", 40)
    line = "invert recorded/tiny/stamps --images four.npz --n 3 --steps 4 --ranking iou --out found"
    assert run(line) == 0
    said = capsys.readouterr().out
    assert "3 of 3 canvases are valid" in said
    for way in ("inverted", "encoder", "nearest", "random"):
        assert f"| {way} " in said
    with np.load("found/inverted.npz") as stored:
        assert stored["codes"].shape == (3, 6)
        assert stored["maps"].shape == (3, 10, 16, 16)
        assert stored["images"].shape == stored["canvases"].shape == (3, 32, 32)
    assert len(pd.read_csv("found/canvases.csv")) == 3
    assert Path("found/inversion.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_is_written(capsys, monkeypatch):
    """With a trained reader the page of a brush is one file; what speaks against the generator stands on it."""
    monkeypatch.setattr(_encoder.Teaching, "__init__", tiny(_encoder.Teaching))
    monkeypatch.setattr(inverting.Descent, "__init__", tiny(inverting.Descent))
    monkeypatch.setattr(inverting, "TRIED", 40)
    line = f"dissect made:net --layer maps --latent 3 --source stamps --readers good.safetensors {FEW} --page found/brush.html"
    assert run(line) == 0
    assert "found/brush.html" in capsys.readouterr().out
    page = Path("found/brush.html").read_text(encoding="utf-8")
    assert page.startswith("<!")
    assert "judge of stamps, seed 0" in page
    assert "No verdict: on no sample that is edited is any digit read once." in page


def tiny(kind):
    """Gives the constructor of a dataclass with other numbers: hardly any steps."""
    usual = kind.__init__

    def init(self, **given):
        few = {"codes": 30, "steps": 3, "layer_steps": 2, "batch": 8, "widths": (2, 3, 4)}
        usual(self, **{name: few[name] for name in few if name in kind.__dataclass_fields__} | given)

    return init


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("made:small --layer maps --latent 3", "images must be [16, 1, 32, 32], got images=[16, 1, 28, 28]"),
        ("made:bright --layer maps --latent 3", "images must lie in [0, 1]"),
        ("made:net --layer plan --latent 3", "layer must give maps [n, units, high, wide], got [16, 256] from layer='plan'"),
        ("made:net --layer mapps --latent 3", "layer must be a known name, got layer='mapps'. Did you mean maps?"),
        ("made:net --layer maps", "latent must be 1 or more"),
        ("made:net --latent 3", "a layer must be named"),
        ("made:collapsed --layer maps --latent 3", "it collapsed"),
        ("made:net --layer maps --latent 3 --weights other.safetensors", "weights must fit the network, got missing"),
        ("made:painter --layer units --source stamps --samples 5", "got n=5 samples for 10 units"),
        ("made:painter --layer units --source stamps --readers bad.safetensors", "readers must be above their bar"),
        ("made:painter --layer units --source stamps --readers nowhere", "readers must be a file or a study's folder"),
        ("made:painter --layer units --source digits --readers bad.safetensors", "readers must be of glyphs of digits"),
        ("made:painter --layer units --source digits", "mixmnist run generators --variants reader --source digits"),
        ("made:painter --layer units --source stamps --rankings iuo", "Did you mean iou?"),
        ("made:painter --layer units --source stamps --page page.txt", "out must end in .html"),
        (f"made:painter --layer units --source stamps {FEW} --page page.html", "readers must be a trained net for a page"),
        ("made:painter --layer units --variant painter", "options of recorded generators must be left out here, got --variant"),
        ("recorded/tiny/stamps --latent 3", "options of a generator of one's own must be left out here, got --latent"),
        ("recorded/tiny/stamps --variant paint", "Did you mean painter?"),
        ("recorded/tiny/stamps --seed 7", "seed must be one of 0 of painter, got seed=7"),
        ("recorded/tiny", "a generator must be recorded in a folder with runs/"),
        ("recorded/tiny/stamps --out .", "out must be a new folder"),
    ],
)
def test_what_cannot_be_dissected_is_said(line, says, capsys):
    """Each in one sentence and with exit code 2."""
    assert says in refusal(f"dissect {line}", capsys)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("small.npz", "images must be 32 x 32 as the generator draws, got 28 x 28"),
        ("grey.npz", "images must be [n, rows, cols] of uint8, got [3, 32, 32] of float64"),
        ("none.npz", "the .npz of canvases must hold images"),
        ("nowhere.npz", "the .npz of canvases must exist"),
        ("four.npz --n 0", "n must be 1 to 2,000, got n=0"),
        ("four.npz --steps 0", "steps must be 1 or more"),
        ("four.npz --ranking iuo", "Did you mean iou?"),
    ],
)
def test_what_cannot_be_inverted_is_said(line, says, capsys):
    """Each in one sentence and with exit code 2."""
    assert says in refusal(f"invert recorded/tiny/stamps --images {line}", capsys)
