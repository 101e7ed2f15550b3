"""Networks compared: numbers of records beside those of other bases, an order over variants, and figures that show both."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixmnist.core import sums
from mixmnist.core.records import Variant
from mixmnist.features.measuring import CEILING, RANDOM, UNITS
from mixmnist.report.drawing import COLUMNS, Album, Look, style
from mixmnist.trust import comparison
from mixmnist.trust._networks import Recorded

OF_VARIANTS = {"plain": (0.2, 1), "vgg": (0.5, 4), "resnet": (0.9, 9)}  # accuracy and unique concepts
SEEDS = 2


def recorded(folder, variant, seed):
    """Writes what a run leaves that this analysis reads: three units, one of them of another layer."""
    accuracy, unique = OF_VARIANTS[variant]
    place = folder / f"{variant}{seed}"
    place.mkdir(parents=True)
    layer = {"layer": "last", "accuracy": accuracy, "n_units": 4, "dead": 0, "detectors": 2 + seed, "unique_concepts": unique}
    other = {**layer, "layer": "first", "accuracy": 0.0}
    record = {"layers": [other, {**layer, "coverage": accuracy / 2}]}
    (place / "record.json").write_text(json.dumps(sums.sealed(record)))
    rows = [("first", "7", 0.99), ("last", "7", 0.9), ("last", "3", 0.7), ("last", "3", 0.8 if seed else 0.79)]
    pd.DataFrame(rows, columns=["layer", "concept", "alignment"]).to_csv(place / "units.csv", index=False)
    return Recorded(variant, seed, place, "digits", Variant(net="convnet", probe_images=10), "last", place.name)


def fits_of(nets):
    """A row a fit: random directions of four and of nine atoms, of which as many count as the better dictionary has."""
    numbers = {
        UNITS: [(4, 0.4)],
        "ica": [(4, 0.5)],
        "sparse": [(9, 0.7)],
        RANDOM: [(4, 0.1), (9, 0.2), (9, 0.4)],
        CEILING: [(4, 0.9)],
    }
    rows = [
        {"variant": net.variant, "net_seed": net.seed, "dictionary": name, "atoms": atoms, "coverage": value + 0.01 * net.seed}
        for net in nets
        for name, found in numbers.items()
        for atoms, value in found
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """What the analysis writes of three variants, two seeds each."""
    nets = [recorded(tmp_path / "runs", variant, seed) for variant in OF_VARIANTS for seed in range(SEEDS)]
    monkeypatch.setattr(comparison, "nets_of", lambda _folder: nets)
    monkeypatch.setattr(comparison, "fits_by_plan", lambda asked, _root: fits_of([net for net, _, _ in asked]))
    out = tmp_path / "out"
    out.mkdir()
    comparison.run(tmp_path / "study" / "digits", out, None)
    return out


def test_atoms_stand_beside_units_ceiling_and_as_many_random_directions(written):
    """The better dictionary is held against units and against random directions of its own number."""
    runs = pd.read_csv(written / "runs.csv")
    first = runs[runs["seed"].eq(0)].iloc[0]
    assert first["atoms_units"] == 0.4
    assert first["atoms_probe"] == 0.9
    assert first["atoms_random"] == pytest.approx(0.3)
    assert first["atoms_beyond_units"] == pytest.approx(0.3)
    assert first["atoms_beyond_random"] == pytest.approx(0.4)
    assert set(runs.columns) - {"variant", "seed", "n_variants"} <= set(comparison.ANALYSIS.bounds)
    assert "accuracy" not in runs  # which the grid's own table has


def test_numbers_of_the_last_layer_are_taken_from_the_record(written):
    """Accuracy, detectors and their share must be the record's, of the layer that feeds the head."""
    nets = pd.read_csv(written / "nets.csv")
    assert nets.groupby("variant")["accuracy"].first().to_dict() == {name: one for name, (one, _) in OF_VARIANTS.items()}
    assert nets.loc[nets["seed"].eq(1), "detector_share"].tolist() == [0.75] * len(OF_VARIANTS)
    variants = pd.read_csv(written / "variants.csv")
    assert variants["n"].tolist() == [SEEDS] * len(OF_VARIANTS)
    assert variants["net"].tolist() == ["convnet"] * len(OF_VARIANTS)


def test_detectors_are_counted_by_digit(written):
    """A unit counts at its best digit from .80 on, in the layer that feeds the head alone; every digit has a row."""
    concepts = pd.read_csv(written / "concepts.csv", dtype={"digit": str})
    own = concepts[concepts["variant"].eq("vgg")].set_index("digit")
    assert len(own) == 10
    assert own.loc["7", "detectors"] == 1
    assert own.loc["3", ["n", "detectors", "nets_with_one"]].tolist() == [SEEDS, 0.5, 0.5]
    assert own.loc["0", "nets_with_one"] == 0


def test_order_of_detectors_and_of_accuracy(written):
    """Tau is 1 where both order the variants alike, of each seed; of two variants, or all alike, none is told."""
    seeds = pd.read_csv(written / "seeds.csv")
    assert seeds["tau_unique_accuracy"].tolist() == [1.0] * SEEDS
    assert "over variants: 1.000" in (written / "summary.md").read_text()
    nets = pd.read_csv(written / "nets.csv")
    two = comparison.of_seeds(nets[nets["variant"].ne("vgg")])
    alike = comparison.of_seeds(nets.assign(unique_concepts=10))
    assert two["tau_unique_accuracy"].isna().all()
    assert alike["tau_unique_accuracy"].isna().all()
    assert alike["tau_coverage_accuracy"].tolist() == [1.0] * SEEDS
    assert comparison.tau_words(two) == "Of fewer than 3 variants no order is told."


def test_figures_show_their_tables(written, monkeypatch):
    """Bars are as long as the detectors, marks stand at the means, a mark a net; each is as wide as the page asks."""
    found = {}
    monkeypatch.setattr(Album, "save", lambda _, figure, data, name, text: found.update({name: (figure, data, text)}))
    with style(Look()):
        comparison.draw(written, Album(Path("nowhere"), Look(), ()))
    assert set(found) == {"detectors_by_digit", "coverage_of_bases", "detectors_and_accuracy"}
    assert all(figure.get_figwidth() == COLUMNS["two"] for figure, _, _ in found.values())
    (bars,) = found["detectors_by_digit"][0].axes
    length = sum(patch.get_width() for patch in bars.patches)
    assert length == pytest.approx(1.5 * len(OF_VARIANTS))
    assert sorted({text.get_text() for text in bars.texts}) == ["3", "7"]
    figure, data, text = found["coverage_of_bases"]
    drawn = {line.get_label(): line.get_xdata() for line in figure.axes[0].lines}
    assert np.allclose(drawn["units"], 0.405)
    assert data.loc[data["basis"].eq("units"), "mean"].tolist() == pytest.approx([0.405] * len(OF_VARIANTS))
    assert "n=2" in text
    points = [line.get_xydata() for line in found["detectors_and_accuracy"][0].axes[0].lines]
    assert sorted(map(tuple, np.concatenate(points).tolist())) == sorted(
        (float(unique), accuracy) for accuracy, unique in OF_VARIANTS.values() for _ in range(SEEDS)
    )


def test_a_layer_without_a_dictionary_that_can_be_fitted_has_no_number():
    """Where nothing was fitted, the gain of atoms is not known."""
    rows = pd.DataFrame({"dictionary": [UNITS, RANDOM], "atoms": [4, 4], "coverage": [0.4, 0.2]})
    found = comparison.of_bases(rows)
    assert found["atoms_units"] == 0.4
    assert math.isnan(found["atoms_beyond_units"])


@pytest.mark.parametrize("asleep", [("vgg",), tuple(OF_VARIANTS)])
def test_of_a_net_whose_units_are_all_dead_no_basis_is_told(tmp_path, monkeypatch, asleep):
    """No dictionary can be fitted where nothing fires; the other nets of a study must have theirs, and it must have a row."""
    nets = [recorded(tmp_path / "runs", variant, seed) for variant in OF_VARIANTS for seed in range(SEEDS)]
    for net in nets:
        if net.variant in asleep:
            record = sums.read_sealed(net.place / "record.json")
            layers = [layer | {"dead": layer["n_units"], "coverage": None} for layer in record["layers"]]
            (net.place / "record.json").write_text(json.dumps(sums.sealed({"layers": layers})))
    fitted = []
    monkeypatch.setattr(comparison, "nets_of", lambda _folder: nets)
    monkeypatch.setattr(comparison, "fits_by_plan", lambda asked, _: fits_of(fitted.extend(n for n, _, _ in asked) or fitted))
    comparison.run(tmp_path / "study" / "digits", tmp_path, None)
    found = pd.read_csv(tmp_path / "nets.csv")
    assert {net.variant for net in fitted} == set(OF_VARIANTS) - set(asleep)
    assert set(found.loc[found["atoms_ica"].isna(), "variant"]) == set(asleep)
    (tmp_path / "figures").mkdir()
    with style(Look()):
        comparison.draw(tmp_path, Album(tmp_path / "figures", Look(), ()))


def test_a_count_ends_at_what_there_is():
    """An interval of detectors must not pass the units, one of digits with a detector not the task's digits."""
    rows = {"variant": "wide", "net": "convnet", "objective": "supervised", "task": "pairs", "n_units": 12}
    found = pd.DataFrame({**rows, "detectors": [9, 12, 12, 12, 12], "unique_concepts": [8, 10, 10, 10, 10]})
    (row,) = comparison.of_variants(found).to_dict("records")
    assert row["detectors"] == "11.400 [9.734, 12.000*]"
    assert row["unique_concepts"] == "9.600 [8.489, 10.000*]"
