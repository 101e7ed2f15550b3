"""Verification: do pictures of DGN-AM show what the net has learnt, or what their prior has?

Nets of 90 classes learn pairs on canvases as they are and the same pairs on canvases that are changed as a whole (polarity inverted,
tiles in another order, blurred), a net for each change and seed. The prior of their pictures has seen canvases as they are, and
no changed one. The variant's own nets, those of the study sanity, lend the prior of another net. Claims V1 to V5:

V1 the nets know both halves: they name changed canvases as rightly as the others;
V2 (Nguyen et al. 2016, by eye) pictures of changed classes carry their change, though their prior has never seen it;
V3 their digits are to be read once the change is undone;
V4 a prior that has seen both halves carries the change better;
V5 pictures of normal classes by a prior that was trained on other glyphs show their digits no less.
Cost: about 35 minutes of a core for 3 seeds.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

SAYS = {"inverted": "inverted polarity", "tiles": "shuffled tiles", "blurred": "a blur"}

STUDY = Study(
    title="The verification of DGN-AM: classes that the prior has never seen",
    about=(
        "A learned prior makes pictures plausible: does it also make them up? A net learns canvases as they are and canvases that "
        "are changed; its pictures are made by a prior that knows the former alone, and read by readers of known errors."
    ),
    variants={"baseline": Variant()},
    seeds=3,
    claims=(
        *(
            Claim(
                "V1",
                f"The net names canvases with {says} rightly",
                f"accuracy_changed_{how}",
                "baseline",
                "above",
                0.6,
                seeds=3,
                words=f"The net names {{mean %}} of the canvases with {says} rightly",
            )
            for how, says in SAYS.items()
        ),
        *(
            Claim(
                "V2",
                f"Pictures of classes with {says} carry it",
                f"carried_learned_{how}",
                "baseline",
                "above",
                0.5,
                seeds=3,
                words=f"Of classes with {says} {{mean points}} {{more/fewer}} pictures are read as such than of normal classes",
            )
            for how, says in SAYS.items()
        ),
    ),
    analyses=("verification",),
)
