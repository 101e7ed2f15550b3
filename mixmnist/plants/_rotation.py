"""Rotations of a layer's units and their real powers Q^alpha: alpha 0 leaves the units as they are, 1 rotates them wholly."""

import math

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.linalg import schur
from scipy.stats import special_ortho_group
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.core.seeding import derive

ORTHOGONAL = 1e-8  # largest entry of Q^T Q - 1 at which Q counts as orthogonal
FLAT = 1e-12  # off the diagonal of the Schur form: no plane is turned


def random_rotation(n_units: int, seed: int) -> Float[Tensor, "units units"]:
    """Draws a rotation (orthogonal, determinant 1), uniform over all of them, in float64.

    Example:
        >>> round(float(random_rotation(3, seed=0).det()), 9)
        1.0
    """
    require(n_units >= 1, f"n_units must be 1 or more, got n_units={n_units}.")
    if n_units == 1:
        return torch.ones(1, 1, dtype=torch.float64)
    random = np.random.default_rng(derive(seed, "rotation"))
    return torch.from_numpy(special_ortho_group.rvs(n_units, random_state=random))


def fractional_rotation(q: Float[Tensor, "units units"], alpha: float) -> Float[Tensor, "units units"]:
    """Gives Q^alpha, the rotation by the alpha-fold of each of Q's angles (of -180 .. 180 degrees), in float64.

    The real Schur form of an orthogonal matrix is a turn in each of some planes that are at right angles to each other; the
    angles are multiplied.

    Args:
        q: A rotation.
        alpha: Any real number; 0 gives the identity, 1 gives Q.

    Raises:
        ValueError: If q is no rotation: not orthogonal, or with determinant -1, which has no real powers.

    Example:
        >>> quarter = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
        >>> fractional_rotation(quarter, 0.5)
        tensor([[ 0.7071, -0.7071],
                [ 0.7071,  0.7071]], dtype=torch.float64)
    """
    matrix = q.detach().cpu().double().numpy()
    off = float(np.abs(matrix.T @ matrix - np.eye(len(matrix))).max())
    require(off < ORTHOGONAL, f"q must be orthogonal, got q with an entry of Q^T Q - 1 of {off:.2g}. Use random_rotation.")
    require(np.linalg.det(matrix) > 0, "q must have determinant 1, got -1. Change the sign of one row.")
    turns, basis = schur(matrix, output="real")
    powers = np.eye(len(matrix))
    flipped: list[int] = []  # axes that are turned around; there are evenly many, and each two make a plane
    axis = 0
    while axis < len(matrix):
        if axis + 1 < len(matrix) and abs(turns[axis + 1, axis]) > FLAT:
            _turn(powers, axis, axis + 1, alpha * math.atan2(turns[axis + 1, axis], turns[axis, axis]))
            axis += 2
            continue
        flipped += [axis] if turns[axis, axis] < 0 else []
        axis += 1
    for first, second in zip(flipped[::2], flipped[1::2], strict=True):
        _turn(powers, first, second, alpha * math.pi)
    unit = np.eye(len(matrix))
    return torch.from_numpy(unit + basis @ (powers - unit) @ basis.T).to(q.device)  # exactly the identity at alpha 0


def _turn(matrix: NDArray[np.float64], first: int, second: int, angle: float) -> None:
    """Puts a turn of one plane into a matrix that leaves it alone so far."""
    plane = np.ix_((first, second), (first, second))
    matrix[plane] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
