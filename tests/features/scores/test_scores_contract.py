"""Contract of the shelf: every column of every score, at planted truths, at chance, and where there is little to score."""

import re
from dataclasses import fields, replace
from functools import cache
from math import log2

import numpy as np
import pytest
import torch

from mixmnist.core.registry import collect, explain
from mixmnist.features.facts import Facts, score_facts

SHELF = collect("scores")
COLUMNS = [(name, column) for name, score in SHELF.items() for column in score.columns]
TABLE = {(1, 1): 1 / 45, (1, 0): 8 / 45, (0, 1): 8 / 45, (0, 0): 28 / 45}  # two digits, each there or not, on pairs
ENTROPY = -(0.2 * log2(0.2) + 0.8 * log2(0.8))
OTHER = sum(p * log2(p / ((0.2 if a else 0.8) * (0.2 if b else 0.8))) for (a, b), p in TABLE.items()) / ENTROPY
INFO = (1 / (1 + 9 * OTHER) - 0.1) / 0.9
PERFECT = {  # all others are 1
    **dict.fromkeys(("absorption", "absorption_joint", "absorption_rate", "atoms_dead"), 0.0),
    "dci_disentanglement_forest": 0.77,
    "dci_completeness_forest": 0.77,
    "infoc": INFO,
    "infom": INFO,
    "infoe": 0.98,  # a penalty keeps weights finite
    "l0": 2.0,
    "mig": 1 - OTHER,
    "modularity": 1 - OTHER**2,
    "sap": 4 / 9,
}
CHANCE = {  # of 20 random atoms on 900 images; nothing is said of the others
    **dict.fromkeys(("absorption", "absorption_joint", "absorption_rate", "infoe", "mig", "sap"), 0.0),
    **{f"dci_informativeness_{regressor}": 0.0 for regressor in ("boosted", "forest", "lasso")},
    **{f"dci_{what}_forest": 0.0 for what in ("disentanglement", "completeness")},
    **{f"dci_{what}_boosted": 0.06 for what in ("disentanglement", "completeness")},
    "infom": 0.08,
    "infoc": 0.06,
    "mcc_codes": 0.07,
}
LACKS_ATOM = {"infoc"} | {f"dci_completeness_{regressor}" for regressor in ("boosted", "forest", "lasso")}
LACKS_CONCEPT = {"infom", "modularity"} | {f"dci_disentanglement_{regressor}" for regressor in ("boosted", "forest", "lasso")}
OF_ORDER = [  # of the response's
    pair
    for pair in COLUMNS
    if pair[0] in ("absorption", "mig", "modularity", "sap", "l0")
    or pair[1] in ("infom", "infoc")
    or re.fullmatch("dci_(dis|comp).*(boosted|forest)", pair[1])
]
OF_ATOMS = [pair for pair in COLUMNS if pair[0] not in ("explained_variance", "l0")]  # those to which a dead atom is like none


def each(columns):
    """Runs a test for each (score, column)."""
    return pytest.mark.parametrize(("name", "column"), columns, ids=[column for _, column in columns])


def compute(facts, name, column):
    """Gives one column of a score."""
    return float(SHELF[name].columns[column](**{need: getattr(facts, need) for need in SHELF[name].needs(column)}))


@cache
def every_column(facts):
    """Gives all columns at once; facts are told apart by which they are, not by what is in them."""
    return score_facts(facts)


def value(facts, name, column):
    """Gives one column of facts that several tests share."""
    return every_column(facts)[column]


def same(found, expected, within=1e-6):
    """Compares two numbers; nan is like nan."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=within, equal_nan=True)


@each(COLUMNS)
def test_every_column_needs_what_is_known(name, column):
    """A column's function must ask for fields of the facts alone."""
    assert set(SHELF[name].needs(column)) <= {field.name for field in fields(Facts)}


@pytest.mark.parametrize("name", SHELF)
def test_every_score_has_its_card(name):
    """A file must say its formula, its known bias and its source, in this order, and bounds of every column."""
    said = re.findall(r"^(Formula|Known bias|Source)\b.*:", explain("scores", name), re.MULTILINE)
    assert said == ["Formula", "Known bias", "Source"]
    assert set(SHELF[name].bounds) == set(SHELF[name].columns)


def test_no_column_is_twice():
    """Names of columns must be of one score each."""
    assert len({column for _, column in COLUMNS}) == len(COLUMNS)


@each(COLUMNS)
def test_perfect_detectors_get_the_known_value(name, column, perfect):
    """Ten atoms that answer exactly their digit must have the value that is known beforehand."""
    same(value(perfect, name, column), PERFECT.get(column, 1.0), 0.03 if "forest" in column else 0.002)


@each([pair for pair in COLUMNS if pair[1] in CHANCE])
def test_random_atoms_are_at_chance(name, column, by_chance):
    """Atoms that answer at random must have the chance value."""
    same(value(by_chance, name, column), CHANCE[column], 0.12 if column == "dci_informativeness_boosted" else 0.04)


@each(COLUMNS)
def test_values_lie_within_the_bounds(name, column, perfect, by_chance, mixed):
    """No value may lie outside the bounds that the score says."""
    lowest, highest = SHELF[name].bounds[column]
    assert all(lowest <= value(facts, name, column) <= highest + 1e-9 for facts in (perfect, by_chance, mixed))


@pytest.fixture(scope="module")
def other_images(mixed, pick):
    """The same images, and those of rank, in another order."""
    g = torch.Generator().manual_seed(2)
    return pick(mixed, torch.randperm(90, generator=g), others=torch.randperm(130, generator=g))


@each(COLUMNS)
def test_order_of_images_never_matters(name, column, mixed, other_images):
    """Another order of the images, and of those of rank, must give the same number."""
    same(value(other_images, name, column), value(mixed, name, column))


@pytest.fixture(scope="module")
def other_atoms(mixed, pick):
    """The same atoms in another order."""
    return pick(mixed, atoms=[2, 5, 0, 6, 1, 3, 4])


@each(COLUMNS)
def test_order_of_atoms_never_matters(name, column, mixed, other_atoms):
    """Another order of the atoms must give the same number."""
    same(value(other_atoms, name, column), value(mixed, name, column))


@each([pair for pair in COLUMNS if pair[0] == "dci"])
def test_order_of_atoms_as_often_high_never_matters(name, column, untied, pick):
    """Atoms of the same ranks must not be told by where they stand."""
    same(compute(pick(untied, atoms=[2, 5, 0, 4, 1, 3]), name, column), value(untied, name, column))


@pytest.fixture(scope="module")
def other_concepts(with_truth, mixed):
    """The same concepts in another order."""
    order = [3, 0, 4, 2, 1]
    return with_truth(lambda truth: truth[:, order], mixed.directions[order])


@each(COLUMNS)
def test_order_of_concepts_never_matters(name, column, mixed, other_concepts):
    """Another order of the concepts must give the same number; a forest draws other images, and is near."""
    same(value(other_concepts, name, column), value(mixed, name, column), 0.06 if "forest" in column else 1e-6)


@pytest.fixture(scope="module")
def scaled(mixed, change):
    """Each atom's codes and responses times a number of its own."""
    scales = 2.0 ** torch.arange(-3, 4)
    return replace(change(mixed, lambda codes: codes * scales), atoms=mixed.atoms * 3)


@each(COLUMNS)
def test_scale_of_an_atom_never_matters(name, column, mixed, scaled):
    """Codes and responses of each atom, times a number of its own, must give the same number."""
    same(value(scaled, name, column), value(mixed, name, column), 1e-5)


@pytest.fixture(scope="module")
def squared(mixed, change):
    """Codes and responses squared: their order is what it was."""
    return change(mixed, torch.square)


@each(OF_ORDER)
def test_only_the_order_of_responses_matters(name, column, mixed, squared):
    """Squared responses must give the same number where it depends on their order alone."""
    same(value(squared, name, column), value(mixed, name, column), 1e-6)


@each(OF_ATOMS)
def test_dead_atoms_are_like_none(name, column, mixed, with_dead):
    """Two dead atoms more must change no number."""
    same(value(with_dead, name, column), value(mixed, name, column))


@pytest.fixture(scope="module")
def all_dead(mixed, change):
    """Codes and responses that are all 0."""
    return change(mixed, torch.zeros_like)


@each(COLUMNS)
def test_where_all_atoms_are_dead(name, column, all_dead):
    """A dictionary of dead atoms must have no value, or the worst one, without a warning."""
    worst = {"l0": 0, "atoms_dead": 1, "explained_variance": 1, "mcc": 1, "mcc_codes": 0, "mig": 0, "sap": 0, "infoe": 0}
    same(value(all_dead, name, column), worst.get(column, np.nan), 0.02)


@pytest.fixture(scope="module")
def lone(mixed, pick):
    """One atom of the mixed ones."""
    return pick(mixed, atoms=slice(2, 3))


@each(COLUMNS)
def test_one_atom(name, column, lone):
    """One atom must have a number, or none where several are compared."""
    assert np.isnan(value(lone, name, column)) == (column in LACKS_ATOM)


@pytest.fixture(scope="module")
def one_concept(with_truth, mixed):
    """One concept of the five."""
    return with_truth(lambda truth: truth[:, :1], mixed.directions[:1])


@each(COLUMNS)
def test_one_concept(name, column, one_concept):
    """One concept must have a number, or none where several are compared."""
    assert np.isnan(value(one_concept, name, column)) == (column in LACKS_CONCEPT)


@pytest.fixture(scope="module")
def with_undecided(with_truth):
    """A concept more that never occurs, and one that always does."""
    return with_truth(lambda truth: torch.cat([truth, torch.zeros_like(truth[:, :1]), torch.ones_like(truth[:, :1])], dim=1))


@each([pair for pair in COLUMNS if pair[1] != "mcc"])  # which asks for directions alone
def test_concepts_that_never_or_always_occur_are_left_out(name, column, mixed, with_undecided):
    """A concept that never occurs and one that always does must change no number and give no warning."""
    same(value(with_undecided, name, column), value(mixed, name, column))


@pytest.fixture(scope="module")
def everywhere(with_truth, mixed):
    """All concepts on every image."""
    return with_truth(torch.ones_like, mixed.directions)


@each(COLUMNS)
def test_where_no_concept_can_be_scored(name, column, everywhere):
    """Where every concept always occurs, what compares with presence must have no value, without a warning."""
    assert np.isnan(value(everywhere, name, column)) != (column in ("explained_variance", "l0", "atoms_dead", "mcc"))


@each(COLUMNS)
def test_inputs_are_not_modified(name, column, mixed):
    """A score must leave everything that it reads as it was, and give the same when it is asked again."""
    before = {need: getattr(mixed, need).clone() for need in SHELF[name].needs(column)}
    found = compute(mixed, name, column)
    assert all(torch.equal(getattr(mixed, need), was) for need, was in before.items())
    same(found, value(mixed, name, column), 0)


@pytest.fixture(scope="module", params=[torch.float16, torch.float64], ids=["half", "double"])
def cast(request, mixed, change):
    """Codes and responses in another precision, which holds them exactly."""
    return change(mixed, lambda codes: codes.to(request.param))


@each(COLUMNS)
def test_precision_of_responses_never_matters(name, column, mixed, cast):
    """Responses that float16 and float64 hold exactly must score as in float32."""
    same(value(cast, name, column), value(mixed, name, column), 1e-5)


def test_columns_without_what_they_need_are_left_out(mixed):
    """Without true directions and codes all columns but theirs must be there."""
    found = score_facts(replace(mixed, directions=None, true_codes=None))
    assert set(found) == {column for _, column in COLUMNS} - {"mcc", "mcc_codes"}
