"""Selectivity against hand numbers, a slow double loop and what must not change it."""

import hypothesis.extra.numpy as hnp
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixmnist.metrics.selectivity import METRIC, selectivity

answers = hnp.arrays(np.float32, (9, 2), elements=st.integers(-4, 4))  # 9 images, 2 units
GROUPS = torch.arange(9)[:, None] % 4 == torch.arange(4)  # 9 images, 4 groups


def test_hand_numbers():
    """Group means 4, 1, 1 give (4 - 1)/(4 + 1); means 0, 2, 4 give (4 - 1)/(4 + 1) too; images of a group average."""
    mean = torch.tensor([[3.0, 0.0], [5.0, 0.0], [1.0, 2.0], [1.0, 4.0]])
    groups = torch.tensor([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]).bool()
    torch.testing.assert_close(selectivity(mean, groups), torch.tensor([3 / 5, 3 / 5]))


def test_perfect_pair_detector_has_one():
    """A unit that answers in one class only has selectivity 1 over the classes."""
    labels = torch.arange(45).repeat(2)
    mean = (labels[:, None] == torch.tensor([7, 30])).float()
    assert METRIC.columns["selectivity"](mean=mean, labels=labels).tolist() == [1.0, 1.0]


def test_equals_a_slow_double_loop():
    """Overlapping groups of uneven size agree with means taken one by one."""
    g = torch.Generator().manual_seed(9)
    mean, groups = torch.rand(83, 5, generator=g), torch.rand(83, 3, generator=g) < torch.tensor([0.2, 0.5, 0.7])
    oracle = []
    for u in range(5):
        mu = sorted(mean[groups[:, c], u].mean().item() for c in range(3))
        rest = sum(mu[:-1]) / 2
        oracle.append((mu[-1] - rest) / (mu[-1] + rest))
    torch.testing.assert_close(selectivity(mean, groups), torch.tensor(oracle))


def test_negative_unit_is_shifted_by_its_minimum():
    """Answers -2, 0, 4 score as 0, 2, 6 do; a unit without negative answers is not shifted."""
    mean = torch.tensor([[-2.0, 1.0], [0.0, 2.0], [4.0, 6.0]])
    expected = torch.tensor([(6 - 1) / (6 + 1), (6 - 1.5) / (6 + 1.5)])
    torch.testing.assert_close(selectivity(mean, torch.eye(3).bool()), expected)


def test_signed_marks_units_with_a_negative_answer():
    """One negative answer marks a unit; zeros do not."""
    mean = torch.tensor([[0.0, 1.0, -0.5], [2.0, -1.0, -2.0]])
    assert METRIC.columns["signed"](mean=mean).tolist() == [False, True, True]


def test_group_without_images_is_left_out():
    """An empty group neither counts among the rest nor makes a nan."""
    mean = torch.tensor([[4.0, 0.0], [1.0, 3.0], [2.0, 1.0]])
    groups = torch.tensor([[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]).bool()
    torch.testing.assert_close(selectivity(mean, groups), selectivity(mean, torch.eye(3).bool()))


def test_class_without_images_is_left_out():
    """Labels that skip a class are scored over the classes that occur."""
    mean = torch.tensor([[4.0, 0.0], [1.0, 3.0], [2.0, 1.0]])
    found = METRIC.columns["selectivity"](mean=mean, labels=torch.tensor([0, 5, 2]))
    torch.testing.assert_close(found, torch.tensor([(4 - 1.5) / (4 + 1.5), (3 - 0.5) / (3 + 0.5)]))


def test_fewer_than_two_groups_have_no_score():
    """With one group that has images there is nothing to compare: nan, without a warning."""
    groups = torch.tensor([[1, 0], [1, 0], [1, 0]]).bool()
    assert selectivity(torch.rand(3, 4, generator=torch.Generator().manual_seed(0)), groups).isnan().all()


def test_groups_that_are_alike_score_zero():
    """A live unit with equal group means has selectivity 0."""
    mean = torch.tensor([[1.0], [3.0], [2.0], [2.0], [0.0], [4.0]])
    groups = torch.arange(6)[:, None] // 2 == torch.arange(3)
    assert selectivity(mean, groups).tolist() == [0.0]


def test_unit_that_answers_outside_all_groups_scores_zero():
    """A live unit whose group means are all 0, as it answers only to images without a group, has 0 and not nan."""
    mean = torch.tensor([[0.0], [0.0], [5.0]])
    groups = torch.tensor([[1, 0], [0, 1], [0, 0]]).bool()
    assert selectivity(mean, groups).tolist() == [0.0]


@settings(deadline=None, max_examples=30)
@given(answers)
def test_score_is_a_share_unless_the_unit_is_dead(values):
    """Scores lie in [0, 1], signed units included, and exactly the constant units have none."""
    scores = selectivity(torch.from_numpy(values), GROUPS)
    constant = torch.from_numpy((values == values[0]).all(axis=0))
    assert torch.equal(scores.isnan(), constant)
    assert ((scores >= -1e-6) & (scores <= 1 + 1e-6))[~constant].all()


@settings(deadline=None, max_examples=30)
@given(answers, st.sampled_from([0.25, 3.0, 64.0]))
def test_scale_of_answers_does_not_count(values, scale):
    """Answers times a positive number score the same."""
    mean = torch.from_numpy(values)
    torch.testing.assert_close(selectivity(scale * mean, GROUPS), selectivity(mean, GROUPS), equal_nan=True)


@settings(deadline=None, max_examples=30)
@given(answers)
def test_order_of_groups_does_not_count(values):
    """Groups in another order give the same scores."""
    mean = torch.from_numpy(values)
    torch.testing.assert_close(selectivity(mean, GROUPS[:, [2, 0, 3, 1]]), selectivity(mean, GROUPS), equal_nan=True)
