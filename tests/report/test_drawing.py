import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mixmnist.report.drawing import FORMATS, Album, Look, style
from mixmnist.report.files import smaller, write_figure


def picture(n_colours):
    """Gives an opaque picture of 40 rows and 50 columns whose pixels have so many colours, and no more."""
    colours = np.random.default_rng(0).choice(256**3, n_colours, replace=False)
    pixels = np.resize(colours, (40, 50))
    channels = [pixels // 256**2, pixels // 256 % 256, pixels % 256, np.full_like(pixels, 255)]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


@pytest.mark.parametrize(("n_colours", "mode"), [(1, "P"), (2, "P"), (200, "P"), (256, "P"), (257, "RGB"), (2000, "RGB")])
def test_a_smaller_picture_has_the_same_pixels(n_colours, mode):
    """Up to 256 colours take one byte a pixel, more take three, and every pixel must keep its colour."""
    image = picture(n_colours)
    small = smaller(image)
    assert small.mode == mode
    assert (np.asarray(small.convert("RGBA")) == np.asarray(image)).all()


def test_all_greys_are_kept():
    """A picture of canvases has every grey there is, each of which must come back."""
    greys = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(8, 32)).convert("RGBA")
    assert (np.asarray(smaller(greys).convert("L")) == np.asarray(greys.convert("L"))).all()


def test_a_transparent_picture_stays_as_it_is():
    """What lets the page shine through must still do so."""
    image = picture(3)
    image.putpixel((0, 0), (10, 20, 30, 40))
    assert smaller(image) is image


@pytest.mark.parametrize("colour", ["0.3", "tab:blue"])
def test_a_png_is_what_matplotlib_draws(tmp_path, colour):
    """A written figure must have the pixels, the size and the resolution of matplotlib's, in fewer bytes."""
    figure = Figure(figsize=(3, 2), dpi=150)
    figure.subplots().plot([1, 3, 2], color=colour)
    figure.savefig(tmp_path / "theirs.png")
    write_figure(figure, tmp_path / "ours.png")
    with Image.open(tmp_path / "ours.png") as ours, Image.open(tmp_path / "theirs.png") as theirs:
        assert (np.asarray(ours.convert("RGBA")) == np.asarray(theirs)).all()
        assert ours.info["dpi"] == theirs.info["dpi"]
    assert (tmp_path / "ours.png").stat().st_size < 0.9 * (tmp_path / "theirs.png").stat().st_size


def test_a_figure_is_laid_out_once_and_drawn_once_a_format(tmp_path, monkeypatch):
    """To draw takes most of a report's time: no file may cost a second drawing, and all must show the same layout."""
    drawn = []
    real = Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda self, renderer: (drawn.append(self), real(self, renderer))[1])
    with style(Look(FORMATS)):
        album = Album(tmp_path, Look(FORMATS), ("Note.",))
        figure, axes = album.make(2, 2.0)
        axes[1].set_title("a title")
        before = axes[0].get_position().bounds
        album.save(figure, pd.DataFrame({"x": [1]}), "two", "Caption.")
    assert len(drawn) == len(FORMATS)
    assert axes[0].get_position().bounds != before
