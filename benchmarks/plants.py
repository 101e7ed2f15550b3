"""Plants: are the scores right on networks whose right scores are known?

Each variant is a planted network: a real module with an ordinary forward pass, exact on the source `stamps`. The right value of
every score is written down in its file, mixmnist/plants/<name>.py; the seed changes the rotation of `rotated` and nothing else.
Run it with --source stamps. Cost: nothing is trained; one run of each is enough but for `rotated`.
"""

from mixmnist import Study, Variant

NAMES = ("perfect", "rotated", "duplicated", "superposed", "decoys", "hidden")

STUDY = Study(
    title="Planted networks, whose right scores are known",
    variants={name: Variant(origin=f"planted:{name}") for name in NAMES},
    seeds=1,
    analyses=("verdicts",),
)
