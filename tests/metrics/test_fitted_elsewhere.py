"""Thresholds and bins are fitted on the rank images and never on the scored ones: against oracles that share no code."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from mixmnist.scoring import Sheet


@pytest.fixture(scope="module")
def apart(tied, tied_rank):
    """Scored and rank images whose responses are spread otherwise, so that thresholds of the wrong ones would show."""
    g = torch.Generator().manual_seed(6)
    wide = tied.mean + torch.rand(tied.mean.shape, generator=g)
    other = 0.5 * tied_rank.mean**2 + 0.5 * torch.rand(tied_rank.mean.shape, generator=g)
    wide[::9, 2], other[::5, 2] = 0, 0  # zeros are a bin of their own
    planted = type(tied.pixels)
    return tuple(replace(r, response=m, mean=m, pixels=planted(m, r.present)) for r, m in ((tied, wide), (tied_rank, other)))


def bits(response, edges, present):
    """Mutual information in bits by scikit-learn, of numpy's bins."""
    bins = np.where(response == 0, -1, np.searchsorted(edges, response, side="right"))
    return mutual_info_score(bins, present) / np.log(2)


def tenths(known):
    """Edges of ten bins with equally many of the responses that are not zero: the first response of each bin but the first."""
    known = np.sort(known[known != 0])
    return np.array([known[(tenth * len(known)) // 10] for tenth in range(1, 10)])


def test_bins_of_mutual_information_come_from_the_rank_images(apart):
    """The scored images must fall into tenths of the rank images' responses; tenths of their own would give other numbers."""
    readout, rank = apart
    found = Sheet(readout, Sheet(rank))["mutual_information"].numpy()
    right, wrong = np.empty((7, 5)), np.empty((7, 5))
    for unit in range(7):
        own, known = readout.response[:, unit].numpy(), rank.response[:, unit].numpy()
        for concept in range(5):
            present = readout.present[:, concept].numpy()
            right[unit, concept] = bits(own, tenths(known), present)
            wrong[unit, concept] = bits(own, tenths(own), present)
    np.testing.assert_allclose(found, right, rtol=0, atol=1e-6)
    assert np.abs(right - wrong).max() > 1e-3


def pixels_of(readout, kind):
    """Every unit's pixels, and every concept's mask, image by image; as coarse as the scores read them."""
    shape = torch.tensor([[1, 0.5, 0.25], [0.75, 0.5, 0]])
    maps = readout.mean[:, :, None, None] * shape  # images units rows cols
    coarse = (maps.contiguous().view(torch.int32) >> 16 << 16).view(torch.float32)
    masks = torch.stack([readout.pixels.mask(kind, c, torch.arange(len(maps))) for c in range(5)])  # concepts images rows cols
    return coarse.transpose(0, 1).flatten(1).double().numpy(), masks.flatten(1).numpy()


def at(values, wanted):
    """The threshold at which so many pixels are reached, and the share needed of those that lie on it."""
    level = np.sort(values)[::-1][max(0, int(np.ceil(wanted)) - 1)]
    above, here = (values > level).sum(), (values == level).sum()
    return level, (wanted - above) / here


def overlap(values, level, share, mask):
    """Intersection over union of what fires and a mask."""
    fires = (values > level) + share * (values == level)
    both = (fires * mask).sum()
    return both / (fires.sum() + mask.sum() - both)


@pytest.mark.parametrize("threshold", ["matched", "quantile"])
@pytest.mark.parametrize("kind", ["ink", "box"])
def test_thresholds_of_iou_come_from_the_rank_images(apart, kind, threshold):
    """The scored pixels must be held against the rank pixels' threshold; their own would give other numbers."""
    readout, rank = apart
    found = Sheet(readout, Sheet(rank))[f"iou_{kind}_{threshold}"].numpy()
    (scored, masks), (fitted, known) = pixels_of(readout, kind), pixels_of(rank, kind)
    right, wrong = np.empty((7, 5)), np.empty((7, 5))
    for unit in range(7):
        for concept in range(5):
            sizes = [m[concept].sum() if threshold == "matched" else 0.005 * m[concept].size for m in (known, masks)]
            right[unit, concept] = overlap(scored[unit], *at(fitted[unit], sizes[0]), masks[concept])
            wrong[unit, concept] = overlap(scored[unit], *at(scored[unit], sizes[1]), masks[concept])
    np.testing.assert_allclose(found, right, rtol=0, atol=2e-4)
    assert np.abs(right - wrong).max() > 0.01


def test_the_threshold_of_f1_comes_from_the_rank_images(apart):
    """F1 must be at the threshold that is the best of all on the rank images."""
    readout, rank = apart
    found = Sheet(readout, Sheet(rank))["f1"].numpy()

    def f1(response, present, level):
        fires = response >= level
        return 2 * (fires & present).sum() / (fires.sum() + present.sum())

    for unit, concept in ((0, 0), (3, 1), (6, 4)):
        known, shows = rank.response[:, unit].numpy(), rank.present[:, concept].numpy()
        level = max(np.unique(known)[::-1], key=lambda t: round(f1(known, shows, t), 12))
        own = f1(readout.response[:, unit].numpy(), readout.present[:, concept].numpy(), level)
        assert found[unit, concept] == pytest.approx(own, abs=1e-6)
