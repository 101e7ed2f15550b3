"""Perfect: ten perfect digit detectors and the head that adds them up, logit_ij = m_i + m_j. It reads every image.

Every unit answers 1 where its digit is, else 0. On an image of i and j the class ij has logit 2, the 16 classes that share one
digit with it 1, the others 0. Without unit i the nine classes of j tie at 1, so an image counts 1/9: each of the nine classes
of i loses 8/9, no other class loses anything, and the overall drop is 8/9 of the share of images with i, .1778 in expectation
and over all units on average exactly that, since every image has two digits. Silenced to its mean (.2 of 1) a unit costs
nothing: 1.2 still beats 1.
With the detectors of i and j alone the class ij is right on its own images; it is one of nine that tie on the 16 classes with
one of them, and one of 45 on the other 28. Without them its own images are a tie of 45, and it is given to no other.
"""

import torch

from mixmnist.core.records import Expected, Plant, Right
from mixmnist.plants._network import CELLS, SHARE, TIE, Planted, add_up


def build(seed: int) -> Planted:
    """Builds the network; there is only one."""
    del seed
    return Planted(None, add_up(torch.eye(10)))


def expected(seed: int) -> Expected:
    """Gives the right values."""
    del seed
    return {
        "layer": {
            "accuracy": Right(1),
            "n_units": Right(10),
            "dead": Right(0),
            "detectors": Right(10),
            "unique_concepts": Right(10),
            "coverage": Right(1),
            "mean_alignment": Right(1),
            "mean_alignment_mean": Right(1),
            "used_concepts": Right(10),
            "mean_group_drop": Right(0.2 * TIE),
            "mean_group_drop_mean": Right(0),
            "mean_drop": Right(0.2 * TIE),
            "mean_drop_mean": Right(0),
            "max_drop": Right(0.2 * TIE, spread=SHARE),
            "max_class_drop": Right(TIE),
            "gini": Right(0, spread=2.5),
            "classes_with_detectors": Right(45),
            "class_accuracy": Right(1),
            "class_accuracy_kept": Right(1 - (16 / 9 + 28 / 45) / 44 / 2, spread=0.5),
            "class_accuracy_removed": Right((1 / 45 + 1) / 2),
        },
        "units": {
            "concept": Right(tuple(range(10))),
            "alignment": Right(1),
            "alignment_mean": Right(1),
            "f1": Right(1),
            "correlation": Right(1),
            "precision_at_100": Right(1),
            "precision_at_recall_75": Right(1),
            "selectivity": Right((1 - 8 / 44) / (1 + 8 / 44)),
            "concept_selectivity": Right((1 - 1 / 9) / (1 + 1 / 9), spread=2),
            "drop": Right(0.2 * TIE, spread=SHARE),
            "drop_mean": Right(0),
            "drop_resample": Right(0.2 * 0.8 * (TIE + 2 / 3), spread=2.5),  # a digit is lost, or a third one comes in
            "max_class_drop": Right(TIE),
            "concept_drop": Right(TIE),
            "damage_selectivity": Right(TIE),
            "weight_norm": Right(9 * CELLS),
        },
        "concepts": {
            "chance": Right(0.2, spread=SHARE),
            "alignment": Right(1),
            "group_size": Right(1),
            "group_drop": Right(0.2 * TIE, spread=SHARE),
            "group_drop_mean": Right(0),
            "linear_probe": Right(1),
        },
    }


PLANT = Plant("ten perfect detectors and the head that adds them up", build, expected)
