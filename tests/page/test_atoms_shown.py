"""A page of atoms: exhibits of a layer's units and of the atoms of dictionaries, and a bench that switches atoms off."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mixmnist.core import registry
from mixmnist.core.records import Variant
from mixmnist.features.atoms import AtomAlgebra, read_atoms
from mixmnist.features.cells import Cells, read_cells
from mixmnist.features.fitted import Fitted
from mixmnist.features.fitting import fit_dictionary
from mixmnist.features.measuring import Plan
from mixmnist.metrics.correct import correct
from mixmnist.page.atoms import SHOWN, awake_atoms, exhibits_of, said_of, seen_of, write_atoms_page
from mixmnist.page.exhibit import SUM, TEXT, About, load, make_exhibit, save
from mixmnist.page.packing import pack
from mixmnist.probing import probe
from mixmnist.scoring import score
from mixmnist.trust._networks import Recorded


@pytest.fixture(scope="module")
def atoms(dissected):
    """The atoms of a dictionary read as units, and their exhibit."""
    layer, _ = dissected
    cells = read_cells(layer.net, layer.rank, layer.layer, 300)
    (fitted,) = fit_dictionary("pca", cells, 6)
    test, rank = (read_atoms(layer.net, mixture, layer.layer, fitted) for mixture in (layer.test, layer.rank))
    about = About("a", "b", "pairs", "digits", word="atom")
    return test, make_exhibit(test, rank, score(test, rank=rank).units, layer.test, about)


@pytest.mark.parametrize("to_mean", [False, True])
@pytest.mark.parametrize("gone", [[], [0], [1, 4], [0, 1, 2, 3, 4, 5]])
def test_the_bench_switches_atoms_off_exactly(atoms, gone, to_mean):
    """From the shipped numbers alone the logits without atoms must be those of the algebra of atoms."""
    readout, exhibit = atoms
    bench, sets = exhibit.bench, torch.zeros(1, 6, dtype=torch.bool)
    sets[0, gone] = True
    values = torch.from_numpy(bench.rest) * to_mean
    means = torch.where(sets, values, torch.from_numpy(bench.means)).double()
    found = means @ torch.from_numpy(bench.weight).double().T + torch.from_numpy(bench.left)
    assert isinstance(readout.without, AtomAlgebra)
    torch.testing.assert_close(found.float(), readout.without(sets, values)[0], rtol=0, atol=1e-5)


def test_with_all_atoms_on_the_bench_has_the_accuracy_of_the_network(dissected):
    """Whatever the dictionary, the intact network must be that of the bench of units."""
    units, *others = dissected[1]
    for exhibit in others:
        bench = exhibit.bench
        logits = torch.from_numpy(bench.means @ bench.weight.T + bench.left)
        intact = units.bench.means @ units.bench.weight.T + units.bench.bias
        np.testing.assert_allclose(logits, intact, rtol=0, atol=1e-5)
        assert float(correct(logits, torch.from_numpy(bench.labels)).mean()) == pytest.approx(units.accuracy, abs=1e-9)
        assert not bench.bias.any()
    assert units.bench.left is None


def test_a_bench_of_atoms_comes_back_as_it_was_saved(atoms, tmp_path):
    """What atoms leave must be written with the rest of the exhibit, and what its units are called."""
    save(atoms[1], tmp_path / "atoms.npz")
    back = load(tmp_path / "atoms.npz")
    assert np.array_equal(back.bench.left, atoms[1].bench.left)
    assert back.about.word == "atom"


def test_an_exhibit_from_before_there_were_atoms_is_read(exhibits, tmp_path):
    """A file that knows neither of what is left nor of a word must be one of units."""
    save(exhibits[0], tmp_path / "units.npz")
    arrays = dict(np.load(tmp_path / "units.npz"))
    assert "bench.left" not in arrays
    text = json.loads(arrays[TEXT].tobytes())
    del text[SUM], text["about"]["word"]
    arrays[TEXT] = np.frombuffer(json.dumps(text).encode(), dtype=np.uint8)
    np.savez(tmp_path / "former.npz", **arrays)
    back = load(tmp_path / "former.npz")
    assert back.about.word == "unit"
    assert back.bench.left is None


def test_benches_share_their_room_with_what_atoms_leave(atoms, exhibits, tmp_path, monkeypatch):
    """The room of a bench of atoms must count each image's rest."""
    monkeypatch.setattr("mixmnist.page.packing.BENCHES", 100 * 4 * (4 + 6 + 45))
    units, of_atoms = pack([exhibits[0], atoms[1]], tmp_path)
    assert units["bench"]["n"] == of_atoms["bench"]["n"] == 100
    assert len(of_atoms["bench"]["left"]) * 3 // 4 // 4 == 100 * 45
    assert units["bench"]["left"] is None


def test_units_come_first_and_atoms_beside_them(dissected):
    """Exhibits must be of the same layer and images, named by dictionary, and say how it was fitted."""
    units, pca, sparse = dissected[1]
    assert [one.about.name for one in dissected[1]] == [
        "small, seed 0",
        "small, seed 0, in atoms of pca",
        "small, seed 0, in atoms of sparse:steps=20",
    ]
    assert [one.about.word for one in dissected[1]] == ["unit", "atom", "atom"]
    assert [one.n_units for one in dissected[1]] == [4, 6, 6]
    assert {(one.layer, one.images) for one in dissected[1]} == {("conv", units.images)}
    assert "each of 3 directions is two atoms: atom 3 is the other side of atom 0" in pca.about.said
    assert "fitted without labels on" in pca.about.said
    assert "cells of 300 rank images" in sparse.about.said
    assert "steps 20" in sparse.about.said
    assert "what the dictionary does not explain stays" in sparse.about.said
    assert "two atoms" not in sparse.about.said
    for one in dissected[1]:
        assert {"alignment", "drop", "null_95", "group_drop"} <= set(one.units.columns)
        assert one.maps is not None
        assert one.fields is not None


def test_a_ceiling_is_called_one_and_read_as_it_is_made(dissected):
    """Of the probe on means the response must be the mean code, and the sentence must not say that labels were unseen."""
    layer, _ = dissected
    _, probed = exhibits_of(layer, Plan(("probe_mean",), atoms=(6,)), 300, lambda _: None)
    assert "with labels, as a ceiling," in probed.about.said
    assert "response of an atom is the mean" in probed.about.said
    np.testing.assert_allclose(probed.response, probed.bench.means, atol=1e-5)


def test_twenty_atoms_are_shown_where_they_are_asked_for(dissected, monkeypatch):
    """Of several numbers of atoms 20 must be chosen, else the first; without names the three usual dictionaries."""
    asked = []

    def stop(dictionary, cells, atoms):
        asked.append((dictionary.title, atoms))
        raise InterruptedError

    monkeypatch.setattr("mixmnist.page.atoms.most_atoms", stop)
    for numbers in ((10, 20), (40, 10)):
        with pytest.raises(InterruptedError):
            list(exhibits_of(dissected[0], Plan(atoms=numbers), 300, lambda _: None))
    first = registry.choose("dictionaries", SHOWN[0]).title
    assert asked == [(first, 20), (first, 40)]


def test_atoms_that_answer_silence_are_counted_and_told():
    """An atom with a code where no unit fires must be told, as silencing it takes something from every place."""
    cells = Cells(torch.eye(3), torch.arange(3))
    awake = Fitted(torch.eye(3), lambda rows: rows + torch.tensor([0.5, 0.0, 1e-6]), torch.zeros(3))
    asleep = replace(awake, encode=lambda rows: rows)
    assert (awake_atoms(awake, cells), awake_atoms(asleep, cells)) == (1, 0)
    kmeans = registry.choose("dictionaries", "kmeans")
    assert "1 of them answers where the layer is silent" in said_of("kmeans", kmeans, awake, cells, 3)
    assert "silent" not in said_of("kmeans", kmeans, asleep, cells, 3)
    assert said_of("kmeans", kmeans, replace(asleep, said="stopped early"), cells, 3).endswith("Stopped early.")


def test_of_each_variant_the_first_net_is_shown(dissected, monkeypatch):
    """Nets must be taken by variant in their order, at the layer that is asked for or that feeds the head."""
    layer, _ = dissected
    monkeypatch.setattr(Recorded, "net", lambda _: layer.net)
    monkeypatch.setattr(Recorded, "mixture", lambda _, split, root: {"rank": layer.rank, "test": layer.test}[split])
    recorded = partial(Recorded, place=Path(), source="digits", settings=Variant(), layer="conv3", fingerprint="")
    nets = [recorded(variant, seed) for variant, seed in (("wide", 0), ("wide", 1), ("narrow", 3), ("narrow", 4))]
    found = list(seen_of(nets, None, "root"))
    assert [one.name for one in found] == ["wide, seed 0", "narrow, seed 3"]
    assert {one.layer for one in found} == {"conv3"}
    assert found[0].rank is layer.rank
    assert next(seen_of(nets, "conv1", None)).layer == "conv1"


def test_the_page_has_findings_a_table_and_matched_atoms(dissected, tmp_path, monkeypatch):
    """A page of atoms must say how many concepts each detects, show the table of dictionaries and match atoms to units."""
    layer, found = dissected
    monkeypatch.setattr("mixmnist.page.atoms.exhibits_of", lambda *_: iter(found))
    table = pd.DataFrame({"dictionary": ["pca"], "coverage": [0.5]})
    index = write_atoms_page(tmp_path / "page", "Units and atoms", table, [layer], Plan(), 300, lambda _: None)
    html = index.read_text()
    data = json.loads((tmp_path / "page" / "data.js").read_text().partition(" = ")[2].rstrip(";\n"))
    assert [len(one["ours"]) for one in data["matchings"]] == [4, 4, 6]
    assert "small, seed 0, in atoms of pca: none of 10 concepts has a detector among 6 atoms" in html
    assert "All atoms of small, seed 0, in atoms of pca" in html
    assert "<h3>Dictionaries</h3>" in html


def test_the_network_itself_is_left_as_it_was(dissected):
    """Looking at atoms must change nothing that the network says."""
    layer, (units, *_) = dissected
    np.testing.assert_allclose(probe(layer.net, layer.test, "conv").response, units.response, rtol=0, atol=0)
