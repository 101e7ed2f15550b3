"""Frozen numbers: committed weights on a frozen mixture, and one tiny training.

A failure says that a change moved numbers that users may have quoted. Where the change is meant (a metric's definition, the
renderer, a new reference), say so in the commit and record the new numbers with `pytest tests/regression --force-regen`; where it
is not, the change is wrong.
"""

import contextlib
import random
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from mixmnist import Training, draw, load_net, probe, score
from mixmnist.data import mixture
from mixmnist.data.sources import load_glyphs
from mixmnist.metrics import _ranking
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


def scored(net, source, coarse=False):
    """Scores of the units of conv3 on the frozen mixture; or of coarse responses, whole numbers of which many tie.

    Those are made in float64, or the rounding of another machine could turn one into its neighbour.
    """
    net = net.double() if coarse else net
    mixtures = (draw("pairs", source, split, 2_000) for split in ("test", "rank"))
    test, rank = (probe(net, drawn, "conv3", few=500) for drawn in mixtures)
    if coarse:
        test, rank = (replace(r, response=r.response.round(), mean=r.mean.round(), pixels=None) for r in (test, rank))
    units = score(test, rank=rank, sets=False).units
    return units[[c for c in COLUMNS if c in units]].fillna(-1)


@pytest.mark.parametrize("source", ["digits", "mnist"])
def test_scores_of_committed_weights(source, dataframe_regression):
    """Alignment, precision, IoU and drops of the first baseline must be what they were."""
    try:
        load_glyphs(source, None, "test")
    except FileNotFoundError:
        pytest.skip("MNIST is not on this machine")
    net = load_net(REFERENCE / source / "runs/baseline/s0-4/s0")
    with explained():
        dataframe_regression.check(scored(net, source), default_tolerance=CLOSE)


def test_scores_with_many_ties(dataframe_regression):
    """Scores of coarse responses must be what they were."""
    net = load_net(REFERENCE / "digits/runs/baseline/s0-4/s0")
    with explained():
        dataframe_regression.check(scored(net, "digits", coarse=True), default_tolerance=CLOSE)


def another_weight(monkeypatch, net):
    """Changes one weight of the scored layer, chosen at random, by a twentieth of the largest."""
    weight, chance = net.conv3.conv.weight.data, random.Random(0)
    weight[tuple(chance.randrange(n) for n in weight.shape)] += weight.abs().max() / 20


def another_renderer(monkeypatch, net):
    """Renders every glyph one pixel further down."""
    real = mixture.render
    monkeypatch.setattr(mixture, "render", lambda *a: real(*a).roll(1, dims=1))


def another_tie_rule(monkeypatch, net):
    """Gives tied images an order instead of counting them together."""

    def in_order(*given):
        hits, first, _ = real(*given)
        rank = torch.arange(len(first))[:, None].expand_as(first)
        return _ranking.Ranking(hits, rank, rank + 1)

    real = _ranking.count_hits
    monkeypatch.setattr(_ranking, "count_hits", in_order)


@pytest.mark.parametrize("change", [another_weight, another_renderer, another_tie_rule])
def test_a_change_turns_it_red(change, monkeypatch):
    """One other weight, another renderer or another rule for ties must move a frozen number by more than is allowed."""
    net, frozen = load_net(REFERENCE / "digits/runs/baseline/s0-4/s0"), Path(__file__).parent / "test_frozen"
    known = pd.read_csv(frozen / "test_scores_with_many_ties.csv", index_col=0)
    change(monkeypatch, net)
    assert (scored(net, "digits", coarse=True) - known).abs().max().max() > CLOSE["atol"]


def test_a_tiny_training(dataframe_regression):
    """Losses and scores of a short training must be what they were, up to the rounding of other machines."""
    recipe = Training(images=320, epochs=3, batch=32)
    drawn = draw("pairs", "digits", "train", recipe.images)
    stack = convnet.build(convnet.Widths(conv1=3, conv2=4, conv3=5), 45, (0,)).double()
    (outcome,) = train(stack, drawn.images[None], drawn.labels[None], recipe, (0,))
    with explained():
        dataframe_regression.check(pd.DataFrame(outcome.history, columns=["loss", "accuracy"]), default_tolerance=CLOSE)
