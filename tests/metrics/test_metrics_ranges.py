"""What every metric of the shelf must hold for heads that say yes or no of each class, and the range that its card gives."""

import re
from dataclasses import replace

import pytest
import torch

from mixmnist.core.readout import Readout
from mixmnist.core.registry import collect, explain
from mixmnist.metrics._strangers import copied
from mixmnist.probing import HeadAlgebra
from mixmnist.scoring import Sheet

SHELF = collect("metrics")
COLUMNS = [(n, column) for n, metric in SHELF.items() for column in metric.columns if metric.axes != ("units", "steps")]
RESAMPLED = {"correct_without_resample", "drop_resample", "mean_drop_resample"}  # maps come from the image at another place
COUNTS = {"classes_with_detectors"}  # beside shares, in one file
WEIGHTED = {"correct"}  # the mean of these, not each, is in the range where there is a yes or no for each class
RANGES = {
    name: (float(found[1]), float(found[2]))
    for name in SHELF
    if (found := re.search(r"in \[(-?\d), (\d)\]", explain("metrics", name)))
}
RANGED = [
    (n, c) for n, c in COLUMNS if n in RANGES and c not in {*SHELF[n].names, *SHELF[n].aside, *COUNTS} | {"damage_selectivity"}
]


def each(columns):
    """Runs a test once for every column."""
    return pytest.mark.parametrize(("name", "column"), columns, ids=[f"{n}-{c}" for n, c in columns])


def saying_yes_or_no(source: Readout, bias: float = -0.6) -> Readout:
    """Gives a readout of the same units, with a head that says of each concept whether it is there."""
    g = torch.Generator().manual_seed(5)
    head = torch.eye(5, 7) + torch.randint(-2, 3, (5, 7), generator=g) / 8
    rare = source.present & torch.tensor([True, True, True, True, False])
    rare[:7, 4] = True  # one concept is on seven images alone: each of them weighs much
    without = HeadAlgebra(source.mean, head, torch.full((5,), bias))
    fields = {"head": head, "without": without, "logits": source.mean @ head.T + bias, "classes": source.concepts}
    return replace(source, labels=rare.long(), present=rare, **fields, pixels=replace(source.pixels, present=rare))


def turned(source: Readout, rows: torch.Tensor) -> Readout:
    """Gives the readout with its images in another order."""
    fields = {name: getattr(source, name)[rows] for name in ("response", "mean", "present", "labels", "glyphs", "logits")}
    without = replace(source.without, mean=fields["mean"])
    pixels = replace(source.pixels, mean=fields["mean"], present=fields["present"])
    return replace(source, **fields, without=without, pixels=pixels)


@pytest.fixture(scope="module")
def several(tied, tied_rank) -> Sheet:
    """All columns of the tied plant with a yes or no for each concept."""
    return Sheet(saying_yes_or_no(tied), Sheet(saying_yes_or_no(tied_rank)))


@pytest.fixture(scope="module")
def turned_several(several) -> Sheet:
    """The same with its images, and those of rank, in another order."""
    rows, ranks = (torch.randperm(n, generator=torch.Generator().manual_seed(4)) for n in (720, 128))
    return Sheet(turned(several.readout, rows), Sheet(turned(several.rank.readout, ranks)))


@each(RANGED)
def test_scores_stay_in_the_range_of_their_card(name, column, tied_sheet, several):
    """Whatever decides, one class of many or a yes or no for each, a score lies where its card says."""
    low, high = RANGES[name]
    for sheet in (tied_sheet, several)[: 1 if name in WEIGHTED else 2]:
        found = sheet.compute(SHELF[name], column)
        known = found[~found.isnan()]
        assert low - 1e-6 <= known.min()
        assert known.max() <= high + 1e-6


def test_the_cards_give_ranges():
    """A card that stops naming its range would end the test of it."""
    assert len(RANGES) >= 18


def test_damage_selectivity_stays_in_its_own_range(tied_sheet, several):
    """A difference of two drops lies in [-2, 2]."""
    for sheet in (tied_sheet, several):
        assert sheet["damage_selectivity"].abs().nan_to_num(0).max() <= 2 + 1e-6


@each([(n, c) for n, c in COLUMNS if c not in RESAMPLED])
def test_order_of_images_never_matters_where_classes_do_not_exclude_each_other(name, column, several, turned_several):
    """Another order of the images gives the same numbers up to rounding."""
    before, after = (sheet.compute(SHELF[name], column) for sheet in (several, turned_several))
    if SHELF[name].axes == ("units", "images"):
        before, after = before.mean(dim=1), after.mean(dim=1)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5, equal_nan=True)


@each(COLUMNS)
def test_no_metric_writes_into_what_it_gets(name, column, several):
    """The shelf's metrics get no copies, so none may change a tensor, be it a readout's, a column or inside what silences."""
    needs = {need: several[need] for need in SHELF[name].needs(column)}
    before = copied(needs["without"]) if "without" in needs else None
    kept = {need: copied(one) for need, one in needs.items() if isinstance(one, torch.Tensor)}
    several.metrics[name].columns[column](**needs)
    for need, old in kept.items():
        torch.testing.assert_close(needs[need], old, rtol=0, atol=0, equal_nan=True)
    if before is not None:
        assert all(torch.equal(getattr(needs["without"], part), getattr(before, part)) for part in ("mean", "weight", "bias"))


def test_the_ends_at_which_intervals_are_cut_are_known():
    """A wrong end would print bounds that no score can have, or cut away some that it can."""
    ends = {column: end for metric in SHELF.values() for column, end in metric.bounds.items()}
    signed = {"drop", "drop_mean", "drop_resample", "max_class_drop"}
    assert {column: ends[column] for column in signed} == dict.fromkeys(signed, (-1, 1))
    for column in ("gini", "coverage", "curve_keep"):
        assert ends[column] == (0, 1), column
