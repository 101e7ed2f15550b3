"""Verification: do pictures of DGN-AM show what the net has learnt, or what their prior has?

Nets of 90 classes learn pairs on canvases as they are and the same pairs on canvases that are changed as a whole (polarity
inverted, quarters in another order, blurred), a net for each change and seed. The prior of their pictures has seen canvases as
they are, and no changed one. The variant's own nets, those of the study sanity, lend the prior of another net. Claims V1 to V5;
V2 is of Nguyen et al. (2016), who judged by eye, the others are our own:

V1 the nets know the changed half, too;
V2 pictures of changed classes carry their change, though their prior has never seen it;
V3 where polarity is inverted they do not: they show the class's digits as they lie on a canvas that is not changed;
V4 a prior that has seen both halves carries the change better;
V5 for classes that are not changed, the prior of another net, or of glyphs of another source, shows their digits about as well.
V3 was worded after the first net: three others are looked at, too few for a verdict.
Cost: about 35 minutes of a core, a third of it the generators of changed nets.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

SEEDS = 5
SAYS = {"inverted": "inverted polarity", "tiles": "quarters in another order", "blurred": "a blur"}
FROM = {"learned_by_another_net": "of another net", "learned_on_digits": "of digits", "learned_on_stamps": "of stamps"}

STUDY = Study(
    title="The verification of DGN-AM: classes that the prior has never seen",
    about=(
        "A learned prior makes pictures plausible: does it also make them up? A net learns canvases as they are and canvases "
        "that are changed; its pictures are made by a prior that knows the former alone, and read by readers of known errors."
    ),
    variants={"baseline": Variant()},
    seeds=5,  # so that recorded blocks are referred to; the analysis looks at three
    claims=(
        *(
            Claim(
                "V1",
                f"The net names more than half of the canvases with {says} rightly",
                f"accuracy_changed_{how}",
                "baseline",
                "above",
                0.5,
                seeds=SEEDS,
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
                seeds=SEEDS,
                words=f"Of classes with {says} {{mean points}} {{more/fewer}} pictures are read as such than of other classes",
            )
            for how, says in SAYS.items()
        ),
        Claim(
            "V3",
            "Pictures of classes with inverted polarity show their digits white on black",
            "own_changed_learned_inverted",
            "baseline",
            "above",
            minus="own_undone_changed_learned_inverted",
            seeds=SEEDS,
            words="White on black {mean points} {more/fewer} of the digits of inverted classes are read than black on white",
        ),
        *(
            Claim(
                "V4",
                f"A prior that has seen {says} carries it better",
                f"carried_learned_of_both_halves_{how}",
                "baseline",
                "above",
                minus=f"carried_learned_{how}",
                seeds=SEEDS,
                words=f"A prior that has seen {says} carries it in {{mean points}} {{more/fewer}} of the pictures",
            )
            for how, says in SAYS.items()
        ),
        *(
            Claim(
                "V5",
                f"The prior {whose} shows the digits of classes that are not changed about as well",
                f"own_normal_{way}_inverted",
                "baseline",
                "above",
                -0.2,
                minus="own_normal_learned_inverted",
                seeds=SEEDS,
                words=f"The prior {whose} shows {{mean points}} {{more/fewer}} of the digits of classes that are not changed",
            )
            for way, whose in FROM.items()
        ),
    ),
    analyses=("verification",),
)
