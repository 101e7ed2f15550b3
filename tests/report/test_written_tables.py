"""The tables of a study as files: which there are, which columns come first, and what stands in them."""

from dataclasses import replace

import pandas as pd
import pytest

from mixmnist.core.records import Claim
from mixmnist.report.papers import write_paper_table
from mixmnist.report.reading import KEYS, StudyRecords
from mixmnist.report.tables import write_tables

LAYERS, VARIANTS, SEEDS = ("conv2", "conv3"), ("baseline", "wide"), 12


def keyed(**more):
    """A row a layer, variant and seed."""
    plain = {"study": "s", "source": "digits", "task": "pairs", "block": "s0-11"}
    rows = [plain | {"variant": v, "seed": s, "layer": layer} for layer in LAYERS for v in VARIANTS for s in range(SEEDS)]
    return pd.DataFrame([row | {name: of(row) for name, of in more.items()} for row in rows])


def gain(seed):
    """What the wide variant is better by: .2 on average, not the same in all seeds."""
    return 0.2 + 0.002 * (-1) ** seed


def records(claims=()):
    """Records of two variants, of which the wide one is better in the last layer, with a score that no table knows."""
    runs = keyed(
        fresh=lambda row: 1.0,
        device=lambda row: "cpu",
        precision=lambda row: "float32",
        threads=lambda row: 1,
        accuracy=lambda row: (
            0.5 + 0.01 * (row["seed"] % 3) + gain(row["seed"]) * (row["variant"] == "wide" and row["layer"] == "conv3")
        ),
        n_units=lambda row: 4,
    )
    units = keyed(fresh=lambda row: 2.0, alignment=lambda row: 0.85, unit=lambda row: 0, concept=lambda row: "7")
    concepts = keyed(
        fresh=lambda row: 3.0,
        unit=lambda row: 0,
        chance=lambda row: 0.2,
        concept=lambda row: "7",
        useless=lambda row: False,
        alignment=lambda row: 0.85 if row["layer"] == "conv3" else 0.1,
        group_drop=lambda row: 0.06,
        linear_probe=lambda row: 0.9,
    )
    return StudyRecords(
        runs=runs,
        units=units,
        concepts=concepts,
        curves=keyed(n=lambda row: 0),
        tops={},
        claims=tuple(claims),
        quick=False,
        failures=(),
        damaged=(),
        mixed_code=False,
        fitted=(),
    )


@pytest.fixture
def folder(tmp_path):
    """The tables of a study with two claims."""
    claims = [
        Claim("A", "It is better", "accuracy", "wide", "above", against="baseline"),
        Claim("B", "b", "accuracy", "baseline", "above"),
    ]
    write_tables(records(claims), tmp_path)
    return tmp_path


def test_every_table_is_there_in_three_formats(folder):
    """Runs, units, concepts, use, claims and variants must be written thrice; what a paper prints of variants is apart."""
    names = ("runs", "units", "concepts", "use", "claims")
    expected = {f"{name}.{kind}" for name in names for kind in ("csv", "md", "tex")}
    assert {path.name for path in folder.iterdir()} == expected | {"variants.csv", "variants.md"}


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("runs", [*KEYS, "accuracy", "n_units", "fresh"]),
        ("units", [*KEYS, "unit", "concept", "alignment", "fresh"]),
        ("concepts", [*KEYS, "concept", "chance", "unit", "alignment", "fresh"]),
    ],
)
def test_known_columns_come_first_and_all_are_there(folder, name, first):
    """Keys come first, then the known scores in their order, then the others; every row is kept."""
    found = pd.read_csv(folder / f"{name}.csv")
    assert list(found)[: len(first)] == first
    assert len(found) == len(LAYERS) * len(VARIANTS) * SEEDS
    whole = getattr(records(), name)
    assert set(found) == set(whole)


def test_people_are_shown_what_is_known(folder):
    """For people a table has the known columns only, and says where the others are."""
    text = (folder / "units.md").read_text()
    header = next(line for line in text.splitlines() if line.startswith("| study"))
    assert [cell.strip() for cell in header.strip("|").split("|")] == [*KEYS, "unit", "concept", "alignment"]
    assert "More columns are in units.csv." in text


def test_claims_and_use_are_of_the_last_layer(folder):
    """What is judged, detected and used must be what the layer that feeds the head says."""
    claims = pd.read_csv(folder / "claims.csv").set_index("id")
    assert claims["verdict"].tolist() == ["holds", "holds"]
    assert claims["mean"].tolist() == pytest.approx([0.2, 0.51])
    use = pd.read_csv(folder / "use.csv")
    assert use["n"].tolist() == [SEEDS, SEEDS]
    assert use["detected_and_used"].tolist() == [1, 1]


def test_bold_is_what_differs(folder):
    """In the table of variants only the cell that differs from the first variant's must be bold, and a note say what bold is."""
    lines = [line for line in (folder / "variants.md").read_text().splitlines() if line.startswith("|")]
    assert [line.count("**") for line in lines[2:]] == [2 * ("wide" in line and "conv3" in line) for line in lines[2:]]
    assert "Bold: differs from baseline" in (folder / "variants.md").read_text()
    assert len(pd.read_csv(folder / "variants.csv")) == 4


def test_last_layers_of_other_names_are_held_against_each_other(tmp_path):
    """Where nets call the layer that feeds the head otherwise, claims, use, bold and captions must be of each net's own."""
    claim = Claim("A", "It is better", "accuracy", "wide", "above", against="baseline")
    found = records([claim])
    for name in ("runs", "units", "concepts", "curves"):
        rows = getattr(found, name)
        rows.loc[rows["variant"].eq("wide") & rows["layer"].eq("conv3"), "layer"] = "stage4"
    assert found.layer == "conv3 (baseline), stage4 (wide)"
    assert found.of_last_layer().runs.groupby("variant")["layer"].unique().map(list).to_dict() == {
        "baseline": ["conv3"],
        "wide": ["stage4"],
    }
    write_tables(found, tmp_path)
    write_paper_table(found, tmp_path / "variants.tex", ["accuracy"])
    judged = pd.read_csv(tmp_path / "claims.csv")
    assert judged[["mean", "n", "verdict"]].round(6).to_numpy().tolist() == [[0.2, SEEDS, "holds"]]
    assert pd.read_csv(tmp_path / "use.csv")["n"].tolist() == [SEEDS, SEEDS]
    lines = [line for line in (tmp_path / "variants.md").read_text().splitlines() if line.startswith("|")]
    assert [line.count("**") for line in lines[2:]] == [2 * ("stage4" in line) for line in lines[2:]]
    paper = (tmp_path / "variants.tex").read_text()
    assert "Layer conv3 (baseline), stage4 (wide)." in paper
    assert paper.count(r"\textbf") == 1


def test_without_claims_and_groups_there_are_fewer_tables(tmp_path):
    """Where nothing is claimed, or nothing known of groups or of the probe, those tables must be left out."""
    bare = records()
    for column in ("group_drop", "linear_probe"):
        home = tmp_path / column
        home.mkdir()
        write_tables(replace(bare, concepts=bare.concepts.drop(columns=column)), home)
        assert not (home / "use.csv").exists()
        assert not (home / "claims.csv").exists()
        assert (home / "variants.csv").exists()
