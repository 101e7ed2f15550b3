"""The analysis of generators: what it measures on planted ones, which claims a painter passes, and where there is no verdict."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mixmnist.core.records import Canvas, Options, Study, Variant
from mixmnist.core.registry import choose
from mixmnist.core.studies import load_study
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.sampling import RANK, TEST, take
from mixmnist.dissect.subject import Subject, images_of
from mixmnist.grid.sweep import plan
from mixmnist.report.claims import judge, values_of
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import _networks, generators
from mixmnist.trust._generators_measured import Plan
from mixmnist.trust._generators_nets import mean_of, parted, refused
from mixmnist.trust._generators_pictures import pictures_of
from mixmnist.trust._generators_sets import Tried, causal, without
from mixmnist.trust._generators_units import Looked, of_others, of_pixels, predicts, rotated
from mixmnist.trust._networks import Recorded

CANVAS = Canvas()
TINY = Plan(
    samples=40,
    passes=40,
    tried=Tried(sizes=(1, 2), samples=3, sets=2),
    few=Tried(sizes=(1,), samples=2, sets=2),
    written=4,
    effects=12,
    settings={"alpha": {"steps": 4, "rate": 0.2}, "gradient": {"most": 12}},
    least=20,
)


def build(net, seed=0):
    """A generator of either shelf."""
    shelf = "generators" if net == "vae" else "planted"
    entry = choose(shelf, net)
    return entry.build(CANVAS, seed, **entry.settings)


def recorded(net, seed=0, variant=None, kind="generator"):
    """A recorded net that was never written."""
    settings = Variant(kind=kind, net=net)
    return Recorded(variant or net, seed, Path(f"{net}-{seed}"), "stamps", settings, "units", f"{net} {seed}")


@dataclass(frozen=True)
class Faulty(ExactJudge):
    """A judge that reads as well as any and may not say so."""

    @property
    def faults(self):
        return ["pair exact .91 is below .98"]


def looked_at(net, n=40):
    """A planted generator's layer on both samples."""
    subject = Subject(build(net), "units", CANVAS, net)
    exact = ExactJudge(CANVAS)
    return Looked(take(subject, exact, n, RANK), take(subject, exact, n, TEST), exact)


@pytest.fixture(scope="module")
def painter():
    """A painter's layer."""
    return looked_at("painter")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the analysis writes of a painter and of a generator that never learned anything."""
    out = tmp_path_factory.mktemp("generators")
    nets = [recorded("painter"), recorded("painter", 1), recorded("vae")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generators, "nets_of", lambda folder: nets)
        patch.setattr(_networks, "load_net", lambda place: build(*place.name.split("-")[:1]))
        patch.setattr(generators, "side_by_side", lambda calls, title, fewest: [call(*arguments) for call, arguments in calls])
        for name in ("PLAN", "IN_SHORT"):
            patch.setattr(generators, name, TINY)
        patch.setattr(generators, "AGREED_ON", 10)
        generators.run(out / "study" / "stamps", out, None)
    return out


@pytest.mark.slow
def test_every_table_is_there_and_every_figure_is_drawn(made, tmp_path):
    """From nets to figures nothing may be missing, be a generator ever so poor."""
    tables = {"quality", "layers", "units", "sets", "causal", "places", "effects", "runs", "nets", "by_ranking", "cards"}
    assert tables <= {path.stem for path in made.glob("*.csv")}
    with style(Look(("png",))):
        generators.draw(made, Album(tmp_path, Look(("png",)), ()))
    figures = {"samples", "units_painter", "removal_curves", "iou_against_ace", "over_layers", "where_digits_can_go"}
    assert figures <= {path.stem for path in tmp_path.glob("*.png")}
    assert all((tmp_path / f"{name}.csv").stat().st_size > 10 for name in figures)
    assert not {path.stem for path in tmp_path.glob("*.png")} & {
        path.stem for path in made.glob("*.csv")
    }  # none writes over a table


@pytest.mark.slow
def test_a_painter_passes_the_claims_of_the_study(made):
    """Units that draw a digit each fulfil G1, G2 and G4; all rankings find them; of one layer G5 cannot be asked."""
    runs = pd.read_csv(made / "runs.csv")
    for claim in load_study("benchmarks/generators.py")[1].claims:
        (found,) = values_of(replace(claim, variant="painter"), runs) or [math.nan]
        if claim.id == "G5":
            assert math.isnan(found)
        elif claim.minus == "clean_sets_iou":
            assert abs(found) < 0.1
        else:
            assert found > 0.1, (claim.column, claim.minus)


@pytest.mark.slow
def test_there_is_no_verdict_on_a_generator_that_draws_nothing_readable(made):
    """Below a third of the ceiling tables are there, what claims ask for is empty, and it is said why."""
    runs = pd.read_csv(made / "runs.csv").set_index("variant")
    assert runs.loc["vae", ["clean_unit", "iou", "clean_donor_legal"]].isna().all()
    assert runs.loc["vae", "valid"] < 0.3 < runs.loc["vae", "valid_real"]
    assert runs.loc["painter", "clean_unit"] == 1
    assert "No verdict on vae, seed 0: valid" in (made / "summary.md").read_text()
    found = judge(load_study("benchmarks/generators.py")[1].claims, runs.reset_index())
    assert found["verdict"].str.startswith("no verdict").all()


@pytest.mark.slow
def test_planted_generators_are_measured_once(made):
    """What knows no chance is one net, however often it was recorded."""
    assert pd.read_csv(made / "quality.csv")["variant"].tolist() == ["painter", "vae"]


def test_nothing_is_claimed_below_the_bar_of_the_judge():
    """A judge with faults names them, however good the generator; one without asks for a third of the ceiling."""
    assert refused(Faulty(CANVAS), 1.0, 1.0) == "pair exact .91 is below .98"
    assert refused(ExactJudge(CANVAS), 0.34, 0.99) == ""
    assert refused(ExactJudge(CANVAS), 0.32, 0.99) == "valid 0.320 is below a third of its ceiling 0.990"
    assert "below a third" in refused(ExactJudge(CANVAS), math.nan, 0.99)


def test_nets_are_parted_by_kind():
    """Judges are none of the generators, and a study without a generator cannot be analysed."""
    nets = [recorded("convnet", kind="judge"), recorded("painter"), recorded("vae"), recorded("vae", 1)]
    judges, found = parted(nets)
    assert [net.settings.kind for net in judges] == ["judge"]
    assert [(net.variant, net.seed) for net in found] == [("painter", 0), ("vae", 0), ("vae", 1)]
    with pytest.raises(ValueError, match="a study must have recorded generators to be analysed, got none"):
        parted(nets[:1])


def test_a_rotated_generator_draws_the_same(painter):
    """Turned and turned back nothing changes in the pictures, and its maps are those of the layer that is looked at."""
    turned = rotated(painter)
    subject = turned.test.subject
    assert torch.allclose(images_of(subject, turned.test.codes), painter.test.images, atol=1e-5)
    again = take(subject, turned.judge, 40, TEST)
    assert torch.allclose(again.maps, turned.test.maps, atol=1e-5)
    assert not torch.allclose(turned.test.maps, painter.test.maps, atol=0.1)


def test_a_unit_goes_cleanly_and_a_rotated_one_does_not(painter):
    """Without its unit a painter's digit is gone and all else is there; without one of the rotated units more goes than that."""
    each = torch.eye(10, dtype=torch.bool)
    assert without(painter, each, 3).row()["clean_removal"] == 1
    assert without(rotated(painter), each, 3).row()["clean_removal"] < 0.5


def test_an_interval_lies_around_the_mean(painter):
    """The bootstrap over samples holds the mean, and has no width where all samples agree."""
    mean, low, high = mean_of([0.0, 1.0] * 20)
    assert low < mean == 0.5 < high
    found = without(painter, torch.eye(10, dtype=torch.bool).roll(1, 0), 3).row()
    assert found["off_target_lower"] <= found["off_target"] <= found["off_target_upper"]
    assert math.isnan(mean_of([])[0])


def test_the_pixel_null_has_the_pixels_of_real_canvases(painter):
    """It has a unit a pixel of a cell, at least sixteen, and nothing but the canvases in them."""
    real = torch.rand(6, 1, 32, 32)
    found = of_pixels(painter, real, real)
    assert found.test.maps.shape == (6, 16, 8, 8)
    assert found.test.maps.sort(dim=1).values.sum() == pytest.approx(float(real.sum()), rel=1e-5)


def test_other_masks_are_those_of_another_sample(painter):
    """Each sample gets the classes and what is read of the one before; maps stay."""
    found = of_others(painter).test
    assert (found.classes[1:] == painter.test.classes[:-1]).all()
    assert (found.said.counts[1:] == painter.test.said.counts[:-1]).all()
    assert found.maps is painter.test.maps


def test_iou_predicts_where_it_orders_as_removal_does():
    """The same order gives 1, the opposite -1, and one number for all units none."""
    iou = torch.rand(12, 10, generator=torch.Generator().manual_seed(0))
    assert predicts(iou, iou**2)["iou_predicts"] == pytest.approx(1)
    assert predicts(iou, iou**2)["iou_predicts_p"] < 0.01
    assert predicts(iou, -iou)["iou_predicts"] == pytest.approx(-1)
    assert predicts(iou, -iou)["iou_predicts_p"] > 0.99
    assert math.isnan(predicts(iou, torch.ones(12, 10))["iou_predicts"])


def test_a_causal_set_is_the_smallest_that_suffices():
    """The first number of units with half of the removals clean counts; where none has, there is no set."""
    clean = {f"clean_{digit}": [0.1, 0.6, 0.9] if digit == 4 else [0.0, 0.4, 0.2] for digit in range(10)}
    table = pd.DataFrame({"ranking": "iou", "value": "zero", "k": [1, 2, 8], **clean})
    found = causal(table).set_index("digit")
    assert found.loc[4, "size"] == 2
    assert found.loc[4, "clean"] == 0.9
    assert found["size"].isna().sum() == 9


def test_planted_generators_are_run_where_nothing_is_asked_for(tmp_path):
    """Without a source and variants the study's planted ones run on stamps; what is begun goes on; what is named runs alone."""
    planted = set(load_study("benchmarks/generators.py")[1].usual)

    def chosen(**asked):
        blocks = plan("benchmarks/generators.py", Options(out=str(tmp_path), **asked))
        return {block.name for block in blocks}, {block.source for block in blocks}

    assert chosen() == (planted, {"stamps"})
    assert chosen(variants=("reader",)) == ({"reader"}, {"stamps"})
    (tmp_path / "generators" / "stamps" / "runs" / "factors").mkdir(parents=True)
    assert chosen() == (planted | {"factors"}, {"stamps"})


def test_regions_of_a_painter_are_ink(painter):
    """The regions of a painter's units are the ink of their digits."""
    units = pd.DataFrame({"unit": range(10), "digit": range(10), "iou": 1.0})
    found = pictures_of("painter", painter, units)
    tops, regions = found["painter tops"], found["painter regions"]
    assert tops.dtype == regions.dtype == np.uint8
    assert (tops[regions > 0] == 255).all()
    assert found["painter read"][0].count(" ") == 1


def test_usual_variants_are_of_the_study():
    """A name that no variant has is refused in one sentence."""
    with pytest.raises(ValueError, match=r"usual must be variants of the study, got 'planter'\. Mend the name\."):
        Study("mine", {"painter": Variant(kind="generator", net="painter")}, usual=("planter",))
