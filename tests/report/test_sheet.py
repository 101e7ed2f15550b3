"""Sheets of pictures."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mixmnist.report import sheet as sheets
from mixmnist.report.drawing import Album, Look, Nothing, lay_out, style
from mixmnist.report.sheet import sheet


@pytest.fixture
def cells():
    """Two rows of three, the last place empty."""
    places = [("unit 1", "top"), ("unit 1", "none"), ("unit 1", "learned"), ("unit 2", "top"), ("unit 2", "none")]
    table = pd.DataFrame(places, columns=["row", "column"])
    return table.assign(marked=[True, False, True, False, False], below=[f"{n}0%" for n in range(5)])


@pytest.fixture
def drawn(monkeypatch):
    """Keeps each figure that an album writes."""
    kept = []
    monkeypatch.setattr(Album, "save", lambda self, figure, data, name, text: (lay_out(figure), kept.append(figure)))
    return kept


@pytest.mark.plain
@pytest.mark.parametrize("columns", ["one", "two"])
def test_pictures_stand_in_their_places(cells, drawn, tmp_path, columns):
    """Rows from the top and columns from the left, in the order of the table; marked ones alone in a frame and with a dot."""
    look = Look(("png",), columns=columns)
    with style(look):
        sheet(Album(tmp_path, look, ()), cells, np.zeros((5, 8, 8), dtype=np.uint8), "sheet", "")
    (ax,) = drawn[0].axes
    boxes = [image.get_extent() for image in ax.images]
    lefts, tops = ([round(box[place], 6) for box in boxes] for place in (0, 3))
    assert lefts[0] == lefts[3] < lefts[1] == lefts[4] < lefts[2]
    assert tops[0] == tops[1] == tops[2] < tops[3] == tops[4]
    frames = [round(patch.get_x(), 6) for patch in ax.patches]
    assert frames == [lefts[0], lefts[2]]
    said = [text.get_text() for text in ax.texts]
    assert [one for one in said if "%" in one] == [f"{sheets.READ} 00%", "10%", f"{sheets.READ} 20%", "30%", "40%"]
    assert {"top", "none", "learned"} <= set(said)


@pytest.mark.plain
def test_many_columns_fit_the_page(tmp_path):
    """Twelve ways with long names, in either width: nothing is drawn up to the border, and the csv holds what is shown."""
    names = [f"natural, one digit alone {n}" for n in range(12)]
    cells = pd.DataFrame({"row": "unit 13, digit 9", "column": names, "marked": True, "below": "100%"})
    for columns in ("one", "two"):
        look = Look(("png",), columns=columns)
        with style(look):
            sheet(Album(tmp_path, look, ()), cells, np.full((12, 8, 8, 3), 90, dtype=np.uint8), columns, "text")
        pixels = np.asarray(Image.open(tmp_path / f"{columns}.png").convert("L"))
        assert min(edge.min() for edge in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:])) == 255
        assert pd.read_csv(tmp_path / f"{columns}.csv")["column"].tolist() == names


@pytest.mark.plain
def test_no_picture_is_a_sentence(cells, tmp_path):
    """An empty sheet is not drawn."""
    with pytest.raises(Nothing, match="there is no picture to show"):
        sheet(Album(tmp_path, Look(), ()), cells[:0], np.zeros((0, 8, 8), dtype=np.uint8), "sheet", "")
