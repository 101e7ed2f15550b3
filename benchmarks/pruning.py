"""Pruning: do detectors go before the accuracy does when a trained net is made smaller?

Claims N10 (Frankle & Bau, arXiv:1907.00262) and N14 (slide 37 of B. Zhou's talk asks; the answer is ours), on nets of the study
sanity; nothing is trained, before or after. "Safe" is the largest share that can go while accuracy stays within .01.

N10 where pruning has cost no accuracy it has cost no digit its detector: of units removed by drop, by norm and by alignment, and
    of the smallest weights;
N10b more of the smallest weights can go than of any weights;
N10c more units can go by norm than by alignment (a look at two nets said so before this was written);
N14 weights of 8 bits lose no accuracy and move no unit to another concept; with 4 bits units move no more often than under random
    changes as large.
Cost: about half a minute of a core a net.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

NETS = ("baseline", "wide")
ORDERS = {"drop": "units by drop", "norm": "units by norm", "alignment": "units by alignment", "weights_units": "weights"}

STUDY = Study(
    title="What pruning and rounding cost",
    about="A trained net is made smaller, unit by unit, weight by weight, bit by bit. Do detectors go before accuracy?",
    variants={"baseline": Variant(), "wide": Variant(net_settings={"conv3": 30})},
    seeds=5,
    claims=(
        *(
            Claim(
                "N10",
                f"Until accuracy falls by .01, pruning of {what} costs less than one digit its detector ({variant})",
                f"prune_lost_{order}",
                variant,
                "within",
                0.0,
                margin=1.0,
                seeds=5,
                words=f"While pruning of {what} costs no accuracy, {{mean}} digits {{less/more}} have a detector ({variant})",
            )
            for order, what in ORDERS.items()
            for variant in NETS
        ),
        *(
            Claim(
                "N10b",
                f"More of the smallest weights can go than of any ({variant})",
                "prune_safe_weights",
                variant,
                "above",
                minus="prune_safe_weights_random",
                seeds=5,
                words=f"Of the smallest weights {{mean points}} {{more/less}} can go than of weights at random ({variant})",
            )
            for variant in NETS
        ),
        *(
            Claim(
                "N10c",
                f"More units can go by norm than by alignment ({variant})",
                "prune_safe_norm",
                variant,
                "above",
                minus="prune_safe_alignment",
                seeds=5,
                words=f"By norm {{mean points}} {{more/less}} of the units can go than by alignment ({variant})",
            )
            for variant in NETS
        ),
        *(
            claim
            for variant in NETS
            for claim in (
                Claim(
                    "N14",
                    f"Weights of 8 bits lose less than .005 of the accuracy ({variant})",
                    "prune_rounded8",
                    variant,
                    "within",
                    0.0,
                    margin=0.005,
                    seeds=5,
                    words=f"With weights of 8 bits accuracy is {{mean points}} {{lower/higher}} ({variant})",
                ),
                Claim(
                    "N14",
                    f"Weights of 8 bits move fewer than one in twenty units to another concept ({variant})",
                    "prune_rounded8_moved_units",
                    variant,
                    "below",
                    0.05,
                    seeds=5,
                    words=f"With weights of 8 bits {{mean %}} of the units have another concept ({variant})",
                ),
                Claim(
                    "N14",
                    f"Weights of 4 bits move as many units as random changes as large ({variant})",
                    "prune_rounded4_moved_units",
                    variant,
                    "within",
                    0.0,
                    margin=0.1,
                    minus="prune_noise4_moved_units",
                    seeds=5,
                    words=f"Weights of 4 bits move {{mean points}} {{more/fewer}} units than random changes as large ({variant})",
                ),
            )
        ),
    ),
    analyses=("pruning",),
)
