"""What units are silenced to: each to its own mean over the rank images; and classes that have one of their two detectors."""

from dataclasses import replace

import pytest
import torch

from mixmnist.metrics._decisions import one_vs_rest
from mixmnist.metrics.class_units import class_concepts
from mixmnist.metrics.correct import correct
from mixmnist.probing import HeadAlgebra
from mixmnist.scoring import Sheet


def accuracy(readout, gone, values):
    """Accuracy with some units at given values, unit by unit."""
    mean = readout.mean.clone()
    for unit in gone:
        mean[:, unit] = values[unit]
    return correct(mean @ readout.head.T, readout.labels).mean().item()


def uneven(readout):
    """A readout whose units have means far apart, so that those of others would show."""
    scale = torch.tensor([1.0, 4, 0.25, 2, 8, 0.5, 16])
    mean, head = readout.mean * scale, readout.head / scale
    bias = torch.zeros(len(readout.classes))
    return replace(readout, mean=mean, head=head, logits=mean @ head.T, without=HeadAlgebra(mean, head, bias))


@pytest.fixture(scope="module")
def both(tied, tied_rank):
    """Scored and rank readouts with uneven units."""
    return uneven(tied), uneven(tied_rank)


def test_each_unit_goes_to_its_own_mean(both):
    """A drop by mean must set each unit to its own mean over the rank images, not to one of all units."""
    readout, rank = both
    sheet, own = Sheet(readout, Sheet(rank)), rank.mean.mean(dim=0)
    intact = accuracy(readout, [], own)
    expected = [intact - accuracy(readout, [unit], own) for unit in range(7)]
    assert sheet["drop_mean"].tolist() == pytest.approx(expected, abs=1e-6)
    for wrong in (own.mean().expand(7), readout.mean.mean(dim=0)):
        assert [intact - accuracy(readout, [unit], wrong) for unit in range(7)] != pytest.approx(expected, abs=1e-3)


def detected(rank, units):
    """The rank readout with responses by which each of some units detects a concept perfectly, and others none."""
    response = torch.rand(rank.response.shape, generator=torch.Generator().manual_seed(0))
    for unit, concept in units.items():
        response[:, unit] = rank.present[:, concept].float()
    return replace(rank, response=response)


def test_a_group_goes_to_its_units_own_means(both):
    """All detectors of a concept go together, each to its own mean over the rank images or to zero; without any it is nan."""
    readout, rank = both
    rank = detected(rank, {0: 0, 1: 1, 2: 2, 5: 1})
    sheet, own = Sheet(readout, Sheet(rank)), rank.mean.mean(dim=0)
    members = ([0], [1, 5], [2])
    for column, values in (("group_drop", torch.zeros(7)), ("group_drop_mean", own)):
        found = sheet[column]
        expected = [accuracy(readout, [], own) - accuracy(readout, group, values) for group in members]
        assert found[:3].tolist() == pytest.approx(expected, abs=1e-6)
        assert found[3:].isnan().all()
    assert sheet["group_size"].tolist() == [1, 2, 1, 0, 0]


@pytest.mark.parametrize(
    ("column", "kept", "to_mean"),
    [
        ("class_accuracy", None, False),
        ("class_accuracy_kept", True, False),
        ("class_accuracy_kept_mean", True, True),
        ("class_accuracy_removed", False, False),
        ("class_accuracy_removed_mean", False, True),
    ],
)
def test_a_class_counts_only_with_both_of_its_detectors(both, column, kept, to_mean):
    """Of ten pair classes only the three whose digits both have a detector may enter the mean; one of two is not enough."""
    readout, rank = both
    rank = detected(rank, {0: 0, 1: 1, 2: 2})
    own = rank.mean.mean(dim=0) if to_mean else torch.zeros(7)
    sheet = Sheet(readout, Sheet(rank))
    metric = sheet.metrics["class_units"]
    found = sheet.compute(metric, column)
    assert sheet.compute(metric, "classes_with_detectors").item() == 3
    scores = []
    for label, concepts in class_concepts(rank.present, rank.labels).items():
        if not set(concepts.nonzero()[:, 0].tolist()) <= {0, 1, 2}:
            continue
        inside = concepts.nonzero()[:, 0].tolist()  # the units have the numbers of their concepts
        gone = [u for u in range(7) if kept is not None and (u in inside) != kept]
        mean = readout.mean.clone()
        mean[:, gone] = own[gone]
        scores.append(one_vs_rest(mean @ readout.head.T, readout.labels, label).item())
    assert len(scores) == 3
    assert found.item() == pytest.approx(sum(scores) / 3, abs=1e-6)


def test_without_detectors_there_is_no_class(both):
    """Where no class has all of its detectors its accuracy is nan and their number 0."""
    readout, rank = both
    sheet = Sheet(readout, Sheet(detected(rank, {0: 0})))
    metric = sheet.metrics["class_units"]
    assert sheet.compute(metric, "classes_with_detectors").item() == 0
    assert sheet.compute(metric, "class_accuracy_kept").isnan()
    assert sheet.compute(metric, "class_accuracy").isnan()


def test_classes_that_do_not_exclude_each_other_have_concepts_too():
    """With a yes or no for each class its concepts are those on every image that has it; one that no image has has none."""
    labels = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]])  # 4 images, 3 classes
    present = torch.tensor([[1, 1], [1, 0], [0, 0], [1, 1]]).bool()  # 4 images, 2 concepts
    found = {label: own.tolist() for label, own in class_concepts(present, labels).items()}
    assert found == {0: [True, False]}
