"""Records against what their weights, data and code give."""

import json
import shutil

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from mixmnist import Options, Study, Training, Variant
from mixmnist.core import sums
from mixmnist.grid import canvases, digests, sweep
from mixmnist.grid.verifying import Verdict, verify
from mixmnist.report.reading import read_study
from mixmnist.report.tables import write_tables

TINY = Variant(
    task="single",
    training=Training(images=64, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a tiny study, before anything is changed in it."""
    options = Options(source="digits", out=str(tmp_path_factory.mktemp("out")), device="cpu", precision="float32")
    return sweep.run(Study("tiny", {"baseline": TINY}, seeds=1), options, lambda _: None).folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of it to change."""
    return shutil.copytree(made, tmp_path / "tiny" / "digits")


def only(folder):
    """The one verdict on the one run."""
    (found,) = verify(folder)
    return found


def edit(folder, change):
    """Changes the record and seals it anew."""
    path = folder / "runs/baseline/s0-0/s0/record.json"
    record = json.loads(path.read_text())
    change(record)
    sums.write_sealed(path, record)


def test_an_untouched_record_stands(folder):
    """Recomputed from its weights a record must be as it was written."""
    assert only(folder).differences == ()
    assert only(folder).run == "baseline s0-0 s0"


def test_a_changed_weight_is_found(folder):
    """One weight that is another must be told, and which scores moved."""
    path = folder / "runs/baseline/s0-0/s0/weights.safetensors"
    weights = load_file(path)
    weights["head.weight"][0, 0] += 1
    save_file(weights, path)
    found = only(folder).differences
    assert "the weights are not those that were recorded" in found
    assert any(line.startswith("units.weight_norm moved by") for line in found)


def test_a_changed_score_is_found(folder):
    """A number in the record that its weights do not give must be told."""
    edit(folder, lambda record: record["layers"][-1].update(coverage=0.9))
    assert [line.split(" moved")[0] for line in only(folder).differences] == ["layers.coverage"]


def test_another_concept_and_a_lost_column_are_found(folder):
    """A unit's concept that its weights do not give, and a column that one side lacks, must be told."""
    (path,) = folder.glob("runs/*/*/*/units.csv")
    units = pd.read_csv(path, dtype=str)
    units.loc[0, "concept"] = "none"
    units.drop(columns="drop").to_csv(path, index=False)
    others = ("units.drop is not recorded", f"units.concept is another in 1 of {len(units)} rows")
    assert only(folder).differences == (f"{path} is not as it was written", *others)


@pytest.mark.parametrize(
    ("key", "sentence"), [("data", "the source's glyphs are others"), ("code", "the code that trains has changed")]
)
def test_other_data_and_code_are_found(folder, key, sentence):
    """Another fingerprint of data or code must be told."""
    edit(folder, lambda record: record["config"].update({key: "0" * 64}))
    assert only(folder).differences == (sentence,)


def test_other_code_of_scores_is_found(folder, monkeypatch):
    """Scores of another version must be told, with the way to make them anew."""
    real = digests.of_scores
    monkeypatch.setattr(digests, "of_scores", lambda variant: dict.fromkeys(real(variant), "changed"))
    assert only(folder).differences == ("the code of the scores has changed; `mixmnist run` scores the weights anew",)


def test_another_renderer_is_found(folder, monkeypatch):
    """Canvases that are drawn otherwise must move the scores."""
    from mixmnist.data import mixture

    real = mixture.render
    monkeypatch.setattr(mixture, "render", lambda *plan: real(*plan).roll(1, 2))
    canvases.forget()
    found = only(folder).differences
    canvases.forget()
    assert any("moved by" in line for line in found)


def test_a_record_that_cannot_be_read_is_fatal(folder):
    """Half a record must be named, as what cannot be used."""
    path = folder / "runs/baseline/s0-0/s0/record.json"
    path.write_text(path.read_text()[:50])
    found = only(folder)
    assert found.fatal
    assert found.differences == (f"{path} cannot be read (it is not whole JSON)",)


def test_a_record_edited_by_hand_is_found(folder):
    """A number that was changed in the record must be told, be it so small that it could be rounding."""
    path = folder / "runs/baseline/s0-0/s0/record.json"
    record = json.loads(path.read_text())
    record["layers"][-1]["accuracy"] += 1e-9
    path.write_text(json.dumps(record))
    assert only(folder).differences == (f"{path} is not as it was written",)


@pytest.mark.parametrize("lead", ["{}", '{"as": "../nowhere"}', '{"as": "."}', "[1", '{"as": 3}'])
def test_runs_of_another_study_that_lead_nowhere_are_fatal(folder, lead):
    """A block that refers to runs that are not there must be named, not passed over; so must a loop."""
    home = folder / "runs/baseline/s0-0"
    shutil.rmtree(home)
    home.mkdir()
    (home / "same.json").write_text(lead)
    found = only(folder)
    assert found.fatal
    assert str(home / "same.json") in found.differences[0]


def test_a_seed_that_is_gone_is_fatal(folder):
    """A run that a block's name tells of and that is not there must be named."""
    shutil.copytree(folder / "runs/baseline/s0-0", folder / "runs/baseline/s0-1")
    found = [verdict for verdict in verify(folder) if verdict.fatal]
    assert [verdict.run for verdict in found] == ["baseline s0-1 s1"]


def test_what_lies_beside_the_runs_is_looked_at(folder):
    """A study's file that was changed by hand must be told after the runs."""
    path = folder / "study.json"
    path.write_text(path.read_text().replace("tiny", "tidy"))
    first, last = verify(folder)
    assert (first.differences, last.run, last.fatal) == ((), "beside the runs", True)
    assert last.differences == (f"{path} is not as it was written; `mixmnist run` makes it again",)


def test_threads_are_given_back(folder):
    """The thread count of the record is used and the old one given back."""
    torch.set_num_threads(2)
    try:
        only(folder)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_a_record_without_its_parts_is_fatal(folder):
    """A record that is whole and says too little must be named as what cannot be used."""
    edit(folder, lambda record: record.pop("config"))
    found = only(folder)
    assert found.fatal
    assert found.differences[0].endswith("record.json cannot be used (KeyError: 'config')")


def test_a_table_that_is_gone_is_told_and_the_others_are_looked_at(folder):
    """A score table that is not there must be named, and those of the run compared all the same."""
    (path,) = folder.glob("runs/*/*/*/units.csv")
    path.unlink()
    assert f"{path} cannot be read (FileNotFoundError)" in only(folder).differences


@pytest.mark.parametrize("content", [None, "", "variant,layer\nbaseline,conv3\n"])
def test_a_report_that_is_not_what_the_records_give_is_found(folder, content):
    """A table of a report that is empty, another or not there must be named, with the way out; one that fits must not."""
    (folder / "tables").mkdir()
    write_tables(read_study(folder), folder / "tables")
    assert only(folder).differences == ()
    path = folder / "tables" / "variants.csv"
    path.unlink() if content is None else path.write_text(content)
    _, tables = verify(folder)
    assert tables.differences == (f"{path} is not what the records give; `mixmnist report` writes it again",)


def test_records_that_cannot_be_tabled_are_told_once(folder):
    """Where no run can be read, its tables must not be called stale besides, nor end the look at the rest."""
    (folder / "tables").mkdir()
    write_tables(read_study(folder), folder / "tables")
    path = folder / "runs/baseline/s0-0/s0/record.json"
    path.write_text("[]")
    assert [verdict.run for verdict in verify(folder)] == ["baseline s0-0 s0"]


def test_verdicts_are_numbered(folder):
    """Each run has its number, and how many there are; what is not of a run stands as the first of one."""
    shutil.rmtree(folder / "tables", ignore_errors=True)
    (run,) = verify(folder)
    assert (run.place, run.of) == (1, 1)
    assert (Verdict("tables", ()).place, Verdict("tables", ()).of) == (1, 1)


@pytest.mark.parametrize(("factor", "stale"), [(1 + 1e-12, False), (1 + 1e-6, True)])
def test_rounding_makes_no_table_stale(folder, factor, stale):
    """A table whose numbers differ in the twelfth digit is what the records give; in the sixth it is not."""
    (folder / "tables").mkdir()
    write_tables(read_study(folder), folder / "tables")
    path = folder / "tables" / "variants.csv"
    table = pd.read_csv(path)
    table.assign(accuracy=table["accuracy"] * factor).to_csv(path, index=False)
    assert [verdict.run for verdict in verify(folder)] == ["baseline s0-0 s0", *["tables"] * stale]
