"""What `mixmnist features` shows: hand-made fits with known means, nulls and ceilings."""

import json

import pandas as pd
import pytest

from mixmnist.trust._features_told import beside, check_home, not_converged, screen, write
from mixmnist.trust.features import of_runs, of_variants


def fit(dictionary, coverage, atoms=20, net=0, seed=0, variant="wide", **more):
    """A row of fits."""
    known = {"variant": variant, "net_seed": net, "dictionary": dictionary, "atoms": atoms, "asked": 20, "seed": seed}
    known |= {"coverage": coverage, "coverage_mean": coverage, "unique_concepts": round(10 * coverage), "rotated": False}
    known |= {"supervised": dictionary.startswith("probe"), "gap_closed": coverage, "explained_variance": 1 - coverage}
    return known | {"seconds": 0.5 + net, "said": "", "concepts": 10, "copies": False} | more


@pytest.fixture
def fits():
    """Two nets; the second was fitted with two seeds of one dictionary."""
    rows = [fit("units", 0.25, atoms=30, asked=30), fit("units", 0.5, atoms=30, net=1, asked=30)]
    rows += [fit("ica", 0.5), fit("ica", 0.75, net=1), fit("ica", 0.25, net=1, seed=1, said="not converged in 3 steps: .5")]
    rows += [fit("pca", 0.875), fit("pca", 0.625, net=1)]
    rows += [fit("probe_max", 1.0, atoms=10, net=net) for net in (0, 1)]
    rows += [fit("random", value, net=net, seed=seed) for net, seed, value in ((0, 0, 0.25), (0, 1, 0.375), (1, 0, 0.5))]
    rows += [fit("random", 0.125, atoms=30, net=net, asked=30) for net in (0, 1)]
    return pd.DataFrame(rows)


def test_every_row_stands_beside_its_null_and_its_ceiling(fits):
    """The null has as many directions as the row, and is a mean over draws, then over nets; so is the ceiling."""
    table = beside(fits).set_index("dictionary")
    assert table.loc["ica", "random"] == pytest.approx((0.3125 + 0.5) / 2)
    assert table.loc["units", "random"] == 0.125
    assert table["ceiling"].eq(1).all()
    assert pd.isna(table.loc["probe_max", "random"])
    assert table.loc["ica", "stopped"] == 1
    assert table.loc["pca", "stopped"] == 0


def test_means_are_over_seeds_then_over_nets(fits):
    """A net with two seeds weighs as much as one with one."""
    table = of_variants(fits).set_index("dictionary")
    assert table.loc["ica", "coverage"] == "0.500"
    assert table.loc["ica", "n"] == 2


def test_rotated_fits_are_apart(fits):
    """Rotated units are in no row of the others, unless all are rotated."""
    turned = fits.assign(rotated=True, coverage=0.0)
    both = of_variants(pd.concat([fits, turned], ignore_index=True))
    assert both.equals(of_variants(fits))
    assert set(of_variants(turned)["coverage"]) == {"0.000"}


def test_a_row_a_net_holds_what_claims_are_about(fits):
    """Coverage by dictionary, the best dictionary less its null, Kendall's tau: known by hand."""
    third = [fit("l1", 0.5), fit("topk", 0.75), fit("batchtopk", 0.625), fit("kmeans", 0.125, explained_variance=-9.0)]
    runs = of_runs(pd.concat([fits, pd.DataFrame(third)], ignore_index=True)).set_index("seed")
    assert runs.loc[1, "coverage_ica"] == 0.5
    assert runs.loc[0, "unique_ica"] == 5
    assert runs.loc[0, "unique_units"] == 2
    assert runs.loc[0, "beyond_random"] == pytest.approx(0.875 - 0.3125)
    assert runs.loc[0, "coverage_random"] == pytest.approx(0.3125)
    assert runs.loc[0, "tau_variance_coverage"] == pytest.approx(-1)
    assert pd.isna(runs.loc[1, "tau_variance_coverage"])  # of no autoencoder there is no order
    assert pd.isna(runs.loc[0, "rotation_change"])


def test_the_change_by_rotation_is_the_largest(fits):
    """Of the dictionaries that know lengths and angles alone the one that moves most is told."""
    still = fits[fits["net_seed"] == 0]
    known = pd.concat([still, pd.DataFrame([fit("kmeans", 0.5), fit("sparse", 0.5)])], ignore_index=True)
    turned = pd.DataFrame(
        [fit(name, value, rotated=True) for name, value in (("ica", 0.5), ("pca", 0.75), ("kmeans", 0.5), ("sparse", 0.5625))]
    )
    (change,) = of_runs(pd.concat([known, turned], ignore_index=True))["rotation_change"]
    assert change == pytest.approx(0.125)


def test_what_did_not_converge_is_said_once_a_dictionary(fits):
    """How many fits, and what the first of them reached."""
    assert not_converged(fits) == ["ica: 1 of 3 fits is not as asked for: not converged in 3 steps: .5."]


def test_one_variant_has_all_its_numbers_on_the_screen(fits):
    """Units come first, ceilings last; each beside random directions and the ceiling; what columns mean is said."""
    said = screen(fits)
    lines = [line for line in said.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["units", "ica", "pca", "probe_max"]
    assert [cell.strip() for cell in lines[3].split("|")[2:8]] == ["20", "0.500", "0.406", "1.000", "0.50", "5.0"]
    assert "ceiling: coverage of directions trained on the truth" in said.replace("\n", " ")


def test_many_variants_have_room_on_one_screen(fits):
    """Of many variants and numbers of atoms the first number is shown, and how much is left to the table."""
    many = pd.concat([fits.assign(variant=name) for name in "abcde"], ignore_index=True)
    more = many[many["dictionary"].isin(["ica", "pca"])].assign(asked=40, atoms=40)
    said = screen(pd.concat([many, more], ignore_index=True))
    assert "| ica " in said
    assert "a, 20" in said
    assert "The table has 5 columns more." in said.replace("\n", " ")
    assert len(said.splitlines()) < 24


def test_the_same_fits_give_the_same_bytes(fits, tmp_path):
    """Only the file of times may differ; what was asked for is written beside."""
    write(fits, "About.", {"atoms": "20"}, tmp_path / "a")
    write(fits.assign(seconds=9.0), "About.", {"atoms": "20"}, tmp_path / "b")
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {"asked.json", "fits.csv", "seconds.csv", "variants.csv", "variants.md", "variants.tex"}
    differ = {name for name in names if (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()}
    assert differ == {"seconds.csv"}
    assert json.loads((tmp_path / "a" / "asked.json").read_text()) == {"atoms": "20"}
    assert "ica: 1 of 3 fits is not as asked for" in (tmp_path / "a" / "variants.md").read_text()


def test_a_folder_with_other_files_is_not_written_over(fits, tmp_path):
    """What `mixmnist features` did not write stays; its own may be written anew."""
    write(fits, "About.", {}, tmp_path / "own")
    check_home(tmp_path / "own")
    check_home(tmp_path / "new")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("all of it")
    with pytest.raises(ValueError, match="out must be a new folder or one that `mixmnist features` wrote"):
        check_home(tmp_path / "other")
