"""Sanity: do digit detectors emerge in a net that is told only which pair of digits it sees?

Claims R1-R4, R6 and R7, from B. Zhou's talk "Disentanglement of Visual Concepts from Classifying and Synthesizing Scenes"
(2018/19) and the papers around it. With fewer than 10 seeds (20 for R3) intervals are shown and no verdict.
Cost: 20 runs of 30 epochs over 20,000 canvases for 5 seeds; the README says how long that took, and on what.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

BOTH = (("", "to zero"), ("_mean", "to its mean"))  # silencings

STUDY = Study(
    title="Which pair of digits? 45 classes",
    about=(
        "The question is B. Zhou's, from his talk “Disentanglement of Visual Concepts from Classifying and Synthesizing Scenes” "
        "(2018/19): nobody told the nets about digits, so do units come to detect them?"
    ),
    variants={
        "baseline": Variant(),
        "dropout": Variant(net_settings={"dropout": 0.25}),
        "wide": Variant(net_settings={"conv3": 30}),
        "wide-dropout": Variant(net_settings={"conv3": 30, "dropout": 0.5}),
    },
    seeds=5,
    claims=(
        Claim(
            "R1",
            "The 10-20-10 net reaches about 91.7 %",
            "accuracy",
            "baseline",
            "within",
            0.917,
            0.015,
            words="The baseline tells {mean %} of the pairs rightly, where the talk has 91.7 %",
        ),
        Claim(
            "R2",
            "A unit as sharp as the talk's Unit03 emerges",
            "has_sharp_detector",
            "baseline",
            "above",
            0.95,
            words="In {mean %} of its trainings a unit as sharp as the talk's best (Unit03) emerges",
        ),
        Claim(
            "R3",
            "A wider conv3 gives more digits a detector",
            "unique_concepts",
            "wide",
            "above",
            against="baseline",
            seeds=20,
            words="A layer three times as wide gives {mean} {more/fewer} digits a detector",
        ),
        *(
            Claim(
                "R3",
                f"A wider conv3 has a smaller largest single-unit drop (silenced {how})",
                f"max_drop{suffix}",
                "wide",
                "below",
                against="baseline",
                seeds=20,
                words=f"Without its most important unit the wide net loses {{mean points}} {{more/less}} (silenced {how})",
            )
            for suffix, how in BOTH
        ),
        *(
            Claim(
                "R3",
                f"A wider conv3 loses less without all detectors of a digit (silenced {how})",
                f"mean_group_drop{suffix}",
                "wide",
                "below",
                against="baseline",
                seeds=20,
                words=f"Without all detectors of a digit the wide net loses {{mean points}} {{more/less}} (silenced {how})",
            )
            for suffix, how in BOTH
        ),
        *(
            Claim(
                "R4",
                f"Dropout spreads reliance: less accuracy beyond chance is lost as units go in random order (silenced {how})",
                f"reliance{suffix}",
                "dropout",
                "below",
                against="baseline",
                words=(
                    "With dropout {mean points} {more/less} of the accuracy beyond chance are lost as units go at random "
                    f"(silenced {how})"
                ),
            )
            for suffix, how in BOTH
        ),
        Claim(
            "R6",
            "The largest class drop is far above the largest overall drop",
            "max_class_drop",
            "baseline",
            "above",
            0.2,
            minus="max_drop",
            words=(
                "The largest drop of a class without one unit lies {mean points} {above/below} the largest drop of all classes "
                "together, which may be without another unit"
            ),
        ),
        Claim(
            "R6",
            "Selectivity predicts the largest class drop",
            "spearman_selectivity_max_class_drop",
            "wide",
            "above",
            words="Over the wide net's units, selectivity and the largest drop of a class correlate by {mean}",
        ),
        Claim(
            "R6",
            "Selectivity does not predict the overall drop",
            "spearman_selectivity_drop",
            "wide",
            "within",
            0.0,
            0.2,
            words="Over the same units, selectivity and the overall drop correlate by {mean}",
        ),
        *(
            Claim(
                "R7",
                f"Keeping only the detectors of a class's digits costs little (others silenced {how})",
                f"class_accuracy_kept{suffix}",
                "wide",
                "above",
                -0.05,
                minus="class_accuracy",
                words=(
                    "With only its digits' detectors the balanced accuracy of a class is {mean points} {higher/lower} "
                    f"(others silenced {how})"
                ),
            )
            for suffix, how in BOTH
        ),
        *(
            Claim(
                "R7",
                f"Removing them costs nearly all (silenced {how}; chance .5)",
                f"class_accuracy_removed{suffix}",
                "wide",
                "below",
                0.6,
                words=f"Without these detectors the balanced accuracy of a class is {{mean %}} (silenced {how})",
            )
            for suffix, how in BOTH
        ),
    ),
)
