"""Rotations and their real powers."""

import pytest
import torch

from mixmnist.plants._rotation import fractional_rotation, random_rotation

SIZES = (1, 2, 5, 10, 31)


def close(a, b):
    """Whether two matrices are the same but for rounding in float64."""
    return bool((a - b).abs().max() < 1e-10)


@pytest.mark.parametrize("n", SIZES)
def test_a_random_rotation_is_a_rotation(n):
    """It must be orthogonal with determinant 1, in float64; the same for the same seed, another for another."""
    q = random_rotation(n, seed=3)
    assert q.dtype == torch.float64
    assert close(q.T @ q, torch.eye(n, dtype=torch.float64))
    assert q.det() == pytest.approx(1)
    assert torch.equal(q, random_rotation(n, seed=3))
    assert n == 1 or not close(q, random_rotation(n, seed=4))


@pytest.mark.parametrize("n", SIZES)
def test_powers_are_powers(n):
    """Power 0 must be the identity, 1 the rotation, halves must make a whole, and all must be rotations."""
    q = random_rotation(n, seed=1)
    assert close(fractional_rotation(q, 0.0), torch.eye(n, dtype=torch.float64))
    assert close(fractional_rotation(q, 1.0), q)
    half = fractional_rotation(q, 0.5)
    assert close(half @ half, q)
    assert close(half.T @ half, torch.eye(n, dtype=torch.float64))
    assert close(fractional_rotation(q, 0.3) @ fractional_rotation(q, 0.7), q)


def test_half_a_turn_has_powers():
    """Axes that are turned around make planes, two each."""
    q = torch.diag(torch.tensor([-1.0, 1, -1, -1, -1], dtype=torch.float64))
    half = fractional_rotation(q, 0.5)
    assert close(half @ half, q)
    assert close(half.T @ half, torch.eye(5, dtype=torch.float64))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (torch.eye(3) * 2, "q must be orthogonal, got q with an entry of Q\\^T Q - 1 of 3"),
        (torch.diag(torch.tensor([1.0, -1])), "q must have determinant 1, got -1"),
    ],
)
def test_what_is_no_rotation_is_refused(matrix, message):
    """A matrix that stretches or mirrors must be refused."""
    with pytest.raises(ValueError, match=message):
        fractional_rotation(matrix, 0.5)


def test_a_rotation_needs_a_unit():
    """No units cannot be rotated."""
    with pytest.raises(ValueError, match="n_units must be 1 or more, got n_units=0"):
        random_rotation(0, seed=0)
