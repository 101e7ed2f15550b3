"""Rotated: the perfect network with its ten units turned into each other by a random rotation Q, and the head turned back.

Unit u is the sum of Q_ui times the detector of i, its weights those of the perfect head times Q: the function is the same, and
the units are others. What a linear probe on all units finds stays; what is said of single units changes.
Digits lie apart, so the peak of a rotated unit is its largest term: max(0, Q_ui, Q_uj). The images with the digit of its
largest weight come first, all of them: by peak every unit still is a perfect detector, of that digit. Several units may have the
same one, and a digit without any is not detected. The mean, Q_ui + Q_uj, is no perfect detector: mean and peak part. (A unit
without any positive weight, in one network of a hundred, would be dead by its peak; none of the first 200 seeds has one.)
Silencing unit u takes q_u q_u^T out of the evidence. What that costs each class follows from Q in float64, below.
"""

import numpy as np
from numpy.typing import NDArray

from mixmnist.core.records import Expected, Plant, Right
from mixmnist.core.thresholds import USED
from mixmnist.plants._network import PAIRS, Planted, add_up
from mixmnist.plants._rotation import fractional_rotation, random_rotation

ALPHA = 1.0
NEAR = 1.5 / 45  # a group whose drop is so near the threshold may come out on either side, with few images


def build(seed: int, alpha: float = ALPHA) -> Planted:
    """Builds the network whose units are turned by Q^alpha, Q being drawn from the seed."""
    power = fractional_rotation(random_rotation(10, seed), alpha)
    return Planted(power, add_up(power.T))


def expected(seed: int) -> Expected:
    """Gives the right values for the Q of a seed."""
    q = fractional_rotation(random_rotation(10, seed), ALPHA).numpy()
    own = q.argmax(axis=1)  # the digit of each unit's largest weight
    drops = np.stack([_lost(q, np.arange(10) == unit) for unit in range(10)])  # units classes
    groups = np.array([_lost(q, own == digit).mean() if digit in own else np.nan for digit in range(10)])
    unsure = int((np.abs(groups - USED) < NEAR).sum())
    return {
        "layer": {
            "accuracy": Right(1),
            "n_units": Right(10),
            "dead": Right(0),
            "detectors": Right(10),
            "unique_concepts": Right(len(set(own.tolist()))),
            "mean_alignment": Right(1),
            "used_concepts": Right(int((groups >= USED).sum()), within=unsure),
            "mean_group_drop": Right(float(np.nanmean(groups)), spread=2.5),
            "mean_drop": Right(float(drops.mean()), spread=2.5),
            "max_drop": Right(float(drops.mean(axis=1).max()), spread=2.5),
            "max_class_drop": Right(float(drops.max())),
        },
        "units": {
            "concept": Right(tuple(own.tolist())),
            "alignment": Right(1),
            "drop": Right(tuple(drops.mean(axis=1).tolist()), spread=2.5),
            "max_class_drop": Right(tuple(drops.max(axis=1).tolist())),
        },
        "concepts": {
            "group_size": Right(tuple(np.bincount(own, minlength=10).tolist())),
            "group_drop": Right(tuple(groups.tolist()), spread=2.5),
            "linear_probe": Right(1),
        },
    }


def _lost(q: NDArray[np.float64], silenced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tells which of the 45 classes are lost without some of the units: all of a class's images have the same means."""
    shows = np.array([[digit in pair for digit in range(10)] for pair in PAIRS], dtype=float)  # classes digits
    evidence = shows @ q.T * ~silenced @ q
    lost: NDArray[np.bool_] = (evidence @ shows.T).argmax(axis=1) != np.arange(len(PAIRS))
    return lost


PLANT = Plant("the perfect network with its units rotated and its head turned back", build, expected)
