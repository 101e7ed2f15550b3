"""What every metric of the shelf must hold; a metric added later is under test by itself, column by column."""

import json
import math
import re
import warnings
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.core.registry import collect, explain
from mixmnist.core.storage import COSTS
from mixmnist.scoring import TABLE_OF_AXES, Sheet

SHELF = collect("metrics")
FEEDING = (("units", "images"), ("units", "steps"))  # axes of columns that others build on
COLUMNS = [(n, column) for n, metric in SHELF.items() if metric.axes != FEEDING[1] for column in metric.columns]
OF_UNITS = [(n, c) for n, c in COLUMNS if SHELF[n].axes[:1] == ("units",)]
DETECTION = [(n, c) for n, c in COLUMNS if SHELF[n].chance == "prevalence"]
OF_BOTH = [(n, c) for n, c in COLUMNS if SHELF[n].axes == ("units", "concepts")]
PLANTED = [(n, c) for n, c in COLUMNS if SHELF[n].plant == "perfect"]
DEAD = 4  # the unit that is made dead
ENTROPY = -(0.2 * math.log2(0.2) + 0.8 * math.log2(0.8))  # bits, of a digit on the perfect plant
KNOWN = {"selectivity": 36 / 52, "concept_selectivity": 0.8, "signed": 0.0, "mutual_information": ENTROPY}  # where it is not 1
MAY_LACK = {  # metrics whose numbers may be missing although nothing is wrong
    "class_units": "no class may have detectors of all its concepts",
    "concept_average_precision": "above its threshold a unit may always fire",
    "group_drop": "a concept may have no detector",
    "reliance": "the net may be at chance",
    "spearman": "three units are needed",
    "used": "no concept may have a detector",
}


def each(columns):
    """Runs a test once for every column."""
    return pytest.mark.parametrize(("name", "column"), columns, ids=[f"{n}-{c}" for n, c in columns])


def value(sheet: Sheet, name: str, column: str) -> Tensor:
    """Computes one column; no planted readout lacks anything."""
    found = sheet.compute(SHELF[name], column)
    assert found is not None
    return found


def inputs(name: str, column: str) -> set[str]:
    """Names everything that a column is computed from, columns it builds on included."""
    makers = {c: n for n, c in COLUMNS if SHELF[n].axes != ()}
    found, waiting = set(), list(SHELF[name].needs(column))
    while waiting:
        need = waiting.pop()
        if need not in found:
            found.add(need)
            plain = need.removeprefix("rank_")
            waiting += SHELF[makers[plain]].needs(plain) if plain in makers else ()
    return found


ABLATION = {(n, c) for n, c in COLUMNS if "without" in inputs(n, c)}
ASKING = ABLATION | {(n, c) for n, c in COLUMNS if "logits" in inputs(n, c)}  # what the net says of the images
MASKED = [(n, c) for n, c in OF_BOTH if "counted" in inputs(n, c)]  # pixels have scores where a concept is on every image
FITTED = [(n, c) for n, c in OF_BOTH if all(need.startswith("rank_") for need in SHELF[n].needs(c))]
OWN = [pair for pair in OF_BOTH if pair not in MASKED + FITTED] + [("linear_probe", "linear_probe")]


def size(readout: Readout, axes: tuple[str, ...]) -> tuple[int, ...]:
    """Gives the shape that the axes stand for."""
    n_images, n_units = readout.response.shape
    sizes = {"units": n_units, "concepts": len(readout.concepts), "images": n_images, "curve": n_units + 1}
    return tuple(sizes[axis] for axis in axes)


@each(COLUMNS)
def test_every_metric_goes_into_a_table_or_feeds_others(name, column):
    """Axes are a table's, or of units and images for columns that others build on."""
    assert SHELF[name].axes in (*TABLE_OF_AXES, *FEEDING)


@pytest.mark.parametrize("name", SHELF)
def test_every_metric_has_its_card(name):
    """A metric's file must say its formula, what it does with ties and dead units, and what it costs."""
    said = re.findall(r"^(Formula|Ties|Dead units|Cost): \S", explain("metrics", name), re.MULTILINE)
    assert said == ["Formula", "Ties", "Dead units", "Cost"]


def test_measured_costs_are_of_metrics_that_are_there():
    """Costs must be positive and none of a metric that is gone; one added since they were measured has none yet."""
    costs = json.loads(COSTS.read_text())["milliseconds"]
    assert set(costs) <= set(SHELF)
    assert min(costs.values()) > 0


@each(COLUMNS)
def test_shape_follows_the_axes(name, column, tied_sheet):
    """A column has the shape that its metric's axes say; the intact net's answers count as one set."""
    expected = size(tied_sheet.readout, SHELF[name].axes)
    if column == "correct":
        expected = (1, expected[1])
    assert tuple(value(tied_sheet, name, column).shape) == expected


@each(PLANTED)
def test_perfect_plant_gets_its_known_value(name, column, perfect_sheet, detects):
    """A unit that answers exactly its digit scores the known value, 1 unless listed; precision@k at most positives/k."""
    found = value(perfect_sheet, name, column)
    own = found[torch.arange(10), torch.tensor(detects)] if found.ndim == 2 else found
    k = re.fullmatch(r"precision_at_(\d+)", column)
    known = min(1.0, 270 / int(k[1])) if k else KNOWN.get(column, 1.0)
    torch.testing.assert_close(own.float(), torch.full((10,), known), rtol=0, atol=1e-6)


@each(DETECTION)
def test_noise_stays_at_chance(name, column):
    """Units that answer at random score each concept's prevalence, on average."""
    g = torch.Generator().manual_seed(3)
    prevalence = torch.tensor([0.1, 0.2, 0.35, 0.5, 0.8])
    response = torch.rand(1_500, 40, generator=g)
    present = torch.rand(1_500, 5, generator=g) < prevalence
    needs = {"response": response, "mean": response, "present": present}
    found = SHELF[name].columns[column](**{need: needs[need] for need in SHELF[name].needs(column)})
    torch.testing.assert_close(found.mean(dim=0), present.float().mean(dim=0), rtol=0, atol=0.025)


@pytest.fixture(scope="module")
def rows(tied) -> Tensor:
    """Another order of the tied plant's images."""
    return torch.randperm(len(tied.labels), generator=torch.Generator().manual_seed(4))


@pytest.fixture(scope="module")
def shuffled_rows(tied, tied_rank, rows, pick) -> Sheet:
    """The tied plant with its images, and those of rank, in another order."""
    return Sheet(pick(tied, rows=rows), Sheet(pick(tied_rank, rows=torch.arange(127, -1, -1))))


@each(COLUMNS)
def test_order_of_images_never_matters(name, column, tied_sheet, shuffled_rows, rows):
    """Heavy ties or not, another order of the images gives the same numbers: detection exactly, sums up to rounding."""
    before, after = value(tied_sheet, name, column), value(shuffled_rows, name, column)
    if SHELF[name].axes == ("units", "images"):
        before = before[:, rows]
    tolerance = 1e-6 if (name, column) in ABLATION else 0
    torch.testing.assert_close(after, before, rtol=0, atol=tolerance, equal_nan=True)


@pytest.fixture(scope="module")
def shuffled_units(tied, tied_rank, pick) -> Sheet:
    """The tied plant with its units in another order."""
    order = torch.tensor([2, 5, 0, 6, 1, 3, 4])
    return Sheet(pick(tied, units=order), Sheet(pick(tied_rank, units=order)))


@each([(n, c) for n, c in COLUMNS if not any(i.startswith("curve_random") for i in inputs(n, c) | {c})])
def test_order_of_units_only_permutes(name, column, tied_sheet, shuffled_units):
    """Another order of the units permutes the scores of units and changes no other (but in curves of random orders)."""
    before, after = value(tied_sheet, name, column), value(shuffled_units, name, column)
    if SHELF[name].axes[:1] == ("units",) and column != "correct":
        before = before[[2, 5, 0, 6, 1, 3, 4]]
    torch.testing.assert_close(after, before, rtol=0, atol=1e-6, equal_nan=True)


@pytest.fixture(scope="module")
def with_dead(tied, tied_rank, change) -> Sheet:
    """The tied plant with one unit constant, at a value that is not 0."""

    def deaden(answers: Tensor) -> Tensor:
        return answers.index_fill(1, torch.tensor([DEAD]), 0.5)

    return Sheet(change(tied, deaden), Sheet(change(tied_rank, deaden)))


@each([(n, c) for n, c in OF_UNITS if SHELF[n].axes != ("units", "images")])
def test_dead_unit_has_no_score(name, column, with_dead):
    """A unit with one constant answer scores nan, never 0, and no other unit does; yes-or-no columns have an answer."""
    found = value(with_dead, name, column)
    missing = found.isnan().flatten(1).all(dim=1) if found.ndim == 2 else found.isnan()
    expected = torch.arange(7) == DEAD if found.is_floating_point() else torch.zeros(7, dtype=torch.bool)
    assert torch.equal(missing, expected)
    assert name in MAY_LACK or found.isnan().sum() == expected.sum() * found[0].numel()


@each([(n, c) for n, c in COLUMNS if SHELF[n].axes in {(), ("curve",), ("concepts",)}])
def test_dead_unit_spoils_no_summary(name, column, with_dead):
    """Scores of the layer, of concepts and curves are numbers although a unit is dead."""
    assert value(with_dead, name, column).isfinite().all() or name in MAY_LACK


@pytest.fixture(scope="module")
def lone(tied, tied_rank, pick) -> Sheet:
    """One unit of the tied plant alone; it does good, so that all summaries of drops exist."""
    return Sheet(pick(tied, units=slice(2, 3)), Sheet(pick(tied_rank, units=slice(2, 3))))


@each(COLUMNS)
def test_one_unit_is_enough(name, column, lone):
    """A layer of one unit gets numbers of the shape that the axes say."""
    found = value(lone, name, column)
    assert tuple(found.shape) == size(lone.readout, SHELF[name].axes)
    assert found.isfinite().all() or name in MAY_LACK


@each([pair for pair in OF_UNITS if pair not in ASKING])
def test_a_unit_alone_scores_as_among_others(name, column, lone, tied_sheet):
    """A score that asks nothing of the net does not depend on the other units."""
    torch.testing.assert_close(value(lone, name, column), value(tied_sheet, name, column)[2:3], equal_nan=True)


@pytest.fixture(scope="module")
def undecided(tied, tied_rank, change) -> Sheet:
    """The tied plant's images, with concept 1 said to occur never and concept 3 always."""
    never_always = torch.tensor([[False, False, False, True, False]])
    possible = torch.tensor([[True, False, True, True, True]])
    changed = replace(tied, present=(tied.present & possible) | never_always)
    return Sheet(change(changed, torch.clone), Sheet(tied_rank))


def caught(sheet: Sheet, name: str, column: str) -> tuple[Tensor, list[str]]:
    """Computes a column and gives the warnings of this column alone, not of those that it builds on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for need in SHELF[name].needs(column):
            sheet[need]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        return value(sheet, name, column), [str(w.message) for w in found]


@each(OWN)
def test_concept_that_never_or_always_occurs_has_no_score(name, column, undecided):
    """Such a concept's scores are nan, the other concepts' are numbers, and one warning names both."""
    found, messages = caught(undecided, name, column)
    blank = torch.tensor([False, True, False, True, False]).expand_as(found)
    assert found[blank].isnan().all()
    assert name in MAY_LACK or found[~blank].isfinite().all()
    assert messages[:1] == ["concepts 1, 3 never or always occur in the scored images: no scores"]


@each(MASKED)
def test_concept_without_pixels_has_no_score(name, column, undecided):
    """Scores of pixels are nan for a concept that never occurs, and numbers for all others, without a warning."""
    found, messages = caught(undecided, name, column)
    assert torch.equal(found.isnan(), (torch.arange(5) == 1).expand(7, 5))
    assert messages == []


@each([pair for pair in COLUMNS if pair not in OWN + MASKED])
def test_concept_that_never_or_always_occurs_spoils_nothing_else(name, column, undecided):
    """Scores that are not a concept's own are numbers, without an error or a warning."""
    found, messages = caught(undecided, name, column)
    assert found.isfinite().all() or name in MAY_LACK or name == "iou_ceiling"
    assert messages == []


@pytest.fixture(scope="module")
def half(tied, tied_rank) -> Sheet:
    """The tied plant with its units' answers in float16, which holds them and their means exactly."""
    low, low_rank = (replace(r, response=r.response.half(), mean=r.mean.half()) for r in (tied, tied_rank))
    return Sheet(low, Sheet(low_rank))


@each(COLUMNS)
def test_half_precision_gives_the_same(name, column, half, tied_sheet):
    """Answers in float16 score as the same answers in float32: no counts and no sums are lost."""
    found, expected = value(half, name, column), value(tied_sheet, name, column)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6, check_dtype=False, equal_nan=True)


@each(COLUMNS)
def test_inputs_are_not_modified(name, column, tied_sheet):
    """A metric leaves everything it reads as it was."""
    readout = tied_sheet.readout
    tensors = {need: tied_sheet[need] for need in SHELF[name].needs(column)} | {"mean": readout.mean}
    tensors = {need: tensor for need, tensor in tensors.items() if isinstance(tensor, Tensor)}
    before = {need: tensor.clone() for need, tensor in tensors.items()}
    value(tied_sheet, name, column)
    for need, tensor in tensors.items():
        torch.testing.assert_close(tensor, before[need], rtol=0, atol=0, equal_nan=True)
