"""Every objective of the kind pretext goes the whole way: from a study to records, tables, the page and verification."""

import json

import pandas as pd
import pytest

from mixmnist import cli, draw, load_net, probe
from mixmnist.core import registry
from mixmnist.grid import sweep
from mixmnist.grid.verifying import verify

SLOW = pytest.mark.slow  # what they share is made once where a file's tests share a process
NAMES = registry.names("objectives")
OF_PRETEXT = tuple(name for name in NAMES if registry.choose("objectives", name).asks_for_pretext)
VARIANTS = (*OF_PRETEXT, "supervised", "untrained")  # the other objectives have a study of their own

STUDY = """
from mixmnist import Study, Training, Variant

TINY = dict(
    task="single",
    training=Training(images=96, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
VARIANTS = {name: Variant(**TINY, objective=name, kind="pretext") for name in OF_PRETEXT}
VARIANTS["supervised"] = Variant(**TINY)
VARIANTS["untrained"] = Variant(**TINY, objective="simclr", kind="pretext", origin="untrained")
STUDY = Study("every pretext", VARIANTS, seeds=1)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What `mixmnist run` leaves of a study of all pretexts."""
    place = tmp_path_factory.mktemp("every")
    (place / "every.py").write_text(f"OF_PRETEXT = {OF_PRETEXT}\n{STUDY}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "_cores", lambda: 1)
        out = ["--out", str(place / "out"), "--device", "cpu", "--precision", "float32", "--quiet"]
        assert cli.main(["run", str(place / "every.py"), "--source", "digits", *out]) == 0
    return place / "out" / "every" / "digits"


@SLOW
def test_a_record_names_objective_kind_and_fitted_head(folder):
    """Each record must hold what it was trained on, and whether its head was fitted; the untrained one the same kind of head."""
    for name in VARIANTS:
        record = json.loads((folder / "runs" / name / "s0-0" / "s0" / "record.json").read_text())
        config = record["config"]["variant"]
        assert config.get("objective", "supervised") == ("simclr" if name == "untrained" else name)
        assert config.get("kind", "classifier") == ("classifier" if name == "supervised" else "pretext")
        assert record.get("head") == (None if name == "supervised" else "fitted")
        assert len(record["history"]) == (0 if name == "untrained" else 1)


@SLOW
def test_every_pretext_is_in_the_tables(folder):
    """Each must have its rows of runs with accuracy, drops and coverage, and the note must name fitted heads."""
    runs = pd.read_csv(folder / "tables" / "runs.csv")
    last = runs[runs["layer"] == "conv3"]
    assert last.groupby("variant")["seed"].agg(list).to_dict() == {name: [0] for name in VARIANTS}
    assert last[["accuracy", "mean_drop", "coverage"]].notna().all(axis=None)
    named = ", ".join(sorted({*VARIANTS} - {"supervised"}))
    note = f"Trained on something else, the head fitted on the frozen units afterwards: {named}."
    assert note in (folder / "tables" / "variants.md").read_text()


@SLOW
def test_every_pretext_is_on_the_page_and_stands_up_to_verification(folder):
    """The page must show the units of each, and every record follow from its weights, its data and the code."""
    home = folder / "report"
    data = "".join(path.read_text() for path in home.glob("*.js*")) + (home / "index.html").read_text()
    for name in VARIANTS[:-2]:
        assert f"Network: {name}" in data
    verdicts = list(verify(folder))
    assert len(verdicts) == len(VARIANTS)
    assert [(v.run, v.differences) for v in verdicts if v.differences] == []


@SLOW
@pytest.mark.parametrize("name", OF_PRETEXT)
def test_what_a_pretext_leaves_is_an_ordinary_net(folder, name):
    """Loaded from its record it must have the task's outputs, and units that can be silenced by its head's algebra."""
    readout = probe(load_net(folder / "runs" / name / "s0-0" / "s0"), draw("single", "digits", "test", 200), "conv3")
    assert readout.logits.shape == (200, 10)
    assert readout.head is not None


def test_the_shelf_is_listed(capsys):
    """`mixmnist list objectives` must name each with what it asks for."""
    assert cli.main(["list", "objectives"]) == 0
    said = capsys.readouterr().out
    for name in OF_PRETEXT:
        assert name in said
        assert registry.choose("objectives", name).title in said
