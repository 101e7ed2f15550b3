"""Report card of ways: what is right on planted networks passes, controls fail, and who is fooled is told."""

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from mixmnist.core import registry
from mixmnist.core.records import Canvas
from mixmnist.core.studies import load_study
from mixmnist.data.mixture import draw
from mixmnist.report.drawing import Album, Look, style
from mixmnist.trust import _ways_measuring as measuring
from mixmnist.trust import ways
from mixmnist.trust._grading import GRADES
from mixmnist.trust._layers import nets_of
from mixmnist.trust._maps_tables import column_of
from mixmnist.trust._networks import Recorded
from mixmnist.trust._ways_grading import OF_IMAGES, OF_MAPS, RULE, Bar, GradedWay, grade
from mixmnist.trust._ways_measuring import Sizes, decoys_of, images_on, maps_on, on_planted, stamps_in
from mixmnist.trust._ways_tables import OF_RUNS, card, fooled, of_runs
from mixmnist.visualize._garbage import KINDS, UNSEEN
from mixmnist.visualize.reader import Reader

ROOT = Path(__file__).parents[2]
SMALL = Sizes(canvases=12, each=2, pictures=1, natural=300, nets=1)
MAPS = ["gradient_input", "occlusion", "hirescam", "smoothgrad", "constant", "ink"]
KEPT = ["top", "single"]


class Held(Recorded):
    """A recorded net of scikit-learn's digits, with canvases of its own."""

    def mixture(self, split, root):
        return draw("pairs", "digits", split, n=400, seed=0)


@pytest.fixture(scope="module")
def net():
    """The first recorded net of scikit-learn's digits."""
    known = nets_of(ROOT / "results" / "reference" / "sanity" / "digits")[0]
    return Held(**vars(known))


@pytest.fixture(scope="module")
def reader():
    """One that reads every digit in everything, of a report above the bar."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(1024, 10))
    nn.init.ones_(net[1].bias)
    report = dict.fromkeys((*KINDS, UNSEEN), 0.0) | {"label": 1.0, "whole": 1.0, "found": 1.0, "false_alarm": 0.0}
    return Reader(net.eval(), -100.0, "digits", Canvas(), 0, report)


@pytest.fixture(scope="module")
def rows(net, reader):
    """What is measured of a few ways, on a planted and on a trained net."""
    parts = [on_planted([*MAPS, *KEPT, "maco"], SMALL), maps_on(net, None, MAPS, SMALL)]
    return pd.concat([*parts, *(images_on(net, None, way, reader, None, SMALL) for way in (*KEPT, "dgn"))], ignore_index=True)


def values(rows, way, condition):
    """Gives a way's numbers in a condition."""
    own = rows[rows["way"].eq(way) & rows["condition"].eq(condition)]
    return own.set_index("measure")["value"]


@pytest.mark.slow
def test_what_is_right_passes_on_planted_maps(rows):
    """Gradient x input lies on a perfect detector's digit alone; a constant map lies on all ink alike."""
    assert values(rows, "gradient_input", "planted")["selective"] == pytest.approx(1)
    assert values(rows, "gradient_input", "planted contrast")["selective"] == pytest.approx(1)
    assert values(rows, "constant", "planted")["selective"] == pytest.approx(0.5, abs=0.1)
    outcome = {cell.test: cell.passed for cell in grade("gradient_input", rows).cells}
    assert outcome["planted_selective"]
    assert not {cell.test: cell.passed for cell in grade("constant", rows).cells}["planted_selective"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["constant", "ink"])
def test_controls_fail(rows, way):
    """What looks at no net is not changed by other weights, and has the worst grade."""
    graded = grade(way, rows)
    assert graded.grade == "F"
    assert "changes" in {cell.test for cell in graded.failed}


@pytest.mark.slow
def test_who_is_fooled_by_which_circuit(rows):
    """A ripple fools what differentiates by pixels, a switch what looks off the canvases; occlusion and HiResCAM neither."""
    outcome = {way: {cell.test: cell.passed for cell in grade(way, rows).cells} for way in MAPS}
    assert {way for way in MAPS[:4] if not outcome[way]["ripple"]} == {"gradient_input", "smoothgrad"}
    assert {way for way in MAPS[:4] if not outcome[way]["switch"]} == {"smoothgrad"}


@pytest.mark.slow
def test_natural_pictures_are_right_and_not_fooled(rows):
    """A perfect detector's top images show its stamp, and so they do once it is switched; one digit alone shows no other."""
    for way in KEPT:
        assert values(rows, way, "planted")["own"] == 1
        assert values(rows, way, "planted gated")["own"] == 1
        assert values(rows, way, "planted silent")["own"] == 1
        assert values(rows, way, "gated")["response"] == values(rows, way, "trained")["response"]
    assert values(rows, "single", "planted gated")["decoy"] == 0


@pytest.mark.slow
def test_climbed_pictures_show_the_planted_stamp(rows):
    """MACO finds a perfect detector's stamp and, once the detector is switched, the planted one."""
    sound, switched = (values(rows, "maco", condition) for condition in ("planted", "planted gated"))
    assert sound["own"] > 0.5 > sound["decoy"]
    assert switched["decoy"] > switched["own"]


@pytest.mark.slow
def test_a_reader_that_reads_all_tells_nothing(rows):
    """Where the own digit is read no more often than others the grade is F, whatever else is passed."""
    graded = grade("top", rows)
    assert values(rows, "top", "trained")["reads_own"] == 1
    assert values(rows, "top", "trained")["beyond_others"] == 0
    assert graded.grade == "F"
    assert "null" in {cell.test for cell in graded.failed}


@pytest.mark.slow
def test_what_cannot_be_asked_says_why_and_is_not_graded_on_it(rows):
    """A way without the generator that it needs makes no picture: its tests do not apply, and its sentence is kept."""
    own = rows[rows["way"].eq("dgn")]
    assert own["said"].str.contains("must have a generator").all()
    graded = grade("dgn", rows)
    assert all(cell.passed is None for cell in graded.cells)
    assert graded.grade == "-"


@pytest.mark.slow
def test_tables_of_what_was_measured(rows, tmp_path):
    """The card, who is fooled, and a row a net; everything is written and drawn."""
    graded = [grade(way, rows) for way in (*MAPS, *KEPT)]
    table = card([one for one in graded if one.kind == "map"])
    assert table["way"].tolist() == MAPS
    told = fooled(rows, "map").set_index("way")
    assert float(told.loc["gradient_input", "selective_ripple"]) < 0.7 < float(told.loc["gradient_input", "selective"])
    runs = of_runs(rows)
    assert runs[["variant", "seed"]].to_numpy().tolist() == [["baseline", 0]]
    assert {"selective_ripple_hirescam", "reads_own_switch_top"} <= set(runs)
    ways.write_graded(tmp_path, graded, ["Of a test."])
    with style(Look(("png",))):
        ways.draw_cards(tmp_path, Album(tmp_path, Look(("png",)), ()))
    names = {path.name for path in tmp_path.iterdir()}
    tables = {"card_of_maps.csv", "card_of_pictures.md", "tests.csv", "measured.csv", "summary.md"}
    assert tables | {"tests_of_maps.png", "tests_of_pictures.png"} <= names


def made(**values_of):
    """Gives rows of a way that makes maps, as if measured."""
    known = {
        ("planted", "selective"): 1.0,
        ("planted", "worth_error_scaled"): 0.0,
        ("peak", "selective"): 1.0,
        ("peak", "points_at_box"): 1.0,
        ("peak", "worth_error_scaled"): 0.0,
        ("peak", "worth_error"): 0.0,
        ("peak", "selective_shuffled"): 0.5,
        ("peak", "rank_on_ink"): 0.0,
        ("contrast", "selective"): 1.0,
        ("contrast", "points_at_box"): 1.0,
        ("contrast", "worth_error_scaled"): 0.0,
        ("gated", "selective"): 1.0,
        ("rippled", "selective"): 1.0,
    } | {tuple(key.split("__")): value for key, value in values_of.items()}
    rows = [(*key, value) for key, value in known.items()]
    return pd.DataFrame(rows, columns=["condition", "measure", "value"]).assign(way="gradient", net="baseline 0", said="")


def test_a_way_without_a_fault_has_the_best_grade():
    """Where all is right every test is passed."""
    graded = grade("gradient", made())
    assert [cell.test for cell in graded.failed] == []
    assert len(graded.cells) == len(OF_MAPS)
    assert graded.grade == "A"


@pytest.mark.parametrize(
    ("key", "value", "test", "why"),
    [
        ("peak__selective_shuffled", 0.3, "at_chance", "is 0.20 off chance with other weights"),
        ("peak__rank_on_ink", 0.9, "changes", "hardly changes with other weights (0.90)"),
        ("gated__selective", 0.9, "switch", "is fooled by a switch (by 0.10)"),
        ("rippled__selective", 0.5, "ripple", "is fooled by a ripple (by 0.50)"),
        ("contrast__worth_error_scaled", 0.3, "contrast_worth", "is off the worths of the contrast by 0.30"),
        ("planted__selective", math.nan, "planted_selective", "its maps are all zeros"),
    ],
)
def test_each_fault_is_told(key, value, test, why):
    """One number that is wrong fails its test alone, in words."""
    graded = grade("gradient", made(**{key: value}))
    assert [(cell.test, cell.why) for cell in graded.failed] == [(test, why)]


def test_maps_that_never_change_get_the_worst_grade():
    """Other weights must change a map; this alone is fatal."""
    assert grade("gradient", made(peak__rank_on_ink=1.0)).grade == "F"


def test_grades_follow_the_share_that_is_passed():
    """The printed shares make the grades."""
    graded = grade("gradient", made())
    sound = [cell for cell in graded.cells if cell.passed and cell.test != "changes"]
    for wanted, least in GRADES.items():
        n = math.floor(len(graded.cells) * (1 - least) + 1e-9)
        wrong = [replace(cell, passed=False, why="-") for cell in sound[:n]]
        others = [cell for cell in graded.cells if cell.test not in {one.test for one in wrong}]
        assert replace(graded, cells=(*others, *wrong)).grade == wanted
    assert "A from .95" in RULE


def test_planted_networks_alone_give_no_good_grade():
    """Where no trained net was asked a way has C at most; what fails there is worse."""
    rows = made()
    assert grade("gradient", rows[rows["condition"] == "planted"]).grade == "C"
    failing = made(planted__selective=0.5, planted__worth_error_scaled=1.0)
    assert grade("gradient", failing[failing["condition"] == "planted"]).grade == "F"


@pytest.mark.parametrize(("value", "passed"), [(0.9, True), (0.899, False)])
def test_a_bar_is_passed_from_its_number_on(value, passed):
    """At the bar is passed, below is not."""
    means = pd.Series({("peak", "selective"): value})
    assert Bar("any", "peak", "selective", 0.9, "{:.3f}").cell(means, {"peak"}).passed is passed
    assert Bar("any", "peak", "selective", 0.9, "{:.3f}").cell(means, set()).passed is None


def test_numbers_of_bars_are_arithmetic():
    """Distances, differences and shares of the natural number."""
    means = pd.Series({("a", "x"): 0.2, ("b", "x"): 0.9, ("a", "y"): 0.4})
    assert Bar("t", "a", "x", 0.0, "", around=0.5).value(means) == pytest.approx(0.3)
    assert Bar("t", "a", "x", 0.0, "", less=("b", "x")).value(means) == pytest.approx(0.7)
    assert Bar("t", "a", "x", 0.0, "", share_of="y").value(means) == pytest.approx(0.5)
    assert math.isnan(Bar("t", "c", "x", 0.0, "").value(means))


def test_each_kind_has_its_own_tests():
    """No test's name stands twice in a kind, and each says why with its number."""
    for bars in (OF_MAPS, OF_IMAGES):
        assert len({bar.test for bar in bars}) == len(bars)
        assert all("{:" in bar.why for bar in bars)


def test_decoys_detect_another_digit():
    """The next digit that has a detector, around; with one digit there is none."""
    assert decoys_of({4: 0, 7: 0, 2: 5, 1: 9}) == {4: 2, 7: 2, 2: 1, 1: 4}
    with pytest.raises(ValueError, match="must have detectors of two digits or more"):
        decoys_of({4: 0, 7: 0})


def test_stamps_are_read_by_likeness():
    """A canvas of two stamps shows these and no others; a black one shows none."""
    canvases = draw("pairs", "stamps", "test", n=20, seed=0)
    assert torch.equal(stamps_in(canvases.images[:, None] / 255), canvases.present)
    assert not stamps_in(torch.zeros(1, 1, 32, 32)).any()


def test_every_claim_has_its_column():
    """What the study's claims are held against must be a column that the analysis can write."""
    names = [column_of(way) for way in (*registry.names("ways"), *ways.BESIDE)]
    known = {f"{number}_{way}" for kind in OF_RUNS.values() for number in kind for way in names}
    for claim in load_study("ways")[1].claims:
        assert {claim.column, claim.minus} - {None} <= known


def test_a_study_without_trained_nets_is_refused(monkeypatch, net):
    """Planted and untrained nets have no detectors to be fooled."""
    untrained = replace(net, settings=replace(net.settings, origin="untrained"))
    monkeypatch.setattr(ways, "nets_of", lambda folder: [untrained])
    with pytest.raises(ValueError, match="must have a trained convnet of the task pairs"):
        ways.trained(Path("anywhere"))


def test_the_card_is_of_what_it_is_given():
    """A graded way says its kind, and how many trained nets it was asked of."""
    graded = grade("gradient", pd.concat([made(), made().assign(net="baseline 1")]))
    assert isinstance(graded, GradedWay)
    assert (graded.kind, graded.nets) == ("map", 2)
    assert measuring.kind_of("dgn:start=natural") == "image"
