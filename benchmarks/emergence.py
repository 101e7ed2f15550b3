"""Emergence: when does a unit become a detector, before or after the net tells its digit, and does it ever change its mind?

The nets are those of the study sanity, with exactly its configuration: where these are recorded nothing is trained for the grid.
The analysis trains them once more, as they were, and looks before 15 steps, evenly on a logarithmic scale. Claims E1 to E4; E1
and E2 are figure 10 of D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796, the others our own:

E1 the first detectors are there after a tenth of the training at most (there: after 10,000 of 300,000 iterations);
E2 a unit does not change its concept once it is a detector: in the end one of ten has another at most, and it changes less often
   than before;
E3 a detector comes after its digit: the accuracy on canvases that show the digit has reached half of its last value before, and
   the net's own answer has passed the detector's bar;
E4 detectors are not born: what a unit stands for in the end was its best digit before the first step no more often than other
   units', by a tenth at most.
With fewer than 10 seeds intervals are shown and no verdict.
Cost: 10 seeds of two variants are trained once more (100 seconds of a core a net, blocks side by side), and looked at (35).
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

VARIANTS = {"baseline": Variant(), "wide": Variant(net_settings={"conv3": 30})}

STUDY = Study(
    title="When detectors emerge: before their digit is told, and for good?",
    about=(
        "Units are looked at while nets are trained: is a digit's detector there before the net tells the digit, and does a unit "
        "keep what it stands for?"
    ),
    variants=VARIANTS,
    seeds=10,
    claims=tuple(
        claim
        for variant in VARIANTS
        for claim in (
            Claim(
                "E1",
                f"The first detector is there after a tenth of the training ({variant})",
                "first_detector",
                variant,
                "below",
                0.1,
                words=f"The first digit has its detector after {{mean %}} of the training ({variant})",
            ),
            Claim(
                "E2",
                f"Of units that once were a detector a tenth at most has another concept in the end ({variant})",
                "changed",
                variant,
                "below",
                0.1,
                words=f"Of units that once were a detector {{mean %}} have another concept in the end ({variant})",
            ),
            Claim(
                "E2",
                f"Units change their concept less often once they were a detector ({variant})",
                "changes_after",
                variant,
                "below",
                minus="changes_before",
                words=f"Once a unit was a detector it changes its concept {{mean points}} {{more/less}} often ({variant})",
            ),
            Claim(
                "E3",
                f"A detector comes after half of its digit's accuracy ({variant})",
                "lead_half",
                variant,
                "below",
                words=f"A detector comes {{mean}} doublings of the steps {{before/after}} half of its accuracy ({variant})",
            ),
            Claim(
                "E3",
                f"A detector comes after the net's own answer passes the same bar ({variant})",
                "lead_answer",
                variant,
                "below",
                words=f"A detector comes {{mean}} doublings of the steps {{before/after}} as good an answer ({variant})",
            ),
            Claim(
                "E4",
                f"What a detector stands for was its best digit at the beginning as often as that of other units ({variant})",
                "born",
                variant,
                "within",
                0.0,
                margin=0.1,
                minus="born_shuffled",
                words=f"Units begin with their last digit {{mean points}} {{more/less}} often than other units ({variant})",
            ),
        )
    ),
    analyses=("emergence",),
)
