"""Grades: what the report card says of each score, and whether it may be quoted; for the page, tables and commands alike.

The letters are those of the reference study `trust`; a test holds them against its card. What to quote is the advice of
docs/trust.md: no score below C is to be quoted, none of A or B is forbidden.
"""

from collections.abc import Mapping
from typing import NamedTuple

QUOTE, WITH_CARE, NOT_ALONE = "quote", "with care", "not alone"


class Grade(NamedTuple):
    """What the card says of one score."""

    grade: str
    """A to F; - where a sound and an idle unit score alike, so that nothing could be tested."""
    say: str
    """One of quote, with care, not alone."""
    why: str
    """One sentence."""


_PLACES = "It sees whether the map lies on the concept"
_TOP = "It looks at the highest responses only: extra labels and missed images go unseen."
_CAPPED = "It is capped by the concept's size, and moves when the concept gets rarer: print its ceiling."
_ONE_ROLE = "It rises with false alarms at last, and hardly exceeds its null on trained networks."
_NO_TEST = "The planted units could not test it"

UNITS: Mapping[str, Grade] = {  # columns of the table of units
    "alignment": Grade("B", QUOTE, "It falls with missing and extra labels, and ranks units as the truth does: print chance."),
    "alignment_mean": Grade("B", QUOTE, "As alignment, by the mean response: print chance."),
    "iou_box_matched": Grade("A", QUOTE, f"{_PLACES}, at the threshold that marks as many pixels as the concept has."),
    "iou_box_information": Grade("A", QUOTE, f"{_PLACES}, at the threshold that tells most of it."),
    "iou_ink_information": Grade("A", QUOTE, f"{_PLACES}'s ink, at the threshold that tells most of it."),
    "iou_ink_matched": Grade("C", WITH_CARE, f"{_PLACES}'s ink, but is blind to extra labels."),
    "iou_box_quantile": Grade("B", WITH_CARE, _CAPPED),
    "iou_ink_quantile": Grade("B", WITH_CARE, _CAPPED),
    "drop": Grade("B", QUOTE, "It tells what one unit is worth; of units that share their work print the group drop beside it."),
    "drop_mean": Grade("-", WITH_CARE, f"{_NO_TEST}: an idle and a sound one lose nothing at their mean."),
    "group_drop": Grade("B", QUOTE, "It tells what all detectors of a concept are worth together, however many there are."),
    "group_drop_mean": Grade("-", WITH_CARE, f"{_NO_TEST}: idle and sound ones lose nothing at their mean."),
    "f1": Grade("B", WITH_CARE, "It sees missing and extra labels alike, and moves when the concept gets rarer."),
    "correlation": Grade("B", WITH_CARE, "It sees missing and extra labels alike, and moves when the concept gets rarer."),
    "mutual_information": Grade("B", WITH_CARE, "It cannot tell a detector from its negative."),
    "concept_average_precision": Grade("B", WITH_CARE, _ONE_ROLE),
    "concept_average_precision_fitted": Grade("C", WITH_CARE, _ONE_ROLE),
    "precision_at_recall_75": Grade("B", WITH_CARE, "It is one point of the curve whose area is alignment."),
    "linear_probe": Grade("-", WITH_CARE, f"{_NO_TEST}: it reads the whole layer."),
    "precision_at_recall_25": Grade("D", NOT_ALONE, _TOP),
    "precision_at_recall_50": Grade("D", NOT_ALONE, _TOP),
    **{f"precision_at_{k}": Grade(grade, NOT_ALONE, _TOP) for k, grade in ((100, "E"), (300, "E"), (500, "E"), (700, "D"))},
    "drop_resample": Grade("D", NOT_ALONE, "It ranks units not as their worth does, and changes with the response's scale."),
    "concept_drop": Grade("D", NOT_ALONE, "It does not see false alarms, and is nothing for units with copies."),
    "damage_selectivity": Grade("D", NOT_ALONE, "It ranks units not as their worth does."),
    "max_class_drop": Grade("E", NOT_ALONE, "A perfect unit has the most there is, and so have many worse ones."),
    "selectivity": Grade("E", NOT_ALONE, "It does not fall when a unit misses three images of four."),
    "concept_selectivity": Grade("F", NOT_ALONE, "It does not see missing labels, nor a unit that misses images."),
    "class_correlation": Grade("F", NOT_ALONE, "It has nothing to do with what the unit is worth."),
    "weight_norm": Grade("F", NOT_ALONE, "It has nothing to do with what the unit is worth."),
}

_OF_WIDTH = "It moves with the layer's width, so networks of one width only can be compared."
_OF_DETECTED = "It averages over the concepts that have a detector: print how many those are."
_OF_COPIES = "It shrinks where units share their work."

RUNS: Mapping[str, Grade] = {  # columns of the tables of runs and variants
    "unique_concepts": Grade("A", QUOTE, "It counts what is detected, not how often."),
    "used_concepts": Grade("A", QUOTE, "It counts what is detected and relied on."),
    "coverage": Grade("B", QUOTE, "It is the best alignment of each concept, whatever the layer's width."),
    "mean_alignment": Grade("C", WITH_CARE, _OF_WIDTH),
    "mean_alignment_mean": Grade("C", WITH_CARE, _OF_WIDTH),
    "mean_best_alignment_mean": Grade("C", WITH_CARE, _OF_WIDTH),
    "mean_group_drop": Grade("D", WITH_CARE, _OF_DETECTED),
    "mean_group_drop_mean": Grade(
        "-", WITH_CARE, "It averages over the concepts that have a detector: print how many those are."
    ),
    "max_drop": Grade("C", WITH_CARE, _OF_COPIES),
    "max_class_drop": Grade("C", WITH_CARE, _OF_COPIES),
    "reliance": Grade("C", WITH_CARE, _OF_COPIES),
    "reliance_mean": Grade("C", WITH_CARE, _OF_COPIES),
    "reliance_area": Grade("C", WITH_CARE, _OF_COPIES),
    "reliance_area_mean": Grade("C", WITH_CARE, _OF_COPIES),
    "detectors": Grade("D", NOT_ALONE, "Copies of one detector count as many: print the unique concepts."),
    "mean_drop": Grade("E", NOT_ALONE, _OF_WIDTH),
    "mean_drop_mean": Grade("-", NOT_ALONE, _OF_WIDTH),
    "mean_drop_resample": Grade("E", NOT_ALONE, _OF_WIDTH),
    "max_drop_mean": Grade("E", NOT_ALONE, "It grows with copies and with what is common."),
    "gini": Grade("F", NOT_ALONE, _OF_WIDTH),
}
