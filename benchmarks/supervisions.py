"""Supervisions: what must a net be trained on, for units to detect digits?

One convnet with 30 units in its last layer, trained on the labels, on whole digits, or on a pretext that knows no digit; after a
pretext the trunk is frozen and a linear head for the task is fitted, and accuracy is that of linear evaluation. The untrained net
gets the same head. Beside the units of each stand atoms of ICA and sparse coding of its layer. Claims, of Network Dissection:

N2 self-supervised networks have few detectors of objects: here a pretext leaves less than one digit with a detector, though its
   units do cover the digits better than those of the untrained net;
N9 unique detectors go with transfer accuracy: over supervisions, Kendall's tau with accuracy is above 0;
and our own question beside N2: do the digits lie in another basis of the same layer, beyond random directions?
Source: D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796. Differs: all pretexts see the same canvases.
Cost: 10 epochs over 20,000 canvases a net: about three minutes of a core, adversarial training six times as long.
Differences between variants have a verdict from ten seeds on; five give intervals.
"""

from mixmnist import Study, Training, Variant
from mixmnist.core.records import Claim

WIDE = {"conv3": 30}
RECIPE = Training(epochs=10)
PRETEXTS = ("rotation", "jigsaw", "autoencoder", "inpainting", "simclr")
OF_A_KIND = ("jigsaw", "autoencoder", "inpainting", "simclr", "presence")  # that need the kind pretext
TOLD = ("supervised", "presence", "adversarial")  # of digits, or of pairs of them


def _variant(objective: str, origin: str = "trained") -> Variant:
    kind = "pretext" if objective in OF_A_KIND else "classifier"
    return Variant(net_settings=WIDE, training=RECIPE, objective=objective, kind=kind, origin=origin)


STUDY = Study(
    title="One net, ten supervisions",
    about=(
        "Network Dissection found few detectors of objects in networks that were trained without labels. Here the digits are "
        "known, and so is what another basis of the same layer says of them."
    ),
    variants={
        **{name: _variant(name) for name in (*TOLD, *PRETEXTS, "shuffled")},
        "untrained": _variant("rotation", "untrained"),
    },
    seeds=5,
    claims=(
        *(
            Claim(
                "N2",
                f"A pretext leaves less than one digit with a detector ({name})",
                "unique_concepts",
                name,
                "below",
                1.0,
                seeds=5,
                words=f"After {name} {{mean}} digits have a detector",
            )
            for name in PRETEXTS
        ),
        *(
            Claim(
                "N2b",
                f"Units cover the digits better after a pretext than before ({name})",
                "coverage",
                name,
                "above",
                against="untrained",
                words=f"After {name} the units' coverage is {{mean}} {{higher/lower}} than untrained",
            )
            for name in PRETEXTS
        ),
        *(
            Claim(
                "N2c",
                f"Another basis of the same layer covers the digits better than random directions ({name})",
                "atoms_beyond_random",
                name,
                "above",
                seeds=5,
                words=f"After {name} the better of ICA and sparse coding covers {{mean}} {{more/less}} than random directions",
            )
            for name in (*PRETEXTS, "untrained")
        ),
        Claim(
            "N9",
            "Over supervisions, more digits with a detector go with a higher accuracy",
            "tau_unique_accuracy",
            "supervised",
            "above",
            seeds=5,
            words="Kendall's tau of digits with a detector and accuracy is {mean}",
        ),
    ),
    analyses=("comparison",),
)
