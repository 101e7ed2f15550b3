import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mixmnist import Options, Study, Training, Variant, cli
from mixmnist.core import sums
from mixmnist.grid import sweep
from mixmnist.guests.evaluating import evaluate_arrays
from mixmnist.page.exhibit import load, save
from mixmnist.page.exhibiting import study_exhibits
from mixmnist.page.making import annotate, make_page, matchings
from mixmnist.report.reading import read_study

pytestmark = pytest.mark.slow  # make test-slow and CI run it

TINY = Variant(
    training=Training(images=64, epochs=1, batch=16), probe_images=720, net_settings={"conv1": 3, "conv2": 4, "conv3": 3}
)
WIDE = replace(TINY, net_settings={"conv1": 3, "conv2": 4, "conv3": 5})


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch):
    """Figures take seconds and have tests of their own."""
    for place in ("mixmnist.page.making.draw_figures", "mixmnist.report.draw_figures"):
        monkeypatch.setattr(place, lambda *_: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a tiny study with two variants."""
    options = Options(source="digits", out=str(tmp_path_factory.mktemp("out")), device="cpu", precision="float32", seeds=1)
    return sweep.run(Study("tiny", {"baseline": TINY, "wide": WIDE}), options, lambda _: None).folder


@pytest.fixture(scope="module")
def made(folder):
    """The study's page, and what was told while it was made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mixmnist.page.making.draw_figures", lambda *_: None)
        told = []
        return make_page([folder], folder / "report", None, told.append), told


def data(index):
    """The data that a page's scripts get."""
    text = (index.parent / "data.js").read_text()
    return json.loads(text.removeprefix("window.mixmnist = ").removesuffix(";\n"))


def test_a_study_shows_each_variant_by_its_first_seed(made, folder):
    """Each variant must be shown by its lowest seed, with the recorded scores of the last layer and a null."""
    exhibits = data(made[0])["exhibits"]
    assert [(e["name"], e["layer"], e["n_units"]) for e in exhibits] == [
        ("baseline, seed 0", "conv3", 3),
        ("wide, seed 0", "conv3", 5),
    ]
    recorded = pd.read_csv(folder / "runs/wide/s0-0/s0/units.csv")
    recorded = recorded[recorded["layer"] == "conv3"]
    assert [unit["alignment"] for unit in exhibits[1]["units"]] == pytest.approx(recorded["alignment"].tolist())
    assert all(0 < unit["null_95"] < 1 for unit in exhibits[1]["units"])


def test_the_top_says_what_was_run(made):
    """The page must name the study, its runs, its source and its scores."""
    html = made[0].read_text()
    for words in ("<h1>tiny</h1>", "2: baseline n=1, wide n=1", "not MNIST", "unique concepts"):
        assert words in html


def test_exhibits_are_kept(made, folder):
    """A second page must be made from the saved exhibits, and one that is not current anew."""
    assert sum("Looking at the units" in line for line in made[1]) == 2
    told = []
    make_page([folder], folder / "report", None, told.append)
    assert told == []
    path = folder / "exhibits" / "wide.npz"
    old = load(path)
    save(replace(old, about=replace(old.about, made_from="earlier code")), path)
    make_page([folder], folder / "report", None, told.append)
    assert told == ["Looking at the units of wide, seed 0 ..."]
    assert load(path).about.made_from == old.about.made_from


def test_an_accuracy_is_set_beside_the_tables(folder, made):
    """Of a variant of several seeds it must be said what the tables' mean is of, also of a kept exhibit; of one seed nothing."""
    assert [exhibit["beside"] for exhibit in data(made[0])["exhibits"]] == ["", ""]
    once = read_study(folder)
    twice = replace(once, runs=pd.concat([once.runs, once.runs.assign(accuracy=1.0, seed=1)]))
    found, _ = study_exhibits(folder, twice, None, lambda _: None)
    wide = once.runs[(once.runs["variant"] == "wide") & (once.runs["layer"] == "conv3")]
    mean = 100 * (1 + wide["accuracy"].iloc[0]) / 2
    assert found[1].about.beside == f"The tables give {mean:.1f} %: the mean of 2 seeds of wide."


def test_a_study_without_weights_has_a_page_that_says_why(folder, tmp_path):
    """Where no weights are kept the page must be made without units and name the variants."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "weights.safetensors" and "exhibits" not in path.parts:
            copy = tmp_path / "tiny" / "digits" / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    index = make_page([tmp_path / "tiny" / "digits"], tmp_path / "page", None, lambda _: None)
    assert "Units of baseline, wide cannot be shown: the weights are not kept here." in index.read_text()
    assert not (index.parent / "data.js").is_file() or data(index)["exhibits"] == []


def test_units_are_matched_by_their_responses(exhibits):
    """A network must match itself with its units in another order, one to one, with correlation 1."""
    first = exhibits[0]
    order = np.array([2, 0, 3, 1])
    (found,) = matchings([first, replace(first, response=first.response[:, order])])
    live = [place for place, unit in enumerate(found.ours) if not first.units["dead"][unit]]
    assert [order[found.theirs[place]] for place in live] == [found.ours[place] for place in live]
    assert [found.correlation[place] for place in live] == pytest.approx([1.0] * len(live))


def test_networks_that_saw_other_images_are_not_matched(exhibits, exhibited):
    """Where images differ it must be said what differs."""
    first = exhibits[0]
    (found,) = matchings([first, exhibited(task="redundant")])
    assert found.why_not == "They saw images with other tasks: pairs and redundant."
    (found,) = matchings([first, replace(first, images="others")])
    assert found.why_not == "They saw other images."
    assert list(found.ours) == []


@pytest.fixture
def network(exhibits, tmp_path):
    """The folder of an evaluated network with two layers."""
    home = tmp_path / "mine"
    (home / "exhibits").mkdir(parents=True)
    (home / "evaluation.json").write_text(json.dumps({"title": "my.module:net", "notes": ["WARNING: digits."]}))
    for name, exhibit in zip(("conv1", "conv2"), exhibits, strict=True):
        save(exhibit, home / "exhibits" / f"{name}.npz")
    return home


def test_an_evaluated_network_has_a_page(network):
    """Title, notes and every layer must be shown."""
    index = make_page([network], network / "report", None, lambda _: None)
    html = index.read_text()
    assert "<h1>my.module:net</h1>" in html
    assert "WARNING: digits." in html
    assert [e["name"] for e in data(index)["exhibits"]] == ["small, seed 0", "other, seed 1"]


def test_the_records_of_an_evaluation_are_shown(tmp_path):
    """What `mixmnist evaluate` leaves must give a page, with its scores and the reason why there are no units."""
    generator = torch.Generator().manual_seed(0)
    arrays = {"response": torch.rand(60, 3, generator=generator), "present": torch.rand(60, 2, generator=generator) < 0.5}
    np.savez(tmp_path / "mine.npz", **{name: values.numpy() for name, values in arrays.items()})
    folder = evaluate_arrays(tmp_path / "mine.npz", tmp_path / "out", permutations=20).folder
    html = make_page([folder], folder / "report", None, lambda _: None).read_text()
    assert "mean alignment" in html
    assert "There are no units to show" in html
    assert "60 images." in html


def test_several_folders_share_a_page(folder, network, tmp_path, capsys):
    """The command must set a study and a network side by side where it is told to, and ask where otherwise."""
    assert cli.main(["page", str(folder), str(network), "--out", str(tmp_path / "both")]) == 0
    found = data(tmp_path / "both" / "index.html")
    names = ["tiny digits: baseline, seed 0", "tiny digits: wide, seed 0", "mine: small, seed 0", "mine: other, seed 1"]
    assert [exhibit["name"] for exhibit in found["exhibits"]] == names
    assert len(found["matchings"]) == 6
    assert "Side by side: tiny; my.module:net" in (tmp_path / "both" / "index.html").read_text()
    assert cli.main(["page", str(folder), str(network)]) == 2
    assert "out must be given for a page of several folders, got 2. Add --out DIR." in capsys.readouterr().err


def test_a_folder_without_anything_is_refused(tmp_path, capsys):
    """A folder that holds neither records nor a network must be refused in a line, with the way out."""
    assert cli.main(["page", str(tmp_path)]) == 2
    assert "a page needs a folder with runs/ or evaluation.json" in capsys.readouterr().err


def test_annotations_are_reported(folder, made, tmp_path, capsys):
    """What a page exports must give tables beside the study and a page that shows them; those of another study exit code 2."""
    exhibit = load(folder / "exhibits" / "wide.npz")
    said = {"exhibit": "wide, seed 0", "layer": "conv3", "fingerprint": exhibit.fingerprint, "category": "a concept", "shown": 12}
    units = [said | {"unit": unit, "concept": "3", "misfits": list(range(unit))} for unit in range(5)]
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"kind": "mixmnist annotations", "units": units}))
    assert cli.main(["report", str(folder), "--annotations", str(path)]) == 0
    assert pd.read_csv(folder / "annotations/units.csv")["fits"].tolist() == pytest.approx([1 - unit / 12 for unit in range(5)])
    page = (folder / "report/index.html").read_text()
    assert "Agreement with people is told from 20 labelled units on; labelled: 5." in page
    assert "What people said" in page
    assert exhibit.fingerprint not in page
    path.write_text(json.dumps({"kind": "mixmnist annotations", "units": [units[0] | {"fingerprint": "other"}]}))
    assert cli.main(["report", str(folder), "--annotations", str(path)]) == 2
    assert "which is of another study or of earlier scores. Name the folder" in capsys.readouterr().err


def test_annotations_of_earlier_scores_are_not_shown(folder, made, tmp_path):
    """Where a network was scored anew, what people said of its old units must be kept, left out of the page, and told."""
    home = tmp_path / "study"
    shutil.copytree(folder, home)
    exhibit = load(home / "exhibits" / "wide.npz")
    said = {"exhibit": "wide, seed 0", "layer": "conv3", "fingerprint": exhibit.fingerprint, "category": "a concept", "shown": 12}
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"kind": "mixmnist annotations", "units": [said | {"unit": 0, "concept": "3", "misfits": []}]}))
    annotate(home, path)
    table = pd.read_csv(home / "annotations/units.csv")
    table.assign(fingerprint="earlier").to_csv(home / "annotations/units.csv", index=False)
    sums.write_sealed(home / "annotations" / sums.LISTED, {})
    page = make_page([home], home / "report", None, lambda _: None).read_text()
    assert "What people said is of earlier scores and is left out; it is in annotations/. Label this page anew." in page
    assert "Agreement with people" not in page
