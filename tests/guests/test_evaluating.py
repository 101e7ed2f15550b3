"""Evaluating a network of one's own, or arrays alone."""

import contextlib
import json
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mixmnist import Arrays, Setting, cli, draw, evaluate, probe, score, score_arrays
from mixmnist.core.records import Metric
from mixmnist.data.sources.digits import load
from mixmnist.grid.verifying import verify
from mixmnist.guests.evaluated import of_p_values
from mixmnist.page.exhibit import load as load_exhibit
from mixmnist.report.reading import read_study

SMALL = Setting(n=800, few=50, permutations=99)


class Own(nn.Module):
    """Two layers of convolutions and a linear head on the mean of the second."""

    def __init__(self, channels=1, classes=45) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Conv2d(channels, 4, 5, stride=2), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(4, 6, 5, stride=2), nn.ReLU())
        self.head = nn.Linear(6, classes)

    def forward(self, x):
        return self.head(self.second(self.first(x)).mean((2, 3)))


def test_an_evaluation_is_repeatable_on_its_device(monkeypatch):
    """A network must be read and scored within the scope that makes a GPU give the same bytes, on the network's device."""
    from mixmnist.guests import evaluating

    seen, plainly = [], evaluating._score

    @contextlib.contextmanager
    def repeatable(device):
        seen.append(device)
        yield
        seen.append("end")

    def scored(*given):
        seen.append("scored")
        return plainly(*given)

    monkeypatch.setattr(evaluating, "repeatable", repeatable)
    monkeypatch.setattr(evaluating, "_score", scored)
    evaluate(Own().eval(), "second", source="digits", setting=SMALL)
    assert seen == ["cpu", "scored", "end"]


@pytest.fixture
def no_report(monkeypatch):
    """Leaves tables and figures out where a test does not look at them."""
    monkeypatch.setattr("mixmnist.guests.evaluated.write_report", lambda folder, _look, **_: read_study(folder))
    monkeypatch.setattr("mixmnist.guests.evaluated.make_page", lambda *_: None)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Evaluates two layers of a network into a folder."""
    out = tmp_path_factory.mktemp("out")
    return evaluate(Own().eval(), ("first", "second"), source="digits", out=out, name="own", setting=SMALL)


@pytest.mark.slow
def test_scores_are_those_of_probe_and_score(written):
    """An evaluation must say what probing and scoring by hand say, layer by layer."""
    net = Own().eval()
    test, rank = (draw("pairs", "digits", split, n=800) for split in ("test", "rank"))
    for layer in ("first", "second"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            by_hand = score(probe(net, test, layer, few=50), rank=probe(net, rank, layer, few=50), sets=layer == "second")
        own = written.units[written.units["layer"] == layer].reset_index(drop=True)
        pd.testing.assert_frame_equal(own[by_hand.units.columns], by_hand.units)
        pd.testing.assert_frame_equal(
            written.layers[written.layers["layer"] == layer][by_hand.layer.columns].reset_index(drop=True), by_hand.layer
        )
    assert {"curve_random", "n", "layer"} <= set(written.curves)


@pytest.mark.slow
def test_an_evaluation_is_not_verified(written):
    """Weights of a network that is not ours are not kept; that must be said, with the way out."""
    (found,) = verify(written.folder)
    assert found.fatal
    assert "is of an evaluated network, whose weights are not kept. Run `mixmnist evaluate` again" in found.differences[0]


@pytest.mark.slow
def test_every_unit_has_a_null_and_p_values(written):
    """p-values lie above 1 / (permutations + 1), corrected ones are no smaller, and a null lies above chance."""
    units = written.units.dropna(subset="p")
    assert units["p"].between(0.01, 1).all()
    assert (units["p_layer"] >= units["p"] - 1e-12).all()
    assert (units["null_95"] > units["chance"]).all()
    assert np.isfinite(units["corrected"]).all()


def test_too_few_permutations_give_no_p_values():
    """Nineteen permutations cannot give p < .05: arrays must have no p-values, and the notes must say why and the way out."""
    rng = np.random.default_rng(0)
    present = rng.random((50, 2)) < 0.5
    response = present + rng.random((50, 2)) / 2
    for n, given in ((19, 0), (20, 4)):
        units = score_arrays(response, present, permutations=n).units
        assert int(units[["p", "p_layer"]].notna().to_numpy().sum()) == given
        assert units["corrected"].notna().all()
    assert "none can fall below .05 with 19 permutations. Give 20 or more" in of_p_values(19)
    assert "p_layer: against the highest unit of the layer" in of_p_values(1000)


def test_a_wide_layer_has_one_null(monkeypatch):
    """Units held against their null some at a time must have the p-values of one layer, and one of 200 can be significant."""
    monkeypatch.setattr("mixmnist.guests.nulls.UNITS_AT_ONCE", 64)
    rng = np.random.default_rng(1)
    present = rng.random((200, 3)) < 0.3
    response = rng.normal(size=(200, 200))
    response[:, 130] += 3 * present[:, 1]
    units = score_arrays(response, present, permutations=300).units
    assert units["unit"][units["p_layer"] < 0.05].tolist() == [130]
    monkeypatch.setattr("mixmnist.guests.nulls.UNITS_AT_ONCE", 1000)
    pd.testing.assert_series_equal(score_arrays(response, present, permutations=300).units["p_layer"], units["p_layer"])


@pytest.mark.slow
def test_what_is_written_reads_as_a_study(written):
    """The folder must hold records, tables and figures that a study's readers take."""
    records = read_study(written.folder)
    assert records.variants == ["own"]
    assert records.runs["layer"].tolist() == ["first", "second"]
    for name in (
        "tables/units.csv",
        "tables/variants.tex",
        "figures/ablation_curves.pdf",
        "figures/preview.png",
        "report/index.html",
    ):
        assert (written.folder / name).is_file()
    about = json.loads((written.folder / "evaluation.json").read_text())["about"]
    assert about["layers"] == ["first", "second"]
    assert about["few"] == 50
    shown = [load_exhibit(written.folder / "exhibits" / f"{layer}.npz") for layer in ("first", "second")]
    assert [e.n_units for e in shown] == [4, 6]
    assert [e.bench is None for e in shown] == [True, False]  # only the second feeds the head


@pytest.mark.slow
def test_a_network_that_does_not_classify_is_scored_as_detector(tmp_path):
    """Without logits for the classes there are detection scores, no drops, and a report without their figures."""
    found = evaluate(Own(classes=7).eval(), "second", source="digits", out=tmp_path, name="seven", setting=SMALL)
    assert "alignment" in found.units
    assert "drop" not in found.units
    assert "accuracy" not in found.layers
    assert (found.folder / "figures" / "best_alignment.png").is_file()
    assert not (found.folder / "figures" / "ablation_curves.png").exists()


def test_canvases_have_the_networks_size_and_channels():
    """Canvases of another size must hold glyphs in proportion, and three channels the same grey image."""
    seen = []

    def look(x):
        seen.append(x)
        return x

    setting = Setting(n=800, few=50, permutations=19, size=48, channels=3)
    assert setting.canvas.glyph == 18
    evaluate(Own(3).eval(), "second", source="digits", transform=look, setting=setting)
    assert {tuple(x.shape[1:]) for x in seen} == {(3, 48, 48)}
    assert all(torch.equal(x[:, 0], x[:, 2]) for x in seen)
    test = draw("pairs", "digits", "test", n=800, canvas=setting.canvas)
    found = next(x for x in seen if len(x) == 250)
    torch.testing.assert_close(found[:, 1], test.images[:250] / 255)


def test_glyphs_in_colour_reach_a_network_of_three_channels(tmp_path):
    """Colours must be seen with three channels and ink alone with one."""
    glyphs = load(None, "train")
    images = np.stack([glyphs.images, glyphs.images // 2, 0 * glyphs.images], axis=-1)
    np.savez(tmp_path / "red.npz", images=images, labels=glyphs.labels)
    for channels in (1, 3):
        seen = []
        setting = Setting(n=800, few=50, permutations=19, channels=channels)

        def look(x, seen=seen):
            seen.append(x)
            return x

        evaluate(Own(channels).eval(), "second", source=str(tmp_path / "red.npz"), transform=look, setting=setting)
        assert seen[-1].shape[1] == channels
        if channels == 3:
            assert seen[1][:, 2].max() == 0
            assert seen[1][:, 0].max() > 1.9 * seen[1][:, 1].max() > 0.5


def test_a_task_of_ones_own_is_a_file(tmp_path, no_report):
    """A task may lie in any file that ends in TASK, with its own concepts; the layout is its own."""
    (tmp_path / "stripes.py").write_text(
        '"""Which of three glyphs does the image show?"""\n'
        "from mixmnist.core.records import Canvas, Task\n"
        "def draw(n, stream):\n"
        "    labels = stream.integers(0, 2, (n,))\n"
        "    return labels, labels[:, None]\n"
        "TASK = Task('Which?', ('a', 'b', 'c'), ('A', 'B', 'C'), draw, canvas=Canvas(20, 12))\n"
    )
    found = evaluate(Own(classes=3).eval(), "second", str(tmp_path / "stripes.py"), "digits", out=tmp_path / "out", setting=SMALL)
    assert set(found.concepts["concept"]) == {"a", "b", "c"}
    assert "drop" in found.units
    assert read_study(found.folder).runs["task"].tolist() == ["stripes"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", r"stripes\.py must end in TASK = Task\(\.\.\.\), got none"),
        ("TASK = 3", r"must end in TASK = Task\(\.\.\.\), got int"),
        ("import nix", r"stripes\.py must be a file that Python can run, got ModuleNotFoundError: No module named 'nix'"),
    ],
)
def test_a_file_that_is_no_task_is_refused(tmp_path, text, said):
    """The sentence must say what the file lacks."""
    (tmp_path / "stripes.py").write_text(text)
    with pytest.raises(ValueError, match=said):
        draw(str(tmp_path / "stripes.py"), "digits", n=4)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return stream", "draw must give labels and slots, got Stream"),
        ("return np.zeros(n), np.zeros((n, 1), dtype=int)", r"draw must give 64 labels as an int64 array, got float64 \[64\]"),
        ("return np.full(n, 3), np.zeros((n, 1), dtype=int)", r"draw must give labels of 0\.\.2, got 3\.\.3"),
        ("return np.zeros(n, dtype=int), np.full((n, 1), 5)", r"draw must give slots of -1\.\.1, got 5\.\.5"),
        ("return np.zeros(n, dtype=int), np.zeros(n, dtype=int)", r"draw must give slots \[n, slots\], got int64 \[64\]"),
        (
            "return np.zeros((n, 2), dtype=int), np.zeros((n, 1), dtype=int)",
            r"draw must give a label a class, got int64 \[64, 2\]",
        ),
    ],
)
def test_a_task_that_draws_nonsense_is_refused(tmp_path, body, said):
    """A fault in a stranger's task must get a sentence before anything is scored."""
    (tmp_path / "odd.py").write_text(
        "import numpy as np\nfrom mixmnist.core.records import Task\n"
        f"def draw(n, stream):\n    {body}\nTASK = Task('Odd', ('a', 'b'), ('A', 'B', 'C'), draw)\n"
    )
    with pytest.raises(ValueError, match=said):
        evaluate(Own(classes=3).eval(), "second", str(tmp_path / "odd.py"), "digits", setting=SMALL)


def test_a_metric_of_ones_own_is_scored():
    """A metric given by name must have its column."""
    mine = Metric("Mean response", axes=("units",), columns={"mean_response": lambda response: response.mean(0)})
    found = evaluate(Own().eval(), "second", source="digits", more={"mine": mine}, setting=SMALL)
    readout = probe(Own().eval(), draw("pairs", "digits", n=800), "second")
    np.testing.assert_allclose(found.units["mean_response"], readout.response.mean(0), rtol=1e-5)


@pytest.mark.slow
def test_several_trainings_give_intervals(tmp_path, no_report):
    """Trainings of one network, told apart by their seed, must stand in one folder."""
    for seed in range(3):
        found = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", seed=seed, setting=SMALL)
    assert read_study(found.folder).runs["seed"].tolist() == [0, 1, 2]


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    """An evaluation may not write into a folder that none wrote."""
    (tmp_path / "own" / "digits").mkdir(parents=True)
    with pytest.raises(ValueError, match="out must not hold something else by that name"):
        evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", setting=SMALL)
    assert not any((tmp_path / "own" / "digits").iterdir())


@pytest.mark.slow
def test_another_setting_replaces_what_is_of_another_kind(tmp_path, no_report):
    """Runs under other settings may not stand in one table with a new one; runs under the same setting stay."""
    for seed in range(2):
        evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", seed=seed, setting=SMALL)
    found = evaluate(Own().eval(), "first", source="digits", out=tmp_path, name="own", setting=SMALL)
    runs = read_study(found.folder).runs
    assert runs[["seed", "layer"]].values.tolist() == [[0, "first"]]
    kept = [json.loads(path.read_text()) for path in sorted(found.folder.parent.glob("replaced/*/runs/*/*/*/record.json"))]
    assert [(record["seed"], record["layers"][-1]["layer"]) for record in kept] == [(0, "second"), (1, "second")]


@pytest.mark.slow
def test_a_full_disk_leaves_earlier_results(tmp_path, no_report, monkeypatch):
    """Where the new results cannot be written those of other settings must stay where and as they were."""
    made = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", setting=SMALL).folder
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mixmnist.guests.evaluated.save_pictures", full)
    with pytest.raises(OSError, match="No space left"):
        evaluate(Own().eval(), "first", source="digits", out=tmp_path, name="own", setting=SMALL)
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["{}", "", "[3]"])
def test_damaged_results_are_named_and_set_aside(tmp_path, no_report, damage, capsys):
    """A report must name what is damaged in an evaluation; a new evaluation must set it aside and stand."""
    made = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", seed=1, setting=SMALL).folder
    (made / "runs/own/s1-1/same.json").write_text(damage)
    assert cli.main(["report", str(made)]) == 2
    assert "same.json" in capsys.readouterr().err
    found = evaluate(Own().eval(), "second", source="digits", out=tmp_path, name="own", setting=SMALL)
    assert read_study(found.folder).runs["seed"].tolist() == [0]
    assert read_study(found.folder).damaged == ()
    assert len(list(found.folder.parent.glob("replaced/*/runs/*/*/same.json"))) == 1


@pytest.mark.slow
def test_a_damaged_exhibit_of_an_evaluation_is_named(tmp_path, monkeypatch, capsys):
    """What a page cannot make again must be named, and the page be made of the rest."""
    monkeypatch.setattr("mixmnist.guests.evaluated.write_report", lambda _folder, _look, **_: SimpleNamespace(left_out=()))
    made = evaluate(Own().eval(), ("first", "second"), source="digits", out=tmp_path, name="own", setting=SMALL).folder
    path = made / "exhibits" / "first.npz"
    path.write_bytes(path.read_bytes()[:1000])
    assert cli.main(["page", str(made)]) == 1
    assert f"{path} must be a whole .npz file" in capsys.readouterr().err
    assert "first.npz must be a whole .npz file" in (made / "report" / "index.html").read_text()


def test_the_layer_with_the_head_is_shown_wherever_it_is_named(tmp_path, no_report):
    """Curves and figures are of the layer that feeds the head, in whatever order the layers are named."""
    found = evaluate(Own().eval(), ("second", "first"), source="digits", out=tmp_path, name="own", setting=SMALL)
    assert found.layers["layer"].tolist() == ["first", "second"]
    assert "curve_random" in found.curves


@pytest.mark.parametrize("name", ["../up", "a b", "", "x/y"])
def test_a_name_that_is_none_for_a_folder_is_refused(tmp_path, name):
    """A name may not lead out of the folder of results."""
    with pytest.raises(ValueError, match="the name of an evaluation must be of letters, digits and"):
        evaluate(Own().eval(), "second", source="digits", out=tmp_path / "out", name=name or "-", setting=SMALL)
    assert not (tmp_path / "out").exists()


def test_what_does_not_classify_is_said(tmp_path, no_report):
    """Without logits for the task's classes the notes must say that there are no drops, and why."""
    found = evaluate(Own(classes=7).eval(), "second", source="digits", out=tmp_path, name="seven", setting=SMALL)
    notes = json.loads((found.folder / "evaluation.json").read_text())["notes"]
    assert any("no accuracy and no drops" in note for note in notes)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"mine": lambda responce: responce}, "the metric own must ask for what there is, got responce"),
        ({"mine": lambda response: response / 0 + None}, "the metric own must run, got TypeError"),
        (
            {"mine": lambda response: response},
            r"own must give a tensor of units \[6\], real numbers, got float32 \[800, 6\]",
        ),
        (
            {"mine": lambda response: 3},
            r"own must give a tensor of units \[6\], real numbers, got int from",
        ),
    ],
)
def test_a_metric_with_a_fault_is_named(columns, said):
    """A fault in a stranger's metric must be told with its name."""
    with pytest.raises(ValueError, match=said):
        evaluate(Own().eval(), "second", source="digits", more={"own": Metric("Own", ("units",), columns)}, setting=SMALL)


class Blind(Own):
    """Lets no gradients through."""

    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class Odd(Own):
    """Fails in its own way."""

    def forward(self, x):
        raise KeyError("weights")


class Broken(Own):
    """Answers with numbers that are none on dark images."""

    def forward(self, x):
        return super().forward(torch.where(x.mean((1, 2, 3), keepdim=True) < 0.1, torch.nan, x))


@pytest.mark.parametrize(
    ("net", "layer", "setting", "said"),
    [
        (Own(), "second", SMALL, r"the net must be in eval mode, got train mode in the net itself. Call net.eval\(\) first"),
        (Own().eval(), "secnd", SMALL, "layer must be a known name, got layer='secnd'. Did you mean second"),
        (
            Own(3).eval(),
            "second",
            SMALL,
            r"the net must take images \[2, 1, 32, 32\], got RuntimeError.*Try --size or --channels",
        ),
        (Own().eval(), "second", Setting(n=800, size=9), "the net must take images"),
        (Blind().eval(), "second", SMALL, r"gradients must reach the images.*Leave out torch.no_grad\(\)"),
        (Odd().eval(), "second", SMALL, "the net must take images .* got KeyError: 'weights'"),
        (Own().bfloat16().eval(), "second", SMALL, r"the net's parameters must be float32 or float64.*net.float\(\)"),
        (Own().eval(), (), SMALL, "layer must name one layer or more, got none"),
        (Broken().eval(), "second", SMALL, "layer must give finite numbers, got nan or infinite ones on .* of 800 images"),
    ],
)
def test_a_network_that_cannot_be_evaluated_is_refused(net, layer, setting, said):
    """Each fault must be told in a sentence with the way out."""
    with pytest.raises(ValueError, match=said):
        evaluate(net, layer, source="digits", setting=setting)


def test_arrays_give_what_the_network_gives():
    """Scores of arrays must be those of the readout they came from; drops need the network."""
    net = Own().eval()
    test, rank = (probe(net, draw("pairs", "digits", split, n=800), "second") for split in ("test", "rank"))
    given, other = (
        Arrays(r.response.numpy(), r.present.numpy(), mean=r.mean, logits=r.logits, labels=r.labels.tolist(), concepts=r.concepts)
        for r in (test, rank)
    )
    known = {"mean": given.mean, "logits": given.logits, "labels": given.labels, "concepts": given.concepts, "rank": other}
    found = score_arrays(given.response, given.present, permutations=19, **known)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_hand = score(test, rank=rank, sets=False).units
    same = [c for c in by_hand if c in found.units and c not in ("class_correlation", "weight_norm")]
    assert {"alignment", "alignment_mean", "f1", "selectivity"} <= set(same)
    pd.testing.assert_frame_equal(found.units[same], by_hand[same])
    assert "drop" not in found.units
    assert found.layers["accuracy"].item() == pytest.approx(float((test.logits.argmax(1) == test.labels).double().mean()))


def test_maps_and_masks_of_arrays_are_compared_where_they_lie():
    """A unit whose map is its concept's mask, coarser, must overlap it; one whose map lies elsewhere must not."""
    masks = np.zeros((4, 2, 12, 12), dtype=bool)
    masks[:2, 0, :6, :6] = True
    masks[2:, 1, 6:, 6:] = True
    maps = np.stack([masks[:, 0, 1::3, 1::3], masks[:, 0, 1::3, ::-3][:, ::-1]], axis=1).astype(np.float32)
    response, present = maps.max((2, 3)) + np.array([[0, 0], [0, 0], [0, 0.5], [0, 0.5]]), masks.any((2, 3))
    found = score_arrays(response, present, maps=maps, masks=masks, permutations=9)
    box = found.units["iou_box_matched"]
    assert box[0] > 0.6
    assert found.units["iou_ink_matched"][0] == pytest.approx(box[0])  # the ink is a box


@pytest.mark.parametrize("kind", [np.float64, np.uint64, np.float16, np.uint8, ">f4"])
def test_no_digit_of_an_array_is_lost(kind):
    """Responses that differ in their own precision must differ in their order, too."""
    low = {np.float64: 1 - 1e-12, np.uint64: 2**40 + 1, np.float16: 0.999, np.uint8: 250, ">f4": 1 - 1e-6}[kind]
    high = {np.float64: 1.0, np.uint64: 2**40 + 2, np.float16: 1.0, np.uint8: 251, ">f4": 1.0}[kind]
    response, present = np.array([[high], [low], [low]], dtype=kind), np.array([[1, 0], [0, 1], [0, 1]])
    assert score_arrays(response, present, permutations=9).units["alignment"].tolist() == [1.0]


def test_rank_arrays_take_the_names_and_need_no_logits():
    """Arrays of other images may be given by response and presence alone."""
    g = np.random.default_rng(0)
    response, present = g.random((60, 2)), g.random((60, 3)) < 0.5
    logits, labels = g.random((60, 4)), g.integers(0, 4, 60)
    rank = Arrays(g.random((50, 2)), g.random((50, 3)) < 0.5)
    found = score_arrays(response, present, logits=logits, labels=labels, concepts=list("abc"), rank=rank, permutations=9)
    assert "f1" in found.units
    assert set(found.concepts["concept"]) == set("abc")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"present": np.zeros((3, 2), bool)}, "arrays must agree on the number of images, got 3 in present and 4 in response"),
        ({"response": np.array([[np.nan]] * 4)}, "response must hold finite numbers, got 4 that are nan or infinite"),
        ({"response": np.array([[None]] * 4)}, "response must hold numbers, got object"),
        ({"response": np.zeros(4)}, r"response must be \[images, units\] and not empty, got \[4\]"),
        ({"present": np.full((4, 2), 3)}, "present must be true or false, got numbers besides 0 and 1"),
        ({"logits": np.zeros((4, 3))}, "logits need labels, and maps need masks"),
        ({"logits": np.zeros((4, 3)), "labels": [0, 1, 2, 3]}, r"labels must lie in 0\.\.2, the columns of logits, got 0\.\.3"),
        ({"concepts": ["a", "a"]}, "concepts must be 2 different names"),
        ({"present": np.full((4, 2), 0.9)}, "present must be true or false, got numbers besides 0 and 1"),
        ({"response": np.full((4, 1), 1e300)}, r"response must not exceed 1e\+15, got 1e\+300"),
        ({"response": np.ma.array([[1.0]] * 4, mask=[[1], [0], [0], [0]])}, "response must have no masked entries"),
        ({"response": [[1.0], [2.0, 3.0], [1.0], [1.0]]}, "response must be .* got rows of different lengths"),
        ({"response": None}, "response must be given, got None"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(given, said):
    """Each fault must be told in a sentence."""
    whole = {"response": np.arange(4.0)[:, None], "present": np.eye(4, 2, dtype=bool)} | given
    with pytest.raises(ValueError, match=said):
        score_arrays(permutations=9, **whole)


OWN = """
import torch
from torch import nn
def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 45))
def other():
    return nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 40))
def broken():
    raise RuntimeError("no weights here")
def greedy(width):
    return width
def none():
    return None
def invert(x):
    return 1 - x
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """Puts a module of networks into the working folder."""
    (tmp_path / "ownnets.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_command_evaluates_a_factory_with_weights_and_a_metric(own_module, capsys, no_report):
    """The command must load weights, apply the transform, score the metric, and print layers and the best units."""
    import ownnets

    net = ownnets.small()
    nn.init.constant_(net[0].weight, 0.1)
    save_file(net.state_dict(), own_module / "w.safetensors")
    (own_module / "mine.py").write_text(
        "from mixmnist.core.records import Metric\n"
        "METRIC = Metric('Mine', ('units',), {'mine': lambda response: response.amax(0)})\n"
    )
    line = "evaluate ownnets:small --layer 1 --source digits --n 800 --few 50 --permutations 19 --metric mine.py --out out "
    assert cli.main([*line.split(), "--weights", "w.safetensors", "--transform", "ownnets:invert"]) == 0
    said = capsys.readouterr().out
    assert "mean_alignment" in said
    assert "The best units of 3" in said
    units = pd.read_csv(own_module / "out/small/digits/runs/small/s0-0/s0/units.csv")
    net.eval()
    expected = probe(net, draw("pairs", "digits", "test", n=800), "1", transform=lambda x: 1 - x).response.amax(0)
    np.testing.assert_allclose(units["mine"], expected.numpy(), rtol=1e-5)


def test_the_command_evaluates_arrays(own_module, capsys):
    """An .npz of arrays must give tables of its units, with thresholds from the rank arrays where there are any."""
    g = np.random.default_rng(0)
    present = g.random((800, 3)) < 0.3
    np.savez(own_module / "acts.npz", response=present[:, :2] + g.random((800, 2)), present=present, concepts=["x", "y", "z"])
    assert cli.main("evaluate --arrays acts.npz --permutations 19 --out out".split()) == 0
    assert "detectors" in capsys.readouterr().out
    units = pd.read_csv(own_module / "out/acts/arrays/tables/units.csv")
    assert units["concept"].tolist() == ["x", "y"]
    assert units["alignment"].tolist() == [1, 1]
    assert (own_module / "out/acts/arrays/figures/best_alignment.png").is_file()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ownnets:broken --layer 1", "factory must run without arguments, got RuntimeError: no weights here"),
        ("ownnets:greedy --layer 1", "factory must run without arguments, got TypeError"),
        ("ownnets:none --layer 1", "factory must give a torch.nn.Module, got NoneType"),
        ("ownnets:nix --layer 1", "factory must be in its module, got no 'nix'"),
        ("ownnets --layer 1", "factory must be written pkg.module:function, got 'ownnets'"),
        ("nixnets:small --layer 1", "factory must lie in a module that can be imported, got ModuleNotFoundError"),
        ("ownnets:small", "a layer must be named"),
        ("ownnets:small --layer 7", "layer must be a known name, got layer='7'"),
        ("ownnets:small --arrays x.npz", "a factory or --arrays, one of them"),
        ("--arrays x.npz", "the .npz of arrays must exist, got x.npz"),
        ("--arrays ownnets.py", "ownnets.py must be a whole .npz file"),
        ("--arrays x.npz --layer 1 --size 64", "with --arrays there is no network, got --layer, --size"),
        ("ownnets:small --layer 1 --transform ownnets:torch", "transform must be a function, got module"),
        ("ownnets:small --layer 1 --permutations 0", "permutations must be 1 or more, got permutations=0"),
        ("ownnets:small --layer 1 --weights ownnets.py", "weights must be a safetensors file"),
        ("ownnets:small --layer 1 --weights other.safetensors", "of another shape: 0.bias [4] for [3], 0.weight"),
        ("ownnets:small --layer 1 --task nix.py", "the file of a task must exist, got nix.py"),
        ("ownnets:small --layer 1 --metric nix.py", "the file of a metric must exist, got nix.py"),
        ("ownnets:small --layer 1 --channels 2", "channels must be 1 or 3, got channels=2"),
    ],
)
def test_bad_input_gets_one_sentence_and_code_2(own_module, capsys, line, said):
    """No traceback, nothing written, exit code 2."""
    import ownnets

    save_file(ownnets.other().state_dict(), own_module / "other.safetensors")
    assert cli.main(["evaluate", *line.split(), "--source", "digits", "--n", "800", "--out", "out"]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1
    assert not (own_module / "out").exists()


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (torch.rand(4, 2).to_sparse(), "a sparse tensor"),
        (torch.rand(4, 2, device="meta"), "a tensor without data"),
    ],
)
def test_tensors_that_hold_no_plain_numbers_are_refused(given, got):
    """An array that numpy cannot hold must be one sentence with the way out."""
    with pytest.raises(ValueError, match=rf"response must be a dense tensor of plain numbers, got {got}\. Convert it"):
        score_arrays(given, torch.ones(4, 1), permutations=9)
