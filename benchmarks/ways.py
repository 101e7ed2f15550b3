"""Ways: which way of showing what a unit wants passes which test, on planted networks, on trained nets, and on fooled ones?

The nets are those of the study sanity; nothing is trained for this study where these are recorded but a reader of digits and a
generator for each net. Each way of the shelf is graded. Claims W1 and W2, all our own:

W1 a switch that counts inked pixels makes pictures show the planted digit and not the unit's own, with the best priors as well,
   while no response to a canvas changes;
W2 a ripple between shades of grey makes gradients lie on both digits alike, while no response to a canvas changes.
Cost: about eighteen minutes of a core.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

STUDY = Study(
    title="A report card for ways of showing what a unit wants",
    about=(
        "Maps and pictures of units are judged by eye elsewhere. Here each way is held against exact truth, against a reader "
        "that knows nothing of the net, and against circuits that change no response and make pictures and maps lie."
    ),
    variants={"baseline": Variant()},
    seeds=5,
    claims=(
        *(
            Claim(
                "W1",
                f"A switch makes pictures by {way} show the planted digit more often than the own one",
                f"reads_planted_switch_{way}",
                "baseline",
                "above",
                minus=f"reads_own_switch_{way}",
                seeds=5,
                words=f"Of a switched unit {way} shows the planted digit in {{mean points}} {{more/fewer}} pictures than the own",
            )
            for way in ("maco", "dgn", "dgn_natural")
        ),
        *(
            Claim(
                "W2",
                f"A ripple takes the own digit out of {way}",
                f"selective_ripple_{way}",
                "baseline",
                "below",
                0.65,
                seeds=5,
                words=f"With a ripple {way} has {{mean %}} of the ink in its map on the own digit",
            )
            for way in ("gradient", "gradient_input", "guided")
        ),
    ),
    analyses=("ways",),
)
