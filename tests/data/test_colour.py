"""Glyphs in colour: the truth is the grey mixture's, the channels are the glyphs' own."""

import numpy as np
import pytest
import torch

import mixmnist
from mixmnist.core.records import Canvas
from mixmnist.data.colour import has_colours, in_colour
from mixmnist.data.mixture import draw
from mixmnist.data.sources import fingerprint
from mixmnist.data.sources.digits import load


@pytest.fixture(scope="module")
def coloured(tmp_path_factory):
    """An .npz of red zeros, green ones and so on, each digit with its own share of red, green and blue."""
    glyphs = load(None, "train")
    shares = np.array([[10 - d, d, (3 * d) % 10] for d in range(10)])  # digits channels
    images = (glyphs.images[..., None].astype(int) * shares[glyphs.labels][:, None, None] // 10).astype(np.uint8)
    path = tmp_path_factory.mktemp("glyphs") / "coloured.npz"
    np.savez(path, images=images, labels=glyphs.labels)
    return str(path)


def test_colours_are_those_of_the_glyph_that_is_shown(coloured):
    """Every channel must be the grey canvas weighed by the digit's share of it, where the digit lies."""
    canvas = Canvas(size=24, glyph=8)  # the glyphs' own size: nothing is resized
    grey = draw("pairs", coloured, "test", n=50, canvas=canvas)
    mixture = in_colour(grey, coloured, "test")
    assert mixture.images.shape == (50, 3, 24, 24)
    for concept in range(10):
        mask = mixture.mask(concept)
        red, green, _ = (mixture.images[:, c][mask].double() for c in range(3))
        if concept == 5:
            assert torch.equal(red, green)
        if concept in (0, 9):
            assert (green if concept == 0 else red).sum() < (red if concept == 0 else green).sum() / 4


def test_a_pixel_is_ink_where_any_channel_is(coloured):
    """The grey canvas must be the largest channel, so that masks hold every coloured pixel."""
    canvas = Canvas(size=24, glyph=8)
    grey = draw("pairs", coloured, "rank", n=40, canvas=canvas)
    mixture = in_colour(grey, coloured, "rank")
    assert torch.equal(mixture.images.amax(1), grey.images)
    assert torch.equal(mixture.present, grey.present)


def test_training_canvases_hold_training_glyphs(coloured):
    """The colours must come from the split's own pool."""
    canvas = Canvas(size=24, glyph=8)
    for split in ("train", "test"):
        grey = draw("pairs", coloured, split, n=30, canvas=canvas)
        assert torch.equal(in_colour(grey, coloured, split).images.amax(1), grey.images)


def test_grey_glyphs_have_no_colours(coloured):
    """A grey source must be refused with a sentence, and colours must count in the source's sum."""
    assert has_colours(coloured)
    assert not has_colours("digits")
    with pytest.raises(ValueError, match="glyphs must be in colour to be drawn so, got grey ones from digits"):
        in_colour(draw("pairs", "digits", n=4), "digits", "test")


def test_colours_count_in_the_fingerprint(coloured, tmp_path):
    """Two sources of the same ink in different colours must not be taken for one."""
    with np.load(coloured) as stored:
        images, labels = stored["images"], stored["labels"]
    np.savez(tmp_path / "turned.npz", images=images[..., ::-1], labels=labels)
    assert fingerprint("file", coloured) != fingerprint("file", str(tmp_path / "turned.npz"))


def test_two_channels_are_no_colours(tmp_path):
    """Images with another last axis must be refused."""
    np.savez(tmp_path / "two.npz", images=np.zeros((4, 8, 8, 2), dtype=np.uint8), labels=np.zeros(4, dtype=int))
    with pytest.raises(
        ValueError, match=r"images must be uint8 \[n, rows, cols\] or \[n, rows, cols, 3\], got uint8 \[4, 8, 8, 2\]"
    ):
        draw("pairs", str(tmp_path / "two.npz"), n=4)


def test_canvases_can_be_drawn_in_the_colours_that_are_evaluated(coloured):
    """`mixmnist.draw(..., colour=True)` must give the images that a network of three channels is evaluated on, and the truth."""
    drawn = mixmnist.draw("pairs", coloured, "test", n=20, seed=3, colour=True)
    grey = mixmnist.draw("pairs", coloured, "test", n=20, seed=3)
    assert drawn.images.shape == (20, 3, 32, 32)
    assert torch.equal(drawn.images, in_colour(grey, coloured, "test").images)
    assert torch.equal(drawn.masks(torch.arange(5)), grey.masks(torch.arange(5)))
    assert torch.equal(drawn.images.amax(dim=1) > 0, grey.images > 0)
    assert set(drawn.as_arrays(masks=True)) == set(grey.as_arrays(masks=True))
    assert drawn.as_arrays()["images"].shape == (20, 3, 32, 32)


def test_grey_glyphs_have_no_colours_to_be_drawn_in():
    """To ask for colours that there are not must be answered before anything is drawn."""
    with pytest.raises(ValueError, match="glyphs must be in colour to be drawn so, got grey ones from digits"):
        mixmnist.draw("pairs", "digits", n=20, colour=True)
