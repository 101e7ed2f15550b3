"""The study of pictures that are made for units, from recorded nets to tables and figures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mixmnist.core.records import Canvas
from mixmnist.core.studies import load_study
from mixmnist.data.mixture import draw
from mixmnist.nets import convnet
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import _pictures_plots, _priors_measuring, synthesis
from mixmnist.trust._networks import recorded
from mixmnist.trust._priors_measuring import BASE, CODES, ENCODERS, LAYERS, LOSSES, Plan
from mixmnist.visualize import _generating, _generator
from mixmnist.visualize._garbage import KINDS, UNSEEN
from mixmnist.visualize._generating import Inverting
from mixmnist.visualize.judging_images import MEASURES
from mixmnist.visualize.measuring_images import PRIORS
from mixmnist.visualize.reader import Reader, Reading

RECORDS = Path(__file__).resolve().parents[2] / "results" / "reference" / "sanity" / "digits"
SHORT = Inverting(epochs=1, batch=50, widths=(3, 3, 3))
FEW = {"top": ("top", {}), "none": ("pixels", {"steps": 2}), "learned": ("dgn", {"steps": 2})}
QUICK = Plan(2, 200, SHORT, 1, 150, SHORT, 2, Reading(widths=(2, 2, 2)))


def written(path, source, canvas, root, reading):
    """Writes a reader that knows nothing and says that it is good."""
    torch.manual_seed(0)
    report = dict.fromkeys((*KINDS, UNSEEN, "false_alarm"), 0.0) | dict.fromkeys(("found", "label", "whole"), 0.9)
    reader = Reader(convnet.load(convnet.Widths(2, 2, 2), 10).eval(), 0.0, source, Canvas(), 0, report, reading)
    reader.save(path)
    return reader


@pytest.fixture(autouse=True)
def _tried(monkeypatch):
    """Only the first net was tried before."""
    monkeypatch.setattr(synthesis, "TRIED", (0,))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the analysis writes of three nets trained on scikit-learn's digits, one of them called tried before."""
    out = tmp_path_factory.mktemp("synthesis")
    nets = [net for net in recorded(RECORDS) if net.variant in ("baseline", "wide") and net.seed < 3]
    nets = [replace(net, settings=replace(net.settings, probe_images=500)) for net in nets]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthesis, "nets_of", lambda folder: nets)
        patch.setattr(synthesis, "PLAN", QUICK)
        patch.setattr(synthesis, "CHANGED", 1)
        patch.setattr(synthesis, "KEPT", 1)
        patch.setattr(synthesis, "TRIED", (0,))
        patch.setattr(synthesis, "kept_reader", written)
        patch.setattr(synthesis, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        patch.setattr(_priors_measuring, "PRIORS", FEW)
        patch.setattr(_priors_measuring, "CODES", {name: {**settings, "steps": 2} for name, settings in CODES.items()})
        patch.setattr(_generating, "CHECKED", 50)
        patch.setattr(_generator, "ERROR", 1e9)
        patch.setattr(_generator, "INK", 1e9)
        synthesis.run(out / "study" / "digits", out, None)
    return out


@pytest.mark.slow
def test_every_table_is_there(made):
    """A reader, the kept generators and every table must be written, with natural images and chance beside each measure."""
    names = {path.name for path in made.iterdir()}
    assert {"reader.safetensors", "summary.md", "pictures.npz"} <= names
    kept = {name for name in names if name.startswith("generator-")}
    assert kept == {"generator-baseline-0.safetensors", "generator-baseline-1.safetensors"}
    priors = pd.read_csv(made / "priors.csv")
    assert priors["prior"].tolist() == list(FEW)
    assert priors["n"].tolist() == [2, 2, 2]
    assert {f"{measure}{beside}" for measure in MEASURES for beside in ("", "_natural", "_chance")} <= set(priors)
    generators = pd.read_csv(made / "generators.csv")
    assert len(generators) == 3 + 2 + len(LAYERS) + len(LOSSES) + 1
    assert generators["error"].gt(0).all()


@pytest.mark.slow
def test_a_net_tried_before_is_in_no_mean(made):
    """The net that settings were tuned on has a column of its own, and no row of the runs."""
    measured, priors = pd.read_csv(made / "measured.csv"), pd.read_csv(made / "priors.csv")
    own = measured[measured["prior"].eq("none") & measured["measure"].eq("response")].set_index("seed")["value"]
    assert sorted(own.index) == [0, 1, 2]
    row = priors[priors["prior"].eq("none")].iloc[0]
    assert row["response_tried"] == pytest.approx(own[0], abs=6e-4)
    assert float(str(row["response"]).split()[0]) == pytest.approx((own[1] + own[2]) / 2, abs=1e-3)
    assert pd.read_csv(made / "runs.csv")["seed"].tolist() == [1, 2]


@pytest.mark.slow
def test_every_change_stands_beside_its_base(made):
    """A change is taken from the base of the same net and generator; every change is there."""
    changes = synthesis.with_change(pd.read_csv(made / "measured.csv"))
    assert set(changes["prior"]) == {*CODES, *LAYERS, *LOSSES, "wide"}
    assert changes.loc[changes["prior"].eq(BASE), "change"].eq(0).all()
    own = changes[changes["measure"].eq("response")].set_index(["prior", "generator"])
    for name, seed in (("no clip", 1), ("natural start", 0), ("conv1", 0), ("wide", 0)):
        wanted = own["value"][name, seed] - own["value"][BASE, seed]
        assert own["change"][name, seed] == pytest.approx(wanted)
    table = pd.read_csv(made / "ablations.csv").set_index("changed")
    assert table.loc["no clip", ["n", "pairs"]].tolist() == [1, 2]
    runs = pd.read_csv(made / "runs.csv")
    assert runs["change_no_image_loss"].notna().tolist() == [True, False]


@pytest.mark.slow
def test_figures_are_drawn(made, tmp_path):
    """From tables alone every figure must be drawn; the sheet has a picture a detector and prior."""
    with style(Look(("png",))):
        synthesis.draw(made, Album(tmp_path, Look(("png",)), ()))
    assert {path.stem for path in tmp_path.glob("*.png")} == {"response_against_reading", "changes", "pictures"}
    shown, pictures = pd.read_csv(made / "pictures.csv"), np.load(made / "pictures.npz")["pictures"]
    assert len(shown) == len(pictures) == 3 * shown["unit"].nunique()
    assert shown["seed"].unique().tolist() == [1]


@pytest.fixture
def by_hand():
    """Three nets of which the first was tried before; two with two generators, one of whose changes was refused."""
    rows = [(seed, "priors", "none", 0, value) for seed, value in ((0, 0.9), (1, 0.2), (2, 0.4))]
    for seed, generator, base, other in ((1, 0, 0.5, 0.4), (1, 1, 0.7, 0.8), (2, 0, 0.6, 0.2), (2, 1, 0.8, 0.6)):
        rows += [(seed, "code", BASE, generator, base), (seed, "code", "no clip", generator, other)]
    rows += [(1, "loss", "no image loss", 0, 0.3), (2, "loss", "no image loss", 0, np.nan)]
    table = pd.DataFrame(rows, columns=["seed", "group", "prior", "generator", "value"])
    table = table.assign(variant="baseline", natural=1.0, chance=0.05, said="")
    return table.assign(measure=np.where(table["value"].isna(), None, "reads_own"))


@pytest.mark.plain
def test_changes_by_hand(by_hand):
    """Pairs are of a net and a generator; what was refused is counted and in no mean."""
    table = synthesis.of_changed(by_hand).set_index("changed")
    assert table.loc["no clip", ["n", "pairs", "refused"]].tolist() == [2, 4, 0]
    assert table.loc["no clip", "reads_own"] == "0.500"  # two nets have no interval
    assert table.loc["no clip", "reads_own_change"] == "-0.150"  # of -.1, .1, -.4 and -.2
    assert table.loc[BASE, "reads_own_change"] == ""
    assert table.loc["no image loss", ["n", "refused", "reads_own_change"]].tolist() == [1, 1, "-0.200"]
    assert table.loc["no clip", ["reads_own_natural", "reads_own_chance"]].tolist() == [1.0, 0.05]


@pytest.mark.plain
def test_runs_and_priors_by_hand(by_hand):
    """A run has the mean change over its generators; the tuned net is in no row, and in no mean of a prior."""
    runs = synthesis.of_runs(by_hand).set_index("seed")
    assert runs["reads_own_none"].to_dict() == {1: 0.2, 2: 0.4}
    assert runs["change_no_clip"].to_dict() == pytest.approx({1: 0.0, 2: -0.3})
    assert runs["change_no_image_loss"].to_dict() == pytest.approx({1: -0.2, 2: np.nan}, nan_ok=True)
    assert "change_clip_and_decay" not in runs
    (row,) = synthesis.of_measured(by_hand).to_dict("records")
    assert row["reads_own"] == "0.300"  # two nets have no interval
    assert (row["n"], row["reads_own_tried"]) == (2, 0.9)


def test_what_there_is_nothing_for_is_left_out(tmp_path):
    """Without nets besides the tuned one, changes or pictures a sentence stands in the place of each figure."""
    empty = pd.DataFrame(columns=["variant", "seed", "group", "generator", "prior", "measure", "value", "natural", "chance"])
    empty.to_csv(tmp_path / "measured.csv", index=False)
    with style(Look(("png",))):
        synthesis.draw(tmp_path, Album(tmp_path, Look(("png",)), ()))
    assert not list(tmp_path.glob("*.png"))
    for name in ("response_against_reading", "changes", "pictures"):
        assert "is left out" in (tmp_path / f"{name}.txt").read_text()


def test_other_nets_stand_in(tmp_path):
    """Wide nets are those of the study, those of another source the first that lie beside its results, quick ones never."""
    own = tmp_path / "synthesis" / "mnist"
    for place in ("a/digits-quick", "b/digits", "c/digits"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "runs").symlink_to(RECORDS / "runs")
    nets = recorded(RECORDS)
    found = synthesis.others_of(nets, own)
    assert {kind: len(of_kind) for kind, of_kind in found.items()} == {"wide": 5, "untrained": 0, "other source": 5}
    assert {net.place.parents[3].parent.name for net in found["other source"]} == {"b"}
    assert {net.variant for net in found["other source"]} == {"baseline"}
    assert "other source" not in synthesis.others_of(nets, tmp_path / "d" / "digits")


def test_canvases_are_of_the_nets_own_task():
    """What generators are trained on is drawn as the net's own canvases are."""
    net = next(net for net in recorded(RECORDS) if net.variant == "baseline")
    found, wanted = _priors_measuring.canvases_of(net, None, 30), draw("pairs", "digits", "train", 30, seed=0)
    assert torch.equal(found.images, wanted.images)


def test_every_claim_has_its_column():
    """What the study's claims are held against must be a column that the analysis can write."""
    known = {f"{measure}_{synthesis.column(prior)}" for measure in MEASURES for prior in PRIORS}
    known |= {f"change_{synthesis.column(name)}" for name in (*CODES, *LAYERS, *LOSSES, *ENCODERS)}
    for claim in load_study("synthesis")[1].claims:
        assert {claim.column, claim.minus} - {None} <= known


def test_nets_of_another_kind_are_refused(tmp_path, monkeypatch):
    """A study without a convnet of the variant gets one sentence."""
    monkeypatch.setattr(synthesis, "nets_of", lambda folder: [])
    with pytest.raises(ValueError, match="a study must have a convnet of the variant baseline with a detector"):
        synthesis.run(tmp_path, tmp_path, None)
    assert _pictures_plots.PICTURES == "pictures"
