"""Overlap: what if digits may lie on each other? Never (the default), the larger value, or the original's sum modulo 256.

Cost: 15 runs of 30 epochs over 20,000 canvases; those without overlap are the study sanity's, and are referred to.
"""

from mixmnist import Canvas, Study, Variant

STUDY = Study(
    title="Digits that overlap",
    variants={"reject": Variant(), **{policy: Variant(canvas=Canvas(overlap=policy)) for policy in ("max", "wrap")}},
    seeds=5,
)
