"""Planted networks: every score is what was written down beforehand, on images of which each class has as many."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from mixmnist import Options, Study, Variant, draw, probe, score
from mixmnist.core import registry
from mixmnist.core.records import Plant, Right
from mixmnist.grid import sweep
from mixmnist.metrics._decisions import correct
from mixmnist.plants import compare, rotated
from mixmnist.probing import HeadAlgebra, Replay
from mixmnist.report import write_report
from mixmnist.report.reading import read_study
from mixmnist.report.tables import detected_and_used, write_tables

pytestmark = pytest.mark.slow
PLANTS = ("decoys", "duplicated", "hidden", "perfect", "rotated", "superposed")
EACH = 30  # images a class: as many as its own accuracy asks for
EXACT = 10**12  # images of which chance is said to be so many that it moves nothing
every_plant = pytest.mark.parametrize("name", PLANTS)


def balanced(split):
    """Canvases of the stamps, as many of each class."""
    mixture = draw("pairs", "stamps", split, n=4_000)
    rows = torch.cat([(mixture.labels == label).nonzero()[:EACH, 0] for label in range(45)])
    return replace(mixture, **{name: getattr(mixture, name)[rows] for name in ("labels", "shown", "glyphs", "positions")})


@pytest.fixture(scope="module")
def mixtures():
    """Test and rank canvases, 1,350 each."""
    return {split: balanced(split) for split in ("test", "rank")}


@pytest.fixture(scope="module")
def readouts(mixtures):
    """Gives a plant's readouts, by split; each is made once."""
    known = {}

    def read(name, seed=0):
        if (name, seed) not in known:
            plant = registry.choose("plants", name)
            net = plant.build(seed)
            known[name, seed] = {split: probe(net, mixture, plant.layers[-1], few=50) for split, mixture in mixtures.items()}
        return known[name, seed]

    return read


def test_the_shelf_holds_the_plants():
    """Every planted network must be on the shelf; files that plant single units are none."""
    assert registry.names("plants") == PLANTS
    assert all(isinstance(plant, Plant) for plant in registry.collect("plants").values())


@every_plant
def test_every_score_is_the_one_written_down(readouts, name):
    """Where each class has as many images every score must be the expected one."""
    plant, found = registry.choose("plants", name), readouts(name)
    scores = score(found["test"], rank=found["rank"])
    verdicts = compare(plant.expected(0), {"layer": scores.layer, "units": scores.units, "concepts": scores.concepts}, EXACT)
    assert len(verdicts) > 50
    assert verdicts[~verdicts["right"]].to_dict("records") == []


@every_plant
def test_a_plant_is_an_ordinary_module(mixtures, name):
    """It must map images to logits in eval mode, and its head must be told by its algebra."""
    plant = registry.choose("plants", name)
    net = plant.build(0)
    assert not any(module.training for module in net.modules())
    assert net(mixtures["test"].images[:4, None] / 255).shape == (4, 45)
    assert isinstance(probe(net, mixtures["test"], plant.layers[-1]).without, HeadAlgebra)


@pytest.mark.parametrize("name", [name for name in PLANTS if name != "rotated"])
def test_responses_are_exact(readouts, name):
    """Every response must be exactly 0 or 1 and every mean a whole number of 1024ths, to the last bit."""
    readout = readouts(name)["test"]
    assert readout.response.unique().tolist() == [0, 1]
    assert set((readout.mean * 1024).unique().tolist()) <= {0, 1, 2}


def test_a_perfect_detector_is_the_truth(readouts):
    """The responses of the perfect network must be what is on the images."""
    readout = readouts("perfect")["test"]
    assert torch.equal(readout.response, readout.present.float())


@pytest.mark.parametrize("silencing", ["algebra", "replay"])
def test_a_group_drop_hits_exactly_the_nine_classes_of_its_concept(readouts, mixtures, silencing):
    """Without a digit's detector its nine classes must lose 8/9 each, to a tie of nine, and no other class anything."""
    readout, labels = readouts("perfect")["test"], mixtures["test"].labels
    net = registry.choose("plants", "perfect").build(0)
    without = readout.without
    if silencing == "replay":
        without = Replay(net, net.units, "units", probe(net, mixtures["test"], "units.1").without.images)
    right = correct(without(torch.eye(10).bool(), torch.zeros(10)), labels)  # units images
    for digit in range(10):
        lost = 1 - torch.stack([right[digit, labels == label].mean() for label in range(45)])
        hit = torch.tensor([str(digit) in name for name in mixtures["test"].classes])
        assert hit.sum() == 9
        assert lost[hit] == pytest.approx(8 / 9)
        assert (lost[~hit] == 0).all()


@pytest.mark.parametrize(("name", "tolerance"), [("duplicated", 0.0), ("rotated", 1e-5), ("hidden", 0.0), ("decoys", 0.0)])
def test_the_function_is_the_perfect_networks(readouts, name, tolerance):
    """Units may be others: the logits must be the perfect network's."""
    logits, perfect = (readouts(plant)["test"].logits for plant in (name, "perfect"))
    assert (logits - perfect).abs().max() <= tolerance


def test_half_a_rotation_is_the_same_function(readouts, mixtures):
    """The power of the rotation must not matter to the logits; at 0 the units are the detectors."""
    for alpha in (0.0, 0.5):
        found = probe(rotated.build(1, alpha), mixtures["test"], "units")
        assert (found.logits - readouts("perfect")["test"].logits).abs().max() <= 1e-5
        assert torch.equal(found.response, found.present.float()) is (alpha == 0)


def test_rotations_follow_the_seed(readouts):
    """Another seed must turn the units otherwise, and the expected values with them."""
    plant, found = registry.choose("plants", "rotated"), readouts("rotated", 1)
    scores = score(found["test"], rank=found["rank"])
    tables = {"layer": scores.layer, "units": scores.units, "concepts": scores.concepts}
    assert compare(plant.expected(1), tables, EXACT)["right"].all()
    assert not compare(plant.expected(0), tables, EXACT)["right"].all()


def test_silenced_decoys_change_no_logit(readouts):
    """Detectors without weight must be without effect, all together."""
    readout = readouts("decoys")["test"]
    decoys = (torch.arange(15) >= 5) & (torch.arange(15) < 10)
    assert torch.equal(readout.without(decoys[None], torch.zeros(15))[0], readout.logits)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which decoys and hidden causes are recorded by a sweep."""
    names = ("decoys", "hidden")
    study = Study("plants", {name: Variant(origin=f"planted:{name}", probe_images=900) for name in names}, seeds=1)
    options = Options(source="stamps", out=str(tmp_path_factory.mktemp("plants")), device="cpu", precision="float32")
    result = sweep.run(study, options, lambda _: None)
    assert result.failures == ()
    return result.folder


@pytest.fixture(scope="module")
def records(folder):
    """What is recorded of decoys and hidden causes."""
    return read_study(folder)


def test_the_table_of_detected_and_used_is_right_in_every_cell(records):
    """Decoys: half detected and used, half detected and not used. Hidden causes: half detected and used, half not detected."""
    table = detected_and_used(records.concepts).set_index("variant")
    columns = ["detected_and_used", "detected_not_used", "not_detected", "linear_probe"]
    assert table.loc["decoys", columns].astype(float).tolist() == pytest.approx([0.5, 0.5, 0, 1])
    assert table.loc["hidden", columns].astype(float).tolist() == pytest.approx([0.5, 0, 0.5, 1])


@pytest.mark.parametrize(("name", "cells"), [("decoys", [5, 5, 5, 0]), ("hidden", [5, 0, 5, 0])])
def test_units_fall_into_the_right_cells(records, name, cells):
    """Of the single units: detects and is used, detects only, is used only, neither."""
    units = records.units[records.units["variant"] == name]
    detects, used = units["alignment"] >= 0.80, units["drop"] >= 0.05
    assert [int(cell.sum()) for cell in (detects & used, detects & ~used, ~detects & used, ~detects & ~used)] == cells


def test_a_report_takes_planted_nets(folder, records, tmp_path):
    """Tables and figures of planted nets, which have no history, must be made."""
    write_report(folder, only=("alignment_against_ablation",))
    write_tables(records, tmp_path)
    assert (tmp_path / "use.csv").is_file()
    assert (folder / "figures" / "alignment_against_ablation.png").is_file()


def test_comparing_tells_what_is_wrong():
    """A value that is off, one that is missing and one that should be must be told; chance leaves room by the images."""
    tables = {"units": pd.DataFrame({"a": [1.0, 2.0], "b": [float("nan"), 0.5], "c": [0.3, 0.3]})}
    nan = float("nan")
    expected = {"units": {"a": Right((1, 1)), "b": Right((0.5, nan)), "c": Right(0.2, spread=1)}}
    found = compare(expected, tables, n_images=81)
    assert found["right"].tolist() == [True, False, False, False, True, True]
    assert compare(expected, tables, n_images=121)["right"].tolist()[4:] == [False, False]
    with pytest.raises(ValueError, match="units must have a row for each value that is expected, got 2 rows for 3 of a"):
        compare({"units": {"a": Right((1, 1, 1))}}, tables, n_images=1)
