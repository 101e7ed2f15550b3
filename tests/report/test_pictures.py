"""Pictures show the images that they say, outline where a map is high, and leave out what is worth no picture."""

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixmnist.report.drawing import COLUMNS, Album, Look, style
from mixmnist.report.pictures import CARD, DIM, IOU, ON_CARD, ON_STRIP, Regions, outline
from mixmnist.report.plots import draw_figures
from mixmnist.report.reading import StudyRecords

UNITS, SHOWN, ROWS, COLS = 7, 12, 9, 11
BEST = (0.97, 0.81, 0.5, 0.4999, float("nan"), 0.2)  # alignment of each digit's best unit


@pytest.fixture
def kept(monkeypatch):
    """The figures that are handed to an album, with their numbers and captions, by name; none is written."""
    found = {}
    monkeypatch.setattr(Album, "save", lambda _, figure, data, name, text: found.update({name: (figure, data, text)}))
    return found


@pytest.fixture
def records(tmp_path):
    """Records of one variant and seed, six digits and seven units, with random images and maps; unit 3 is dead."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (UNITS, SHOWN, ROWS, COLS), dtype=np.uint8)
    names = np.array([f"{n % 10}{n % 7}" for n in range(32)])
    np.savez(
        tmp_path / "top.npz", first=rng.integers(0, 255, (32, ROWS, COLS), dtype=np.uint8), first_classes=names, images=images
    )
    keys = {"study": "s", "source": "mnist", "task": "t", "variant": "wide", "seed": 3, "block": "b", "layer": "conv3"}
    runs = [keys | {"precision": "float32", "device": "cpu", "threads": 1, "accuracy": 0.9}]
    concepts, units = [], []
    for digit, alignment in enumerate(BEST):
        row = keys | {
            "concept": str(digit),
            "useless": False,
            "unit": -1 if np.isnan(alignment) else digit,
            "alignment": alignment,
        }
        concepts.append(row | {"chance": 0.2 + digit / 100} | {column: rng.random() for column in CARD})
    for unit in range(UNITS):
        alignment = np.nan if unit == 3 else (0.97, 0.81, 0.79, 0, 0.8, 0.99, 0.1)[unit]
        row = keys | {"unit": unit, "concept": str(unit % 3), "alignment": alignment, "drop": 0.1}
        units.append(row | {column: (unit + 1) / 50 + place / 10 for place, column in enumerate(IOU)})
    maps = rng.random((UNITS, SHOWN, ROWS, COLS)).astype(np.float32) * (rng.random((UNITS, SHOWN, ROWS, COLS)) < 0.8)
    found = Regions(maps, np.linspace(0, 0.9, UNITS).astype(np.float32))
    tables = [pd.DataFrame(rows) for rows in (runs, units, concepts)]
    tops = {("wide", 3): tmp_path / "top.npz"}
    return StudyRecords(
        *tables, pd.DataFrame({"variant": [], "layer": []}), tops, (), False, (), (), False, (), regions=lambda *_: found
    )


def drawn(records, name, columns="two"):
    """Draws one figure; gives why it is left out."""
    return draw_figures(records, Path("nowhere"), Look(columns=columns), (name,))


def borders(mask):
    """Gives the border of a region by asking each pixel for each of its neighbours."""
    found = set()
    for row, col in product(range(mask.shape[0]), range(mask.shape[1])):
        for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            inside = 0 <= row + down < mask.shape[0] and 0 <= col + right < mask.shape[1]
            if mask[row, col] and not (inside and mask[row + down, col + right]):
                y, x = row + down / 2, col + right / 2
                found.add(((x - abs(down) / 2, y - abs(right) / 2), (x + abs(down) / 2, y + abs(right) / 2)))
    return found


def as_set(segments, left=0):
    """Gives segments as pairs of points, shifted to the left."""
    return {tuple(sorted((float(x) - left, float(y)) for x, y in segment)) for segment in segments}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_an_outline_is_the_border_of_its_pixels(share):
    """Every edge between a pixel inside and one outside, or the image's end, must be there once, and no other."""
    mask = np.random.default_rng(0).random((5, 8)) < share
    assert as_set(outline(mask)) == borders(mask)
    assert len(outline(mask)) == len(borders(mask))


def test_a_region_is_where_the_map_reaches_its_threshold():
    """Values at the threshold count, lower ones do not; and where a threshold is 0 what is 0 counts for nothing."""
    maps = np.array([[[[0.0, 0.5, 0.4999], [0.6, 0.0, 1.0]]], [[[0.0, 0.1, 0.0], [0.0, 0.0, 0.2]]]], dtype=np.float32)
    found = Regions(maps, np.array([0.5, 0.0], dtype=np.float32))
    assert found.mask(0).tolist() == [[[False, True, False], [True, False, True]]]
    assert found.mask(1).tolist() == [[[False, True, False], [False, False, True]]]


def outlined(ax, place):
    """The outline that is drawn on one of a panel's images."""
    return as_set(ax.collections[place].get_segments(), left=place * (COLS + 1))


def test_a_card_shows_its_unit_and_none_is_below_one_half(kept, records):
    """A card must name digit, unit, alignment and chance, then its precisions; digits without one are in the caption."""
    assert drawn(records, "cards_wide") == ()
    figure, data, text = kept["cards_wide"]
    rows = records.concepts[:3]
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        "digit 0: unit 0, alignment .97, chance .20",
        "digit 1: unit 1, alignment .81, chance .21",
        "digit 2: unit 2, alignment .50, chance .22",
    ]
    assert "No card, since no unit reaches an alignment of .50: 3, 4, 5." in text
    assert "wide, seed 3: the 5 test canvases" in text
    assert data["concept"].tolist() == ["0", "1", "2"]
    found = records.regions("wide", 3)
    assert data["map_threshold"].tolist() == found.threshold[:3].tolist()
    with np.load(records.tops["wide", 3]) as stored:
        images = stored["images"]
    for unit, (ax, (_, row)) in enumerate(zip(figure.axes, rows.iterrows(), strict=True)):
        shown = [float(number) for number in re.findall(r"\d?\.\d\d", ax.xaxis.get_label().get_text())]
        assert shown[:4] + shown[4:] == pytest.approx(row[CARD].astype(float).tolist(), abs=0.0051)
        assert len(ax.images) == 2 * ON_CARD
        for place in range(ON_CARD):
            assert (ax.images[place].get_array() == images[unit, place]).all()
            assert (ax.images[ON_CARD + place].get_array() == found.maps[unit, place]).all()
            assert outlined(ax, place) == borders(found.mask(unit)[place])
        assert {one.get_clim() for one in ax.images[ON_CARD:]} == {(0, found.maps[unit, :ON_CARD].max())}


def test_the_dissection_shows_detectors_with_their_regions_and_iou(kept, records):
    """A unit with an alignment of .80 must be there, by digit, the rest of its images in less light; others must not."""
    assert drawn(records, "dissection_wide") == ()
    figure, data, text = kept["dissection_wide"]
    assert data["unit"].tolist() == [0, 1, 4, 5]
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        "digit 0: unit 0, IoU .02 at the .005 threshold",
        "digit 1: unit 1, IoU .04 at the .005 threshold",
        "digit 1: unit 4, IoU .10 at the .005 threshold",
        "digit 2: unit 5, IoU .12 at the .005 threshold",
    ]
    low, high = (f"{value:.2f}".removeprefix("0") for value in (data[IOU[1]].min(), data[IOU[1]].max()))
    assert f"it is {low} to {high} at most" in text
    assert "alignment from .80 on" in text
    assert "It is not the IoU of the page and of variants.tex (iou_box_matched)" in text
    assert "the highest .005 of its pixels" in text
    found = records.regions("wide", 3)
    with np.load(records.tops["wide", 3]) as stored:
        images = stored["images"]
    for ax, unit in zip(figure.axes, data["unit"], strict=True):
        assert len(ax.images) == len(ax.collections) == ON_STRIP
        for place in range(ON_STRIP):
            mask = found.mask(unit)[place]
            light = np.where(mask, images[unit, place], np.round(images[unit, place] * DIM))
            assert (ax.images[place].get_array() == light).all()
            assert outlined(ax, place) == borders(mask)


def test_images_in_colour_are_shown_in_colour(kept, records):
    """Images with three channels must keep them, in less light outside of a region."""
    path = records.tops["wide", 3]
    images = np.random.default_rng(1).integers(0, 255, (UNITS, SHOWN, 3, ROWS, COLS), dtype=np.uint8)
    np.savez(path, images=images)
    assert drawn(records, "dissection_wide") == ()
    figure, data, _ = kept["dissection_wide"]
    mask, image = records.regions("wide", 3).mask(int(data["unit"][0]))[2], images[data["unit"][0], 2].transpose(1, 2, 0)
    assert (figure.axes[0].images[2].get_array() == np.where(mask[..., None], image, np.round(image * DIM))).all()


def test_where_there_is_nothing_to_show_it_is_said(kept, records):
    """A variant without a unit worth it must have no picture, and the sentence say why."""
    low = replace(records, concepts=records.concepts.assign(alignment=0.49), units=records.units.assign(alignment=0.79))
    assert drawn(low, "cards_wide") == (
        "The figure cards_wide is left out: no unit of wide, seed 3, reaches an alignment of .50.",
    )
    assert drawn(low, "dissection_wide") == (
        "The figure dissection_wide is left out: no unit of wide, seed 3, reaches an alignment of .80.",
    )
    assert kept == {}


def test_without_maps_cards_are_drawn_and_say_so(kept, records):
    """Where weights or glyphs are not there cards must have images alone and say why, and there is no dissection."""

    def lost(variant, seed):
        raise FileNotFoundError(f"no weights of {variant}, seed {seed}. Run again.")

    broken = replace(records, regions=lost)
    assert drawn(broken, "cards_wide") == ()
    figure, data, text = kept.pop("cards_wide")
    assert [len(ax.images) for ax in figure.axes] == [ON_CARD] * 3
    assert not any(ax.collections for ax in figure.axes)
    assert "Maps are not drawn: no weights of wide, seed 3. Run again." in text
    assert "Outlined" not in text
    assert "map_threshold" not in data
    (said,) = drawn(broken, "dissection_wide")
    assert said == "The figure dissection_wide is left out: Maps are not drawn: no weights of wide, seed 3. Run again."
    none = replace(records, regions=None)
    assert drawn(none, "cards_wide") == ()
    with pytest.raises(ValueError, match="figure must be a known name, got figure='dissection_wide'"):
        drawn(none, "dissection_wide")


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("name", ["cards_wide", "dissection_wide", "preview"])
def test_every_picture_fits_its_columns(kept, records, check_paper, name, columns):
    """At both widths letters must be of 7 to 9 points, none over others or beyond the edge."""
    with style(Look(columns=columns)):
        assert drawn(records, name, columns) == ()
        check_paper(kept[name][0], columns)
        assert kept[name][0].get_figheight() < 9


LONG = ("cat", "dog", "a hippopotamus with a name that no panel of any figure has room for", "ape", "a", "elk")


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("name", ["cards_wide", "dissection_wide"])
def test_long_names_stay_above_their_panel(kept, records, check_paper, name, columns):
    """Names of an own task's concepts must be shortened to the panel, in the task's order, and not be called digits."""
    named = {str(digit): concept for digit, concept in enumerate(LONG)}
    tables = {name: getattr(records, name).replace({"concept": named}) for name in ("units", "concepts")}
    with style(Look(columns=columns)):
        assert drawn(replace(records, **tables), name, columns) == ()
        figure, data, text = kept[name]
        check_paper(figure, columns)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split(":")[0] for title in titles][:2] == ["cat", "dog"]
    assert re.match("a hip.*\N{HORIZONTAL ELLIPSIS}.*for?: unit", titles[-1])
    assert list(dict.fromkeys(data["concept"])) == list(LONG[:3])
    assert "digit" not in text.replace("digits, not", "")


def test_precisions_that_there_are_not_are_left_out(kept, records):
    """Of fewer images than a precision asks for neither the card nor the caption may tell of it."""
    few = replace(records, concepts=records.concepts.assign(precision_at_500=np.nan, precision_at_700=np.nan))
    assert drawn(few, "cards_wide") == ()
    figure, _, text = kept["cards_wide"]
    for ax in figure.axes:
        assert len(re.findall(r"\d?\.\d\d", ax.xaxis.get_label().get_text())) == 5
    assert "precision among the 100 and 300 highest responses, and at recall .25, .50 and .75." in text


def test_each_canvas_of_the_preview_stands_below_its_class(kept, records):
    """Classes must be in the order of the canvases, which are those that were kept first."""
    assert drawn(records, "preview") == ()
    figure, data, _ = kept["preview"]
    with np.load(records.tops["wide", 3]) as stored:
        assert [ax.get_title() for ax in figure.axes] == stored["first_classes"].tolist() == data["class"].tolist()
        for ax, image in zip(figure.axes, stored["first"], strict=True):
            assert (ax.images[0].get_array() == image).all()
