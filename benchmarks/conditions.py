"""Conditions: norm, weight decay, label noise and the size of the training set, one at a time.

One convnet with 30 units in its last layer (with and without norm: the net `plain`, which is the same with it, and AdamW on both
sides, since without norm nothing is learned by the usual recipe). All see 200,000 canvases, whatever the size of the set they are
drawn from. Claims:

N3 batch norm lowers the number of digits with a detector (Network Dissection);
N11 networks that memorise rely more on single directions (Morcos et al.): with half of the labels noise more of what a net knows
   beyond chance is lost as units are silenced in random order;
N11b with all labels noise units cover the digits as after shuffling, within .05 (a count of detectors that is 0 in every seed
   decides nothing), and accuracy is at chance;
and without a claim: weight decay, and sets of 1,000 to 100,000 canvases.
Source: D. Bau et al. (2017), arXiv:1704.05796; A. Morcos et al. (2018), arXiv:1803.06959. Differs: noise draws labels with the
frequencies of the classes.
Cost: 10 epochs over 20,000 canvases a net: about one minute of a core; without the compiled loops (plain) four.
Differences between variants have a verdict from ten seeds on; five give intervals.
"""

from mixmnist import Study, Training, Variant
from mixmnist.core.records import Claim

WIDE = {"conv3": 30}
PASSES = 200_000
DECAYS = (0.0, 1e-3, 1e-2)  # besides the usual 1e-4
NOISE = (0.25, 0.5, 0.75, 1.0)
SETS = (1_000, 5_000, 100_000)  # besides the usual 20,000
RECIPE = Training(epochs=10)
GENTLE = Training(epochs=10, optimiser="adamw", peak=5e-3)  # by which a net without norm trains, too: not by the usual one


STUDY = Study(
    title="Norm, decay, noise, and canvases",
    about=(
        "Detectors are said to depend on batch norm and on memorising. Here each condition is changed alone, on canvases whose "
        "digits are known."
    ),
    variants={
        "usual": Variant(net_settings=WIDE, training=RECIPE),
        "norm": Variant(net="plain", training=GENTLE),
        "no-norm": Variant(net="plain", net_settings={"norm": "none"}, training=GENTLE),
        **{f"decay-{decay:g}": Variant(net_settings=WIDE, training=Training(epochs=10, decay=decay)) for decay in DECAYS},
        **{
            f"noise-{q:g}": Variant(net_settings=WIDE, training=RECIPE, objective="noisy", objective_settings={"q": q})
            for q in NOISE
        },
        "shuffled": Variant(net_settings=WIDE, training=RECIPE, objective="shuffled"),
        **{f"images-{n}": Variant(net_settings=WIDE, training=Training(images=n, epochs=PASSES // n)) for n in SETS},
    },
    seeds=5,
    claims=(
        Claim(
            "N3",
            "Batch norm lowers the number of digits with a detector",
            "unique_concepts",
            "norm",
            "below",
            against="no-norm",
            words="With norm {mean} {more/fewer} digits have a detector than without",
        ),
        Claim(
            "N11",
            "Noise in half of the labels raises the reliance on single units",
            "reliance",
            "noise-0.5",
            "above",
            against="usual",
            words="With half of the labels noise reliance is {mean} {higher/lower}",
        ),
        Claim(
            "N11b",
            "At noise in all labels units cover the digits as after shuffling",
            "coverage",
            "noise-1",
            "within",
            0.0,
            margin=0.05,
            against="shuffled",
            words="With noise in all labels the units' coverage is {mean} {higher/lower} than after shuffling",
        ),
        Claim(
            "N11b",
            "At noise in all labels accuracy is at chance",
            "accuracy",
            "noise-1",
            "within",
            1 / 45,
            margin=0.01,
            seeds=5,
            words="With noise in all labels accuracy is {mean}",
        ),
    ),
    analyses=("comparison",),
)
