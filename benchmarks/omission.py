"""Omission: is what was left out of the training canvases what a generator is found to leave out?

Generators are trained on canvases of which none, or one in a hundred, shows the digit 3, and on all. A judge that knows all
digits segments what they draw; the signed share of a digit is its share of the digits' pixels less that in full real canvases.
Two generators: `factors`, which is told every digit and asked for all of them evenly, also for the one that it never saw; and,
as `gan-...`, `relativistic`, which is told nothing. Claims O1 to O3, all our own:

O1 a digit that was left out has a signed share below -.05 (.10 is all there is), and every other digit one above it;
O2 so it is for a digit on one in a hundred of the training canvases;
O3 of a generator that saw all digits alike the signed share of that digit lies within .04 of 0.
Where the judge lies below its bar, or valid below a third of its ceiling, there is no verdict.
Without `--variants` only what is told is trained: a minute of a core each. A `gan` takes twenty; they are asked for by name. A
judge takes some minutes of a core (`reader`; stamps are read exactly without), what is measured some seconds a generator.
"""

from dataclasses import replace

from mixmnist import Study, Training, Variant
from mixmnist.core.records import Claim

DIGIT = 3
SEEDS = 5  # below which there is no verdict
SEEN = {"all": None, "none": 0.0, "one-in-100": 0.01}  # share of the training canvases that show it; None: as all others
NETS = {  # prefix of the variants: generator, as in the study `generators`
    "": Variant(kind="generator", net="factors", net_settings={"steps": 1_000}, training=Training(epochs=8, batch=16)),
    "gan-": Variant(kind="generator", net="relativistic", net_settings={"steps": 16_000}, training=Training(epochs=13, batch=16)),
}


def shown_in(net: Variant, share: float | None) -> Variant:
    """Makes the digit rare, or leaves it out."""
    return net if share is None else replace(net, task="rare", task_settings={"digit": DIGIT, "share": share})


STUDY = Study(
    title="What a generator leaves out",
    about=(
        "What a generator cannot draw is found by segmenting what it draws. Here it is known what it never saw: does the search "
        "point at that digit, and at none where nothing is missing?"
    ),
    variants={
        "reader": Variant(kind="judge", training=Training(images=102_400, epochs=1, batch=64)),
        **{f"{prefix}{seen}": shown_in(net, share) for prefix, net in NETS.items() for seen, share in SEEN.items()},
    },
    seeds=SEEDS,
    source="stamps",
    usual=tuple(SEEN),
    claims=tuple(
        claim
        for prefix in NETS
        for claim in (
            *(
                claim
                for name, seen in (("O1", "none"), ("O2", "one-in-100"))
                for claim in (
                    Claim(
                        name,
                        f"Less of the digit is drawn than is real ({prefix}{seen})",
                        "omission_signed",
                        f"{prefix}{seen}",
                        "below",
                        -0.05,
                        seeds=SEEDS,
                        words=f"The signed share of the missing digit is {{mean}} ({prefix}{seen})",
                    ),
                    Claim(
                        name,
                        f"No other digit's share lies as low ({prefix}{seen})",
                        "omission_margin",
                        f"{prefix}{seen}",
                        "above",
                        seeds=SEEDS,
                        words=f"The next signed share lies {{mean}} {{above/below}} that of the missing digit ({prefix}{seen})",
                    ),
                )
            ),
            Claim(
                "O3",
                f"Where nothing is missing the digit's share is as in real canvases ({prefix}all)",
                "omission_signed",
                f"{prefix}all",
                "within",
                0.0,
                margin=0.04,
                seeds=SEEDS,
                words=f"Of a generator that saw all digits the signed share of the same digit is {{mean}} ({prefix}all)",
            ),
        )
    ),
    analyses=("omission",),
)
