"""Synthesis: is a detector's digit to be read in pictures that are made for it?

The nets are those of the studies sanity and trust; nothing is trained for this study where these are recorded, but a reader and
generators. Pictures of every detector are made by every prior and judged by the reader. Claims S1 to S10, all our own:

S1 response is no criterion: pixels climbed with no prior excite more than natural images, and show the digit in less than .3;
S2 a learned prior lets the digit be read more often than MACO, and MACO more often than no prior;
S3 a natural start is no worse than a random one, to .05;
S4 the learned prior reaches natural images of one digit alone, to .1;
S5 each loss of the generator is needed: without it the digit is read less often;
S6 without the clip of codes the digit is read as often, to .15;
S7 without their decay it is, too;
S8 a prior of another net or source is as good as the net's own, to .15;
S9 one of an untrained net is worse;
S10 path hardly separates priors: the path of none differs from that of pixels without any by .2.
Settings were tuned on the first net of the baseline, and claims worded after the next two: these are in no verdict.
Cost: about 40 minutes of a core; eight nets of the baseline are looked at.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

SHARE = "the own digit is read in {mean points} {more/fewer} of the pictures"

STUDY = Study(
    title="Pictures that are made for a unit, judged by a reader",
    about=(
        "Pictures of what a unit wants are judged by eye elsewhere. Here a reader of known errors says whether the digit that "
        "the unit detects is there, beside natural images and chance."
    ),
    variants={
        "baseline": Variant(),
        "wide": Variant(net_settings={"conv3": 30}),
        "untrained": Variant(origin="untrained"),
    },
    seeds=10,  # so that the recorded blocks are referred to; the analysis looks at eight
    claims=(
        Claim(
            "S1",
            "Pixels with no prior excite the unit more than the best natural image",
            "response_none",
            "baseline",
            "above",
            1.0,
            seeds=5,
            words="With no prior a picture excites its unit {mean} times as much as the best natural image",
        ),
        Claim(
            "S1",
            "Pixels with no prior show the digit in less than .3",
            "reads_own_none",
            "baseline",
            "below",
            0.3,
            seeds=5,
            words="With no prior the own digit is read in {mean %} of the pictures",
        ),
        *(
            Claim(
                "S2",
                f"{one} lets the digit be read more often than {other}",
                f"reads_own_{ours}",
                "baseline",
                "above",
                minus=f"reads_own_{theirs}",
                seeds=5,
                words=f"With {one.lower()} in place of {other} {SHARE}",
            )
            for one, ours, other, theirs in (
                ("A learned prior", "learned", "MACO", "maco_jitter"),
                ("MACO", "maco_jitter", "no prior", "none"),
            )
        ),
        Claim(
            "S3",
            "A natural start is no worse than a random one by .05",
            "reads_own_learned_from_natural_codes",
            "baseline",
            "above",
            -0.05,
            minus="reads_own_learned",
            seeds=5,
            words=f"With a natural start {SHARE}",
        ),
        Claim(
            "S4",
            "The learned prior reaches natural images of one digit to .1",
            "reads_own_learned",
            "baseline",
            "above",
            -0.1,
            minus="reads_own_natural_one_digit_alone",
            seeds=5,
            words="Of pictures by the learned prior {mean points} {more/fewer} let the own digit be read than of natural ones",
        ),
        *(
            Claim(
                "S5",
                f"Without the {loss} loss the digit is read less often",
                f"change_no_{loss}_loss",
                "baseline",
                "below",
                seeds=5,
                words=f"Without the {loss} loss {SHARE}",
            )
            for loss in ("image", "feature", "adversarial")
        ),
        *(
            Claim(
                name,
                f"Without the {what} of codes the digit is read as often, to .15",
                f"change_no_{what}",
                "baseline",
                "within",
                margin=0.15,
                seeds=5,
                words=f"Without the {what} of codes {SHARE}",
            )
            for name, what in (("S6", "clip"), ("S7", "decay"))
        ),
        *(
            Claim(
                "S8",
                f"A prior of {said} is as good as the net's own, to .15",
                f"change_{column}",
                "baseline",
                "within",
                margin=0.15,
                seeds=5,
                words=f"With a prior of {said} {SHARE}",
            )
            for column, said in (("wide", "a wide net"), ("other_source", "a net of another source"))
        ),
        Claim(
            "S9",
            "A prior of an untrained net is worse",
            "change_untrained",
            "baseline",
            "below",
            seeds=5,
            words=f"With a prior of an untrained net {SHARE}",
        ),
        *(
            Claim(
                "S10",
                f"Path is that of pixels with no prior to .2 ({name})",
                f"path_{name}",
                "baseline",
                "within",
                margin=0.2,
                minus="path_none",
                seeds=5,
                words=f"The path of {name.replace('_', ' ')} is {{mean}} {{above/below}} that of pixels with no prior",
            )
            for name in ("learned", "maco_jitter", "natural_top")
        ),
    ),
    analyses=("synthesis",),
)
