"""A generator's layer as a readout: scored like any other, with the judge's reading as the truth."""

import pytest
import torch

from mixmnist.core.readout import MapsAndMasks
from mixmnist.dissect.direction import cell_shares, directions, linear_iou
from mixmnist.dissect.readout import ious, readout, scaled
from mixmnist.dissect.sampling import Sample, take
from mixmnist.scoring import score


def rotated(sample, seed=0):
    """Gives the sample with its first ten units turned into random directions."""
    turn = torch.linalg.qr(torch.randn(10, 10, generator=torch.Generator().manual_seed(seed)))[0]
    maps = torch.cat([torch.einsum("nuhw,uv->nvhw", sample.maps[:, :10], turn), sample.maps[:, 10:]], dim=1)
    return Sample(sample.subject, sample.codes, sample.images, maps, sample.said, sample.classes, sample.places)


@pytest.mark.filterwarnings("ignore:k=.* is above the number of images")  # there are columns for 500 images and more
def test_a_painter_is_scored_as_a_layer_is(sample, rank):
    """Each unit's own concept is the digit it draws, its alignment and IoU are 1; dead units are said to be dead."""
    units = score(readout(sample), rank=readout(rank)).units
    assert units["concept"][:10].tolist() == [str(digit) for digit in range(10)]
    assert (units["alignment"][:10] == 1).all()
    assert (units["iou_ink_matched"][:10] == 1).all()
    assert units["dead"].tolist() == [False] * 10 + [True] * 2


def test_presence_is_what_the_judge_reads(sample):
    """A digit that is read is present, however often."""
    found = readout(sample)
    assert (found.present == (sample.said.counts >= 1)).all()
    assert found.logits is None
    assert isinstance(found.pixels, MapsAndMasks)
    assert found.response.shape == (110, 12)


def test_masks_are_the_judges(sample):
    """Ink is what it segments; a box lies around what it reads."""
    pixels = readout(sample).pixels
    rows = torch.tensor([3, 1])
    digit = int(sample.shown[3].nonzero()[0])
    ink, box = pixels.mask("ink", digit, rows), pixels.mask("box", digit, rows)
    assert (ink == (sample.classes[rows] == digit)).all()
    assert box[0].sum() == 144
    assert (ink & ~box).sum() == 0


def test_iou_of_a_painter_is_one_by_every_fitted_threshold(sample, rank):
    """Matched and most informative thresholds find exactly the ink; another digit's masks share nothing with it."""
    for threshold in ("matched", "information"):
        found = ious(rank, sample, threshold)
        assert found.shape == (12, 10)
        assert (found[:10].diagonal() == 1).all()
        assert found[0, 1] < 0.05
        assert found[10:].isnan().all()


def test_a_unit_that_peaks_alike_on_every_sample_is_not_dead(sample, rank):
    """Only a map of one value everywhere has no IoU."""
    both = [Sample(s.subject, s.codes, s.images, s.images, s.said, s.classes, s.places) for s in (rank, sample)]
    found = ious(*both)
    assert found.shape == (1, 10)
    assert 0.03 < found.min() < found.max() < 0.1


def test_permuting_units_permutes_ious_and_nothing_else(sample, rank, judge, turned):
    """The order of the units is of no account."""
    subject, order = turned
    others = [take(subject, judge, n=n, seed=seed) for n, seed in ((90, 1), (110, 0))]
    assert (ious(*others).nan_to_num(-1) == ious(rank, sample)[order].nan_to_num(-1)).all()


def test_the_best_direction_finds_what_is_rotated(sample, rank):
    """No unit marks a digit any more, yet a direction does, exactly."""
    turned_rank, turned_sample = rotated(rank), rotated(sample)
    assert linear_iou(rank, sample).min() > 0.999
    assert linear_iou(turned_rank, turned_sample).min() > 0.999
    assert directions(turned_rank).shape == (12, 10)
    assert directions(turned_rank)[10:].abs().max() < 1e-6


def test_a_linear_layer_of_nothing_has_no_ceiling(sample, rank):
    """Directions of noise mark no digit."""
    noise = [Sample(s.subject, s.codes, s.images, torch.rand(s.maps.shape), s.said, s.classes, s.places) for s in (rank, sample)]
    assert linear_iou(*noise).max() < 0.1


def test_cells_hold_the_share_of_their_pixels(sample):
    """On a map of single pixels the shares are the masks."""
    shares = cell_shares(sample)
    assert shares.shape == (110, 10, 32, 32)
    assert (shares[:, 4] == (sample.classes == 4)).all()


def test_maps_are_scaled_as_cells_lie():
    """A cell's value stands at its middle."""
    maps = torch.arange(6.0).view(1, 1, 2, 3)
    assert torch.allclose(scaled(maps, 6)[0, 0, 0], torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2]))


def test_unknown_thresholds_and_masks_are_refused(rank):
    """It says which there are."""
    with pytest.raises(ValueError, match="threshold must be one of matched, quantile, information, got threshold='best'"):
        ious(rank, threshold="best")
    with pytest.raises(ValueError, match="kind must be one of ink, box, got kind='hull'"):
        ious(rank, kind="hull")
