"""Tasks: which task makes digit detectors emerge?

The same net and recipe on every task of the shelf. Prevalence, and so chance, differs from task to task and from digit to digit;
`presence` has canvases of 56 pixels and is told of digits outright.
Cost: 35 runs of 30 epochs over 20,000 canvases (presence: three times the pixels); those of pairs and redundant are referred to.
"""

from mixmnist import Canvas, Study, Variant

STUDY = Study(
    title="One net, seven tasks",
    variants={
        **{task: Variant(task=task) for task in ("pairs", "redundant", "single", "xor", "greater", "sum")},
        "presence": Variant(task="presence", canvas=Canvas(size=56)),
    },
    seeds=5,
)
