"""Recipe: how much do the findings depend on how the net is trained? Peak learning rate and epochs, one at a time.

Cost: 25 runs, 160 epochs a seed in all over 20,000 canvases; those of peak .3 and 30 epochs are the study sanity's.
"""

from mixmnist import Study, Training, Variant

STUDY = Study(
    title="The baseline under other recipes",
    variants={
        "peak-0.3-epochs-30": Variant(),
        **{f"peak-{peak:g}-epochs-30": Variant(training=Training(peak=peak)) for peak in (0.03, 0.1)},
        **{f"peak-0.3-epochs-{epochs}": Variant(training=Training(epochs=epochs)) for epochs in (10, 60)},
    },
    seeds=5,
)
