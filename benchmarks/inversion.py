"""Inversion: is a canvas's code found in a generator, and can the canvas then be edited as the generator's own are?

Each generator inverts its own samples, whose codes are known, and test canvases that it never drew; of `factors` their codes are
known, too. Claims I1 to I3, all our own:

I1 inversion keeps the digits of test canvases: more often than the nearest of 1,000 samples shows them;
I2 what begins at an encoder's guess can be edited: units of a digit remove it cleanly more often than from canvases that were
   optimised without an encoder;
I3 codes of own samples are found: their error is below half of a standard deviation, which the mean code has 1 of.
Without `--variants` only `factors` is inverted: a minute of a core to train, some minutes more to invert, a net. `relativistic`
takes twenty to train, and is asked for by name.
"""

from mixmnist import Study, Training, Variant
from mixmnist.core.records import Claim

SEEDS = 5  # below which there is no verdict
NETS = {  # as in the study `generators`
    "factors": Variant(kind="generator", net="factors", net_settings={"steps": 1_000}, training=Training(epochs=8, batch=16)),
    "relativistic": Variant(
        kind="generator", net="relativistic", net_settings={"steps": 16_000}, training=Training(epochs=13, batch=16)
    ),
}

STUDY = Study(
    title="Generators inverted",
    about=(
        "To edit a canvas that a generator never drew, its code is looked for. Here it is known what the canvas shows, of one "
        "generator the code: is the same drawn, and does an edit of it do what it does to the generator's own canvases?"
    ),
    variants={"reader": Variant(kind="judge", training=Training(images=102_400, epochs=1, batch=64)), **NETS},
    seeds=SEEDS,
    source="stamps",
    usual=("factors",),
    claims=tuple(
        claim
        for name in NETS
        for claim in (
            Claim(
                "I1",
                f"Inversion keeps the digits of test canvases, beyond the nearest sample ({name})",
                "same_real_inverted",
                name,
                "above",
                minus="same_real_nearest",
                seeds=SEEDS,
                words=f"Of the inversions {{mean points}} {{more/fewer}} show the same digits than of nearest samples ({name})",
            ),
            Claim(
                "I2",
                f"What begins at an encoder's guess can be edited, beyond what does not ({name})",
                "clean_real_inverted",
                name,
                "above",
                minus="clean_real_optimised",
                seeds=SEEDS,
                words=f"A digit goes cleanly from {{mean points}} {{more/fewer}} of the inversions with an encoder ({name})",
            ),
            Claim(
                "I3",
                f"Codes of own samples are found ({name})",
                "code_error_own_inverted",
                name,
                "below",
                0.5,
                seeds=SEEDS,
                words=f"The code of an own sample is missed by {{mean}} standard deviations ({name})",
            ),
        )
    ),
    analyses=("inversion",),
)
