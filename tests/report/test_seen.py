"""A sheet of units and ways can be read: nothing is clipped or lies on something else; zero is the middle of a map's colours."""

import itertools

import numpy as np
import pytest

from mixmnist.report.drawing import Look, style
from mixmnist.report.seen import MOST, Picture, Sheet, draw_sheet, save_sheet


def a_sheet(rows=2, ways=("top", "integrated:steps=64", "a_way_of_ones_own_with_a_long_name.py:power=2"), several=2):
    """Makes a sheet of images, maps and places without a picture."""
    random = np.random.default_rng(0)
    image, signed = random.random((32, 32)), random.normal(size=(32, 32)) + 0.7
    kinds = (
        Picture(image, below=("reads 012345", "1.05 of best"), good=True),
        Picture(image, signed, ("in box .95", "(area .14)")),
        Picture(None),
    )
    cells = tuple(tuple((kinds[way % 3],) * several for way in range(len(ways))) for _ in range(rows))
    notes = ("baseline, seed 0.", "maco is known to be fooled: " + "in the plant fooled_view " * 20)
    return Sheet((("unit 3", "digit 6", "AP .94"),) * rows, tuple(ways), cells, notes)


@pytest.mark.parametrize("shape", [(1, ("top",), 1), (2,), (1, tuple(f"way_{n}" for n in range(9)), 1), (12, ("a", "b"), 4)])
def test_all_that_is_written_can_be_read(shape):
    """Every text lies inside the figure, and no two of them touch."""
    with style(Look()):
        figure = draw_sheet(a_sheet(*shape))
        renderer = figure._get_renderer()
        texts = [text for text in figure.findobj(lambda one: hasattr(one, "get_text")) if text.get_text() and text.get_visible()]
        boxes = [text.get_window_extent(renderer) for text in texts]
    page = figure.bbox
    for text, box in zip(texts, boxes, strict=True):
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text  # noqa: PT018 -- one box
    for one, other in itertools.combinations(range(len(boxes)), 2):
        assert not boxes[one].shrunk(0.98, 0.9).overlaps(boxes[other].shrunk(0.98, 0.9)), (texts[one], texts[other])


def test_zero_is_the_middle_of_a_maps_colours():
    """Whatever the sign of most of a map, its colours reach as far on either side."""
    with style(Look()):
        figure = draw_sheet(a_sheet())
    limits = [image.get_clim() for ax in figure.axes for image in ax.get_images() if image.get_cmap().name == "vlag"]
    assert len(limits) == 5
    assert all(low == -high for low, high in limits)


def test_a_place_without_a_picture_is_no_grey_square():
    """It has words, and no image."""
    with style(Look()):
        figure = draw_sheet(a_sheet())
    empty = [ax for ax in figure.axes if not ax.get_images()]
    assert len(empty) == 4
    assert {text.get_text() for ax in empty for text in ax.texts} == {"no picture"}


def test_a_frame_says_whether_the_own_digit_is_read():
    """It is thick where it is, dashed where it is not, and thin where that is not known."""
    with style(Look()):
        looks = []
        for good in (True, False, None):
            sheet = Sheet((("unit 3",),), ("top",), (((Picture(np.zeros((4, 4)), good=good),),),), ())
            side = draw_sheet(sheet).axes[0].spines["left"]
            looks.append((side.get_linewidth() > 1.5, side.get_linestyle()))
    assert looks == [(True, "-"), (False, "--"), (False, "-")]


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    """What breaks while it is written leaves nothing."""
    save_sheet(a_sheet(), tmp_path / "sub" / "p.png")
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["p.png"]

    def broken(_figure, path):
        path.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr("mixmnist.report.seen.write_figure", broken)
    with pytest.raises(OSError, match="disk full"):
        save_sheet(a_sheet(), tmp_path / "other" / "p.png")
    assert list((tmp_path / "other").iterdir()) == []


def test_a_sheet_that_nobody_can_look_at_is_refused():
    """The rule, what was got and the way out."""
    with pytest.raises(ValueError, match=rf"a sheet must have at most {MOST:,} pictures, got 2,400\. Ask for fewer units"):
        draw_sheet(a_sheet(rows=200, ways=("a", "b", "c"), several=4))
