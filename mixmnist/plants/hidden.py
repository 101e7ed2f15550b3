"""Hidden causes: the digits 0-4 have perfect detectors; 5-9 are read from five units that the head needs and no concept explains.

Each hidden unit answers to four of the digits 5-9, one left out. The head finds a digit by difference: the quarter of all five
minus the unit that leaves it out. It reads every image, so a linear probe tells all ten digits; but a hidden unit's peak is 1
on 30 of the 45 classes, and each of its digits is on 9: alignment .3. No unit detects 5-9.
Without the hidden unit that leaves out k, the evidence for k rises by 3/4, that for the others of 5-9 falls by 1/4, for each of
the other four that is shown. Classes of two of the four: k wins, 6 classes lose all. Of one of the four and one of 0-4: a tie
with k's class, 20 classes lose half. All others stay right: a drop of 16/45, twice that of a perfect detector.
The detectors of 0-4 are worth what they are in the perfect network: 8/9 of the share of images with the digit.
"""

import torch

from mixmnist.core.records import Expected, Plant, Right
from mixmnist.plants._network import SHARE, TIE, Planted, add_up, all_but_one

SEEN, UNSEEN = range(5), range(5, 10)  # digits
ALIGNMENT = 9 / 30
DROP = (6 + 20 / 2) / 45


def build(seed: int) -> Planted:
    """Builds the network; there is only one."""
    del seed
    mixing, evidence = all_but_one(UNSEEN)
    eye = torch.eye(10)
    return Planted(torch.cat([eye[list(SEEN)], mixing]), add_up(torch.cat([eye[:, list(SEEN)], evidence], dim=1)))


def expected(seed: int) -> Expected:
    """Gives the right values."""
    del seed
    nan = float("nan")
    return {
        "layer": {
            "accuracy": Right(1),
            "n_units": Right(10),
            "dead": Right(0),
            "detectors": Right(5),
            "unique_concepts": Right(5),
            "coverage": Right((5 + 5 * ALIGNMENT) / 10, spread=1.5),
            "mean_alignment": Right((5 + 5 * ALIGNMENT) / 10, spread=1.5),
            "used_concepts": Right(5),
            "mean_group_drop": Right(0.2 * TIE, spread=SHARE),
            "mean_drop": Right((5 * 0.2 * TIE + 5 * DROP) / 10, spread=SHARE),
            "max_drop": Right(DROP, spread=2.5),
            "max_class_drop": Right(1),
            "classes_with_detectors": Right(10),
        },
        "units": {
            "alignment": Right((1,) * 5 + (ALIGNMENT,) * 5, spread=3),
            "selectivity": Right(((1 - 8 / 44) / (1 + 8 / 44),) * 5 + ((2 - 34 / 44) / (2 + 34 / 44),) * 5),
            "drop": Right((0.2 * TIE,) * 5 + (DROP,) * 5, spread=2.5),
            "max_class_drop": Right((TIE,) * 5 + (1,) * 5),
        },
        "concepts": {
            "alignment": Right((1,) * 5 + (ALIGNMENT,) * 5, spread=3),
            "group_size": Right((1,) * 5 + (0,) * 5),
            "group_drop": Right((0.2 * TIE,) * 5 + (nan,) * 5, spread=SHARE),
            "linear_probe": Right(1),
        },
    }


PLANT = Plant("five digits read from units that no concept explains", build, expected)
