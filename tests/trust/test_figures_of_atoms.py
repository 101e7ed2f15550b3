"""Figures of dictionaries on trained nets: fit for a paper, and true to the table of fits."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixmnist.features.measuring import CEILING, RANDOM, UNITS
from mixmnist.report.drawing import COLUMNS, Album, Look, Nothing, style
from mixmnist.trust import _atoms, _best_atoms

NAMES = [name for family in _atoms.FAMILIES.values() for name in family]
VARIANTS = ("width-5", "baseline", "dropout", "wide", "wide-dropout", "untrained")


@pytest.fixture(scope="module")
def fits():
    """A row a fit, as the analysis gives it, of six variants with six nets each; numbers are drawn."""
    random = np.random.default_rng(0)
    rows = []
    for variant in VARIANTS:
        for net in range(6):
            for name in (*NAMES, RANDOM):
                for asked in (10, 20, 40):
                    rows.append({"variant": variant, "net_seed": net, "dictionary": name, "asked": asked, "atoms": asked})
            for name, atoms in ((UNITS, 5), (CEILING, 10), (_atoms.WHOLE, 10)):
                rows.append({"variant": variant, "net_seed": net, "dictionary": name, "asked": atoms, "atoms": atoms})
    table = pd.DataFrame(rows)
    drawn = {"coverage": random.uniform(0.5, 1, len(table)), "explained_variance": random.uniform(0.8, 1, len(table))}
    counted = {"unique_concepts": random.integers(0, 11, len(table)), "seed": 0, "rotated": False}
    nulls = {"coverage_random": 0.5, "unique_concepts_random": 2}
    return table.assign(
        **drawn, **counted, **nulls, concepts=10, gap_closed=0.5, supervised=table["dictionary"].isin([CEILING, _atoms.WHOLE])
    )


@pytest.fixture(scope="module")
def runs(fits):
    """A row a net."""
    nets = fits[["variant", "net_seed"]].drop_duplicates().rename(columns={"net_seed": "seed"})
    return nets.assign(tau_variance_coverage=np.linspace(-1, 1, len(nets)))


@pytest.fixture
def kept(monkeypatch):
    """The figures that are handed to an album, with their numbers and captions, by name; none is written."""
    found = {}
    monkeypatch.setattr(Album, "save", lambda _, figure, data, name, text: found.update({name: (figure, data, text)}))
    with style(Look()):
        yield found


def draw_all(fits, runs, columns="two"):
    """Draws the three figures that need the table of fits alone."""
    album = Album(Path("nowhere"), Look(columns=columns), ())
    _atoms.units_against_atoms(album, fits, 20)
    _atoms.coverage_by_atoms(album, fits)
    _atoms.variance_against_coverage(album, fits, runs, 20)


@pytest.mark.parametrize("columns", COLUMNS)
def test_figures_fit_their_columns(kept, check_paper, fits, runs, columns):
    """No label may be clipped, touch another or be too small."""
    draw_all(fits, runs, columns)
    assert set(kept) == {"units_against_atoms", "coverage_by_atoms", "variance_against_coverage"}
    for figure, _, _ in kept.values():
        check_paper(figure, columns)


def test_what_is_drawn_is_the_mean_over_nets(kept, fits, runs):
    """Every number shown must be the mean of the nets' own means."""
    draw_all(fits, runs)
    _, data, _ = kept["units_against_atoms"]
    right = fits.query("dictionary == 'ica' and asked == 20 and variant == 'wide'")["unique_concepts"].mean()
    found = data.query("dictionary == 'ica' and number == 'unique_concepts' and variant == 'wide'")
    assert found["mean"].item() == pytest.approx(right)
    assert found["n"].item() == 6
    _, data, _ = kept["coverage_by_atoms"]
    right = fits.query("dictionary == 'sparse' and atoms == 40 and variant == 'dropout'")["coverage"].mean()
    assert data.query("dictionary == 'sparse' and atoms == 40 and variant == 'dropout'")["mean"].item() == pytest.approx(right)


def test_every_dictionary_has_its_line(kept, fits, runs):
    """The legend names all dictionaries, and random directions; null and ceilings are drawn in every panel."""
    draw_all(fits, runs)
    figure, _, _ = kept["coverage_by_atoms"]
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {*NAMES, RANDOM}
    for ax in figure.axes:
        assert {line.get_gid() for line in ax.lines} >= {UNITS, CEILING, _atoms.WHOLE}


def test_what_explains_too_little_stands_at_the_edge_and_is_named(kept, fits, runs):
    """A dictionary that explains less than the axis shows is drawn at its end; the caption says so."""
    low = fits.assign(explained_variance=fits["explained_variance"].where(fits["dictionary"] != "kmeans", -1.0))
    draw_all(low, runs)
    figure, _, text = kept["variance_against_coverage"]
    assert "At the left edge, since they explain less: kmeans." in text
    left = figure.axes[0].get_xlim()[0]
    assert min(x for line in figure.axes[0].lines for x in line.get_xdata()) == left


def test_without_several_numbers_of_atoms_there_is_no_curve(kept, fits, runs):
    """Where every net was looked at with one number of atoms, the figure is left out, with why."""
    one = fits[fits["asked"].eq(20) | ~fits["dictionary"].isin([*NAMES, RANDOM])]
    with pytest.raises(Nothing, match="several numbers of atoms"):
        _atoms.coverage_by_atoms(Album(Path("nowhere"), Look(), ()), one)


def test_a_row_a_digit(tmp_path, kept, check_paper):
    """The best unit and the best atom of each digit stand side by side, with their alignments and regions."""
    images = np.zeros((4, _best_atoms.SHOWN, 32, 32), np.uint8)
    masks = np.zeros(images.shape, bool)
    masks[..., 4:9, 4:9] = True
    rows = [
        {"variant": "wide", "seed": 0, "dictionary": "ica", "digit": digit, "what": what, "unit": 3, "alignment": 0.5}
        for what in _best_atoms.SIDES
        for digit in (0, 1)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "best_atoms.csv", index=False)
    np.savez_compressed(tmp_path / "best_atoms.npz", wide_images=images, wide_masks=np.packbits(masks, axis=-1))
    _best_atoms.draw(tmp_path, Album(tmp_path, Look(), ()))
    figure, data, text = kept["best_atoms_wide"]
    check_paper(figure, "two")
    assert len(figure.axes) == 2
    assert len(data) == 4
    assert "ica" in text
    for digit, ax in enumerate(figure.axes):
        assert [said.get_text() for said in ax.texts] == [f"digit {digit}: unit 3, alignment .50", "atom 3, alignment .50"]
        assert len([one for one in ax.collections if one.get_gid() == "region"]) == 2 * _best_atoms.SHOWN
