"""The committed reference results hold what is said of them, and belong to their records."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mixmnist.core import storage
from mixmnist.core.records import Variant
from mixmnist.core.studies import load_study
from mixmnist.grid import digests
from mixmnist.grid.block import outdated
from mixmnist.report.claims import judge
from mixmnist.report.tables import LARGEST
from mixmnist.trust._columns import columns

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "reference"
CARD = {  # the talk's seven numbers for its Unit03, at two decimals
    "precision_at_100": 1.00,
    "precision_at_300": 1.00,
    "precision_at_500": 1.00,
    "precision_at_700": 0.99,
    "precision_at_recall_25": 0.99,
    "precision_at_recall_50": 0.98,
    "precision_at_recall_75": 0.90,
}
FOLDERS = {  # variants in each, and their seeds
    "sanity/mnist": {"baseline": 20, "dropout": 10, "wide": 20, "wide-dropout": 10},
    "usefulness/mnist": {"baseline": 10, "wide": 10},
    "sanity/digits": {"baseline": 5, "wide": 5},
    "tasks/mnist": dict.fromkeys(("greater", "pairs", "presence", "redundant", "single", "sum", "xor"), 5),
    "dropout/mnist": dict.fromkeys(("none", *(f"channel-{r}" for r in (0.1, 0.25, 0.5, 0.7)), "element-0.25", "element-0.5"), 5),
    "overlap/mnist": dict.fromkeys(("max", "reject", "wrap"), 5),
    "recipe/mnist": dict.fromkeys(
        (f"peak-{p}-epochs-{n}" for p, n in ((0.03, 30), (0.1, 30), (0.3, 10), (0.3, 30), (0.3, 60))), 5
    ),
    "width/mnist": {f"width-{n}": 5 for n in (5, 10, 15, 20, 30, 60)},
    "trust/mnist": {"baseline": 10, "wide": 10, "untrained": 10, "shuffled": 10},
    "features/mnist": dict.fromkeys(("width-5", "baseline", "wide"), 20)
    | dict.fromkeys(("dropout", "wide-dropout", "untrained"), 10),
    "maps/mnist": dict.fromkeys(("baseline", "wide", "dropout"), 10),
    "synthesis/mnist": dict.fromkeys(("baseline", "wide", "untrained"), 10),
    "labels/mnist": dict.fromkeys(("baseline", "wide", "dropout", "wide-dropout", "untrained"), 10),
    "ways/mnist": {"baseline": 5},
    "verification/mnist": {"baseline": 5},
    "architectures/mnist": dict.fromkeys(("convnet", "alexnet", "vgg", "googlenet", "resnet"), 5),
    "supervisions/mnist": dict.fromkeys(
        (
            "supervised",
            "presence",
            "adversarial",
            "rotation",
            "jigsaw",
            "autoencoder",
            "inpainting",
            "simclr",
            "shuffled",
            "untrained",
        ),
        5,
    ),
    "pruning/mnist": {"baseline": 5, "wide": 5},
    "attack/mnist": dict.fromkeys(("baseline", "wide", "wide-dropout", "wide-short", "wide-adversarial"), 5),
    "conditions/mnist": dict.fromkeys(("usual", "norm", "no-norm", "noise-0.5", "noise-1", "shuffled"), 10)
    | dict.fromkeys(("decay-0", "decay-0.001", "decay-0.01", "noise-0.25", "noise-0.75"), 5)
    | dict.fromkeys(("images-1000", "images-5000", "images-100000"), 5),
    "emergence/mnist": {"baseline": 10, "wide": 10},
    "transfer/mnist": {"pairs": 10, "redundant": 10},
}

UNSCORED = {  # networks that are not scored in the grid: a block each
    "planted_generators/stamps": dict.fromkeys(
        ("painter", "echo", "twins", "gate", "bystander", "rotated", "superposed", "pixels"), 1
    ),
    "generators/stamps": {"reader": 2, "factors": 5, "relativistic": 5, "dcgan": 1, "conditional": 1, "vae": 1, "vaegan": 1},
    "generators/mnist": {"reader": 1, "factors-style": 1},
    "omission/stamps": {"all": 5, "none": 5, "one-in-100": 5},
    "inversion/stamps": {"factors": 5},
}


def table(study, name):
    """Reads a table of the reference, the layer that feeds the head."""
    found = pd.read_csv(REFERENCE / study / "tables" / f"{name}.csv", dtype={"concept": str})
    return found[found["layer"] == "conv3"]


def recorded(study, name):
    """Reads the runs' own tables, the layer that feeds the head: those of units and concepts are not committed as one."""
    parts = []
    for path in sorted((REFERENCE / study).glob(f"runs/*/*/s*/{name}.csv")):
        variant, _, seed = path.parts[-4:-1]
        parts.append(pd.read_csv(path, dtype={"concept": str}).assign(variant=variant, seed=int(seed[1:])))
    found = pd.concat(parts, ignore_index=True)
    return found[found["layer"] == "conv3"]


@pytest.mark.parametrize("study", FOLDERS)
def test_every_variant_has_its_seeds_without_failure(study):
    """Each variant of the reference must have its runs in blocks of five, none of them failed."""
    runs = pd.read_csv(REFERENCE / study / "tables" / "runs.csv").drop_duplicates(["variant", "seed"])  # of one layer
    assert runs.groupby("variant")["seed"].agg(sorted).to_dict() == {v: list(range(n)) for v, n in FOLDERS[study].items()}
    assert (runs["block"] == [f"s{s - s % 5}-{s - s % 5 + 4}" for s in runs["seed"]]).all()


@pytest.mark.parametrize("study", UNSCORED)
def test_every_variant_that_is_not_scored_has_its_seeds(study):
    """Each must have its runs, each in a block of its own, none of them failed."""
    runs = pd.read_csv(REFERENCE / study / "tables" / "runs.csv")
    assert runs.groupby("variant")["seed"].agg(sorted).to_dict() == {v: list(range(n)) for v, n in UNSCORED[study].items()}
    assert (runs["block"] == [f"s{s}-{s}" for s in runs["seed"]]).all()


@pytest.mark.parametrize("study", [*FOLDERS, *UNSCORED])
def test_records_belong_to_their_code(study):
    """Each record must name the code that is here: that which trains, and that which scores."""
    records = [json.loads(path.read_text()) for path in sorted((REFERENCE / study).glob("runs/*/*/*/record.json"))]
    assert records or list((REFERENCE / study).glob("runs/*/*/same.json"))  # or all of them are another study's
    for record in records:
        variant = Variant.from_dict(record["config"]["variant"])
        scored = study in FOLDERS
        assert record["config"]["code"] == (digests.of_weights if scored else digests.of_unscored)(variant)
        now = {"weights": storage.fingerprint(record["config"]), "scores": digests.of_scores(variant) if scored else {}}
        assert outdated(record["fingerprints"], now) == []
    assert not any(record["quick"] for record in records)


@pytest.mark.parametrize("study", [*FOLDERS, *UNSCORED])
def test_records_belong_to_their_weights(study):
    """Each record must name the SHA-256 of the weights beside it."""
    for path in sorted((REFERENCE / study).glob("runs/*/*/*/record.json")):
        weights = (path.parent / "weights.safetensors").read_bytes()
        assert json.loads(path.read_text())["weights_sha256"] == hashlib.sha256(weights).hexdigest()


@pytest.fixture(scope="module")
def committed():
    """The bytes of every committed file of results/, by its path."""
    root = REFERENCE.parents[1]
    git = shutil.which("git")
    listed = subprocess.run([git, "ls-files", "-z", "results"], cwd=root, capture_output=True, text=True) if git else None
    if listed is None or listed.returncode != 0 or not listed.stdout:
        pytest.skip("not in a git checkout")
    paths = [root / name for name in listed.stdout.split("\0") if name]
    return {path: path.stat().st_size for path in paths if path.is_file()}


def test_committed_figures_are_png(committed):
    """Figures in other formats are made from the records by `make figures`, and none may be committed."""
    assert [path for path in committed if path.suffix in (".pdf", ".svg")] == []


def test_committed_tables_can_be_read(committed):
    """No md or tex may be larger than a table that is written for people."""
    assert {path: size for path, size in committed.items() if path.suffix in (".md", ".tex") and size > LARGEST} == {}


def test_committed_results_stay_small(committed):
    """Everything that a clone brings along of results/, weights of every run included, must stay below 100 MB."""
    assert sum(committed.values()) < 100_000_000


def test_no_figure_is_cut_at_its_edge():
    """Nothing may be drawn up to the border of a committed figure: a clipped legend would be."""
    paths = sorted([*REFERENCE.glob("*/*/figures/*.png"), *REFERENCE.glob("*/*/analyses/*/*.png")])
    assert paths
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("L"))
        assert min(edge.min() for edge in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:])) == 255, path


def test_the_baseline_reaches_the_accuracy_of_the_talk():
    """The baseline must read at least 92 % of the pairs, and the wide net lose at most .003 against it."""
    accuracy = table("sanity/mnist", "runs").groupby("variant")["accuracy"].mean()
    assert accuracy["baseline"] >= 0.920
    assert accuracy["wide"] >= accuracy["baseline"] - 0.003


def test_every_baseline_has_a_unit_like_the_talks():
    """In every seed at least one unit of the baseline must reach all seven numbers of the talk's card at two decimals."""
    units = recorded("sanity/mnist", "units")
    baseline = units[units["variant"] == "baseline"]
    reached = pd.concat([baseline[column].round(2) >= value for column, value in CARD.items()], axis=1).all(axis=1)
    assert reached.groupby(baseline["seed"]).any().all()


def test_width_and_dropout_spread_the_single_unit_drops():
    """Silenced to zero, the mean single-unit drop of the wide net must be below a fifth of the baseline's, dropout's below it."""
    drop = table("sanity/mnist", "runs").groupby("variant")["mean_drop"].mean()
    assert drop["wide"] < drop["baseline"] / 5
    assert drop["dropout"] < drop["baseline"]


@pytest.mark.parametrize("variant", ["baseline", "wide"])
def test_useless_digits_get_no_detector(variant):
    """In every seed the best unit for 8 and for 9 must stay below .40 and below the best unit of every useful digit."""
    concepts = recorded("usefulness/mnist", "concepts")
    for _, run in concepts[concepts["variant"] == variant].groupby("seed"):
        useless = run["concept"].isin(["8", "9"])
        assert run[useless]["alignment"].max() < 0.40
        assert run[useless]["alignment"].max() < run[~useless]["alignment"].min()


def test_verdicts_on_the_talks_claims():
    """R3's p-value must be that of all 2^20 patterns, and twenty of twenty must not show a share above .95."""
    found = judge(load_study(str(REFERENCE.parents[1] / "benchmarks" / "sanity.py"))[1].claims, table("sanity/mnist", "runs"))
    found = found.set_index("number")
    assert found.loc["unique_concepts, wide - baseline", "p"] == pytest.approx(0.01183, abs=5e-6)
    assert found.loc["has_sharp_detector, baseline", ["verdict", "n"]].tolist() == ["undecided", 20]
    assert found.loc["has_sharp_detector, baseline", "lower"] == pytest.approx(0.832, abs=5e-4)


def analysis(name, table):
    """Reads a table of an analysis of the study trust."""
    return pd.read_csv(REFERENCE / "trust" / "mnist" / "analyses" / name / f"{table}.csv")


def test_a_rotation_leaves_every_decision_and_takes_detectors():
    """Rotated units must decide as before, in every run; and unique concepts must be lost."""
    runs = analysis("rotation", "runs")
    assert len(runs) == 20
    assert (runs["rotation_differ"] == 0).all()
    assert (runs["rotation_accuracy_change"] == 0).all()
    assert (runs["rotation_lost"] > 0.1).all()


def test_networks_that_learned_nothing_have_no_detectors():
    """Neither an untrained nor a shuffled network may have a unit with alignment .80; trained ones have, in every seed."""
    reached = analysis("null", "runs").groupby("variant")["null_units_at_80"]
    assert reached.max()[["untrained", "shuffled"]].eq(0).all()
    assert reached.min()[["baseline", "wide"]].gt(0).all()


def test_every_score_of_a_planted_network_is_right():
    """What was written down beforehand must be what was found."""
    verdicts = pd.read_csv(REFERENCE / "plants" / "stamps" / "analyses" / "verdicts" / "verdicts.csv")
    assert set(verdicts["variant"]) == {"perfect", "rotated", "duplicated", "superposed", "decoys", "hidden"}
    assert verdicts["right"].all()


def test_every_score_of_units_on_the_shelf_has_its_card():
    """The committed card must be of the shelf that is here."""
    assert set(analysis("card", "card")["score"]) == {column.name for column in columns() if not column.summary}
