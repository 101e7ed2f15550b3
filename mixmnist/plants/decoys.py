"""Decoys: the network with hidden causes, and beside them perfect detectors of the digits 5-9 that the head ignores.

All ten digits have a perfect detector. Those of 0-4 are used, and worth 8/9 of the share of images with the digit. Those of 5-9
have no weight: what the head knows of these digits comes from the hidden units, and silencing the detectors changes no logit.
They are detected and not used, the hidden units are used and detect nothing.
"""

import torch

from mixmnist.core.records import Expected, Plant, Right
from mixmnist.plants._network import SHARE, TIE, Planted, add_up, all_but_one
from mixmnist.plants.hidden import ALIGNMENT, DROP, SEEN, UNSEEN


def build(seed: int) -> Planted:
    """Builds the network; there is only one."""
    del seed
    mixing, hidden = all_but_one(UNSEEN)
    evidence = torch.cat([torch.eye(10)[:, list(SEEN)], torch.zeros(10, len(UNSEEN)), hidden], dim=1)  # digits units
    return Planted(torch.cat([torch.eye(10), mixing]), add_up(evidence))


def expected(seed: int) -> Expected:
    """Gives the right values."""
    del seed
    return {
        "layer": {
            "accuracy": Right(1),
            "n_units": Right(15),
            "dead": Right(0),
            "detectors": Right(10),
            "unique_concepts": Right(10),
            "coverage": Right(1),
            "mean_alignment": Right((10 + 5 * ALIGNMENT) / 15, spread=1),
            "used_concepts": Right(5),
            "mean_group_drop": Right(0.2 * TIE / 2, spread=SHARE),
            "mean_drop": Right((5 * 0.2 * TIE + 5 * DROP) / 15, spread=SHARE),
            "max_drop": Right(DROP, spread=2.5),
            "max_class_drop": Right(1),
            "classes_with_detectors": Right(45),
        },
        "units": {
            "alignment": Right((1,) * 10 + (ALIGNMENT,) * 5, spread=3),
            "selectivity": Right(((1 - 8 / 44) / (1 + 8 / 44),) * 10 + ((2 - 34 / 44) / (2 + 34 / 44),) * 5),
            "drop": Right((0.2 * TIE,) * 5 + (0,) * 5 + (DROP,) * 5, spread=2.5),
            "max_class_drop": Right((TIE,) * 5 + (0,) * 5 + (1,) * 5),
        },
        "concepts": {
            "alignment": Right(1),
            "group_size": Right(1),
            "group_drop": Right((0.2 * TIE,) * 5 + (0,) * 5, spread=SHARE),
            "linear_probe": Right(1),
        },
    }


PLANT = Plant("perfect detectors that the head ignores, beside hidden causes", build, expected)
