"""Sanity: do digit detectors emerge in a net that is told only which pair of digits it sees?

Claims, from B. Zhou's talk "Disentanglement of Visual Concepts from Classifying and Synthesizing Scenes" (2018/19):
    R1  the 10-20-10 net reaches about 91.7 %;
    R2  units that detect single digits emerge;
    R3  a wider conv3 gives more digits a detector and a smaller largest single-unit drop;
    R4  dropout on conv3 spreads reliance.
A study of five seeds shows intervals and prints no verdict.
Cost: 20 runs of 30 epochs over 20,000 canvases; the README says how long that took, and on what.
"""

from mixmnist import Study, Variant

STUDY = Study(
    title="Which pair of digits? 45 classes",
    variants={
        "baseline": Variant(),
        "dropout": Variant(net_settings={"dropout": 0.25}),
        "wide": Variant(net_settings={"conv3": 30}),
        "wide-dropout": Variant(net_settings={"conv3": 30, "dropout": 0.5}),
    },
    seeds=5,
)
