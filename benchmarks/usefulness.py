"""Usefulness: do digits that are useless for the task get a detector?

Claim R8, from B. Zhou's talk (2018/19): they do not. The classes are the 28 pairs of the digits 0-7; 8 and 9 are each shown with
probability .25, as often as a useful digit, whatever the class. With fewer than 10 seeds intervals are shown and no verdict.
Cost: 10 runs of 30 epochs over 20,000 canvases for 5 seeds; the README says how long that took, and on what.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

STUDY = Study(
    title="Which pair of the digits 0-7? 28 classes, 8 and 9 are useless",
    about=(
        "The question is B. Zhou's, from his talk “Disentanglement of Visual Concepts from Classifying and Synthesizing Scenes” "
        "(2018/19): 8 and 9 say nothing about the answer, so do they get a detector all the same?"
    ),
    variants={
        "baseline": Variant(task="redundant"),
        "wide": Variant(task="redundant", net_settings={"conv3": 30}),
    },
    seeds=5,
    claims=tuple(
        claim
        for variant in ("baseline", "wide")
        for claim in (
            Claim(
                "R8",
                f"8 and 9 get no detector ({variant})",
                "useless_alignment",
                variant,
                "below",
                0.40,
                words=f"The best unit for 8 or 9 has an alignment of {{mean}} where a detector has .80 ({variant})",
            ),
            Claim(
                "R8",
                f"Every useful digit has a better one ({variant})",
                "useless_alignment",
                variant,
                "below",
                minus="worst_useful_alignment",
                words=f"That unit lies {{mean}} {{above/below}} the best unit of every useful digit ({variant})",
            ),
        )
    ),
)
