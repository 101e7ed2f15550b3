"""How right decisions are: one class of many, or a yes or no for each class."""

import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from mixmnist.metrics._decisions import classes_of, correct, groups, per_decision, probabilities

N, CLASSES = 60, 3
LOGITS = torch.randn(N, CLASSES, generator=torch.Generator().manual_seed(0))
YES = (torch.rand(N, CLASSES, generator=torch.Generator().manual_seed(1)) < torch.tensor([0.2, 0.5, 0.7])).long()


def test_the_mean_is_the_mean_balanced_accuracy():
    """With a yes or no for each class the mean must be scikit-learn's balanced accuracy, averaged over classes."""
    each = [balanced_accuracy_score(YES[:, c], LOGITS[:, c] > 0) for c in range(CLASSES)]
    found = correct(LOGITS, YES)
    assert found.mean().item() == pytest.approx(sum(each) / CLASSES)
    about = classes_of(YES)
    assert [found[about == c].mean().item() for c in range(CLASSES)] == pytest.approx(each)


def test_a_class_without_contrast_counts_as_it_is():
    """A class that is on every image must count the share of right answers."""
    labels = torch.ones(4, 1, dtype=torch.int64)
    assert correct(torch.tensor([[1.0], [-1.0], [2.0], [0.0]]), labels).tolist() == [1, 0, 1, 0]


def test_sets_come_first():
    """Logits under several sets of silenced units must give a row of decisions for each."""
    both = correct(torch.stack([LOGITS, -LOGITS]), YES)
    assert both.shape == (2, N * CLASSES)
    assert torch.equal(both[1], correct(-LOGITS, YES))


def test_each_decision_knows_its_image():
    """What is on an image must come once for each of its decisions, in their order."""
    present = torch.arange(N)[:, None] % 2 == 0
    assert per_decision(present, YES)[:, 0].tolist() == [i % 2 == 0 for i in range(N) for _ in range(CLASSES)]
    assert per_decision(present, YES[:, 0]) is present


def test_groups_and_probabilities_follow_the_labels():
    """Images are grouped by class and logits become probabilities, by a softmax or by sigmoids."""
    assert torch.equal(groups(YES), YES.bool())
    assert groups(torch.tensor([0, 2, 2])).tolist() == [[True, False], [False, True], [False, True]]
    torch.testing.assert_close(probabilities(LOGITS, YES[:, 0]).sum(dim=1), torch.ones(N))
    torch.testing.assert_close(probabilities(LOGITS, YES), 1 / (1 + (-LOGITS).exp()))
