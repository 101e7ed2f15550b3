"""Fitting: what dictionaries find where the truth is planted, and what is refused."""

import re
from dataclasses import replace

import pytest
import torch

from mixmnist.core.records import Dictionary
from mixmnist.data.mixture import draw
from mixmnist.features.cells import Cells, check_cells, read_cells
from mixmnist.features.fitted import Fitted
from mixmnist.features.fitting import fit_dictionary, most_atoms
from mixmnist.features.matching import cosines
from mixmnist.features.planted import Superposition, plant_cells
from mixmnist.features.scores.explained_variance import explained_variance
from mixmnist.features.scores.mcc import mcc
from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.detectors import coverage, unique_concepts
from mixmnist.plants._rotation import random_rotation
from mixmnist.trust._layers import first


def planted(dimensions=10, **how):
    """Gives cells to fit on and others to score."""
    return plant_cells(Superposition(dimensions, **how), 6_000), plant_cells(Superposition(dimensions, **how), 2_000, 1)


@pytest.fixture(scope="module")
def ten():
    """Ten concepts along orthogonal directions."""
    return planted(10)


@pytest.fixture(scope="module")
def five():
    """Ten concepts in five numbers."""
    return planted(5)


def scored(fitted, other):
    """Gives coverage and unique concepts."""
    alignment = average_precision(fitted.encode(other.cells.values), other.cells.present)
    return float(coverage(alignment)), int(unique_concepts(alignment))


@pytest.mark.parametrize("name", ["kmeans", "ica"])
@pytest.mark.parametrize("seed", [0, 1])
def test_ten_dimensions_are_found(name, seed, ten):
    """K-means and independent components find every one of ten orthogonal concepts."""
    (fitted,) = fit_dictionary(name, ten[0].cells, 20, (seed,))
    assert scored(fitted, ten[1]) == (pytest.approx(1, abs=0.02), 10)


def test_sparse_coding_finds_the_directions_of_ten_dimensions(ten):
    """The true directions are among its atoms, to a cosine of .99."""
    (fitted,) = fit_dictionary("sparse", ten[0].cells, 20)
    assert mcc(fitted.atoms, ten[1].directions) >= 0.99


def test_one_code_for_two_concepts_fails(ten):
    """An autoencoder that keeps one code where two concepts are shown covers little."""
    (fitted,) = fit_dictionary("topk", ten[0].cells, 20, settings={"k": 1, "steps": 1000})
    assert scored(fitted, ten[1])[0] <= 0.6


def test_units_are_not_the_directions(ten, five):
    """Single units detect no planted concept, in ten dimensions or in five."""
    for _, other in (ten, five):
        own = Fitted(torch.eye(other.cells.n_units), lambda rows: rows, torch.zeros(other.cells.n_units))
        assert scored(own, other)[0] <= 0.7


def test_kmeans_finds_ten_concepts_in_five_dimensions(five):
    """Directions that cells gather along are found in superposition, with either seed."""
    for fitted in fit_dictionary("kmeans", five[0].cells, 20, (0, 1)):
        assert scored(fitted, five[1])[0] >= 0.9


def test_ica_in_superposition_is_a_matter_of_luck(five):
    """Five axes hold ten concepts: from some starts independent components find them all, from others not half."""
    fits = fit_dictionary("ica", five[0].cells, 10, range(6))
    found = [scored(fitted, five[1])[0] for fitted in fits]
    assert min(found) <= 0.6
    assert max(found) >= 0.9


def test_a_rotation_changes_nothing_for_pca(ten):
    """In float64 the coverage of rotated cells is the same to 1e-4."""
    q = random_rotation(10, 0)
    one, other = (replace(each.cells, values=each.cells.values.double()) for each in ten)
    turned = [replace(each, values=each.values @ q.T) for each in (one, other)]
    found = []
    for fit_on, score_on in ((one, other), turned):
        (fitted,) = fit_dictionary("pca", fit_on, 20)
        assert fitted.atoms.dtype == torch.float64
        found.append(float(coverage(average_precision(fitted.encode(score_on.values), score_on.present))))
    assert found[0] == pytest.approx(found[1], abs=1e-4)


@pytest.mark.parametrize(("atoms", "copies"), [(6, False), (7, True), (9, True)])
def test_nmf_with_as_many_atoms_as_units_is_marked(atoms, copies):
    """It writes every cell and proves nothing; the mark is on the dictionary, so that tables can show it."""
    one, other = planted(7, positive=True)
    (fitted,) = fit_dictionary("nmf", one.cells, atoms)
    assert fitted.copies is copies
    explained = explained_variance(other.cells.values, fitted.decode(fitted.encode(other.cells.values)))
    assert (explained > 0.98) == copies


@pytest.mark.parametrize("name", ["pca", "ica"])
def test_a_rotation_of_all_units_is_marked(name, ten):
    """As many directions as units explain all of a cell; fewer do not, and are not marked."""
    for atoms, copies in ((18, False), (20, True)):
        (fitted,) = fit_dictionary(name, ten[0].cells, atoms)
        assert fitted.copies is copies
    assert not fit_dictionary("kmeans", ten[0].cells, 20)[0].copies


@pytest.mark.parametrize(
    ("name", "wish", "atoms"),
    [
        ("ica", 40, 10),
        ("ica", 9, 8),
        ("ica", 1, 2),
        ("pca", 10, 10),
        ("kmeans", 40, 40),
        ("kmeans", 10**6, 6000),
        ("probe_mean", 20, 20),
    ],
)
def test_a_wish_for_atoms_is_cut_to_what_there_are(name, wish, atoms, five):
    """Signed codes come in twos, and pca and ica have two atoms a unit at most; what is given can be asked for."""
    assert most_atoms(name, five[0].cells, wish) == atoms


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("name", ["ica", "nmf"])
def test_a_fit_that_does_not_converge_says_what_it_reached(name, steps):
    """No warning, a sentence with a number; with enough steps there is none."""
    one, _ = planted(10, positive=True)
    (fitted,) = fit_dictionary(name, one.cells, 10, settings={"steps": steps})
    reached = {"ica": r"directions still turn by [\d.e-]+ a step", "nmf": r"[\d.e-]+ of the cells' squares are left"}[name]
    assert re_full(rf"not converged in {steps} steps: {reached}", fitted.said)


def test_a_fit_that_converges_says_nothing(ten):
    """Independent components of orthogonal concepts converge."""
    assert [one.said for one in fit_dictionary("ica", ten[0].cells, 20, (0, 1, 2))] == ["", "", ""]


def test_fewer_different_cells_than_atoms_are_said():
    """Where cells repeat, k-means has fewer groups than asked for; that is said and no warning."""
    cells = Cells(torch.eye(4)[torch.arange(100) % 4] + 1, torch.arange(100))
    (fitted,) = fit_dictionary("kmeans", cells, 6)
    assert fitted.said == "4 groups of 6: no more cells are different"


def re_full(pattern, text):
    """Says whether a pattern is the whole text."""
    return re.fullmatch(pattern, text) is not None


@pytest.mark.parametrize("atoms", [0, -2, 6001])
def test_atoms_out_of_range_are_refused(atoms, ten):
    """At least one, at most as many as cells."""
    with pytest.raises(ValueError, match=f"atoms must lie between 1 and the number of cells, got atoms={atoms} of 6000 cells"):
        fit_dictionary("kmeans", ten[0].cells, atoms)


@pytest.mark.parametrize("name", ["pca", "ica"])
def test_odd_atoms_of_signed_codes_and_more_than_there_are_directions_are_refused(name, five):
    """The sentence has a number that works, or says of how many there are."""
    with pytest.raises(ValueError, match=rf"atoms must be even where codes are signed, as in {name}, got atoms=5\. Ask for 6\."):
        fit_dictionary(name, five[0].cells, 5)
    with pytest.raises(ValueError, match=f"{name} finds at most as many directions as independent units, got 6 of 5"):
        fit_dictionary(name, five[0].cells, 12)


@pytest.mark.parametrize("name", ["topk", "batchtopk", "jumprelu", "matryoshka"])
@pytest.mark.parametrize("k", [0, 5])
def test_a_k_above_the_number_of_atoms_is_refused(name, k, ten):
    """No cell can have more codes than there are atoms, nor fewer than one."""
    rule = (
        f"k must lie between 1 and the number of atoms, got k={k} of 4"
        if k > 0
        else "setting k must be a whole number, 1 or more, got k=0"
    )
    with pytest.raises(ValueError, match=rule):
        fit_dictionary(name, ten[0].cells, 4, settings={"k": k})


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("topk:k=1.5", "the dictionary setting k must be a whole number, 1 or more, got k=1.5"),
        ("kmeans:starts=0", "the dictionary setting starts must be a whole number, 1 or more, got starts=0"),
        ("sparse:price=-1", "the dictionary setting price must be 0 or more, got price=-1"),
        ("topk:rate=1e6:steps=30", "topk must explain cells, got errors .* times their squares. Ask for a lower rate"),
    ],
)
def test_a_setting_that_leads_nowhere_is_refused(spec, rule, ten):
    """What counts is whole and 1 or more, nothing is below 0, and weights that went astray are no dictionary."""
    with pytest.raises(ValueError, match=rule):
        fit_dictionary(spec, ten[0].cells, 4)


@pytest.mark.plain
def test_atoms_are_counted_and_seeds_are_there(ten):
    """A part of an atom, and no seed at all, are refused."""
    with pytest.raises(ValueError, match=r"atoms must be a whole number, got atoms=4\.5"):
        fit_dictionary("ica", ten[0].cells, 4.5)
    with pytest.raises(ValueError, match="seeds must be one or more, got none"):
        fit_dictionary("ica", ten[0].cells, 4, seeds=())


def test_an_unknown_setting_is_refused(ten):
    """The known ones are named."""
    with pytest.raises(ValueError, match=r"dictionary settings must be among \['starts'\], got 'steps'"):
        fit_dictionary("kmeans", ten[0].cells, 4, settings={"steps": 3})


def test_negative_cells_for_nmf_are_refused(ten):
    """One sentence with the number and the way out."""
    with pytest.raises(ValueError, match=r"nmf needs cells that are not negative, got -\d.*Choose another dictionary"):
        fit_dictionary("nmf", ten[0].cells, 4)


def test_cells_that_no_dictionary_can_have_are_refused(ten):
    """None, none that fires, none that is a number."""
    cells = ten[0].cells
    for values in (cells.values[:0], torch.zeros(5, 10)):
        with pytest.raises(ValueError, match="a dictionary needs cells that fire, got none"):
            check_cells(replace(cells, values=values, image=cells.image[: len(values)]))
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="cells must be finite numbers, got nan or infinite ones"):
            fit_dictionary("kmeans", replace(cells, values=torch.full_like(cells.values, wrong)), 4)


def test_a_layer_that_never_fires_is_refused():
    """The layer is named."""
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Threshold(1e9, 0.0)).eval()
    mixture = draw(source="stamps", split="rank", n=3)
    with pytest.raises(ValueError, match="a dictionary needs cells that fire, got none in layer='1'"):
        read_cells(net, mixture, "1")


def test_cells_are_of_the_first_images_however_many_there_are():
    """What is read, and so the memory that it takes, does not grow with the canvases."""
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 9, stride=4), torch.nn.ReLU()).eval()
    mixture = draw(source="stamps", split="rank", n=200)
    few, many = (read_cells(net, some, "1", images=20) for some in (first(mixture, 20), mixture))
    assert few.values.equal(many.values)
    assert many.present is not None
    assert len(many.present) == 20


def own(make, codes="positive"):
    """Gives a dictionary of one's own."""
    return Dictionary("mine", lambda cells, atoms, seeds: [make(cells, atoms) for _ in seeds], codes=codes)


def directions(cells, atoms):
    """Gives as many directions."""
    return torch.eye(cells.n_units).repeat(2, 1)[:atoms]


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda c, a: None, "mine must give mixmnist.features.fitted.Fitted, got NoneType"),
        (lambda c, a: fitted_of(directions(c, a) * float("nan")), "mine must give finite atoms, got nan or infinite ones"),
        (lambda c, a: fitted_of(directions(c, a)[1:]), r"mine must give atoms of shape \[4, 10\], got \[3, 10\]"),
        (
            lambda c, a: fitted_of(directions(c, a).T, offset=torch.zeros(4)),
            r"mine must give atoms of shape \[4, 10\], got \[10, 4\]",
        ),
        pytest.param(
            lambda c, a: fitted_of(directions(c, a), offset=torch.zeros(4)),
            r"mine must give offset of shape \[10\], got \[4\]",
            marks=pytest.mark.plain,
        ),
        (lambda c, a: fitted_of(directions(c, a), encode=lambda rows: rows), r"codes of shape \[100, 4\], got \[100, 10\]"),
        (
            lambda c, a: fitted_of(directions(c, a), encode=lambda rows: rows @ rows),
            "mine must encode cells of shape .* RuntimeError",
        ),
        (lambda c, a: fitted_of(directions(c, a), encode=lambda rows: rows.numpy()), "codes as a tensor, got ndarray"),
        (lambda c, a: fitted_of(directions(c, a), encode=lambda rows: rows[:, :4] * float("inf")), "must give finite codes"),
        (
            lambda c, a: fitted_of(directions(c, a), encode=lambda rows: rows[:, :4]),
            "must give codes that are not negative, got -",
        ),
    ],
)
def test_a_dictionary_of_ones_own_that_gives_something_else_is_refused(make, rule, ten):
    """What is wrong is said in a sentence with the dictionary's name."""
    with pytest.raises(ValueError, match=rule):
        fit_dictionary(own(make), ten[0].cells, 4)


def fitted_of(atoms, encode=None, offset=None):
    """Gives a dictionary with parts that may be wrong."""
    return Fitted(atoms, encode or (lambda rows: (rows @ atoms.T).relu()), torch.zeros(10) if offset is None else offset)


def test_a_dictionary_of_ones_own_gives_one_for_each_seed(ten):
    """A single Fitted, or too few of them, is refused."""
    for given in (fitted_of(torch.eye(10)[:4]), [fitted_of(torch.eye(10)[:4])]):
        mine = Dictionary("mine", lambda cells, atoms, seeds, given=given: given)
        with pytest.raises(ValueError, match="mine must give a list with a Fitted for each seed, got"):
            fit_dictionary(mine, ten[0].cells, 4, (0, 1))


def test_signed_codes_of_ones_own_are_read_as_two_half_waves(ten):
    """Each direction is two atoms, one for each sign, that write a cell as the direction did."""
    (fitted,) = fit_dictionary(
        own(lambda c, a: Fitted(torch.eye(10)[:a], lambda rows: rows[:, :a], torch.zeros(10)), "signed"), ten[0].cells, 6
    )
    values = ten[1].cells.values
    assert cosines(fitted.atoms, torch.eye(10))[:, :3].diagonal().tolist() == [1, 1, 1]
    assert torch.allclose(fitted.decode(fitted.encode(values))[:, :3], values[:, :3], atol=1e-5)
    assert fitted.encode(values).min() >= 0


@pytest.mark.parametrize("wrong", [{"codes": "any"}, {"needs": "signed"}, {"read": "least"}, {"most": "atoms"}])
def test_a_dictionary_that_says_what_is_unknown_is_refused(wrong):
    """The words that are known are listed."""
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be one of .*, got {name}='{value}'"):
        Dictionary("mine", lambda: None, **wrong)
