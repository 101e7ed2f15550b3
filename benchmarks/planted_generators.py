"""Planted generators: which ranking of a generator's units finds those that draw a digit, and which are fooled by the others?

Eight generators whose drawing units are known: painters, with an echo, with a twin, with a gate, with a bystander, rotated,
superposed; and the null, pixels of canvases as if they were units. Nothing is trained. Each ranking of the shelf is graded.
Cost: seconds for the generators, some minutes of a core for the card. Runs with --source stamps alone.
"""

from mixmnist import Study, Variant
from mixmnist.core.registry import names

STUDY = Study(
    title="Planted generators, and who finds the units that draw",
    about=(
        "Units of a generator are ranked by how well their maps fit a digit, or by what happens without them. Here it is known "
        "which units draw, so every ranking can be graded."
    ),
    variants={name: Variant(kind="generator", net=name) for name in names("planted")},
    seeds=1,
    analyses=("generators_card",),
)
