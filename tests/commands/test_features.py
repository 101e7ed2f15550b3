"""`mixmnist features`: each form once, and what it is asked that cannot be."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixmnist import cli
from mixmnist.features.planted import Superposition, plant_cells

OWN = """
import torch
from mixmnist.core.records import Dictionary
from mixmnist.features.fitted import Fitted

def fit(cells, atoms, seeds):
    directions = torch.eye(cells.n_units)[torch.arange(atoms) % cells.n_units]
    return [Fitted(directions, lambda rows: {code}, torch.zeros(cells.n_units)) for _ in seeds]

DICTIONARY = Dictionary("own", fit)
"""
NET = """
import torch
from torch import nn
def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 5, 9, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 45))
def dead():
    net = make()
    nn.init.zeros_(net[0].weight), nn.init.constant_(net[0].bias, -1)
    return net
"""


@pytest.fixture(autouse=True)
def planted(tmp_path, monkeypatch):
    """A folder with planted rows, signed and not, and a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mixmnist.features.dictionaries._supervised.STEPS", 20)
    for name, positive in (("signed", False), ("positive", True)):
        cells = plant_cells(Superposition(positive=positive), 600).cells
        np.savez(f"{name}.npz", rows=cells.values.numpy(), present=cells.present.numpy())
    Path("made.py").write_text(NET)
    yield
    import sys

    sys.modules.pop("made", None)


def features(*words):
    """Runs the command in this process and gives its exit code."""
    return cli.main(["features", *map(str, words)])


def arrays(**changed):
    """Writes an .npz of planted rows with something changed."""
    with np.load("signed.npz") as stored:
        known = dict(stored)
    np.savez("changed.npz", **{name: value for name, value in (known | changed).items() if value is not None})
    return "--arrays changed.npz --dictionaries pca --fast".split()


def test_activations_are_measured_and_written(capsys):
    """Dictionaries of rows with truth stand beside the null and the ceiling; the same command gives the same bytes."""
    line = "--arrays signed.npz --dictionaries ica,topk:k=1:steps=5 --fast --out found".split()
    assert features(*line) == 0
    said = capsys.readouterr().out
    assert "| ica " in said
    assert "| topk:k=1:steps=5 |" in said
    table = pd.read_csv("found/variants.csv").set_index("dictionary")
    assert table.loc["ica", "atoms"] == 20
    assert table.loc["ica", "coverage"] > table.loc["ica", "random"]
    before = {path.name: path.read_bytes() for path in Path("found").iterdir() if path.name != "seconds.csv"}
    assert features(*line, "--quiet") == 0
    assert before == {path.name: path.read_bytes() for path in Path("found").iterdir() if path.name != "seconds.csv"}


def test_a_network_of_ones_own_is_measured(capsys):
    """A layer of a factory's network, its units rotated, for scripts: one document, and where things are."""
    line = "made:make --layer 1 --source digits --images 150 --dictionaries pca --atoms 4 --seeds 2 --fast --rotate --json"
    assert features(*line.split()) == 0
    found = json.loads(capsys.readouterr().out)
    assert Path(found["out"]) == Path("results/local/make/digits/features")
    assert {row["dictionary"] for row in found["variants"]} == {"units", "probe_max", "pca", "random"}
    assert {row["seed"] for row in found["fits"] if row["dictionary"] == "pca"} == {0, 1}
    assert all(row["rotated"] for row in found["fits"])


def test_recorded_nets_are_measured(capsys, monkeypatch):
    """Nets of a study, at a layer that is named and with a dictionary of one's own beside the shelf's."""
    study = "from mixmnist import Study, Training, Variant\nt = Training(images=64, epochs=1, batch=16)\n"
    study += "small = {'conv1': 3, 'conv2': 4, 'conv3': 4}\n"
    study += "STUDY = Study('tiny', {n: Variant(training=t, probe_images=720, net_settings=small) for n in ('a', 'b')}, seeds=1)"
    Path("tiny.py").write_text(study)
    Path("own.py").write_text(OWN.format(code="(rows @ directions.T).relu()"))
    monkeypatch.setattr("mixmnist.report.draw_figures", lambda *_: None)
    assert cli.main("run tiny.py --source digits --out out --no-page --quiet".split()) == 0
    monkeypatch.setattr("mixmnist.trust._side_by_side.os.sched_getaffinity", lambda _: {0}, raising=False)
    line = "out/tiny/digits --layer conv2 --variants b --dictionaries pca --dictionary own.py --atoms 4 --images 150 --fast"
    assert features(*line.split()) == 0
    fits = pd.read_csv("out/tiny/digits/features/fits.csv")
    assert set(fits["dictionary"]) == {"units", "probe_max", "pca", "own.py", "random"}
    assert set(fits["variant"]) == {"b"}
    assert "layer conv2 of 1 net of out/tiny/digits" in capsys.readouterr().out
    assert features("out/tiny/digits", "--variants", "c") == 2
    assert "variant must be a known name, got variant='c'" in capsys.readouterr().err


def test_what_needs_other_cells_is_left_out_of_the_whole_shelf(capsys, monkeypatch):
    """Where nothing is named, cells of both signs leave out what cannot have them, and that is said."""
    asked = []

    def fits_of_layer(layer, plan):
        asked.extend(plan.dictionaries)
        raise ValueError("enough.")

    monkeypatch.setattr("mixmnist.trust.features.fits_of_layer", fits_of_layer)
    assert features("--arrays", "signed.npz") == 2
    assert "nmf is left out: it needs cells that are not negative" in capsys.readouterr().out
    assert {"ica", "topk:k=1"} <= set(asked)
    assert "nmf" not in asked
    asked.clear()
    assert features("--arrays", "positive.npz") == 2
    assert "left out" not in capsys.readouterr().out
    assert features("--arrays", "positive.npz", "--rotate") == 2
    assert "nmf is left out" in capsys.readouterr().out


def test_what_a_fit_reached_is_said(capsys):
    """A fit that does not converge is on the screen, in the row of its fit and in the table."""
    assert features(*"--arrays signed.npz --dictionaries ica:steps=1 --fast".split()) == 0
    assert "ica:steps=1: 1 of 1 fits is not as asked for: not converged in 1 steps" in capsys.readouterr().out
    fits = pd.read_csv("signed-features/fits.csv").set_index("dictionary")
    assert fits.loc["ica:steps=1", "said"].startswith("not converged in 1 steps")
    assert pd.read_csv("signed-features/variants.csv").set_index("dictionary").loc["ica:steps=1", "stopped"] == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--arrays signed.npz --atoms 0", "atoms must be whole numbers from 1 on, as 10,20, got '0'"),
        ("--arrays signed.npz --atoms 301", "atoms must lie between 1 and the number of cells, got atoms=301 of 300 cells"),
        ("--arrays signed.npz --dictionaries topk:k=30", "k must lie between 1 and the number of atoms, got k=30 of 20"),
        ("--arrays signed.npz --dictionaries batchtopk:k=30", "k must lie between 1 and the number of atoms, got k=30 of 20"),
        ("--arrays signed.npz --dictionaries jumprelu:k=30", "k must lie between 1 and the number of atoms, got k=30 of 20"),
        ("--arrays signed.npz --dictionaries nmf", "nmf needs cells that are not negative, got both signs"),
        (
            "--arrays positive.npz --dictionaries nmf --rotate",
            "nmf needs cells that are not negative, got both signs after a rot",
        ),
        ("--arrays signed.npz --dictionaries icaa", "dictionary must be a known name, got dictionary='icaa'. Did you mean ica"),
        ("--arrays signed.npz --dictionaries topk:z=1", "dictionary settings must be among ['batch', 'k', 'rate', 'steps'], got"),
        ("--arrays signed.npz --dictionary no.py", "the file of a dictionary must exist, got no.py"),
        ("--arrays signed.npz --layer 1", "options must be of activations, got --layer"),
        ("--arrays signed.npz --out .", "out must be a new folder or one that `mixmnist features` wrote, got . with other files"),
        ("--arrays no.npz", "the .npz of activations must exist, got no.npz"),
        ("", "features must be given a folder, a factory or --arrays, one of them"),
        ("nowhere", "features must be given a folder with runs/, got nowhere"),
        ("made:make", "a layer must be named"),
        ("made:make --layer 9 --source digits", "layer must be a known name, got layer='9'"),
        ("made:dead --layer 1 --source digits --images 150", "a dictionary needs cells that fire, got none in layer='1'"),
        (
            "made:make --layer 1 --source digits --images 2",
            "each concept must be shown by some images and not by others, got ",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(line, message, capsys):
    """One line, exit code 2, and nothing is written."""
    before = set(Path().rglob("*.*"))
    assert features(*line.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mixmnist: {message}")
    assert said.count("\n") == 1
    assert {path for path in set(Path().rglob("*.*")) - before if "__pycache__" not in path.parts} == set()


def unlike(shape, value):
    """Gives numbers of a shape, all alike."""
    return np.full(shape, value, dtype=np.float32)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": None}, "changed.npz must hold rows and present, got no rows"),
        ({"present": None}, "changed.npz must hold rows and present, got no present"),
        ({"rows": unlike((600, 2, 5), 1)}, "rows must be [n, units] and not empty, got [600, 2, 5]"),
        ({"rows": unlike((600, 10), np.nan)}, "rows must hold finite numbers, got 6000 that are nan or infinite"),
        ({"rows": unlike((600, 10), 0)}, "a dictionary needs cells that fire, got none"),
        ({"rows": unlike((599, 10), 1)}, "rows and truth must be as many, got 599 and 600"),
        ({"rows": np.array([["a"] * 10] * 600)}, "rows must hold numbers, got <U1"),
        ({"present": unlike((600, 10), 0.5)}, "present must be true or false, got numbers besides 0 and 1"),
        ({"present": unlike(600, 1)}, "present must be [n, concepts] and not empty, got [600]"),
        ({"present": unlike((600, 10), 0)}, "each concept must be shown by some images and not by others, got '0' in none"),
        ({"present": unlike((600, 10), 1)}, "each concept must be shown by some images and not by others, got '0' in all"),
        ({"concepts": np.array(["a", "a"])}, "concepts must be 10 different names, one a column of present, got ['a', 'a']"),
        ({"labels": unlike(600, 1)}, "changed.npz must hold rows, present and concepts alone, got labels"),
    ],
)
def test_arrays_that_are_none_are_one_sentence(changed, message, capsys):
    """What is wrong with a file is said in one line, and nothing is written."""
    assert features(*arrays(**changed)) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mixmnist: {message}")
    assert said.count("\n") == 1
    assert not Path("changed-features").exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("(rows @ directions.T).relu() * float('nan')", "own.py must give finite codes, got nan or infinite ones"),
        ("rows.relu()", "own.py must give codes of shape [100, 20], got [100, 10]"),
        (
            "(rows / rows.norm(dim=1, keepdim=True) @ directions.T).relu()",
            "own.py must give finite codes, got nan or infinite on",
        ),
        ("rows @ directions.T", "own.py must give codes that are not negative, got -"),
        ("rows @ rows", "own.py must encode cells of shape [100, 10], got RuntimeError"),
        ("((rows - rows.mean(dim=0)) @ directions.T).relu()", "own.py must encode each cell by itself, got codes that change"),
    ],
)
def test_a_dictionary_of_ones_own_that_errs_is_one_sentence(code, message, capsys):
    """It is tried before anything else is fitted: one line with its file's name, and nothing is written."""
    Path("own.py").write_text(OWN.format(code=code))
    assert features(*"--arrays signed.npz --dictionary own.py".split()) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mixmnist: {message}")
    assert said.count("\n") == 1
    assert not Path("signed-features").exists()


def test_a_dictionary_of_ones_own_that_raises_is_one_sentence(capsys):
    """The line of the file is named."""
    Path("own.py").write_text(OWN.format(code="rows").replace("directions = torch.eye", "directions = torch.eyes"))
    assert features(*"--arrays signed.npz --dictionary own.py".split()) == 2
    said = capsys.readouterr().err
    assert said.startswith("mixmnist: own.py must fit 20 atoms to 300 cells of 10 units, got AttributeError: module 'torch' has")
    assert "(own.py, line 7)" in said
