"""Frozen numbers: committed weights on a frozen mixture, and one tiny training.

A failure says that a change moved numbers that users may have quoted. Where the change is meant (a metric's definition, the
renderer, a new reference), say so in the commit and record the new numbers with `pytest tests/regression --force-regen`; where it
is not, the change is wrong.
"""

import contextlib
from pathlib import Path

import pandas as pd
import pytest

from mixmnist import Training, draw, load_net, probe, score
from mixmnist.data.sources import load_glyphs
from mixmnist.nets import convnet
from mixmnist.training import train

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference" / "sanity"
CLOSE = {"atol": 1e-4, "rtol": 0}
COLUMNS = [
    *(f"precision_at_{k}" for k in (100, 300, 500)),
    *(f"precision_at_recall_{r}" for r in (25, 50, 75)),
    *"alignment alignment_mean f1 correlation mutual_information iou_ink_matched iou_box_quantile".split(),
    *"drop drop_mean concept_drop".split(),
]


@contextlib.contextmanager
def explained():
    """Adds to a failure when updating is right."""
    try:
        yield
    except AssertionError as error:
        error.add_note(__doc__)
        raise


def scored(net, source):
    """Scores of the units of conv3 on the frozen mixture."""
    test, rank = (draw("pairs", source, split, 2_000) for split in ("test", "rank"))
    return score(probe(net, test, "conv3", few=500), rank=probe(net, rank, "conv3", few=500)).units[COLUMNS]


@pytest.mark.parametrize("source", ["digits", "mnist"])
def test_scores_of_committed_weights(source, dataframe_regression):
    """Alignment, precision, IoU and drops of the first baseline must be what they were."""
    try:
        load_glyphs(source, None, "test")
    except FileNotFoundError:
        pytest.skip("MNIST is not on this machine")
    net = load_net(REFERENCE / source / "runs/baseline/s0-4/s0")
    with explained():
        dataframe_regression.check(scored(net, source).fillna(-1), default_tolerance=CLOSE)


def test_a_tiny_training(dataframe_regression):
    """Losses and scores of a short training must be what they were, up to the rounding of other machines."""
    recipe = Training(images=320, epochs=3, batch=32)
    drawn = draw("pairs", "digits", "train", recipe.images)
    stack = convnet.build(convnet.Widths(conv1=3, conv2=4, conv3=5), 45, (0,)).double()
    (outcome,) = train(stack, drawn.images[None], drawn.labels[None], recipe, (0,))
    with explained():
        dataframe_regression.check(pd.DataFrame(outcome.history, columns=["loss", "accuracy"]), default_tolerance=CLOSE)
