"""The study of labels, from nets to tables and figures."""

from functools import partial

import pandas as pd
import pytest
import torch
from torch import nn

from mixmnist.core.records import Canvas
from mixmnist.core.studies import load_study
from mixmnist.data.mixture import draw
from mixmnist.labellers.measuring import canvases_of
from mixmnist.plants import perfect
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import _labels_measured, labels
from mixmnist.visualize._targets import unit_target
from mixmnist.visualize.reader import Reader

GOOD = dict.fromkeys(("noise", "scrambled", "strokes", "tiles", "waves", "blobs", "false_alarm"), 0.0)


class Seeing(nn.Module):
    """Ten answers from the detectors of the planted net."""

    def __init__(self):
        super().__init__()
        self.net = perfect.build(0).float()

    def forward(self, x):
        return 8 * unit_target(self.net, "units", 0).maps(x).amax(dim=2) - 4


@pytest.fixture(scope="module")
def made(recorded_nets, tmp_path_factory):
    """What the analysis writes of two nearly perfect nets of two variants, by a reader that is never wrong."""
    mixture = draw("pairs", "stamps", "test", n=700, seed=0)
    origins = {"baseline": "planted:perfect", "untrained": "planted:perfect"}
    nets = recorded_nets(partial(perfect.build, 0), "units", mixture, origins)
    reader = Reader(Seeing().eval(), 0.0, "digits", Canvas(), 0, GOOD | dict.fromkeys(("label", "whole", "found"), 1.0))
    out = tmp_path_factory.mktemp("labels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labels, "nets_of", lambda folder: nets)
        patch.setattr(labels, "kept_reader", lambda path, source, canvas, root: reader)
        patch.setattr(_labels_measured, "kept_canvases", lambda path, rank, test: canvases_of(rank, test, reader))
        patch.setattr(labels, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        patch.setattr(_labels_measured, "TIMES", 1)
        patch.setattr(labels, "DIALLED", 1)
        labels.run(out / "study" / "stamps", out, None)
    return out


def test_every_table_is_there_and_the_figures_are_drawn(made, tmp_path):
    """From nets to figures nothing may be missing."""
    assert {"labels", "dials", "page", "labellers", "annotators", "at_the_page", "runs"} <= {p.stem for p in made.glob("*.csv")}
    assert "first_detectors" in (made / "summary.md").read_text()
    with style(Look(("png",))):
        labels.draw(made, Album(tmp_path, Look(("png",)), ()))
    assert {path.stem for path in tmp_path.glob("*.png")} == {"what_labels_are_worth", "what_faults_cost"}


def test_detectors_are_named_by_whoever_looks(made):
    """Of nearly perfect detectors every method has the right name and the F1 of the ceiling; the null has neither."""
    runs = pd.read_csv(made / "runs.csv")
    for name in ("truth", "ridge", "top_images", "top_images_12", "softwpmi", "page_careful"):
        assert (runs[f"first_detectors_{name}"] == 1).all()
        assert (runs[f"f1_{name}"] > 0.99).all()
        assert (runs[f"rendered_auc_{name}"] > 0.99).all()
    assert runs["first_detectors_constant"].tolist() == pytest.approx([0.1] * 4)
    assert (runs["nothing_constant_0"] == 1).all()
    assert (runs["f1_top_images_shuffled"] < 0.2).all()
    assert (runs["nothing_top_images_shuffled"] >= 0.8).all()


def test_people_are_asked_of_the_first_nets_alone(made):
    """Dials are turned on so many nets of each variant; every level of every dial is there once."""
    dials = pd.read_csv(made / "dials.csv")
    assert dials.groupby("variant")["seed"].unique().map(list).to_dict() == {"baseline": [0], "untrained": [0]}
    levels = {dial: tuple(own["level"]) for dial, own in dials[dials["variant"].eq("baseline")].groupby("dial")}
    assert levels == {dial: tuple(map(float, level)) for dial, level in _labels_measured.LEVELS.items()}
    assert pd.read_csv(made / "runs.csv")["first_misses_30_always"].notna().tolist() == [True, False, True, False]


def test_each_dial_turns_its_own_fault():
    """A level of a dial changes one thing about people, from people at rest."""
    rest = _labels_measured.Dials()
    for dial, level, dials in _labels_measured.settings():
        name, still = dial.removesuffix("_always"), _labels_measured.WORN if dial == "people" else rest
        assert getattr(dials, name) == level
        changed = {key for key in vars(dials) if getattr(dials, key) != getattr(still, key)}
        assert changed <= {name} | ({"always"} if dial != name else set())


def test_nets_of_several_canvases_are_refused(recorded_nets, monkeypatch, tmp_path):
    """One reader cannot read them all."""
    mixture = draw("pairs", "stamps", "test", n=20, seed=0)
    nets = recorded_nets(partial(perfect.build, 0), "units", mixture, {"baseline": "planted:perfect"})
    object.__setattr__(nets[1], "source", "mnist")
    monkeypatch.setattr(labels, "nets_of", lambda folder: nets)
    with pytest.raises(ValueError, match="must share task, source and canvas"):
        labels.run(tmp_path, tmp_path, None)


def test_every_claim_has_its_column():
    """What the study's claims are held against must be a column that the analysis writes."""
    for claim in load_study("labels")[1].claims:
        assert {claim.column, claim.minus} - {None} <= set(labels.ANALYSIS.bounds)


def test_columns_are_named_by_their_labeller():
    """No two labellers share a column."""
    names = [labels.column_of(one) for one in (*labels.LABELLERS, *labels.PAGE)]
    assert len(set(names)) == len(names)
    assert torch.tensor([name.isidentifier() for name in names]).all()
