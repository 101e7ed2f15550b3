"""Networks that are not scored: run, resumed, damaged, verified, reported, and claims on what analyses say of them."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from mixmnist import Options, Study, Training, Variant, cli
from mixmnist.core import sums
from mixmnist.grid import digests, sweep
from mixmnist.grid.block import WEIGHTS
from mixmnist.grid.recording import load_net
from mixmnist.grid.unscored import Unscored
from mixmnist.grid.verifying import verify
from mixmnist.kinds import generator
from mixmnist.report.index import write_index
from mixmnist.report.reading import read_study
from mixmnist.trust._networks import recorded

TINY = str(Path(__file__).parents[1] / "kinds" / "tiny_generator.py")
RECIPE = Training(images=24, epochs=2, batch=8)
TRAINED = Variant(kind="generator", net=TINY, training=RECIPE)
UNTRAINED = Variant(kind="generator", net=TINY, training=RECIPE, origin="untrained")
STUDY = Study("tiny", {"trained": TRAINED, "untrained": UNTRAINED}, seeds=2)
ANALYSIS = """\"\"\"Ink: how bright images are.\"\"\"
import pandas as pd
import torch
from mixmnist.core.records import Analysis
from mixmnist.trust._networks import recorded

def run(folder, out, root):
    rows = []
    for one in recorded(folder):
        net = one.net()
        with torch.no_grad():
            rows.append({"variant": one.variant, "seed": one.seed, "ink": float(net(net.codes(9, 0)).mean())})
    pd.DataFrame(rows).to_csv(out / "runs.csv", index=False)
    (out / "summary.md").write_text("ink of nets\\n")

ANALYSIS = Analysis("Ink of generators", run)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Results of the study, and what was told."""
    out = tmp_path_factory.mktemp("made")
    told = []
    result = sweep.run(STUDY, Options(source="digits", out=str(out), device="cpu", precision="float32"), told.append)
    assert result.failures == ()
    return out, told


@pytest.fixture
def options(made, tmp_path):
    """A copy of the results, and how they were made."""
    shutil.copytree(made[0], tmp_path / "out")
    return Options(source="digits", out=str(tmp_path / "out"), device="cpu", precision="float32")


def block(options, name="trained", study=STUDY, seed=0):
    """A block, as it would be run now."""
    return next(found for found in sweep.plan(study, options) if found.name == name and seed in found.seeds)


def run(options, study=STUDY):
    """Runs the study and gives what was told."""
    told = []
    sweep.run(study, options, told.append)
    return told


def test_a_run_leaves_weights_and_no_scores(made, options):
    """A record must name weights, losses and the layer to look at; there must be no tables and no pictures."""
    home = block(options, seed=1).home / "s1"
    assert sorted(path.name for path in home.iterdir()) == ["record.json", WEIGHTS]
    record = sums.read_sealed(home / "record.json")
    assert record["fingerprints"]["scores"] == {}
    assert len(record["history"]) == RECIPE.epochs
    n_weights = sum(weight.numel() for weight in generator.load(TRAINED).parameters())
    assert record["layers"] == [{"layer": "units", "n_weights": n_weights, "last_loss": record["history"][-1][0]}]
    assert any(line.startswith("tiny digits trained s1-1: networks made, not scored (1 of 1 runs") for line in made[1])


def test_a_second_run_has_nothing_to_do(options):
    """What is recorded must stand, and nothing be trained."""
    assert isinstance(block(options), Unscored)
    assert block(options).why_again() is None
    homes = [f"{name} s{seed}-{seed}" for name in ("untrained", "trained") for seed in (0, 1)]
    assert run(options) == [f"tiny digits {home}: already recorded" for home in homes]


def test_a_new_metric_makes_nothing_old(options, monkeypatch):
    """The code of scores must not count where there are none."""
    monkeypatch.setattr(digests, "of_scores", lambda _variant: {"new": "digest"})
    assert block(options).is_done()


def test_the_code_of_the_generator_counts(options, tmp_path):
    """Another line in the file that trains must be another digest, and another generator too."""
    path = tmp_path / "other.py"
    path.write_text(Path(TINY).read_text().replace("rate * slope", "2 * rate * slope"))
    other = Variant(kind="generator", net=str(path), training=RECIPE)
    assert digests.of_unscored(other) != digests.of_unscored(TRAINED)
    assert digests.of_unscored(UNTRAINED) != digests.of_unscored(TRAINED)


def test_damaged_weights_are_found_and_made_again(options):
    """Weights that are not as they were written must be told, and made again as they were."""
    path = block(options).home / "s0" / WEIGHTS
    before = path.read_bytes()
    path.write_bytes(before[:-3])
    assert block(options).damage() == f"the weights in {path} are not those of its record"
    assert any(f"the weights in {path} are not those of its record; the block is run again" in line for line in run(options))
    assert path.read_bytes() == before


def test_what_is_recorded_comes_back(options):
    """Analyses must get each network with its weights, settings and the layer to look at."""
    found = recorded(block(options).folder)
    assert [(one.variant, one.seed, one.layer) for one in found] == [
        (variant, seed, "units") for variant in ("trained", "untrained") for seed in (0, 1)
    ]
    built = generator.entry_of(UNTRAINED).build(UNTRAINED.canvas, 1)
    codes = built.codes(3, 0)
    assert torch.equal(found[3].net()(codes), built(codes))
    assert not torch.equal(found[1].net()(codes), built(codes))
    assert found[1].settings == TRAINED


def test_records_that_stand_are_verified(options):
    """Whatever is as it was written must be found so."""
    assert [verdict.differences for verdict in verify(block(options).folder)] == [()] * 4


def test_weights_of_another_seed_do_not_pass(options):
    """Of what is built and not trained the weights must be those that are built now, though every sum is right."""
    other, home = (block(options, "untrained", seed=seed).home for seed in (0, 1))
    shutil.copy(other / "s0" / WEIGHTS, home / "s1" / WEIGHTS)
    record = json.loads((home / "s1" / "record.json").read_text())
    sums.write_sealed(home / "s1" / "record.json", record | {"weights_sha256": sums.sha256(home / "s1" / WEIGHTS)})
    said = {verdict.run: verdict.differences for verdict in verify(block(options).folder) if verdict.differences}
    assert said == {"untrained s1-1 s1": ("the weights are not those that are built now",)}


def test_a_failure_is_recorded(tmp_path):
    """A training that fails must be told by its seed, and the others kept."""
    failing = Variant(kind="generator", net=TINY, training=RECIPE, net_settings={"fails": 1})
    result = sweep.run(Study("failing", {"one": failing}, seeds=2), Options(source="digits", out=str(tmp_path)), lambda _: None)
    assert [line.partition(" (")[0] for line in result.failures] == ["failing digits one seed 1: the loss is no number"]
    assert [one.seed for one in recorded(result.folder)] == [0]
    records = read_study(result.folder)
    assert records.failures == ("one seed 1: the loss is no number",)
    assert records.runs["seed"].tolist() == [0]


def test_a_study_without_scores_is_read(options):
    """Of networks that are not scored there must be a row a run, without scores, and no units."""
    records = read_study(block(options).folder)
    assert records.unscored == ("trained", "untrained")
    assert not records.is_scored
    assert records.runs[["variant", "seed", "layer"]].to_numpy().tolist() == [
        [variant, seed, "whole"] for variant in ("trained", "untrained") for seed in (0, 1)
    ]
    assert records.units.empty
    assert "Not scored in the grid" in " ".join(records.notes())


def test_a_study_with_both_keeps_every_claim(tmp_path):
    """Beside networks that are scored those that are not must keep their rows, and analyses their columns for both."""
    small = {"conv1": 3, "conv2": 4, "conv3": 4}
    scored = Variant(task="single", training=Training(images=64, epochs=1, batch=16), probe_images=720, net_settings=small)
    analysis = tmp_path / "ink.py"
    analysis.write_text(ANALYSIS)
    study = Study("both", {"baseline": scored, "drawn": TRAINED}, seeds=1)
    result = sweep.run(study, Options(source="digits", out=str(tmp_path / "out"), device="cpu"), lambda _: None)
    assert result.failures == ()
    folder = result.folder
    home = folder / "analyses" / "ink"
    home.mkdir(parents=True)
    pd.DataFrame({"variant": ["baseline", "drawn"], "seed": 0, "ink": [0.25, 0.5]}).to_csv(home / "runs.csv", index=False)
    sums.write_sealed(home / sums.ANALYSIS, {})
    records = read_study(folder)
    head = records.of_last_layer().runs.set_index("variant")
    assert records.layer == "conv3"
    assert head["ink"].to_dict() == {"baseline": 0.25, "drawn": 0.5}
    assert head["layer"].to_dict() == {"baseline": "conv3", "drawn": "whole"}
    assert records.scored().variants == ["baseline"]


def test_the_command_runs_reports_and_indexes(tmp_path, monkeypatch, capsys):
    """A study of generators must end in a screen with its claims, without a page, and stand in the index."""
    monkeypatch.chdir(tmp_path)
    Path("ink.py").write_text(ANALYSIS)
    Path("drawn.py").write_text(
        "from mixmnist import Study, Training, Variant\nfrom mixmnist.core.records import Claim\n"
        f"TINY = Variant(kind='generator', net={TINY!r}, training=Training(images=24, epochs=2, batch=8))\n"
        "STUDY = Study('Blots', {'blots': TINY}, seeds=2, analyses=('ink.py',),\n"
        "    claims=(Claim('B1', 'Blots have ink', 'ink', 'blots', 'above', 0.0, seeds=2),))\n"
    )
    assert cli.main(["run", "drawn.py", "--source", "digits", "--out", "out"]) == 0
    said = capsys.readouterr().out
    for line in (
        "ink of nets",
        "none of its networks is scored",
        "networks that are not scored, means over 2 seeds",
        "Claims: 1 in all: 1 undecided.",
        "analyses/ink/summary.md",
    ):
        assert line in said
    assert not Path("out/drawn/digits/report").exists()
    assert cli.main(["report", "out/drawn/digits"]) == 0
    assert cli.main(["page", "out/drawn/digits"]) == 2
    assert "a page needs networks that are scored" in capsys.readouterr().err
    assert sorted(path.name for path in Path("out/drawn/digits/tables").glob("*.csv")) == [
        "claims.csv",
        "runs.csv",
        "variants.csv",
    ]
    assert write_index(Path("out"), Path("README.md")) == []
    assert "| out" not in Path("README.md").read_text()
    assert "| drawn/digits | B1 | undecided" in Path("README.md").read_text()


def test_a_net_that_is_not_scored_can_be_loaded(options):
    """Its run's folder must be enough to load it."""
    assert load_net(block(options).home / "s0").latent == 3
