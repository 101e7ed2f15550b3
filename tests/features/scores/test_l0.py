"""L0 and dead atoms, by hand."""

import torch

from mixmnist.features.scores.l0 import atoms_dead, l0


def test_hand_numbers():
    """Of four cells and three atoms, codes above 0 are counted by cell, and an atom with none is dead."""
    codes = torch.tensor([[0.1, 0.0, 3.0], [0.0, 0.0, 1e-9], [0.0, 0.0, 0.0], [2.0, 0.0, 2.0]])
    assert l0(codes).item() == 5 / 4
    assert torch.isclose(atoms_dead(codes), torch.tensor(1 / 3).double())


def test_a_constant_code_is_not_dead():
    """An atom with which every cell is written as much is alive: it is no detector, but it writes."""
    assert atoms_dead(torch.ones(4, 1)).item() == 0


def test_what_is_not_positive_does_not_fire():
    """Codes below 0 and nan must not count."""
    assert l0(torch.tensor([[-1.0, torch.nan, 1.0]])).item() == 1


def test_no_cells_have_no_l0():
    """Without cells there must be no number, and no warning."""
    assert l0(torch.zeros(0, 3)).isnan()
