"""A sheet of units and ways can be read: nothing is clipped or lies on something else; zero is the middle of a map's colours."""

import itertools

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mixmnist.report.drawing import COLUMNS, Album, Look, style
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


def of_a_study(ways=11):
    """Makes a sheet of images whose columns have long names."""
    names = (
        "natural, top",
        "natural, one digit alone",
        "learned, from natural codes",
        *(f"Fourier, jitter {n}" for n in range(8)),
    )
    image = np.random.default_rng(0).random((32, 32))
    row = tuple((Picture(image, below=("104%",), good=bool(place % 2)),) for place in range(ways))
    return Sheet((("unit 13", "digit 9"),) * 2, names[:ways], (row, row))


NINE = tuple(f"way_{n}" for n in range(9))


@pytest.mark.parametrize(
    ("sheet", "look"),
    [
        (a_sheet(1, ("top",), 1), None),
        (a_sheet(2), None),
        (a_sheet(1, NINE, 1), None),
        (a_sheet(12, ("a", "b"), 4), None),
        (of_a_study(), Look()),
        (of_a_study(), Look(style="talk")),
        (of_a_study(3), Look(columns="one")),
    ],
    ids=["one", "two", "nine", "several", "page", "talk", "column"],
)
def test_all_that_is_written_can_be_read(sheet, look):
    """Every text lies inside the figure, and no two of them touch."""
    with style(look or Look()):
        figure = draw_sheet(sheet, look)
        renderer = figure._get_renderer()
        texts = [text for text in figure.findobj(lambda one: hasattr(one, "get_text")) if text.get_text() and text.get_visible()]
        boxes = [text.get_window_extent(renderer) for text in texts]
    page = figure.bbox
    for text, box in zip(texts, boxes, strict=True):
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text  # noqa: PT018 -- one box
    for one, other in itertools.combinations(range(len(boxes)), 2):
        assert not boxes[one].shrunk(0.98, 0.9).overlaps(boxes[other].shrunk(0.98, 0.9)), (texts[one], texts[other])


@pytest.mark.parametrize("columns", ["one", "two"])
def test_a_sheet_of_a_study_is_as_wide_as_the_page(columns, tmp_path):
    """Pictures stand in their rows and columns, each in a square; nothing is drawn up to the border, and a csv lies beside."""
    look = Look(("png",), columns=columns)
    with style(look):
        figure = draw_sheet(of_a_study(3), look)
        Album(tmp_path, look, ()).save(figure, pd.DataFrame({"unit": [1]}), "sheet", "text")
    assert figure.get_figwidth() == COLUMNS[columns]
    boxes = [ax.get_position() for ax in figure.axes]
    for row, column in itertools.product(range(2), range(3)):
        box = boxes[3 * row + column]
        assert (box.x0, box.y0) == pytest.approx((boxes[column].x0, boxes[3 * row].y0))
        assert box.width * figure.get_figwidth() == pytest.approx(box.height * figure.get_figheight())
    assert boxes[0].x1 < boxes[1].x0 < boxes[1].x1 < boxes[2].x0
    assert boxes[3].y1 < boxes[0].y0
    with Image.open(tmp_path / "sheet.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert min(edge.min() for edge in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:])) == 255
    assert (tmp_path / "sheet.csv").is_file()


def test_only_maps_ask_for_words_on_their_colours():
    """Of one column of maps, too, in lines that fit."""
    maps, images = (Sheet((("unit 3",),), ("way",), (((Picture(np.eye(4), signed),),),)) for signed in (np.eye(4), None))
    with style(Look()):
        said = [" ".join(text.get_text() for text in draw_sheet(one).texts) for one in (maps, images)]
    assert ["blue against" in text for text in said] == [True, False]


def test_zero_is_the_middle_of_a_maps_colours():
    """Whatever the sign of most of a map, its colours reach as far on either side."""
    with style(Look()):
        figure = draw_sheet(a_sheet())
    limits = [image.get_clim() for ax in figure.axes for image in ax.get_images() if image.get_cmap().name == "vlag"]
    assert len(limits) == 4
    assert all(low == -high for low, high in limits)


def test_a_place_without_a_picture_is_no_grey_square():
    """It has words, and no image."""
    with style(Look()):
        figure = draw_sheet(a_sheet())
    empty = [ax for ax in figure.axes if not ax.get_images()]
    assert len(empty) == 4
    assert {text.get_text() for ax in empty for text in ax.texts} == {"no\npicture"}


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
