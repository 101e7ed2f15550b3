"""Groups of units: of a concept, of a class."""

import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from mixmnist.metrics._decisions import one_vs_rest
from mixmnist.metrics.class_curve import class_curve
from mixmnist.metrics.class_units import class_concepts
from mixmnist.metrics.group_drop import group_drop, groups


def test_one_vs_rest_equals_scikit_learn():
    """Telling one class from the others must have scikit-learn's balanced accuracy, for either kind of label."""
    g = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(60, 4, generator=g), torch.randint(4, (60,), generator=g)
    for label in range(4):
        said = logits.argmax(dim=1) == label
        assert one_vs_rest(logits, labels, label).item() == pytest.approx(balanced_accuracy_score(labels == label, said))
        yes = torch.stack([labels == 0, labels < 2, labels > 0, labels > 2], dim=1).long()
        expected = balanced_accuracy_score(yes[:, label], logits[:, label] > 0)
        assert one_vs_rest(logits, yes, label).item() == pytest.approx(expected)


def test_a_single_class_has_no_rest():
    """Where there is one class alone it cannot be told from others, and that is no error."""
    assert one_vs_rest(torch.zeros(3, 1), torch.zeros(3, dtype=torch.int64), 0).isnan()


def test_classes_have_the_concepts_that_are_always_there(perfect):
    """A pair class has its two digits."""
    found = class_concepts(perfect.present, perfect.labels)
    assert {perfect.classes[label]: "".join(str(c) for c in own.nonzero()[:, 0].tolist()) for label, own in found.items()} == {
        name: name for name in perfect.classes
    }


def test_without_the_group_of_a_perfect_unit_its_classes_tie(perfect, perfect_sheet, detects):
    """Removing a digit's only detector must cost what removing the unit costs; a digit without a detector has no group drop."""
    drops = dict(zip(detects, perfect_sheet["drop"].tolist(), strict=True))
    assert perfect_sheet["group_drop"].tolist() == pytest.approx([drops[digit] for digit in range(10)])
    assert perfect_sheet["group_size"].tolist() == [1] * 10
    none = torch.zeros(10, 10, dtype=torch.bool)
    assert group_drop(perfect_sheet["correct"], perfect.without, perfect.labels, none, torch.zeros(10)).isnan().all()


def test_copies_of_a_detector_go_together(perfect, perfect_sheet, pick, change):
    """Two copies of each unit, with half the weight each, must lose nothing singly that their group does not lose."""
    from dataclasses import replace

    from mixmnist.probing import HeadAlgebra
    from mixmnist.scoring import Sheet

    mean, head = perfect.mean.repeat(1, 2), perfect.head.repeat(1, 2) / 2
    without = HeadAlgebra(mean, head, torch.zeros(45))
    twice = replace(perfect, response=mean, mean=mean, head=head, logits=mean @ head.T, without=without)
    sheet = Sheet(twice, Sheet(twice))
    assert sheet["group_size"].tolist() == [2] * 10
    torch.testing.assert_close(sheet["group_drop"], perfect_sheet["group_drop"])
    assert (sheet["drop"] < perfect_sheet["drop"].mean() / 2).all()


def test_only_the_own_concept_counts():
    """A unit that passes the threshold for two concepts is in the group of the better one."""
    assert groups(torch.tensor([[0.85, 0.9], [0.79, 0.1]])).tolist() == [[False, True], [False, False]]


def test_a_pair_is_read_from_its_two_units_alone(perfect_sheet):
    """With perfect detectors a class's two units are all it needs, and without them it is told at chance."""
    row = {
        name: float(perfect_sheet.compute(perfect_sheet.metrics["class_units"], name))
        for name in ("classes_with_detectors", "class_accuracy", "class_accuracy_kept", "class_accuracy_removed")
    }
    assert row["classes_with_detectors"] == 45
    assert row["class_accuracy"] == 1
    assert row["class_accuracy_kept"] > 0.97  # images with one of its digits tie with it among the classes of that digit
    assert row["class_accuracy_removed"] < 0.52


@pytest.mark.parametrize("keep", [True, False])
def test_class_curves_equal_slow_loops(tied, tied_rank, keep):
    """Each step must be the mean over classes of the accuracy with the n best units alone, or without them."""
    from mixmnist.metrics.average_precision import average_precision

    alignment = average_precision(tied_rank.response, tied_rank.present)
    found = class_curve(tied.without, tied.logits, tied.labels, tied_rank.present, tied_rank.labels, alignment, keep)
    steps = []
    for n in range(8):
        scores = []
        for label, concepts in class_concepts(tied_rank.present, tied_rank.labels).items():
            best = alignment[:, concepts].amax(dim=1).argsort(descending=True, stable=True)[:n]
            gone = torch.full((7,), keep)
            gone[best] = not keep
            scores.append(one_vs_rest(tied.without(gone[None], torch.zeros(7))[0], tied.labels, label))
        steps.append(torch.stack(scores).mean())
    torch.testing.assert_close(found, torch.stack(steps), rtol=0, atol=1e-6)
