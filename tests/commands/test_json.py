"""With --json a command prints one JSON document on standard output, and nothing else there."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixmnist import cli
from mixmnist.core.storage import as_json

STUDY = """
print("a study may talk")
from mixmnist import Study, Training, Variant
tiny = Training(images=64, epochs=1, batch=16)
small = {"conv1": 3, "conv2": 4, "conv3": 5}
STUDY = Study("tiny", {"baseline": Variant(training=tiny, probe_images=720, net_settings=small)}, seeds=1)
"""


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch):
    """Figures take seconds and have tests of their own."""
    monkeypatch.setattr("mixmnist.report.draw_figures", lambda *_: None)


@pytest.fixture
def found(tmp_path, monkeypatch, capsys):
    """Gives a function from a command to its document, its exit code and what it said on the other channel."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.py").write_text(STUDY)

    def ask(*args):
        code = cli.main([str(a) for a in (*args, "--json")])
        captured = capsys.readouterr()
        return json.loads(captured.out), code, captured.err

    return ask


@pytest.mark.slow
def test_a_run_gives_folders_variants_and_failures(found):
    """A run must give its folder and the numbers of its variants table, and say the rest on the other channel."""
    document, code, said = found("run", "tiny.py", "--source", "digits", "--out", "out")
    (study,) = document["studies"]
    table = pd.read_csv("out/tiny/digits/tables/variants.csv")
    assert (study["folder"], code, document["failures"]) == ("out/tiny/digits", 0, [])
    assert [row["layer"] for row in study["variants"]] == ["conv1", "conv2", "conv3"]
    assert [row["accuracy"] for row in study["variants"]] == pytest.approx(table["accuracy"].tolist(), nan_ok=True)
    assert study["variants"][2]["accuracy_lower"] is None
    assert "a study may talk" in said
    assert "tiny digits baseline s0-0: accuracy" in said
    again, code, _ = found("report", "out/tiny/digits")
    assert document.pop("compared")[0]["why"].startswith("There is no reference at ")
    assert again == document


def test_a_failed_run_is_in_the_document(found, monkeypatch):
    """Where a run fails, the document must hold the sentence and the exit code must be 1."""
    from mixmnist.kinds import classifier

    def breaking(*_args, **_kwargs):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(classifier, "train", breaking)
    document, code, _ = found("run", "tiny.py", "--source", "digits", "--out", "out")
    assert (code, document["studies"]) == (1, [])
    assert document["failures"] == ["tiny digits baseline s0-0: RuntimeError('on purpose')"]


@pytest.mark.slow
def test_verdicts_are_a_list(found):
    """Verifying must give a verdict a run, with what differs."""
    found("run", "tiny.py", "--source", "digits", "--out", "out")
    record = Path("out/tiny/digits/runs/baseline/s0-0/s0/record.json")
    record.write_text(record.read_text().replace('"dead": 0.0', '"dead": 1.0'))
    document, code, _ = found("verify", "out/tiny/digits")
    assert code == 1
    assert document[0]["run"] == "baseline s0-0 s0"
    assert document[0]["differences"] == [f"{record} is not as it was written", "layers.dead moved by up to 1"]
    assert not document[0]["fatal"]


def test_shelves_give_names_columns_and_cards(found):
    """A listing must give each entry with what a card says."""
    document, _, _ = found("list", "metrics")
    entry = next(entry for entry in document["metrics"] if entry["name"] == "precision_at_k")
    assert entry["columns"] == ["precision_at_100", "precision_at_300", "precision_at_500", "precision_at_700"]
    assert (entry["axes"], entry["chance"]) == (["units", "concepts"], "prevalence")
    assert "share that shows the concept" in entry["text"]
    assert entry["milliseconds"] > 0


def test_layers_give_shapes(found):
    """The layers of a net must be given with kind, shape and number of units."""
    Path("json_net_module.py").write_text("import torch\ndef make():\n    return torch.nn.Sequential(torch.nn.Conv2d(1, 7, 5))\n")
    document, _, _ = found("layers", "json_net_module:make")
    assert document == [{"name": "0", "kind": "Conv2d", "shape": [7, 28, 28], "units": 7, "axis": 1}]


def test_an_audit_gives_every_check(found):
    """An audit must give whether all is well and each check with what was found."""
    document, code, _ = found("audit", "--source", "digits", "--n", 500)
    assert (document["good"], code) == (True, 0)
    assert {"check", "found", "expected", "good"} == set(document["checks"][0])


def test_a_planted_unit_gives_truth_and_scores(found):
    """A planted unit must give what is true of it beside what each score says."""
    document, _, _ = found("plant", "--set", "misses=.2", "--n", 800)
    assert document["truth"]["miss_rate"] == pytest.approx(0.2, abs=0.05)
    assert len(document["scores"]) > 10


def test_a_plan_gives_seeds(found):
    """A plan must give the seeds that it takes, as numbers."""
    folder = Path(__file__).resolve().parents[2] / "results" / "reference" / "width" / "mnist"
    asked = ("--score", "coverage", "--variant", "width-60", "--against", "width-5", "--effect", ".1")
    document, _, _ = found("plan", folder, *asked)
    assert document["seeds"] >= 2
    assert document["sd"]["lower"] < document["sd"]["mean"] < document["sd"]["upper"]
    assert (document["score"], document["against"], document["layer"]) == ("coverage", "width-5", "conv3")


def test_files_that_are_written_are_named(found):
    """Commands that write a file must give its path."""
    assert found("preview", "--source", "digits", "--n", 4, "--out", "p.png")[0]["file"] == "p.png"
    document = found("export", "--source", "digits", "--n", 4, "--out", "m.npz")[0]
    assert (document["file"], document["canvases"]) == ("m.npz", 4)
    assert {"images", "labels", "present"} <= set(document["arrays"])


def test_an_error_leaves_standard_output_empty(capsys):
    """Bad input must give its sentence on the other channel, no document, and exit code 2."""
    assert cli.main(["report", "nowhere", "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "mixmnist: a study's folder must hold runs/" in captured.err


def test_quiet_leaves_the_document_alone():
    """With --quiet the document must be all that is printed anywhere."""
    command = [sys.executable, "-m", "mixmnist.cli", "list", "tasks", "--json", "--quiet"]
    process = subprocess.run(command, check=True, capture_output=True)
    assert "pairs" in {entry["name"] for entry in json.loads(process.stdout)["tasks"]}
    assert process.stderr == b""


def test_numbers_that_are_none_become_null():
    """What is not a number must be null, and numbers of numpy must be plain ones."""
    assert json.loads(as_json({"a": [float("nan"), (1.5, float("inf"))]})) == {"a": [None, [1.5, None]]}
    assert json.loads(as_json({"b": np.float64(0.5), "c": np.int64(3), "d": np.True_})) == {"b": 0.5, "c": 3, "d": True}
