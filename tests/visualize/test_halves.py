"""Canvases of two halves: what is changed, how, and that it can be undone."""

import math

import pytest
import torch
from scipy.ndimage import gaussian_filter

from mixmnist.data.mixture import draw
from mixmnist.visualize.halves import CHANGES, REACH, SPREAD, TILE, change, draw_halves, order, undo


@pytest.fixture(scope="module")
def images():
    """Canvases as they are."""
    return draw("pairs", "digits", "test", n=8, seed=0).images


def test_every_second_canvas_is_changed():
    """The others are those of the task pairs; a changed canvas has the class of its pair, 45 later."""
    plain = draw("pairs", "digits", "test", n=7, seed=3)
    for how in CHANGES:
        both = draw_halves(how, "digits", "test", n=7, seed=3)
        assert both.changed.tolist() == [False, True] * 3 + [False]
        assert torch.equal(both.images[::2], plain.images[::2])
        assert torch.equal(both.images[1::2], change(plain.images[1::2], how))
        assert not torch.equal(both.images[1::2], plain.images[1::2])
        assert both.labels.tolist() == [
            label + 45 * odd for label, odd in zip(plain.labels.tolist(), both.changed.tolist(), strict=True)
        ]
        assert torch.equal(both.present, plain.present)


def test_classes_are_named_by_their_change():
    """Ninety names, all different."""
    both = draw_halves("blurred", "digits", n=1, seed=0)
    assert both.classes[0] == "01"
    assert both.classes[45] == "01 blurred"
    assert len(set(both.classes)) == 90


def test_halves_move_whole():
    """What is moved to a device has the same canvases."""
    both = draw_halves("tiles", "digits", n=4, seed=0)
    assert torch.equal(both.to("cpu").images, both.images)


def test_inverted_by_hand(images):
    """Black becomes white, of bytes and of shares."""
    assert torch.equal(change(images, "inverted"), 255 - images)
    torch.testing.assert_close(change(torch.tensor([[[0.25]]]), "inverted"), torch.tensor([[[0.75]]]))


def test_tiles_are_moved_whole(images):
    """Each quarter comes from across the middle, the right way up."""
    cut = change(images, "tiles")
    for row, col in ((0, 0), (0, 1), (1, 0), (1, 1)):
        here, there = (
            slice_of[:, down * TILE : (down + 1) * TILE, across * TILE : (across + 1) * TILE]
            for slice_of, down, across in ((cut, row, col), (images, 1 - row, 1 - col))
        )
        assert torch.equal(here, there)


def test_a_blur_is_that_of_scipy(images):
    """A Gaussian over black."""
    wanted = gaussian_filter(images.double().numpy(), (0, SPREAD, SPREAD), mode="constant", radius=REACH)
    found = change(images.float() / 255, "blurred") * 255
    torch.testing.assert_close(found.double(), torch.from_numpy(wanted), atol=1e-3, rtol=0)
    assert (change(images, "blurred").double() - torch.from_numpy(wanted)).abs().max() <= 0.51


@pytest.mark.parametrize(("how", "off"), [("inverted", 1e-6), ("tiles", 1e-6), ("blurred", 0.04)])
def test_what_is_changed_is_undone(how, off):
    """Polarity and quarters come back as they were; of a blur what was not blurred over the border does, over many canvases."""
    images = draw("pairs", "digits", "test", n=500, seed=0).images
    plain = images[:, None].float() / 255
    changed = change(images, how)[:, None].float() / 255
    far = (undo(changed, how) - plain).square().mean().sqrt()
    assert far < off
    assert far < 0.6 * (changed - plain).square().mean().sqrt()


def test_what_cannot_be_changed_is_refused(images):
    """An unknown change, and sides that are no multiples of a tile's, get a sentence."""
    for call in (
        lambda: change(images, "warped"),
        lambda: undo(images[:, None] / 255, "warped"),
        lambda: draw_halves("warped", "digits"),
    ):
        with pytest.raises(ValueError, match="the change must be one of inverted, tiles, blurred, got 'warped'"):
            call()
    for sides in ((30, 32), (16, 16)):
        with pytest.raises(ValueError, match="must have sides of several times 16 pixels"):
            order(*sides)


def test_the_kernel_holds_all_of_a_pixel():
    """A bright pixel far from the border keeps its light."""
    image = torch.zeros(1, 32, 32)
    image[0, 16, 16] = 1
    assert math.isclose(float(change(image, "blurred").sum()), 1, abs_tol=1e-6)
