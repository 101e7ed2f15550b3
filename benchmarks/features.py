"""Features: where single units do not detect the digits, are the digits there in another basis?

The nets are those of the studies sanity, width and trust; nothing is trained for this study where these are recorded. On each
net every dictionary of the shelf is fitted without labels, and its atoms are scored as units. Claims F1 to F7, all our own:

F1 at width 5 sparse coding closes more than half of the gap between random directions and the supervised ceiling;
F2 after dropout in a wide layer independent components have more unique concepts than units;
F3 a rotation of the units hardly changes the coverage of what is fitted by lengths and angles;
F4 in untrained nets no dictionary is better than random directions by .03;
F5 at width 5 an autoencoder that keeps one code is better than one that keeps two;
F6 explained variance, by which autoencoders are chosen, goes against coverage;
F7 at width 5 sparse coding is better on cells than on cells whose units are permuted each by itself.
Besides, every dictionary is graded on planted cells whose directions and codes are known.
Cost: about 50 minutes of two cores for 10 seeds, 20 at width 5.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

STUDY = Study(
    title="Dictionaries over units: are the digits there in another basis?",
    about=(
        "Where single units do not detect the digits (a narrow layer, dropout), a dictionary may: directions that are fitted "
        "without labels, whose codes are scored as units are. Beside each stand as many random directions and a ceiling that is "
        "fitted with the labels."
    ),
    variants={
        "width-5": Variant(net_settings={"conv3": 5}),
        "baseline": Variant(),
        "wide": Variant(net_settings={"conv3": 30}),
        "dropout": Variant(net_settings={"dropout": 0.25}),
        "wide-dropout": Variant(net_settings={"conv3": 30, "dropout": 0.5}),
        "untrained": Variant(origin="untrained"),
    },
    seeds=5,
    claims=(
        Claim(
            "F1",
            "At width 5 sparse coding closes more than half of the gap",
            "gap_sparse",
            "width-5",
            "above",
            0.5,
            seeds=20,
            words="In a layer of five units sparse coding goes {mean %} of the way from random directions to the ceiling",
        ),
        Claim(
            "F2",
            "After dropout in a wide layer independent components have more unique concepts than units",
            "unique_ica",
            "wide-dropout",
            "above",
            minus="unique_units",
            words="After dropout in a wide layer ICA finds {mean} {more/fewer} digits than single units do",
        ),
        Claim(
            "F3",
            "A rotation changes the coverage of ICA, k-means, PCA and sparse coding by .01 at most (the largest, mean over nets)",
            "rotation_change",
            "baseline",
            "below",
            0.01,
            words="A rotation of the units moves the coverage of ICA, k-means, PCA or sparse coding by {mean points} at most",
        ),
        Claim(
            "F4",
            "Untrained: the best dictionary is better than random directions by less than .03",
            "beyond_random",
            "untrained",
            "below",
            0.03,
            words="In untrained nets the best dictionary's coverage is {mean points} {above/below} that of random directions",
        ),
        Claim(
            "F5",
            "At width 5 keeping one code is better than keeping two",
            "coverage_topk_k1",
            "width-5",
            "above",
            minus="coverage_topk",
            seeds=20,
            words="In a layer of five units an autoencoder that keeps one code covers {mean points} {more/less} than with two",
        ),
        *(
            Claim(
                "F6",
                f"Explained variance goes against coverage over autoencoders ({variant})",
                "tau_variance_coverage",
                variant,
                "below",
                words=f"Explained variance orders autoencoders as coverage does by a tau of {{mean}} ({variant})",
            )
            for variant in ("width-5", "baseline", "wide", "wide-dropout")
        ),
        Claim(
            "F7",
            "At width 5 sparse coding needs more of the cells than each unit's own numbers",
            "coverage_sparse",
            "width-5",
            "above",
            minus="scrambled_sparse",
            seeds=20,
            words="In a layer of five units sparse coding of scrambled cells covers {mean points} {less/more} than of the cells",
        ),
    ),
    analyses=("dictionaries", "features"),
)
