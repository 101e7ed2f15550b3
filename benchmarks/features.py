"""Features: where single units do not detect the digits, are the digits there in another basis?

The nets are those of the studies sanity, width and trust; nothing is trained for this study where these are recorded. On each
net every dictionary of the shelf is fitted without labels, and its atoms are scored as units. Claims F1 to F6, all our own:
F1 at width 5 sparse coding closes more than half of the gap between random directions and the supervised ceiling; F2 after dropout
in a wide layer independent components have more unique concepts than units; F3 a rotation of the units changes no coverage of what
is fitted by lengths and angles; F4 in untrained nets no dictionary is better than random directions; F5 at width 5 an autoencoder
that keeps one code is better than one that keeps two; F6 explained variance, by which dictionaries are chosen, goes against coverage.
Cost: about 40 minutes of two cores for 20 seeds.
"""

from mixmnist import Study, Training, Variant
from mixmnist.core.records import Claim

DROPOUT = {"dropout": 0.5}
STUDY = Study(
    title="Dictionaries over units: are the digits there in another basis?",
    variants={},
    seeds=5,
    analyses=("features",),
)
