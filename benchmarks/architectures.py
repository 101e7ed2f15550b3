"""Architectures: which nets have digit detectors, all with 30 units in the layer that feeds the head?

Miniature forms of the published nets, trained alike; patches (mixer, vit) by another optimiser: they learn nothing by the usual
one here. Beside the units stand atoms of ICA and sparse coding of the same layer. Claims, of Network Dissection:

N1 unique detectors: ResNet has more than VGG, VGG than GoogLeNet, GoogLeNet than AlexNet. Where all ten digits have a detector
   nothing is left to tell, so the share of the units that are detectors is asked, too (N1s);
N9 over nets, unique detectors go with accuracy; by coverage, which has no end to run into;
and our own: another basis of the same layer covers the digits better than its units (N1b).
Source: D. Bau et al. (2017), "Network Dissection", arXiv:1704.05796. Differs: as many units in all last layers.
Cost: 10 epochs over 20,000 canvases a net: half a minute (convnet) to three and a half (ResNet) of a core. Without `--variants`
mixer and vit are left out: they need 60 and 100 epochs and a GPU, `--variants mixer,vit --device cuda`. The smaller setting
`--variants mixer-brief,vit-brief` runs on two cores; its nets know hardly anything. Differences
between variants have a verdict from ten seeds on; five give intervals.
"""

import itertools

from mixmnist import Study, Training, Variant
from mixmnist.core.records import Claim

RECIPE = Training(epochs=10)
OF_PATCHES = {  # for a GPU
    "mixer": Training(epochs=60, optimiser="adamw", peak=5e-3),
    "vit": Training(epochs=100, optimiser="adamw", peak=1e-3),
}
BRIEF = Training(images=5_000, epochs=10, optimiser="adamw", peak=2e-3)  # what two cores can do in minutes: hardly above chance
USUAL = ("convnet", "alexnet", "vgg", "googlenet", "resnet")
ORDER = ("resnet", "vgg", "googlenet", "alexnet")  # from most to fewest, as was published
NAMES = {"resnet": "ResNet", "vgg": "VGG", "googlenet": "GoogLeNet", "alexnet": "AlexNet", "convnet": "the convnet"}

STUDY = Study(
    title="Nets compared",
    about=(
        "Network Dissection ordered architectures by their unique detectors. Here all have as many units, the same canvases, and "
        "digits that are known; and what single units do not show may lie in another basis."
    ),
    variants={
        "convnet": Variant(net_settings={"conv3": 30}, training=RECIPE),
        **{name: Variant(net=name, training=RECIPE) for name in ORDER},
        **{name: Variant(net=name, training=recipe) for name, recipe in OF_PATCHES.items()},
        **{f"{name}-brief": Variant(net=name, training=BRIEF, probe_images=2_000) for name in OF_PATCHES},
    },
    seeds=5,
    usual=USUAL,
    claims=(
        *(
            Claim(
                "N1",
                f"{NAMES[one]} has more digits with a detector than {NAMES[other]}",
                "unique_concepts",
                one,
                "above",
                against=other,
                words=f"{NAMES[one]} has {{mean}} {{more/fewer}} digits with a detector than {NAMES[other]}",
            )
            for one, other in itertools.pairwise(ORDER)
        ),
        *(
            Claim(
                "N1s",
                f"A larger share of the units of {NAMES[one]} are detectors than of {NAMES[other]}",
                "detector_share",
                one,
                "above",
                against=other,
                words=f"Of the units of {NAMES[one]} {{mean points}} {{more/fewer}} are detectors than of {NAMES[other]}",
            )
            for one, other in itertools.pairwise(ORDER)
        ),
        *(
            Claim(
                "N1b",
                f"Another basis of the same layer covers the digits better than the units of {NAMES[name]}",
                "atoms_beyond_units",
                name,
                "above",
                seeds=5,
                words=f"In {NAMES[name]} the better of ICA and sparse coding covers {{mean}} {{more/less}} than units",
            )
            for name in USUAL
        ),
        Claim(
            "N9",
            "Over nets, a higher coverage goes with a higher accuracy",
            "tau_coverage_accuracy",
            "convnet",
            "above",
            seeds=5,
            words="Kendall's tau of coverage and accuracy over nets is {mean}",
        ),
    ),
    analyses=("comparison",),
)
