"""Generators: do units draw digits, and what does a map of a unit say of what it draws?

Without `--variants` the planted generators alone are dissected, whose units are known, by the exact judge, on glyphs of stamps:
some minutes. Trained ones are asked for by name, the judge (`reader`) with them, on any source:
`mixmnist run generators --variants reader,factors,vae --source stamps`. Claims G1 to G5, all our own:

G1 single units draw single digits: a digit's unit removes it cleanly more often than a rotated unit and than a random one, and
   marks its pixels better than the pixels of real canvases do;
G2 the IoU of units with a digit predicts in which order they remove it cleanly, beyond permuted units;
G3 sets by ACE remove digits cleanly more often than sets by IoU, and than random ones;
G4 what can be drawn depends on the place: a donor's patch is drawn cleanly at legal places more often than at occupied ones;
G5 earlier layers hold digits, later ones strokes: from the first layer to the last the peak of the best unit tells worse whether
   a digit is read, and the best unit removes fewer digits cleanly.
Of sources whose glyphs differ (digits, mnist) ask for `reader-long`, `factors-style` and `relativistic-style`.
Where the judge lies below its bar (pairs read exactly .98, mean IoU .90), or valid below a third of its ceiling, there is no
verdict.
Cost: a judge takes some minutes of a core, a generator about twenty (factors: one or two), and what is measured on it
some minutes more.
"""

from mixmnist import Study, Training, Variant
from mixmnist.core.records import Claim

PLANTED = ("painter", "echo", "twins", "gate", "bystander", "rotated", "superposed", "pixels")
TRAINED = ("factors", "dcgan", "relativistic", "conditional", "vae", "vaegan")
JUDGED = ("factors", "relativistic")  # of which claims are made: those of five seeds
PASSES = dict.fromkeys(("dcgan", "relativistic", "conditional", "vaegan"), 13)  # over 20,000 canvases
STEPS = {"factors": {"steps": 1_000}, **{name: {"steps": 16_000} for name in PASSES}}  # a minute of a core; twenty
LADDER = {  # for sources whose glyphs differ: a judge that sees four times as many canvases, generators with room for style
    "reader-long": Variant(kind="judge", training=Training(images=409_600, epochs=1, batch=64)),
    "factors-style": Variant(
        kind="generator", net="factors", net_settings={"style": 8, "steps": 4_000}, training=Training(epochs=8, batch=16)
    ),
    "relativistic-style": Variant(
        kind="generator", net="relativistic", net_settings={"style": 8, "steps": 16_000}, training=Training(epochs=13, batch=16)
    ),
}
SEEDS = 5  # below which there is no verdict
PAIRS = (  # id, what is claimed, column, what is taken off, words
    (
        "G1",
        "Single units remove digits cleanly, beyond rotated units",
        "clean_unit",
        "clean_rotated",
        "A digit's unit removes it cleanly in {mean points} {more/fewer} of the samples than a rotated unit",
    ),
    (
        "G1",
        "Single units remove digits cleanly, beyond random units",
        "clean_unit",
        "clean_random",
        "A digit's unit removes it cleanly in {mean points} {more/fewer} of the samples than a random unit",
    ),
    (
        "G1",
        "Single units mark digits better than the pixels of real canvases do",
        "iou",
        "iou_pixels",
        "The IoU of a digit's unit is {mean} {above/below} that of the pixel null",
    ),
    (
        "G2",
        "IoU predicts clean removal, beyond permuted units",
        "iou_predicts",
        "iou_predicts_null",
        "The rank correlation of IoU and clean removal is {mean} {above/below} the .95 quantile of permuted units",
    ),
    (
        "G3",
        "Sets by ACE remove digits cleanly, beyond sets by IoU",
        "clean_sets_alpha",
        "clean_sets_iou",
        "Sets by ACE remove a digit cleanly in {mean points} {more/fewer} of the samples than sets by IoU",
    ),
    (
        "G3",
        "Sets by ACE remove digits cleanly, beyond random sets",
        "clean_sets_alpha",
        "clean_sets_random",
        "Sets by ACE remove a digit cleanly in {mean points} {more/fewer} of the samples than random sets",
    ),
    (
        "G4",
        "A digit can be drawn at legal places more often than at occupied ones",
        "clean_donor_legal",
        "clean_donor_occupied",
        "A donor's patch is drawn cleanly in {mean points} {more/fewer} of the samples at legal places than at occupied ones",
    ),
    (
        "G5",
        "Earlier layers hold digits: the peak of the best unit tells better there that the digit is read",
        "ap_first",
        "ap_last",
        "The average precision of a digit's best unit is {mean} {higher/lower} in the first layer than in the last",
    ),
    (
        "G5",
        "Earlier layers hold digits: the best unit removes them cleanly more often there",
        "clean_unit_first",
        "clean_unit_last",
        "The best unit removes a digit cleanly in {mean points} {more/fewer} of the samples in the first layer than in the last",
    ),
)

STUDY = Study(
    title="Generators dissected",
    about=(
        "Units of generators are said to draw objects, since their maps lie on them and removing them makes them go. Here it is "
        "known what is drawn, and removal must be clean: what is left of it beside rotated units, random sets and plain pixels?"
    ),
    variants={
        **{name: Variant(kind="generator", net=name) for name in PLANTED},
        "reader": Variant(kind="judge", training=Training(images=102_400, epochs=1, batch=64)),
        **{
            name: Variant(
                kind="generator",
                net=name,
                net_settings=STEPS.get(name, {}),
                training=Training(epochs=PASSES.get(name, 8), batch=16),
            )
            for name in TRAINED
        },
        **LADDER,
    },
    seeds=SEEDS,
    source="stamps",
    usual=PLANTED,
    claims=tuple(
        Claim(
            name,
            f"{says} ({variant})",
            column,
            variant,
            "above",
            minus=minus,
            seeds=SEEDS,
            words=f"{words} ({variant})",
        )
        for name, says, column, minus, words in PAIRS
        for variant in JUDGED
    ),
    analyses=("generators",),
)
