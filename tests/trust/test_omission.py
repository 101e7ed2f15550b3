"""The analysis of what generators leave out: a digit that is never drawn is pointed at, and none where nothing is missing."""

import math
from pathlib import Path

import pandas as pd
import pytest
import torch

from mixmnist.core.records import Canvas, Variant
from mixmnist.core.studies import load_study
from mixmnist.data.mixture import draw
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.planted.painter import build
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import _networks, omission
from mixmnist.trust._networks import Recorded

CANVAS = Canvas()
SAMPLES = 300


class Forgetful(torch.nn.Module):
    """A painter whose codes never name a digit."""

    def __init__(self, digit):
        super().__init__()
        self.net, self.digit, self.latent = build(CANVAS, 0), digit, 6

    def codes(self, n, seed):
        codes = self.net.codes(2 * n + 40, seed)
        return codes[(codes[:, 0] != self.digit) & (codes[:, 3] != self.digit)][:n]

    def forward(self, codes):
        return self.net(codes)


def recorded(variant, share=None):
    """A recorded net that was never written."""
    task = {} if share is None else {"task": "rare", "task_settings": {"digit": 3, "share": share}}
    settings = Variant(kind="generator", net="vae", **task)
    return Recorded(variant, 0, Path(variant), "stamps", settings, "layer1", variant)


def full(n=SAMPLES, seed=0):
    """Real canvases of all digits."""
    return draw("pairs", "stamps", "test", n, seed=seed).images[:, None] / 255


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the analysis writes of a painter, of one that never draws a three, and of one that draws nothing."""
    nets = {"all": build(CANVAS, 0), "none": Forgetful(3), "blank": Blank()}  # whose layers nobody looks at
    out = tmp_path_factory.mktemp("omission")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(omission, "nets_of", lambda folder: [recorded("all"), recorded("none", 0.0), recorded("blank", 0.01)])
        patch.setattr(_networks, "load_net", lambda place: nets[place.name])
        patch.setattr(omission, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        patch.setattr(omission, "SAMPLES", SAMPLES)
        omission.run(out / "study" / "stamps", out, None)
    return out


class Blank(torch.nn.Module):
    """A generator that draws hardly anything."""

    latent = 2

    def codes(self, n, seed):
        return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))

    def forward(self, codes):
        return torch.sigmoid(codes[:, :1, None, None]) * torch.zeros(1, 1, 32, 32)


def test_a_digit_that_is_never_drawn_is_pointed_at():
    """Its signed share is lowest in every resample, and is all of its share; the others have what it lacks."""
    net = Forgetful(3)
    found = omission.signed_shares(ExactJudge(CANVAS), net(net.codes(SAMPLES, 0)), full()).set_index("digit")
    assert found["signed"].idxmin() == 3
    assert found.loc[3, "signed"] == pytest.approx(-found.loc[3, "share_real"])
    assert found.loc[3, "upper"] < -0.05
    assert found.loc[3, "points"] == 1
    assert (found["signed"].drop(3) > -0.03).all()
    assert found["signed"].sum() == pytest.approx(0, abs=1e-9)


def test_nothing_is_pointed_at_where_nothing_is_missing():
    """Between two draws of real canvases nearly every digit's interval holds 0."""
    found = omission.signed_shares(ExactJudge(CANVAS), full(seed=1), full())
    assert ((found["lower"] < 0) & (found["upper"] > 0)).sum() >= 8
    assert found["signed"].abs().max() < 0.04
    assert found["points"].max() < 1


def test_a_net_is_told_apart_by_its_margin(made):
    """Claims hold of the one that leaves a digit out; of the one that does not the same number is near 0."""
    runs = pd.read_csv(made / "runs.csv").set_index("variant")
    assert runs.loc["none", "omission_signed"] < -0.05
    assert runs.loc["none", "omission_margin"] > 0.05
    assert runs.loc["none", "omission_points"] == 1
    assert abs(runs.loc["all", "omission_signed"]) < 0.04
    assert runs.loc["all", "omission_margin"] < 0.05
    columns = {claim.column for claim in load_study("benchmarks/omission.py")[1].claims}
    assert columns <= set(runs.columns)


def test_there_is_no_verdict_on_a_generator_that_cannot_be_read(made):
    """Its row holds how valid it is and nothing that is claimed, and it is said why."""
    row = pd.read_csv(made / "runs.csv").set_index("variant").loc["blank"]
    assert math.isnan(row["omission_signed"])
    assert row["omission_valid"] == 0
    assert "No verdict on blank, seed 0: valid 0.000 is below a third" in (made / "summary.md").read_text()


def test_shares_of_the_training_canvases_are_told(made):
    """Of the nets with too little of a digit it is said how much of it they saw; other digits were seen the more."""
    table = pd.read_csv(made / "digits.csv").set_index(["variant", "digit"])
    assert table.loc[("none", 3), "trained"] == 0
    assert table.loc[("blank", 3), "trained"] == 0.01
    assert table.loc[("none", 4), "trained"] == pytest.approx(2 / 9)
    assert table.loc[("all", 3), "trained"] == table.loc[("real", 3), "trained"] == 0.2


def test_the_figure_is_drawn_from_the_table(made, tmp_path):
    """There is a bar with an interval for each net and digit."""
    with style(Look(("png",))):
        omission.draw(made, Album(tmp_path, Look(("png",)), ()))
    assert (tmp_path / "omission.png").is_file()
    assert not (made / "omission.csv").exists()  # it writes over no table
    assert len(pd.read_csv(tmp_path / "omission.csv")) == 40


def test_a_study_leaves_out_one_digit():
    """Without a net that lacks a digit, or with two digits, there is nothing to point at."""
    assert omission.left_out([recorded("all"), recorded("none", 0.0), recorded("few", 0.01)]) == 3
    with pytest.raises(ValueError, match="generators must be trained without one digit, the same for all, got none"):
        omission.left_out([recorded("all")])
