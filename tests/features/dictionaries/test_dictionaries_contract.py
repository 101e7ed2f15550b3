"""What every dictionary of the shelf must hold; one added later is under test by itself."""

import ast
import inspect
import re
from dataclasses import replace

import pytest
import torch

from mixmnist.core.registry import SHELVES, collect, explain
from mixmnist.features.fitting import fit_dictionary, most_atoms
from mixmnist.features.planted import Superposition, plant_cells

SHELF = collect("dictionaries")
BRIEF = {"steps": 40, "batch": 256, "starts": 1}  # settings that make a fit short
BRIEFER = {"ica": {"steps": 4}}  # steps that do not converge make more of rounding each
ATOMS = 12  # more than the seven units there are, where a dictionary finds more
SAME = 1e-4  # of a code: rounding that grew over the steps of a fit
CHANCELESS = {"pca", "probe_mean"}

each = pytest.mark.parametrize("name", SHELF)


@pytest.fixture(scope="module")
def cells():
    """Cells of seven units, none negative: every dictionary takes them."""
    return plant_cells(Superposition(dimensions=7, positive=True), n=600).cells


@pytest.fixture(scope="module")
def others():
    """Other cells of the same directions."""
    return plant_cells(Superposition(dimensions=7, positive=True), n=50, seed=1).cells.values


def fit(name, cells, seeds=(0,), atoms=ATOMS):
    """Fits a dictionary of the shelf in a moment, with as many atoms as it can be asked for."""
    settings = {key: value for key, value in BRIEF.items() if key in SHELF[name].settings} | BRIEFER.get(name, {})
    return fit_dictionary(name, cells, most_atoms(name, cells, atoms), seeds, settings)


@each
def test_shapes_are_those_of_atoms_and_units(name, cells, others):
    """Atoms are rows in the units, codes have a column an atom, ceilings an atom a concept."""
    (fitted,) = fit(name, cells)
    n = 10 if SHELF[name].supervised else ATOMS
    assert fitted.atoms.shape == (n, 7)
    assert fitted.offset.shape == (7,)
    assert fitted.encode(others).shape == (50, n)
    assert fitted.decode(fitted.encode(others)).shape == others.shape


@each
def test_codes_are_finite_and_not_negative(name, cells, others):
    """A code is a unit's response; only the linear probe, which is no dictionary, has codes of both signs."""
    (fitted,) = fit(name, cells)
    codes = fitted.encode(others)
    assert codes.isfinite().all()
    assert fitted.atoms.isfinite().all()
    assert (codes.min() < 0) == (name == "probe_mean")
    assert (codes > 0).any(dim=0).float().mean() > 0.3


@each
def test_a_silent_cell_has_finite_codes(name, cells):
    """A cell that does not fire is written, too: an image may have no other."""
    (fitted,) = fit(name, cells)
    assert fitted.encode(torch.zeros(1, 7)).isfinite().all()


@each
def test_atoms_are_on_the_scale_of_the_cells(name, cells, others):
    """Cells that are seven times longer have the same codes, and atoms that are seven times longer."""
    if SHELF[name].supervised:
        pytest.skip("a ceiling writes no cell")
    (one,), (longer,) = fit(name, cells), fit(name, replace(cells, values=cells.values * 7))
    torch.testing.assert_close(longer.encode(others * 7), one.encode(others), rtol=SAME, atol=SAME)
    torch.testing.assert_close(longer.atoms, one.atoms * 7, rtol=SAME, atol=7 * SAME)
    torch.testing.assert_close(longer.offset, one.offset * 7, rtol=SAME, atol=7 * SAME)


@each
def test_the_same_seed_gives_the_same_bytes(name, cells, others):
    """A fit is a function of cells, settings and seed."""
    (one,), (again,) = fit(name, cells, (3,)), fit(name, cells, (3,))
    assert torch.equal(one.atoms, again.atoms)
    assert torch.equal(one.encode(others), again.encode(others))


@each
def test_another_seed_gives_another_dictionary(name, cells, others):
    """A seed decides starts and batches, where there is chance in a fit at all."""
    one, another = fit(name, cells, (0, 1))
    assert torch.equal(one.encode(others), another.encode(others)) == (name in CHANCELESS)


@each
def test_seeds_side_by_side_are_those_fitted_alone(name, cells, others):
    """A seed's dictionary is the same whichever others are fitted with it."""
    together = fit(name, cells, (2, 0, 1))
    for seed, one in zip((2, 0, 1), together, strict=True):
        (alone,) = fit(name, cells, (seed,))
        torch.testing.assert_close(one.encode(others), alone.encode(others), rtol=SAME, atol=SAME)
        torch.testing.assert_close(one.atoms, alone.atoms, rtol=SAME, atol=SAME)


@each
def test_fitting_and_writing_leave_cells_as_they_are(name, cells, others):
    """No argument is modified, and no number of the library's own generator is used up."""
    before, values, image = others.clone(), cells.values.clone(), cells.image.clone()
    state = torch.random.get_rng_state()
    (fitted,) = fit(name, cells)
    fitted.encode(others)
    assert torch.equal(cells.values, values)
    assert torch.equal(cells.image, image)
    assert torch.equal(others, before)
    assert torch.equal(torch.random.get_rng_state(), state)


@each
def test_a_cell_is_written_by_itself(name, cells, others):
    """A cell's code does not depend on which others are written with it, nor on their order."""
    (fitted,) = fit(name, cells)
    codes, order = fitted.encode(others), torch.arange(len(others)).flip(0)
    torch.testing.assert_close(fitted.encode(others[order]), codes[order], rtol=SAME, atol=SAME)
    torch.testing.assert_close(fitted.encode(others[:1]), codes[:1], rtol=SAME, atol=SAME)


@each
def test_codes_need_no_gradient(name, cells, others):
    """What is fitted is done: codes do not carry the fit's own graph."""
    (fitted,) = fit(name, cells)
    assert not fitted.encode(others).requires_grad
    assert not fitted.atoms.requires_grad


@each
def test_a_dead_unit_and_a_constant_one_are_let_pass(name, cells):
    """Layers have units that never fire, or always as much: they cost a direction, not the fit."""
    n = len(cells)
    wider = replace(cells, values=torch.cat([cells.values, torch.zeros(n, 1), torch.ones(n, 1)], dim=1))
    (fitted,) = fit(name, wider, atoms=40)
    if SHELF[name].most == "units":
        assert fitted.n_atoms == 14
    assert fitted.encode(wider.values).isfinite().all()
    if not SHELF[name].supervised:
        assert fitted.atoms[:, 7].abs().max() < 1e-4 or name == "random"


@each
def test_a_file_says_what_it_is(name):
    """Formula, Assumes, Cost and Source are said, each setting is explained, and there is not much code."""
    text = explain("dictionaries", name)
    for part in ("\nFormula: ", "\nAssumes: ", "\nCost: ", "\nSource:\n"):
        assert part in text, part
    settings = SHELF[name].settings
    assert not settings or "\nSettings: " in text
    missing = [setting for setting in settings if not re.search(rf"\b{setting}\b", text)]
    assert not missing
    module = __import__(f"{SHELVES['dictionaries'][0]}.{name}", fromlist=["fit"])
    source = inspect.getsource(module)
    docs = {line for node in ast.walk(ast.parse(source)) for line in _doc_lines(node)}
    code = [line for i, line in enumerate(source.splitlines(), 1) if line.strip() and i not in docs and not _imports(line)]
    assert len(code) <= 40


def _doc_lines(node):
    """Gives the lines of a docstring."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return range(body[0].lineno, body[0].end_lineno + 1)
    return ()


def _imports(line):
    return line.startswith(("import ", "from "))


@each
def test_only_ceilings_look_at_the_truth(name, cells):
    """With another truth, or none, a dictionary is the same; a ceiling without truth is refused in a sentence."""
    blind = replace(cells, present=None)
    if SHELF[name].supervised:
        with pytest.raises(ValueError, match="needs what the images show, got none"):
            fit(name, blind)
    else:
        assert torch.equal(fit(name, blind)[0].atoms, fit(name, cells)[0].atoms)
