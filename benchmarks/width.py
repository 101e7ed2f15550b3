"""Width: what does the number of conv3 units do? 5 (superposed), 10 (exact), 15, 20, 30 and 60 (redundant).

Ten digits in ten units can all have their own (logit_ij = m_i + m_j); in five they cannot. The talk's claim R3 as a curve.
Cost: 30 runs of 30 epochs over 20,000 canvases; those of 10 and 30 units are the study sanity's, and are referred to.
"""

from mixmnist import Study, Variant

STUDY = Study(
    title="conv3 from 5 to 60 units",
    variants={f"width-{n}": Variant(net_settings={} if n == 10 else {"conv3": n}) for n in (5, 10, 15, 20, 30, 60)},
    seeds=5,
)
