"""Transfer: which units does a net re-use when it is trained for another task, and what becomes of those that it needs no more?

The nets are the wide ones of the studies sanity (45 pairs of ten digits) and usefulness (28 pairs of 0-7; 8 and 9 come and go),
with exactly their configurations: where these are recorded nothing is trained for the grid. Each goes to the other's task, frozen
with a fitted head and fine-tuned, beside as many steps from the beginning and a trunk that was never trained. Slide 37 of B.
Zhou's talk (2018/19) asks; claims T1 to T5 are our own:

T1 a frozen trunk tells more of the new task's classes than one that was never trained, with the same fitted head;
T2 on 500 canvases fine-tuning tells more than as many steps from the beginning, on 20,000 no less than .02 less;
T3 more units are re-used than units of another seed's net would be, and detectors keep their digit more often;
T4 detectors are re-used more often than other units;
T5 what the 28 classes have no use for is lost: of the detectors of 8 and 9 more than of the others; and it is learned on the way
   back: the best units for 8 and 9 are better after than before.
With fewer than 10 seeds intervals are shown and no verdict.
Cost: about two minutes of a core for each net and direction.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

WIDE = {"conv3": 30}
VARIANTS = {"pairs": Variant(net_settings=WIDE), "redundant": Variant(task="redundant", net_settings=WIDE)}


def of_both(variant: str) -> tuple[Claim, ...]:
    """Gives the claims that are made of both directions."""
    return (
        Claim(
            "T1",
            f"A frozen trunk tells more than one that was never trained (from {variant})",
            "frozen_20000",
            variant,
            "above",
            minus="untrained_20000",
            words=f"With the same head a frozen trunk tells {{mean points}} {{more/less}} than an untrained one (from {variant})",
        ),
        Claim(
            "T2",
            f"On 500 canvases fine-tuning tells more than training from the beginning (from {variant})",
            "tuned_500",
            variant,
            "above",
            minus="scratch_500",
            words=f"On 500 canvases fine-tuning tells {{mean points}} {{more/less}} than a new start (from {variant})",
        ),
        Claim(
            "T2",
            f"On 20,000 it tells no less than .02 less (from {variant})",
            "tuned_20000",
            variant,
            "above",
            -0.02,
            minus="scratch_20000",
            words=f"On 20,000 canvases fine-tuning tells {{mean points}} {{more/less}} than a new start (from {variant})",
        ),
        Claim(
            "T3",
            f"More units are re-used than another seed's would be (from {variant})",
            "reused",
            variant,
            "above",
            minus="reused_null",
            words=f"Of the units {{mean points}} {{more/less}} are re-used than of another seed's net (from {variant})",
        ),
        Claim(
            "T3",
            f"Detectors keep their digit more often than another seed's (from {variant})",
            "kept",
            variant,
            "above",
            minus="kept_null",
            words=f"Of the detectors {{mean points}} {{more/less}} keep their digit than of another seed's net (from {variant})",
        ),
        Claim(
            "T4",
            f"Detectors are re-used more often than other units (from {variant})",
            "reused_detectors",
            variant,
            "above",
            minus="reused_others",
            words=f"Of the detectors {{mean points}} {{more/less}} are re-used than of the other units (from {variant})",
        ),
    )


STUDY = Study(
    title="Which units are re-used for another task? 45 classes to 28, and back",
    about="A net that knows one task is trained for another: which of its units go on as they are, and which are given up?",
    variants=VARIANTS,
    seeds=10,
    claims=(
        *(claim for variant in VARIANTS for claim in of_both(variant)),
        Claim(
            "T5",
            "Going to 28 classes more detectors of 8 and 9 are lost than of other digits",
            "lost_useless",
            "pairs",
            "above",
            minus="lost_useful",
            words="Going to the 28 classes, of the detectors of 8 and 9 {mean points} {more/less} are lost than of the others",
        ),
        Claim(
            "T5",
            "Going to 45 classes the best units for 8 and 9 get better",
            "best_useless_after",
            "redundant",
            "above",
            minus="best_useless_before",
            words="Going to the 45 classes, the best units for 8 and 9 have an alignment that is {mean} {higher/lower}",
        ),
    ),
    analyses=("transfer",),
)
