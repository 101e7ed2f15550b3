"""Duplicated: the perfect network with each of its detectors three times and the head's weight split among them.

The function is the same. Without one of three copies a digit's evidence is 2/3, and 5/3 still beats 1: no single unit costs
anything, overall or of any class. All three together are worth what the one detector is: 8/9 of the share of images with it.
"""

import torch

from mixmnist.core.records import Expected, Plant, Right
from mixmnist.plants._network import CELLS, NONE, SHARE, TIE, Planted, add_up

COPIES = 3


def build(seed: int) -> Planted:
    """Builds the network; there is only one."""
    del seed
    mixing = torch.eye(10).repeat(COPIES, 1)  # units digits
    return Planted(mixing, add_up(mixing.T / COPIES))


def expected(seed: int) -> Expected:
    """Gives the right values."""
    del seed
    return {
        "layer": {
            "accuracy": Right(1),
            "n_units": Right(10 * COPIES),
            "dead": Right(0),
            "detectors": Right(10 * COPIES),
            "unique_concepts": Right(10),
            "coverage": Right(1),
            "mean_alignment": Right(1),
            "mean_alignment_mean": Right(1),
            "used_concepts": Right(10),
            "mean_group_drop": Right(0.2 * TIE),
            "mean_drop": Right(0),
            "mean_drop_mean": Right(0),
            "max_drop": Right(0),
            "max_class_drop": Right(0),
            "gini": NONE,
            "classes_with_detectors": Right(45),
            "class_accuracy_kept": Right(1 - (16 / 9 + 28 / 45) / 44 / 2, spread=0.5),
            "class_accuracy_removed": Right((1 / 45 + 1) / 2),
        },
        "units": {
            "concept": Right(tuple(range(10)) * COPIES),
            "alignment": Right(1),
            "alignment_mean": Right(1),
            "selectivity": Right((1 - 8 / 44) / (1 + 8 / 44)),
            "drop": Right(0),
            "max_class_drop": Right(0),
            "concept_drop": Right(0),
            "weight_norm": Right(9 * CELLS / COPIES, within=0.01),
        },
        "concepts": {
            "alignment": Right(1),
            "group_size": Right(COPIES),
            "group_drop": Right(0.2 * TIE, spread=SHARE),
            "linear_probe": Right(1),
        },
    }


PLANT = Plant("the perfect network with every detector three times", build, expected)
