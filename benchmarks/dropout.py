"""Dropout: what does it do to detectors and to reliance, by rate and by kind, and does its protection end at its rate?

Source: A. Morcos et al. (2018), arXiv:1803.06959: networks are robust to the removal of units up to the rate they trained with.
Cost: 35 runs of 30 epochs over 20,000 canvases; those of channel rates 0 and .25 are the study sanity's, and are referred to.
"""

from mixmnist import Study, Variant

RATES = {"channel": (0.1, 0.25, 0.5, 0.7), "element": (0.25, 0.5)}

STUDY = Study(
    title="Dropout on conv3: whole units or single values",
    variants={
        "none": Variant(),
        **{
            f"{kind}-{rate:g}": Variant(
                net_settings={"dropout": rate} if kind == "channel" else {"dropout": rate, "dropout_kind": kind}
            )
            for kind, rates in RATES.items()
            for rate in rates
        },
    },
    seeds=5,
)
