"""MCC against hand numbers and a slow search over all assignments."""

from itertools import permutations

import numpy as np
import pytest
import torch

from mixmnist.features.scores.mcc import mcc, mcc_codes


def oracle(table):
    """Gives the largest sum over all assignments of rows to columns, an empty column for each row beside them, over the rows."""
    table = np.concatenate([np.nan_to_num(table).clip(0), np.zeros((len(table), len(table)))], axis=1)
    columns = permutations(range(table.shape[1]), len(table))
    return max(sum(table[row, column] for row, column in enumerate(chosen)) for chosen in columns) / len(table)


def test_hand_numbers():
    """Of two directions one is found and the other by .6: each atom goes to one direction alone."""
    atoms = torch.tensor([[0.8, 0.6], [5.0, 0.0], [0.0, -1.0]])
    assert mcc(atoms, torch.eye(2)).item() == pytest.approx((1 + 0.6) / 2)


def test_a_concept_without_an_atom_counts_as_0():
    """One right atom of three directions must give a third."""
    assert mcc(torch.eye(3)[1:2], torch.eye(3)).item() == pytest.approx(1 / 3)


def test_an_atom_that_points_away_is_like_none():
    """A direction read with the wrong sign must count as 0, and its other half-wave as found."""
    assert mcc(-torch.eye(2), torch.eye(2)).item() == 0
    assert mcc(torch.cat([-torch.eye(2), torch.eye(2)]), torch.eye(2)).item() == 1


@pytest.mark.parametrize("seed", range(4))
def test_equals_a_slow_search(seed):
    """Both columns must equal the best of all assignments, by numpy's cosines and correlations."""
    g = torch.Generator().manual_seed(seed)
    atoms, directions = torch.randn(4, 6, generator=g), torch.randn(3, 6, generator=g)
    cosine = [[(d @ a / d.norm() / a.norm()).item() for a in atoms] for d in directions]
    assert mcc(atoms, directions).item() == pytest.approx(oracle(np.array(cosine)), abs=1e-6)
    codes, true = torch.rand(50, 4, generator=g), torch.rand(50, 3, generator=g)
    correlation = [[np.corrcoef(t, c)[0, 1] for c in codes.T.numpy()] for t in true.T.numpy()]
    assert mcc_codes(codes, true).item() == pytest.approx(oracle(np.array(correlation)), abs=1e-6)


def test_codes_are_assigned_by_themselves():
    """An atom in the wrong direction whose codes are right must count for the codes."""
    true = torch.rand(40, 2, generator=torch.Generator().manual_seed(0))
    assert mcc_codes(3 * true.flip(1) + 1, true).item() == pytest.approx(1)


def test_codes_that_never_change_are_like_none():
    """A constant code, whose mean is not exact in floating point, must be worth nothing."""
    true = torch.rand(40, 2, generator=torch.Generator().manual_seed(0))
    codes = torch.stack([true[:, 0], torch.full((40,), 0.1)], dim=1)
    assert mcc_codes(codes, true).item() == pytest.approx(0.5)


def test_no_directions_have_no_mcc():
    """Without directions there must be no number."""
    assert mcc(torch.eye(2), torch.zeros(0, 2)).isnan()
