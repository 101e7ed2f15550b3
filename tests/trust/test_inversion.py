"""The analysis of inversions: rows of generators and ways, a strip that can be drawn anew, and what is left out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mixmnist.core.records import Canvas, Variant
from mixmnist.core.studies import load_study
from mixmnist.data.mixture import draw
from mixmnist.dissect import inverting
from mixmnist.dissect._encoder import Teaching
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.fidelity import canvases_of
from mixmnist.dissect.inverting import Descent
from mixmnist.dissect.planted import painter
from mixmnist.report.drawing import Album, Look, style
from mixmnist.report.seen import NONE, Picture, Sheet
from mixmnist.trust import _judging, inversion
from mixmnist.trust._generators import generators_of, subject_of_net
from mixmnist.trust._inversion_drawn import keep, kept, strip
from mixmnist.trust._judging import judge_for

PLAN = inversion.Plan(6, 40, True, Teaching(codes=60, steps=4, batch=8, widths=(2, 3, 4)), Descent(steps=2, layer_steps=2))


@pytest.fixture
def nets(recorded_nets, monkeypatch):
    """Two seeds of a painter that were never written, in this process."""
    monkeypatch.setattr(inversion, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
    made = recorded_nets(lambda: painter.build(Canvas(), 0), "units", range(3), {"painter": "trained"})
    for net in made:
        object.__setattr__(net, "settings", Variant(kind="generator", net="painter"))
        object.__setattr__(net, "source", "stamps")
    return made


@pytest.fixture
def written(nets, tmp_path, monkeypatch):
    """Runs the analysis on them; gives its folder."""
    monkeypatch.setattr(inversion, "generators_of", lambda _folder: nets)
    monkeypatch.setattr(inverting, "TRIED", 40)
    inversion.write(tmp_path / "stamps", tmp_path, None, PLAN)
    return tmp_path


def test_a_row_a_generator_kind_of_canvas_and_way(written):
    """Of planted painters edits are exact; a random code is no inversion; codes are known of own samples alone."""
    found = pd.read_csv(written / "inversion.csv")
    assert len(found) == 2 * 2 * len(inverting.WAYS)
    assert found["before"].tolist() == [1.0] * len(found)
    assert found["code_error"].notna().tolist() == found["canvases"].eq("own").tolist()
    null = found[found["way"].eq("random")]
    assert (null["same"] < 0.5).all()
    assert (null.loc[null["canvases"].eq("own"), "code_error"] > 0.7).all()
    assert (found["same_lower"] <= found["same"]).all()
    table = pd.read_csv(written / "ways.csv")
    assert table["n"].tolist() == [2] * len(table)
    runs = pd.read_csv(written / "runs.csv")
    assert runs[["variant", "seed"]].to_numpy().tolist() == [["painter", 0], ["painter", 1]]
    assert set(runs.columns) - {"variant", "seed"} <= set(inversion.ANALYSIS.bounds)
    assert "Read by: exact on stamps" in (written / "summary.md").read_text()


def test_the_strip_is_drawn_anew_from_its_numbers(written):
    """One of each variant, with its caption and what it shows."""
    before = (written / "inversion_painter.npz").read_bytes()
    look = Look(formats=("png",))
    with style(look):
        inversion.draw(written, Album(written, look, ()))
    assert (written / "inversion_painter.png").read_bytes().startswith(b"\x89PNG")
    shown = pd.read_csv(written / "inversion_painter.csv")
    assert len(shown) == 6 * 4
    assert shown["reads"].str.contains("reads").any()
    assert (written / "inversion_painter.npz").read_bytes() == before


def test_a_strip_has_no_empty_columns(nets):
    """Where no units remove a digit, what would be without it must be left out, and the caption must say why."""
    subject = subject_of_net(nets[0])
    inverted = inverting.plain(subject, subject.codes(3, 0))
    judge = ExactJudge(Canvas())
    canvases = canvases_of(judge, inverted.images, subject.canvas.glyph)
    units = torch.zeros(10, subject.n_units, dtype=torch.bool)
    sheet = strip(judge, canvases, inverted, units)
    assert sheet.columns == ("canvas", "inverted")
    assert [len(row) for row in sheet.pictures] == [2, 2, 2]
    assert any("No units" in note for note in sheet.notes)
    units[:, 0] = True
    assert len(strip(judge, canvases, inverted, units).columns) == 4


def test_a_strip_comes_back_as_it_was_kept(tmp_path):
    """Pictures, words, marks and gaps must survive."""
    image = np.arange(6).reshape(2, 3) / 5
    cells = ((Picture(image, below=("one", "two"), good=False),), (NONE,)), ((Picture(image, good=True),), (Picture(image),))
    sheet = Sheet((("a",), ("b",)), ("left", "right"), cells, ("note",))
    keep(sheet, tmp_path / "strip.npz")
    found = kept(tmp_path / "strip.npz")
    assert (found.rows, found.columns, found.notes) == (sheet.rows, sheet.columns, sheet.notes)
    assert found.pictures[0][0][0].below == ("one", "two")
    assert [cell[0].good for row in found.pictures for cell in row] == [False, None, True, None]
    assert found.pictures[0][1][0].image is None
    assert np.allclose(found.pictures[1][1][0].image, image, atol=1 / 255)


def test_a_collapsed_generator_is_left_out_with_its_sentence(nets, tmp_path, monkeypatch):
    """It must be named where the table is read; the others stay."""

    def collapsed(net, layer):
        if net.seed == 0:
            raise ValueError("the generator must draw different images.")
        return subject_of_net(net, layer)

    monkeypatch.setattr(inversion, "generators_of", lambda _folder: nets)
    monkeypatch.setattr(inversion, "subject_of_net", collapsed)
    monkeypatch.setattr(inverting, "TRIED", 40)
    inversion.write(tmp_path / "stamps", tmp_path, None, PLAN)
    assert "Left out: painter, seed 0: the generator must draw different images." in (tmp_path / "summary.md").read_text()
    assert set(pd.read_csv(tmp_path / "inversion.csv")["seed"]) == {1}


def test_the_layer_is_the_generators_first(nets, tmp_path, monkeypatch):
    """Later layers may hold no unit that removes a digit cleanly, and would then say nothing of edits."""
    asked = []

    def refused(net, layer):
        asked.append(layer)
        raise ValueError("looked at no further.")

    monkeypatch.setattr(inversion, "subject_of_net", refused)
    monkeypatch.setattr(inversion, "judge_for", lambda *_names, **_more: ExactJudge(Canvas()))
    for name in ("painter", "factors"):
        object.__setattr__(nets[0], "settings", Variant(kind="generator", net=name))
        assert "looked at" in inversion.of_net(nets[0], tmp_path, None, PLAN, None)
    assert asked == ["units", "where"]


def test_planted_generators_alone_are_nothing_to_invert(nets, tmp_path, monkeypatch):
    """Their codes take no gradients: that must be said, and every table be there."""
    monkeypatch.setattr(inversion, "generators_of", lambda _folder: nets)
    inversion.write(tmp_path / "stamps", tmp_path, None, replace(PLAN, planted=False))
    assert "Nothing to invert" in (tmp_path / "summary.md").read_text()
    assert len(pd.read_csv(tmp_path / "ways.csv")) == len(pd.read_csv(tmp_path / "runs.csv")) == 0


def test_true_codes_are_asked_of_the_generator(nets):
    """A generator that knows the code of a canvas must be asked; others know none."""
    subject = subject_of_net(nets[0])
    canvases = draw(source="stamps", n=3)
    assert inversion.true_codes(subject, canvases) is None
    subject.net.code_of = lambda given: given.shown.float()
    assert torch.equal(inversion.true_codes(subject, canvases), canvases.shown.float())


def test_planted_truth_comes_with_the_subject(nets):
    """The units that draw each digit must be known of a planted generator, at its own layer."""
    assert subject_of_net(nets[0]).truth == painter.truth(0)
    assert subject_of_net(nets[1]).name == "painter, seed 1"


def test_without_generators_there_is_a_sentence(tmp_path):
    """A folder without recorded generators must say how they are made."""
    with pytest.raises(FileNotFoundError, match="mixmnist run generators"):
        generators_of(tmp_path)


def test_stamps_are_read_exactly():
    """The exact judge must be taken where nobody names another."""
    assert isinstance(judge_for("stamps", Canvas()), ExactJudge)


def test_readers_are_looked_for_in_the_study_then_elsewhere(tmp_path, monkeypatch):
    """The first above its bar must be taken; one below it is no reader; the sentence says which command makes one."""

    class Fake:
        def __init__(self, name, faults=()):
            self.name, self.faults, self.canvas, self.card = name, list(faults), Canvas(), ""

        def read(self, images):
            """Is not asked."""

        def shares(self, images):
            """Is not asked."""

    for name in ("own", "local/other", "local/third"):
        (tmp_path / name / "mnist" / "runs").mkdir(parents=True)
    held = {"own": [Fake("poor", ["pairs read exactly .5"])], "other": [], "third": [Fake("good")]}
    monkeypatch.setattr(_judging, "judges_of", lambda folder: held[folder.parent.name])
    places = (tmp_path / "local", Path("nowhere"))
    assert judge_for("mnist", Canvas(), None, tmp_path / "own" / "mnist", places=places).name == "good"
    held["third"] = []
    with pytest.raises(ValueError, match=r"above their bar, got pairs read exactly .5. Train them: mixmnist run generators"):
        judge_for("mnist", Canvas(), None, tmp_path / "own" / "mnist", places=places)
    assert judge_for("mnist", Canvas(), None, tmp_path / "own" / "mnist", places=places, strict=False).name == "poor"
    with pytest.raises(FileNotFoundError, match="--variants reader --source mnist"):
        judge_for("mnist", Canvas(), None, None, places=places)


@pytest.mark.parametrize(
    ("study", "variant", "same"),
    [
        ("omission", "all", "factors"),
        ("omission", "gan-all", "relativistic"),
        ("inversion", "factors", "factors"),
        ("inversion", "relativistic", "relativistic"),
        ("inversion", "reader", "reader"),
        ("omission", "reader", "reader"),
    ],
)
def test_studies_of_generators_share_their_runs(study, variant, same):
    """What another study trains, too, must be the same run, or twenty minutes are spent twice."""
    assert load_study(study)[1].variants[variant] == load_study("generators")[1].variants[same]
