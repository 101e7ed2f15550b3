"""Superposed: five units, each the sum of two detectors (0 and 1, 2 and 3, ...), and the best head for them.

A unit's mean counts how many of its two digits an image shows. Both: 5 of the 45 classes, known for sure. One each of two
units: four classes look the same, so no reader has more than 1/4 of these 40. The head, m_u + m_v for classes of two units and
3/2 m_u for those of one, reaches what can be reached: (5 + 40/4)/45 = 1/3.
A unit's peak tells its digits from the others and not from each other: on 17 of the 45 classes it is 1, each digit is on 9, so
alignment is 9/17. By its mean the class of both comes first: 1/9 + 8/9 * 9/17. No unit detects, no concept has a group.
Without a unit its class of both is a tie of 45; on the 16 classes of one of its digits and another one the other unit's own
class wins with 3/2: they lose the 1/4 that they had.
"""

import torch

from mixmnist.core.records import Expected, Plant, Right
from mixmnist.plants._network import NONE, PAIRS, Planted

ALIGNMENT = 9 / 17
BY_MEAN = 1 / 9 + 8 / 9 * 9 / 17
DROP = (44 / 45 + 16 / 4) / 45


def build(seed: int) -> Planted:
    """Builds the network; there is only one."""
    del seed
    mixing = torch.eye(5).repeat_interleave(2, dim=1)  # units digits
    head = torch.stack([mixing[:, i] + mixing[:, j] if i // 2 != j // 2 else 1.5 * mixing[:, i] for i, j in PAIRS])
    return Planted(mixing, head)


def expected(seed: int) -> Expected:
    """Gives the right values."""
    del seed
    return {
        "layer": {
            "accuracy": Right(1 / 3, spread=1.5),
            "n_units": Right(5),
            "dead": Right(0),
            "detectors": Right(0),
            "unique_concepts": Right(0),
            "coverage": Right(ALIGNMENT, spread=3),
            "mean_alignment": Right(ALIGNMENT, spread=3),
            "mean_alignment_mean": Right(BY_MEAN, spread=3),
            "used_concepts": Right(0),
            "mean_group_drop": NONE,
            "mean_drop": Right(DROP, spread=1.5),
            "max_drop": Right(DROP, spread=2),
            "max_class_drop": Right(44 / 45),
            "classes_with_detectors": Right(0),
            "class_accuracy": NONE,
        },
        "units": {
            "alignment": Right(ALIGNMENT, spread=3),
            "alignment_mean": Right(BY_MEAN, spread=3),
            "selectivity": Right((2 - 16 / 44) / (2 + 16 / 44)),
            "drop": Right(DROP, spread=2),
            "max_class_drop": Right(44 / 45),
        },
        "concepts": {
            "alignment": Right(ALIGNMENT, spread=3),
            "group_size": Right(0),
            "group_drop": NONE,
            "linear_probe": Right(BY_MEAN, within=0.03, spread=3),  # ties are broken by weights that are fitted to noise
        },
    }


PLANT = Plant("five units, two digits each", build, expected)
