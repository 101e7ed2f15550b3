"""Trust: which scores can be trusted, and are trained units more than chance?

Controls beside the trained nets of the study sanity: nets that were never trained, nets trained on shuffled labels (10 epochs:
such labels cannot be learned), random rotations of the trained units with the head turned back, permuted images. Then every
score of the shelf on planted units whose truth is known, with a report card, and units built to fool a score. Claim R5, from
D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796: rotating a layer's units destroys about 80 % of its unique detectors
and leaves accuracy alone.
Cost: 10 runs of 30 epochs and 5 of 10 epochs over 20,000 canvases for 5 seeds, those of 30 epochs being the study sanity's, and
some minutes of analyses.
"""

from mixmnist import Study, Training, Variant
from mixmnist.core.records import Claim

STUDY = Study(
    title="Which scores can be trusted? Controls, and report cards on planted units",
    about=(
        "A score is trusted if it tells trained units from chance and planted units as they were planted; that rotating units "
        "destroys most detectors is from D. Bau et al. (2017), “Network Dissection”."
    ),
    variants={
        "baseline": Variant(),
        "wide": Variant(net_settings={"conv3": 30}),
        "untrained": Variant(origin="untrained"),
        "shuffled": Variant(origin="shuffled", training=Training(epochs=10)),
    },
    seeds=5,
    claims=tuple(
        claim
        for variant in ("baseline", "wide")
        for claim in (
            Claim(
                "R5",
                f"A random rotation loses about 80 % of the unique concepts ({variant})",
                "rotation_lost",
                variant,
                "within",
                0.8,
                0.1,
                words=f"A random rotation of the units loses {{mean %}} of the unique concepts ({variant})",
            ),
            Claim(
                "R5",
                f"It leaves the accuracy alone ({variant})",
                "rotation_accuracy_change",
                variant,
                "within",
                0.0,
                1e-9,
                words=f"It changes the accuracy by {{mean points}} ({variant})",
            ),
        )
    ),
    analyses=("card", "fooled", "matching", "null", "rotation", "uncertainty"),
)
