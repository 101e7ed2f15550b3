"""Demo: a first look in half a minute, with nothing to fetch. Does a wide net have more digit detectors, and need each one less?

One seed and a short recipe on scikit-learn's digits: the pages are those of a real study, the numbers are not to be quoted.
`make benchmark` runs it first, with the seeds and the source of its studies: something to look at while these run.
Cost: 2 runs of 8 epochs over 4,000 canvases, under 60 seconds of two cores with tables and figures.
"""

from mixmnist import Study, Training, Variant

RECIPE = Training(images=4_000, epochs=8)

STUDY = Study(
    title="A first look: 10 units or 30, one seed, a short recipe",
    variants={
        "baseline": Variant(training=RECIPE, probe_images=2_000),
        "wide": Variant(net_settings={"conv3": 30}, training=RECIPE, probe_images=2_000),
    },
    seeds=1,
)
