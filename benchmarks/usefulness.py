"""Usefulness: do digits that are useless for the task get a detector?

Claim R8, from B. Zhou's talk (2018/19): they do not. The classes are the 28 pairs of the digits 0-7; 8 and 9 are each shown with
probability .25, as often as a useful digit, whatever the class.
A study of five seeds shows intervals and prints no verdict.
Cost: 10 runs of 30 epochs over 20,000 canvases; the README says how long that took, and on what.
"""

from mixmnist import Study, Variant

STUDY = Study(
    title="Which pair of the digits 0-7? 28 classes, 8 and 9 are useless",
    variants={
        "baseline": Variant(task="redundant"),
        "wide": Variant(task="redundant", net_settings={"conv3": 30}),
    },
    seeds=5,
)
