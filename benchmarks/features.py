"""Features: where single units do not detect the digits, are the digits there in another basis?

The nets are those of the studies sanity, width and trust; nothing is trained for this study where these are recorded. On each
net every dictionary of the shelf is fitted without labels, and its atoms are scored as units. Claims F1 to F6, all our own:

F1 at width 5 sparse coding closes more than half of the gap between random directions and the supervised ceiling;
F2 after dropout in a wide layer independent components have more unique concepts than units;
F3 a rotation of the units changes no coverage of what is fitted by lengths and angles;
F4 in untrained nets no dictionary is better than random directions;
F5 at width 5 an autoencoder that keeps one code is better than one that keeps two;
F6 explained variance, by which dictionaries are chosen, goes against coverage.
Cost: about 40 minutes of two cores for 20 seeds.
"""

from mixmnist import Study, Variant
from mixmnist.core.records import Claim

STUDY = Study(
    title="Dictionaries over units: are the digits there in another basis?",
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
        Claim("F1", "At width 5 sparse coding closes more than half of the gap", "gap_sparse", "width-5", "above", 0.5),
        Claim(
            "F2",
            "After dropout in a wide layer independent components have more unique concepts than units",
            "unique_ica",
            "wide-dropout",
            "above",
            minus="unique_units",
        ),
        Claim("F3", "A rotation changes no coverage by more than .01", "rotation_change", "baseline", "below", 0.01),
        Claim("F4", "Untrained: no dictionary is better than random directions", "beyond_random", "untrained", "below", 0.03),
        Claim(
            "F5",
            "At width 5 keeping one code is better than keeping two",
            "coverage_topk_k1",
            "width-5",
            "above",
            minus="coverage_topk",
        ),
        *(
            Claim(
                "F6",
                f"Explained variance goes against coverage over dictionaries ({variant})",
                "tau_variance_coverage",
                variant,
                "below",
            )
            for variant in ("width-5", "baseline", "wide", "wide-dropout")
        ),
    ),
    analyses=("features",),
)
