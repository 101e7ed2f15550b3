"""Regions of recorded nets: the maps are those of the network, the threshold that of the score."""

import numpy as np
import pytest
import torch
from torch import nn

from mixmnist import Options, Study, Variant, probe, run
from mixmnist.data.mixture import draw
from mixmnist.metrics._pixels import fit, quantile_values
from mixmnist.report import write_report
from mixmnist.report.drawing import Look
from mixmnist.trust._regions import regions, regions_of


@pytest.fixture(scope="module")
def mixture():
    """300 canvases on which a threshold is fitted."""
    return draw("pairs", "digits", "rank", n=300, seed=0)


@pytest.fixture(scope="module")
def pixels(mixture):
    """Maps of a layer of two units: the canvas itself, and the canvas with light and dark swapped."""
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 45)).eval()
    net[0].weight.data = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
    net[0].bias.data = torch.tensor([0.0, 1.0])
    return probe(net, mixture, layer="1").pixels


def test_the_threshold_is_that_of_the_score(pixels):
    """The value must be the one that IoU's threshold of .005 has, and that many pixels must reach it."""
    found = quantile_values(pixels)
    torch.testing.assert_close(found, fit(pixels).value, rtol=0, atol=0)
    maps = torch.cat([m for _, m in pixels])
    reached = (maps >= found[:, None, None]).double().mean(dim=(0, 2, 3))
    assert (reached >= 0.005).all()
    assert (maps > found[:, None, None] * (1 + 1 / 128)).double().mean(dim=(0, 2, 3)).max() <= 0.005


def test_the_region_of_a_planted_unit_is_the_ink_that_it_answers_to(pixels, mixture):
    """A unit whose map is the canvas must be outlined where the canvas is as bright as its threshold, on its own images."""
    tops = mixture.images[torch.arange(10).reshape(2, 5)]
    found = regions(pixels, tops)
    assert found.maps.shape == (2, 5, *mixture.images.shape[1:])
    np.testing.assert_allclose(found.maps[0], tops[0] / 255, atol=1e-6)
    np.testing.assert_allclose(found.maps[1], 1 - tops[1] / 255, atol=1e-6)
    bright = tops[0].numpy() >= np.ceil(found.threshold[0] * 255 - 1e-4)
    assert (found.mask(0) == bright).all()
    assert 0 < bright.mean() < 0.05
    assert (found.mask(1) == (tops[1] == 0).numpy()).all()  # all that is empty is as dark as can be


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of one planted network with one seed, recorded."""
    study = Study("planted", {"perfect": Variant(origin="planted:perfect", probe_images=750)}, seeds=1)
    out = tmp_path_factory.mktemp("regions")
    return run(study, Options(source="stamps", out=str(out), device="cpu"), tell=lambda _: None).folder


def test_a_report_has_the_picture_of_a_recorded_net(folder):
    """From recorded weights the maps of the recorded images must be drawn, each within its digit's box."""
    found = regions_of(folder, None)("perfect", 0)
    with np.load(folder / "runs/perfect/s0-0/s0/top.npz") as stored:
        images, present = stored["images"], stored["present"]
    assert found.maps.shape == images.shape
    assert found.threshold.shape == (len(images),)
    peaks = found.maps.max(axis=(2, 3))
    np.testing.assert_allclose(peaks, np.broadcast_to(peaks[:, :1], peaks.shape), rtol=1e-5)  # it answers as strongly to each
    units = [unit for unit in range(len(images)) if peaks[unit].min() > 0]
    assert units
    for unit in units:
        mask = found.mask(unit)
        assert mask.any(axis=(1, 2)).all()
        assert present[unit].all(axis=0).sum() >= 1
    records = write_report(folder, Look(("png",)), ["dissection_perfect", "cards_perfect"], regions=regions_of(folder, None))
    assert records.left_out == ()
    assert "Outlined" in (folder / "figures" / "dissection_perfect.txt").read_text()


def test_a_net_that_is_not_recorded_has_no_regions(folder):
    """Another seed must be answered in a sentence."""
    with pytest.raises(ValueError, match=r"a network's record must be whole, got none of perfect, seed 7\."):
        regions_of(folder, None)("perfect", 7)
