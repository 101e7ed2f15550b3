"""Other objectives and kinds go the whole way: from a study to records, tables and the page; so do a user's own files."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import torch

from mixmnist import Options, Study, Training, Variant, cli, draw, load_net, probe
from mixmnist.grid import sweep
from mixmnist.grid.verifying import verify
from mixmnist.kinds import classifier

TINY = Variant(
    task="single",
    training=Training(images=96, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
VARIANTS = ("baseline", "noisy", "rotation", "untrained")
OWN = '''"""An objective of one's own: the inked share as target, brightness changed at random, squared errors."""
from mixmnist.core.records import Objective


def prepare(images, labels, seeds, scale=1.0):
    return images, (images > 0).float().mean(dim=(2, 3))[..., None] * scale


def losses(outputs, targets, scale):
    wrong = (outputs - targets) ** 2
    return wrong.mean(dim=(0, 2)), (wrong < scale).float().mean(dim=(0, 2))


def view(images, targets, module, generators, scale):
    assert module.training and targets.shape == (*images.shape[:2], 1)
    bright = [g.initial_seed() % 7 + 1 for g in generators]
    return images * images.new_tensor(bright)[:, None, None] / 8


OBJECTIVE = Objective("The inked share", prepare, settings={"scale": 2.0}, outputs=1, losses=losses, view=view)
'''


SLOW = pytest.mark.slow  # what they share is made once where a file's tests share a process


@pytest.fixture
def options(tmp_path):
    """A small run on the digits that come with scikit-learn."""
    return Options(source="digits", out=str(tmp_path / "out"), device="cpu", precision="float32")


STUDY = """
from mixmnist import Study, Training, Variant

TINY = dict(
    task="single",
    training=Training(images=96, epochs=1, batch=16),
    probe_images=720,
    net_settings={"conv1": 3, "conv2": 4, "conv3": 4},
)
STUDY = Study(
    "four objectives",
    {
        "baseline": Variant(**TINY),
        "noisy": Variant(**TINY, objective="noisy", objective_settings={"q": 0.8}),
        "rotation": Variant(**TINY, objective="rotation"),
        "untrained": Variant(**TINY, objective="rotation", origin="untrained"),
    },
    seeds=2,
)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What `mixmnist run` leaves of a study of four objectives: records, tables, figures and the page."""
    place = tmp_path_factory.mktemp("four")
    (place / "objectives.py").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "_cores", lambda: 1)
        out = ["--out", str(place / "out"), "--device", "cpu", "--precision", "float32", "--quiet"]
        assert cli.main(["run", str(place / "objectives.py"), "--source", "digits", *out]) == 0
    return place / "out" / "objectives" / "digits"


def record(folder, variant, block="s0-1"):
    """Reads the record of seed 0."""
    return json.loads((folder / "runs" / variant / block / "s0" / "record.json").read_text())


@SLOW
def test_a_record_says_what_is_not_usual_and_nothing_else(folder):
    """Objective, settings and a fitted head must be in the record where they are not the usual ones, and only there."""
    found = {variant: record(folder, variant) for variant in VARIANTS}
    assert {v: r.get("head") for v, r in found.items()} == {
        "baseline": None,
        "noisy": None,
        "rotation": "fitted",
        "untrained": "fitted",
    }
    configs = {v: r["config"]["variant"] for v, r in found.items()}
    usual = set(configs["baseline"])
    assert usual.isdisjoint({"objective", "objective_settings", "kind", "origin"})
    assert configs["noisy"] == {**configs["baseline"], "objective": "noisy", "objective_settings": {"q": 0.8}}
    assert set(configs["untrained"]) - usual == {"objective", "origin"}


@SLOW
def test_every_objective_is_in_the_tables(folder):
    """Each variant must have its rows of runs and units, with accuracy and drops, and a note must name fitted heads."""
    runs = pd.read_csv(folder / "tables" / "runs.csv")
    last = runs[runs["layer"] == "conv3"]
    assert last.groupby("variant")["seed"].agg(list).to_dict() == {variant: [0, 1] for variant in VARIANTS}
    assert last[["accuracy", "mean_drop", "coverage"]].notna().all(axis=None)
    note = "Trained on something else, the head fitted on the frozen units afterwards: rotation, untrained."
    assert note in (folder / "tables" / "variants.md").read_text()


@SLOW
def test_every_objective_is_on_the_page(folder):
    """The page must show the units of each, and say what they were trained on."""
    home = folder / "report"
    data = "".join(path.read_text() for path in home.glob("*.js*")) + (home / "index.html").read_text()
    for said in ("Network: trained", "Network: noisy", "Network: rotation", "Network: untrained"):
        assert said in data


@SLOW
def test_every_objective_stands_up_to_verification(folder):
    """Every record must follow from its weights, its data and the code."""
    verdicts = list(verify(folder))
    assert len(verdicts) == 8
    assert [(v.run, v.differences) for v in verdicts if v.differences] == []


@SLOW
def test_a_pretext_leaves_the_trunk_and_its_readout_is_an_ordinary_nets(folder):
    """Loaded from its record, a net of a pretext must have the task's outputs, and its head's algebra must hold."""
    net = load_net(folder / "runs/rotation/s0-1/s0")
    readout = probe(net, draw("single", "digits", "test", 200), "conv3")
    assert readout.logits.shape == (200, 10)
    assert readout.head is not None
    start = load_net(folder / "runs/untrained/s0-1/s0")
    assert not torch.equal(net.conv3.conv.weight, start.conv3.conv.weight)


def test_an_objective_of_ones_own_is_a_file(options, tmp_path):
    """Losses, a view of each batch and settings of a user's file must be used, and its code be in the fingerprint."""
    path = tmp_path / "own.py"
    path.write_text(OWN)
    variants = {"own": replace(TINY, objective=str(path), objective_settings={"scale": 1.0})}
    study = Study("own", variants, seeds=1)
    folder = sweep.run(study, options, lambda _: None).folder
    found = record(folder, "own", "s0-0")
    assert found["head"] == "fitted"
    assert len(found["history"]) == 1
    (block,) = sweep.plan(study, options)
    assert block.is_done()
    path.write_text(OWN.replace("/ 8", "/ 9"))
    from mixmnist.core import code

    code._read.cache_clear()
    code._digest.cache_clear()
    (block,) = sweep.plan(study, options)
    assert not block.has_weights()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "noise"}, "objective must be a known name, got objective='noise'. Did you mean noisy"),
        ({"objective": "noisy", "objective_settings": {"q": 2}}, "q must lie between 0 and 1, got q=2"),
        ({"objective": "noisy", "objective_settings": {"p": 1}}, "a setting of the objective noisy must be one of q, got 'p'"),
        ({"kind": "drawer"}, "kind must be a known name, got kind='drawer'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(options, tmp_path, changes, message):
    """An unknown objective, kind or setting must end in one sentence, and no folder may appear."""
    with pytest.raises(ValueError, match=message):
        sweep.run(Study("bad", {"v": replace(TINY, **changes)}, seeds=1), options, lambda _: None)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return images.gone, labels", "must prepare canvases, got AttributeError: .*gone.*. Mend its file"),
        ("return labels, images", r"must give images \[1, 200, 32, 32\] and targets \[1, 200\] and more, got \[\(1, 200\)"),
        ("return images, labels + 40", "must give whole targets from 0 to 9, got torch.int64 from 40 to 49. Mend its file"),
        ("return images", r"must give images .*, got \[\]. Mend its file"),
    ],
)
def test_a_broken_objective_of_ones_own_is_told_in_a_sentence(options, tmp_path, body, message):
    """What a stranger's file does wrong must be told with its name, before anything is written."""
    path = tmp_path / "own.py"
    path.write_text(
        "from mixmnist.core.records import Objective\n\n\n"
        f"def prepare(images, labels, seeds):\n    {body}\n\n\n"
        'OBJECTIVE = Objective("Broken", prepare)\n'
    )
    with pytest.raises(ValueError, match=f"the objective {path} {message}"):
        sweep.run(Study("bad", {"v": replace(TINY, objective=str(path))}, seeds=1), options, lambda _: None)
    assert not (tmp_path / "out").exists()


def test_a_pretext_that_fails_in_one_seed_leaves_the_others(options, monkeypatch):
    """Where one seed's loss is not a number its run must fail alone; the others get their heads."""
    real = classifier.train

    def failing(module, *args, **kwargs):
        outcomes = real(module, *args, **kwargs)
        with torch.no_grad():
            module.conv3_weight[: len(module.conv3_weight) // 2] = torch.nan
        return [replace(outcomes[0], failure="the training loss was not a number in epoch 1 of 1"), *outcomes[1:]]

    monkeypatch.setattr(classifier, "train", failing)
    study = Study("half", {"rotation": replace(TINY, objective="rotation")}, seeds=2)
    result = sweep.run(study, options, lambda _: None)
    assert [failure.split(":")[0] for failure in result.failures] == ["half digits rotation seed 0"]
    whole = result.folder / "runs" / "rotation" / "s0-1" / "s1"
    assert load_net(whole).head.weight.shape == (10, 4)
