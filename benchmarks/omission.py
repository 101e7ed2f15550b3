"""Omission: is what was left out of the training canvases what a generator is found to leave out?

Generators are trained on canvases of which none, or one in a hundred, shows the digit 3, and on all. A judge that knows all
digits segments what they draw; the signed share of a digit is its share of the digits' pixels less that in full real canvases.
Claims O1 to O3, all our own:

O1 a digit that was left out has a signed share below -.05 (.10 is all there is), and every other digit one above it;
O2 so it is for a digit on one in a hundred of the training canvases;
O3 of a generator that saw all digits alike the signed share of that digit lies within .04 of 0.
Where the judge lies below its bar, or valid below a third of its ceiling, there is no verdict.
Cost: a judge takes some minutes of a core, a generator about ten, and what is measured on it some seconds.
"""

from mixmnist import Study, Training, Variant
from mixmnist.core.records import Claim

NET = "vae"
DIGIT = 3
SEEDS = 5  # below which there is no verdict

STUDY = Study(
    title="What a generator leaves out",
    about=(
        "What a generator cannot draw is found by segmenting what it draws. Here it is known what it never saw: does the search "
        "point at that digit, and at none where nothing is missing?"
    ),
    variants={
        "reader": Variant(kind="judge", training=Training(images=102_400, epochs=1, batch=64)),
        "all": Variant(kind="generator", net=NET),
        **{
            name: Variant(kind="generator", net=NET, task="rare", task_settings={"digit": DIGIT, "share": share})
            for name, share in (("none", 0.0), ("one-in-100", 0.01))
        },
    },
    seeds=SEEDS,
    source="stamps",
    claims=(
        *(
            claim
            for name, variant in (("O1", "none"), ("O2", "one-in-100"))
            for claim in (
                Claim(
                    name,
                    f"Less of the digit is drawn than is real ({variant})",
                    "omission_signed",
                    variant,
                    "below",
                    -0.05,
                    seeds=SEEDS,
                    words=f"The signed share of the missing digit is {{mean}} ({variant})",
                ),
                Claim(
                    name,
                    f"No other digit's share lies as low ({variant})",
                    "omission_margin",
                    variant,
                    "above",
                    seeds=SEEDS,
                    words=f"The next digit's signed share lies {{mean}} {{above/below}} that of the missing one ({variant})",
                ),
            )
        ),
        Claim(
            "O3",
            "Where nothing is missing the digit's share is as in real canvases",
            "omission_signed",
            "all",
            "within",
            0.0,
            margin=0.04,
            seeds=SEEDS,
            words="Of a generator that saw all digits the signed share of the same digit is {mean}",
        ),
    ),
    analyses=("omission",),
)
