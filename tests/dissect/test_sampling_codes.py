"""Samples: drawn by seed, judged whole, and refused where nothing could be said."""

import pytest
import torch
from torch import nn

from mixmnist.core.records import Canvas
from mixmnist.dissect.sampling import take, where_of
from mixmnist.dissect.subject import Subject


def test_a_sample_is_what_the_painter_was_told_to_draw(sample):
    """Digits and places that are read are those of the codes."""
    parts = sample.codes.long().view(-1, 2, 3)
    assert (sample.shown.sum(dim=1) == 2).all()
    assert sample.said.valid.all()
    for slot in range(2):
        digit = parts[:, slot, 0]
        assert (sample.places[torch.arange(110), digit] == parts[:, slot, 1:]).all()


def test_samples_differ_by_seed(rank, sample):
    """What is fitted on one is measured on another."""
    assert (rank.codes[:90] != sample.codes[:90]).any()


def test_some_of_a_sample_keep_their_parts_together(sample):
    """Codes, images, maps and what is said stay in step."""
    some = sample.some(torch.tensor([5, 2]))
    assert len(some) == 2
    assert (some.images[0] == sample.images[5]).all()
    assert (some.said.counts[1] == sample.said.counts[2]).all()
    assert (some.places[1] == sample.places[2]).all()


def test_fewer_samples_than_units_are_refused(painter, judge):
    """It says how many units there are."""
    words = r"n must be at least the layer's number of units, got n=11 samples for 12 units\. Draw more samples\."
    with pytest.raises(ValueError, match=words):
        take(painter, judge, n=11, seed=0)


def test_a_collapsed_generator_is_refused(judge):
    """All its samples are alike."""
    net = nn.Sequential(nn.Linear(3, 1024), nn.Unflatten(1, (1, 32, 32)), nn.ReLU(), nn.Hardtanh(0, 1)).eval()
    nn.init.zeros_(net[0].weight)
    with pytest.raises(ValueError, match="the generator must draw different images, got 9 samples that differ by"):
        take(Subject(net, "2", Canvas(), latent=3), judge, n=9, seed=0)


def test_a_box_without_a_place_has_no_pixels():
    """-1 marks nothing."""
    assert where_of(torch.tensor([[-1, -1], [3, 1]]), size=7, glyph=2).sum(dim=(1, 2)).tolist() == [0, 4]
