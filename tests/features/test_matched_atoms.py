"""Atoms and directions are matched one to one, as well as can be."""

from itertools import permutations

import pytest
import torch

from mixmnist.features.matching import cosines, matched


@pytest.mark.parametrize("seed", range(5))
def test_no_other_assignment_has_a_larger_sum(seed):
    """The sum must be the largest over all assignments of three rows to five columns."""
    table = torch.rand(3, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    best = max(sum(table[row, column] for row, column in enumerate(columns)) for columns in permutations(range(5), 3))
    torch.testing.assert_close(matched(table).sum(), best)
    torch.testing.assert_close(matched(table.T).sum(), best)


def test_pairs_come_by_the_row():
    """Each row's pair must be given at the row's place."""
    assert matched(torch.tensor([[0.0, 0.25, 0.5], [0.75, 0.0, 0.0]])).tolist() == [0.5, 0.75]


def test_cosines_are_of_each_with_each():
    """Cosines must not depend on lengths, and be 0 with what has no length."""
    first, second = torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([[5.0, 0.0], [3.0, 4.0], [-0.1, 0.0]])
    torch.testing.assert_close(cosines(first, second), torch.tensor([[1.0, 0.6, -1.0], [0.0, 0.0, 0.0]]).double())
