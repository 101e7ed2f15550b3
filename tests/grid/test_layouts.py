"""Records across changes of the package: a new metric leaves them current, a former layout is recognised and never used."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from mixmnist import Options, Study, Training, Variant
from mixmnist.core import registry, sums
from mixmnist.grid import digests, sweep
from mixmnist.grid.block import newer, outdated
from mixmnist.grid.verifying import verify
from mixmnist.kinds import classifier

TINY = Variant(
    task="single",
    training=Training(images=64, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
STUDY = Study("tiny", {"baseline": TINY}, seeds=1)


@pytest.fixture
def options(tmp_path):
    """A small run on the digits that come with scikit-learn."""
    return Options(source="digits", out=str(tmp_path), device="cpu", precision="float32")


@pytest.fixture
def one_metric_less(monkeypatch):
    """The shelf as it was before its metric `sharp` came; gives a function that puts it there."""
    real = digests.of_scores
    monkeypatch.setattr(digests, "of_scores", lambda v: {n: d for n, d in real(v).items() if n != "sharp"})
    return lambda: monkeypatch.setattr(digests, "of_scores", real)


def without_columns(folder, columns):
    """Takes the columns of a metric out of tables and record."""
    for path in folder.glob("runs/*/*/*/*.csv"):
        pd.read_csv(path, dtype=str).drop(columns=list(columns), errors="ignore").to_csv(path, index=False)
    (path,) = folder.glob("runs/*/*/*/record.json")
    record = json.loads(path.read_text())
    assert set(columns) & set(record["layers"][-1])
    record["layers"] = [{k: v for k, v in layer.items() if k not in columns} for layer in record["layers"]]
    sums.write_sealed(path, record)


def test_a_new_metric_leaves_what_is_recorded_current(options, monkeypatch, one_metric_less):
    """A record that a new metric came after must be current and verified; a run adds the metric and trains nothing."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    before = {path.name: path.read_bytes() for path in folder.glob("runs/*/*/*/*.csv")}
    without_columns(folder, registry.choose("metrics", "sharp").columns)
    one_metric_less()
    (block,) = sweep.plan(STUDY, options)
    assert outdated(block.recorded(), block.fingerprints) == []
    assert newer(block.recorded(), block.fingerprints) == ["sharp"]
    assert not block.is_done()
    assert [verdict.differences for verdict in verify(folder)] == [()]
    monkeypatch.setattr(classifier, "train", None)
    lines = []
    sweep.run(STUDY, options, lines.append)
    assert any("newer than its record: sharp; its weights are scored anew" in line for line in lines)
    (block,) = sweep.plan(STUDY, options)
    assert block.is_done()
    assert {path.name: path.read_bytes() for path in folder.glob("runs/*/*/*/*.csv")} == before


def test_a_metric_that_is_gone_makes_scores_old(options, monkeypatch):
    """Where a recorded metric is no longer on the shelf, the scores must be made anew."""
    sweep.run(STUDY, options, lambda _: None)
    real = digests.of_scores
    monkeypatch.setattr(digests, "of_scores", lambda v: {n: d for n, d in real(v).items() if n != "sharp"})
    (block,) = sweep.plan(STUDY, options)
    assert block.has_weights()
    assert outdated(block.recorded(), block.fingerprints) == ["the code of the scores has changed (sharp)"]
    assert not block.is_done()


def in_the_former_layout(folder):
    """Puts a record into the form that it had before every score had a digest."""
    (path,) = folder.glob("runs/*/*/*/record.json")
    found = json.loads(path.read_text())
    found["fingerprints"] = {"weights": "0" * 64, "scores": "1" * 64}
    found["config"]["code"] = "2" * 64
    del found["seal"], found["files"]
    path.write_text(json.dumps(found, indent=1) + "\n")
    return found


def test_a_former_layout_is_recognised_kept_and_run_again(options):
    """Results of the former layout must be told, kept aside whole, and run again; never used in silence."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    former = in_the_former_layout(folder)
    kept = {path.name: path.read_bytes() for path in folder.glob("runs/*/*/*/*")}
    (block,) = sweep.plan(STUDY, options)
    assert not block.has_weights()
    assert block.recorded() is None
    (verdict,) = verify(folder)
    assert verdict.differences[-1] == "the record is of a former layout; `mixmnist run` runs it again"
    lines = []
    sweep.run(STUDY, options, lines.append)
    assert any("is of a former layout, which says nothing of single scores; the block is run again" in line for line in lines)
    (home,) = folder.glob("replaced/*")
    assert {path.name: path.read_bytes() for path in home.glob("*/*")} == kept
    (path,) = folder.glob("runs/*/*/*/record.json")
    again = json.loads(path.read_text())
    assert again["weights_sha256"] == former["weights_sha256"]
    assert set(again["fingerprints"]["scores"]) == set(registry.names("metrics"))


def test_a_former_layout_is_not_referred_to(options):
    """Another study with the same runs must not take records of a former layout for its own."""
    in_the_former_layout(sweep.run(STUDY, options, lambda _: None).folder)
    lines = []
    folder = sweep.run(Study("other", {"same": TINY}, seeds=1), options, lines.append).folder
    assert not any("the same runs as" in line for line in lines)
    assert (folder / "runs/same/s0-0/s0/weights.safetensors").is_file()


def test_a_longer_study_keeps_what_is_recorded(options):
    """A new variant beside a recorded one must leave that one as it is."""
    folder = sweep.run(STUDY, options, lambda _: None).folder
    before = pd.Series({path: path.stat().st_mtime_ns for path in folder.glob("runs/baseline/*/*/*")})
    study = Study("tiny", {"baseline": TINY, "noisy": replace(TINY, objective="noisy")}, seeds=1)
    sweep.run(study, options, lambda _: None)
    after = pd.Series({path: path.stat().st_mtime_ns for path in folder.glob("runs/baseline/*/*/*")})
    assert after.equals(before)
