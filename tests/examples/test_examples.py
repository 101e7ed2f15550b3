"""The examples run as they stand, with the smallest settings."""

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mixmnist import Setting

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALLEST = Setting(n=701, few=6, permutations=20)


@pytest.fixture(autouse=True)
def _beside_examples(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield
    for name in ("resnet18", "vit", "sklearn_mlp", "training"):
        sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "title", "layers", "n_units", "setting"),
    [
        ("resnet18", "resnet18", ["layer1", "layer2"], [64, 128], replace(SMALLEST, size=32, channels=3)),
        (
            "vit",
            "small-vit",
            ["vit.encoder.layers.encoder_layer_1", "vit.encoder.layers.encoder_layer_3"],
            [64, 64],
            replace(SMALLEST, size=64),
        ),
    ],
)
def test_a_network_that_we_did_not_write_is_scored_at_two_layers(name, title, layers, n_units, setting, tmp_path, monkeypatch):
    """Both layers must be scored with chance, p-values, places and drops, and a report must be written."""
    monkeypatch.setattr("mixmnist.guests.evaluated.FORMATS", ("png",))
    module = importlib.import_module(name)
    found = module.main(seconds=0, images=200, source="digits", out=str(tmp_path), layers=layers, setting=setting)
    assert found.layers["layer"].tolist() == layers
    assert found.layers["n_units"].tolist() == n_units
    assert found.folder == tmp_path / title / "digits"
    for column in ("alignment", "chance", "p_layer", "drop", "iou_ink_matched"):
        assert found.units.groupby("layer")[column].count().gt(0).all(), column
    record = json.loads((found.folder / "runs" / title / "s0-0" / "s0" / "record.json").read_text())
    assert record["failure"] is None
    assert (found.folder / "figures" / "best_alignment.png").is_file()
    assert (found.folder / "tables" / "units.csv").is_file()


def test_a_network_without_torch_is_scored_from_arrays():
    """The perceptron's hidden units must be scored, and its accuracy must be scikit-learn's own."""
    module = importlib.import_module("sklearn_mlp")
    found = module.main(images=300, n=800, epochs=1, source="digits")
    assert len(found.units) == 60
    assert found.units["p_layer"].between(0, 1).sum() > 30
    assert found.layers["accuracy"].item() < 0.5
