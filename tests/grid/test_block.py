"""A block against what is recorded of it: what stands, what is scored anew, and what is run again."""

import json
import shutil

import pandas as pd
import pytest

from mixmnist import Options, Study, Training, Variant
from mixmnist.core import sums
from mixmnist.grid import digests, sweep
from mixmnist.kinds import classifier
from mixmnist.report.reading import read_study

TINY = Variant(
    task="single",
    training=Training(images=64, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
STUDY = Study("tiny", {"baseline": TINY}, seeds=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Results of a tiny study of two seeds."""
    out = tmp_path_factory.mktemp("made")
    sweep.run(STUDY, Options(source="digits", out=str(out), device="cpu", precision="float32"), lambda _: None)
    return out


@pytest.fixture
def options(made, tmp_path):
    """A copy of them, and how they were made."""
    shutil.copytree(made, tmp_path / "out")
    return Options(source="digits", out=str(tmp_path / "out"), device="cpu", precision="float32")


def block(options):
    """The one block, as it would be run now."""
    (found,) = sweep.plan(STUDY, options)
    return found


def change(path, edit):
    """Changes a record and seals it anew."""
    record = json.loads(path.read_text())
    edit(record)
    sums.write_sealed(path, record)


def run(options):
    """Runs the study and gives what was told."""
    told = []
    assert sweep.run(STUDY, options, told.append).failures == ()
    assert block(options).is_done()
    return told


@pytest.mark.parametrize("name", ["units.csv", "concepts.csv", "curves.csv", "top.npz"])
@pytest.mark.parametrize("seed", [0, 1])
def test_damaged_scores_are_made_anew_from_the_weights(options, monkeypatch, name, seed):
    """Half of a file of any seed cut off must be told by its name and made again, without training, as it was."""
    path = block(options).home / f"s{seed}" / name
    before = path.read_bytes()
    path.write_bytes(before[: len(before) // 2])
    monkeypatch.setattr(classifier, "train", None)
    assert f"{path} is not as it was written; its weights are scored anew" in run(options)[0]
    assert path.read_bytes() == before


def test_an_edited_accuracy_is_run_again(options):
    """A number changed by hand in a record must be told, and the block run again to what it was."""
    path = block(options).home / "s0" / "record.json"
    record = json.loads(path.read_text())
    layers = json.loads(path.read_text())["layers"]
    record["layers"][-1]["accuracy"] = 0.99
    path.write_text(json.dumps(record))
    assert f"{path} is not as it was written; the block is run again" in run(options)[0]
    assert json.loads(path.read_text())["layers"] == layers


def test_records_without_sums_are_scored_anew_and_not_trained(options, monkeypatch):
    """Records of before there were sums must keep their weights, be told, and get sums without a training."""
    for path in block(options).home.glob("*/record.json"):
        record = json.loads(path.read_text())
        del record["files"], record["seal"]
        path.write_text(json.dumps(record))
    assert block(options).has_weights()
    assert not block(options).is_done()
    assert "WARNING: 2 of the runs are of a former layout" in " ".join(read_study(block(options).folder).notes())
    monkeypatch.setattr(classifier, "train", None)
    assert "of a former layout, without the sums of its files; its weights are scored anew" in run(options)[0]
    assert "former layout" not in " ".join(read_study(block(options).folder).notes())


@pytest.mark.parametrize("seed", [0, 1])
def test_every_seed_is_compared(options, monkeypatch, seed):
    """Scores by other code in any one seed must be made anew, not those of the last seed alone."""
    path = block(options).home / f"s{seed}" / "record.json"
    change(path, lambda record: record["fingerprints"]["scores"].update(drop="another"))
    assert not block(options).is_done()
    monkeypatch.setattr(classifier, "train", None)
    assert "the code of the scores has changed (drop); its weights are scored anew" in run(options)[0]


@pytest.mark.parametrize("seed", [0, 1])
def test_seeds_under_other_configurations_are_run_again(options, seed):
    """A seed that another configuration made must not stand in for one of this block."""
    change(block(options).home / f"s{seed}" / "record.json", lambda record: record["fingerprints"].update(weights="0" * 64))
    assert not block(options).has_weights()
    assert "were made under different configurations; the block is run again" in run(options)[0]


def test_a_metric_that_one_seed_lacks_is_added(options, monkeypatch):
    """A score that only some seeds have must count as newer than the record."""
    change(block(options).home / "s0" / "record.json", lambda record: record["fingerprints"]["scores"].pop("sharp"))
    monkeypatch.setattr(classifier, "train", None)
    assert "newer than its record: sharp; its weights are scored anew" in run(options)[0]


def test_a_record_of_another_seed_is_run_again(options):
    """A seed's folder put in the place of another's must be told, by a run and by a report."""
    home = block(options).home
    shutil.rmtree(home / "s0")
    shutil.copytree(home / "s1", home / "s0")
    records = read_study(block(options).folder)
    assert records.runs["seed"].unique().tolist() == [1]
    assert records.damaged == (f"{home / 's0' / 'record.json'} is of another seed; `mixmnist run` makes it again.",)
    assert f"the record in {home / 's0'} is of another seed; the block is run again" in run(options)[0]


def test_a_damaged_twin_is_not_referred_to(options, monkeypatch):
    """Another study with the same runs must not take scores that are damaged, but may take their weights."""
    path = block(options).home / "s1" / "units.csv"
    path.write_text("")
    monkeypatch.setattr(classifier, "train", None)
    told = []
    folder = sweep.run(Study("other", {"same": TINY}, seeds=2), options, told.append).folder
    assert not any("the same runs as" in line for line in told)
    assert (folder / "runs/same/s0-1/s1/units.csv").stat().st_size > 0


def test_an_edited_table_is_left_out_of_a_report(options):
    """A run whose alignment was edited must be left out of the tables and named; the others stand."""
    path = block(options).home / "s0" / "units.csv"
    units = pd.read_csv(path, dtype=str)
    units.loc[0, "alignment"] = "0.99"
    units.to_csv(path, index=False)
    records = read_study(block(options).folder)
    assert records.units["seed"].unique().tolist() == [1]
    assert records.damaged == (f"{path} is not as it was written; `mixmnist run` makes it again.",)


@pytest.mark.parametrize(("name", "flaw"), [("top.npz", "is gone"), ("weights.safetensors", "is gone")])
def test_scores_stand_without_pictures_and_weights(options, name, flaw):
    """Where pictures or weights are lost the scores must be reported, and the loss named."""
    path = block(options).home / "s0" / name
    path.unlink()
    records = read_study(block(options).folder)
    assert sorted(records.units["seed"].unique()) == [0, 1]
    assert records.damaged == (f"{path} {flaw}; its scores stand, `mixmnist run` makes it again.",)
    assert (("baseline", 0) in records.tops) == (name != "top.npz")


def test_a_lost_seed_is_named(options):
    """A run that a block's name tells of and that is gone must be named by a report, and run again."""
    home = block(options).home
    shutil.rmtree(home / "s0")
    where = home / "s0" / "record.json"
    assert read_study(block(options).folder).damaged == (
        f"{where} cannot be read (it is not there); `mixmnist run` makes it again.",
    )
    assert f"{where} cannot be read (it is not there); the block is run again" in run(options)[0]


def test_what_a_digest_says_of_seeds_that_agree(options):
    """Of seeds that agree the fingerprints must be those of each."""
    found = block(options)
    assert found.recorded() == found.fingerprints == {**found.fingerprints, "scores": digests.of_scores(TINY)}
