"""The screen in which a run ends: what is said of a study beside its reference, by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixmnist.core.records import Claim
from mixmnist.report.ending import WIDTH, against, end
from mixmnist.report.reading import StudyRecords
from mixmnist.report.tables import summarise


def runs(variants, seeds, **scores):
    """A table of runs of two layers; a score is a function of variant, layer and seed."""
    rows = []
    for variant in variants:
        for layer in ("conv2", "conv3"):
            for seed in range(seeds):
                keys = {"study": "s", "source": "digits", "task": "pairs", "variant": variant, "seed": seed, "layer": layer}
                rows.append(keys | {name: float(score(variant, layer, seed)) for name, score in scores.items()})
    return pd.DataFrame(rows)


@pytest.fixture
def records():
    """Records of two variants under five seeds, with claims of both kinds: enough seeds, and too few."""
    claims = (
        Claim("A", "Accuracy is high", "accuracy", "baseline", "above", 0.5, seeds=5),
        Claim("A", "Accuracy is low (baseline)", "accuracy", "baseline", "below", 0.5, seeds=5),
        Claim("A", "Accuracy is low (wide)", "accuracy", "wide", "above", 0.5, seeds=5),
        Claim("B", "Nobody knows", "accuracy", "wide", "above", 0.9),
        Claim("C", "Neither nor", "max_drop", "wide", "above", 0.3, seeds=5),
    )
    table = runs(
        ("baseline", "wide"),
        5,
        accuracy=lambda v, layer, s: 0.8 + s / 100,
        max_drop=lambda v, layer, s: 0.3 + (s - 2) / 100,
        gini=lambda v, layer, s: 0.4 + s / 1000 + (layer == "conv2") / 10,
        seconds=lambda v, layer, s: 9 + s,
    )
    empty = pd.DataFrame({"variant": [], "layer": []})
    return StudyRecords(table, empty, empty, empty, {}, claims, False, (), (), False, ())


def refer(folder, **scores):
    """Writes a reference of ten seeds, of one of the variants."""
    home = folder / "s" / "digits" / "tables"
    home.mkdir(parents=True)
    summarise(runs(("baseline",), 10, **scores)).to_csv(home / "variants.csv", index=False)
    return folder


@pytest.fixture
def place(tmp_path):
    """The folder of the study."""
    folder = tmp_path / "s" / "digits"
    folder.mkdir(parents=True)
    return folder


def test_what_lies_outside_is_counted_and_named(records, place, tmp_path):
    """Of all layers' numbers those outside the reference's interval must be counted, the furthest named, all written out."""
    scores = {"accuracy": lambda v, layer, s: 0.8 + (s % 5) / 100, "gini": lambda v, layer, s: 0.4 + (s % 5) / 1000}
    found = end(place, records, refer(tmp_path / "ref", **scores))
    text = "\n".join(found.lines)
    assert found.data["compared"] == 4  # accuracy and gini of two layers; seconds and the other variant do not count
    assert found.data["outside"] == 1
    assert "1 of 4 numbers of all layers lie outside the reference's interval" in text
    assert "  baseline conv2 gini: 0.502, reference 0.402 [0.401, 0.403]" in text
    written = pd.read_csv(found.data["file"])
    assert written.set_index(["layer", "score"]).loc[("conv2", "gini"), ["outside", "n", "n_reference"]].tolist() == [1, 5, 10]
    assert str(place / "against_reference.csv") in text


def test_headline_numbers_stand_beside_the_references_interval(records, place, tmp_path):
    """The head layer's numbers must stand beside the reference's interval, marked where they lie outside; else alone."""
    reference = refer(tmp_path / "ref", accuracy=lambda v, layer, s: 0.9 + (s % 2) / 100)
    rows = {line.split()[0]: line for line in end(place, records, reference).lines if line and not line.startswith(" ")}
    assert rows["baseline"].startswith("baseline  0.820! [0.901, 0.909]")
    assert rows["wide"].startswith("wide      0.820 ")
    assert "[" not in rows["wide"]
    assert "In brackets: the reference's 95 % interval (10 seeds); ! lies outside." in rows.values()


def test_without_a_reference_the_interval_is_ones_own(records, place):
    """Where there is no reference the screen must say so and where it was looked for, and show one's own intervals."""
    found = end(place, records, Path("nowhere"))
    assert "There is no reference at nowhere/s/digits/tables/variants.csv." in found.lines[1]
    assert any(line.startswith("baseline  0.820 [0.800, 0.840]") for line in found.lines)
    assert found.data["why"] == "There is no reference at nowhere/s/digits/tables/variants.csv."
    assert not (place / "against_reference.csv").exists()


def test_a_reference_is_not_held_against_itself(records, place, tmp_path):
    """The reference's own folder must not be compared, and a quick run neither."""
    refer(tmp_path, accuracy=lambda v, layer, s: 0.9)
    assert "It is the reference." in end(place, records, tmp_path).lines[1]
    quick = tmp_path / "s" / "digits-quick"
    assert "A quick run is not compared with the reference." in end(quick, records, tmp_path).lines[1]


def test_a_reference_that_cannot_be_read_is_said(records, place, tmp_path):
    """A broken reference must give a sentence with the way out."""
    path = refer(tmp_path / "ref", accuracy=lambda v, layer, s: 0.9) / "s" / "digits" / "tables" / "variants.csv"
    path.write_text("variant\n")
    assert "cannot be read (KeyError); `mixmnist report`" in " ".join(end(place, records, tmp_path / "ref").lines)


def test_verdicts_are_told_in_words(records, place):
    """Claims must be counted by verdict; those that were judged are told, and why the others were not."""
    text = "\n".join(end(place, records, None).lines)
    assert "Claims: 5 in all: 2 hold, 1 fail, 1 undecided, 1 without verdict." in text
    assert "  No verdict where there are too few seeds: 10 are needed, 5 are there." in text
    assert "  A Accuracy is high: holds\n" in text
    assert "  A Accuracy is low: fails (baseline), holds (wide)\n" in text
    assert "  C Neither nor: undecided" in text
    assert "Nobody knows" not in text


def test_many_claims_do_not_fill_the_screen(records, place):
    """Beyond twelve sentences the rest must be counted, with the place of all."""
    claims = tuple(Claim(f"Q{i}", f"Sentence {i}", "accuracy", "wide", "above", seeds=5) for i in range(20))
    lines = end(place, replace(records, claims=claims), None).lines
    assert sum("Sentence" in line for line in lines) == 12
    assert lines[-1] == f"  8 more, and all numbers: {place / 'tables' / 'claims.md'}"


def test_no_line_is_wider_than_the_screen(records, place, tmp_path):
    """Tables and sentences, paths apart, must fit a hundred columns."""
    claims = (Claim("A", "A long sentence " * 12, "accuracy", "wide", "above", seeds=5),)
    scores = dict.fromkeys(("accuracy", "gini"), lambda v, layer, s: 0.9 + (s % 2) / 100)
    lines = end(place, replace(records, claims=claims), refer(tmp_path / "ref", **scores)).lines
    assert [line for line in lines if len(line) > WIDTH and str(tmp_path) not in line] == []


def test_by_chance_is_how_often_new_seeds_lie_outside():
    """The share that is expected by chance must be that of drawn means, and none where the interval has no width."""
    g = np.random.default_rng(0)
    outside = 0
    for _ in range(4_000):
        theirs, mine = g.normal(size=10), g.normal(size=5)
        half = 2.262157 * theirs.std(ddof=1) / np.sqrt(10)
        outside += abs(mine.mean() - theirs.mean()) > half
    ours, other = (runs(("a",), n, gini=lambda v, layer, s: s % 3, coverage=lambda v, layer, s: 0.5) for n in (5, 10))
    found = against(summarise(ours), summarise(other)).set_index(["layer", "score"])
    assert found.loc[("conv2", "gini"), "by_chance"] == pytest.approx(outside / 4_000, abs=0.02)
    assert np.isnan(found.loc[("conv2", "coverage"), "by_chance"])
    assert found.loc[("conv2", "coverage"), "outside"] == 0
