"""Pictures of several subjects by several ways, with what is known of each."""

import pytest
import torch

from mixmnist.core.records import Canvas, Way
from mixmnist.nets import convnet
from mixmnist.visualize.reader import KINDS, UNSEEN, Reader, Reading
from mixmnist.visualize.seeing import Tools, check_ways, look
from mixmnist.visualize.subjects import View, units_of

REPORT = {"label": 0.99, "whole": 0.9, "false_alarm": 0.01, "found": 0.9, **dict.fromkeys((*KINDS, UNSEEN), 0.0)}


class Reads(Reader):
    """Reads the same of everything."""

    def read(self, images):
        """Says 1 and 3."""
        return torch.zeros(len(images), 10).bool().index_fill(1, torch.tensor([1, 3]), value=True)


@pytest.fixture
def view(tiny, canvases):
    """A small net on canvases."""
    return View(tiny(), canvases, "second")


@pytest.fixture
def tools(supplies):
    """A reader that reads the same of everything, and a generator."""
    net = convnet.load(convnet.Widths(2, 2, 2), 10).eval()
    reader = Reads(net, 0.0, "digits", Canvas(), 0, REPORT, Reading(widths=(2, 2, 2)))
    return Tools(lambda: reader, lambda _: supplies.generator)


NONE = Tools(lambda: pytest.fail("no reader is needed"), lambda _: pytest.fail("no generator is needed"))


def test_natural_images_stand_before_others(view, tools):
    """Where a way makes images, top comes first if it is not asked for; with maps alone nothing is added."""
    subjects = units_of(view, [1, 2])
    assert look(view, subjects, ["gradient", "pixels:steps=2"], tools).shown[0].way == "top"
    assert [one.way for one in look(view, subjects, ["gradient"], NONE).shown] == ["gradient"]
    assert [one.way for one in look(view, subjects, ["single", "top"], NONE).shown] == ["single", "top"]


def test_what_is_read_and_how_much_it_excites_stands_beside_each_image(view, tools):
    """Response against the best natural image, which the first top image is; own digits are those of the unit."""
    subjects = units_of(view, [0, 1, 2, 3])
    table = look(view, subjects, ["top", "pixels:steps=2"], tools, starts=2).table
    assert len(table) == 4 * 2 * 2
    first = table[table["way"].eq("top") & table["picture"].eq(0)]
    assert first["relative"].tolist() == pytest.approx([1.0] * 4)
    assert set(table["reads"]) == {"13"}
    assert table["reads_own"].astype(bool).tolist() == table["own"].isin(["1", "3"]).tolist()
    assert not table["only_own"].any()
    assert table["seed"].tolist() == [0, 1] * 8


def test_maps_say_where_they_lie_beside_the_area(view):
    """A constant map has the area's share of its digit's box and ink."""
    table = look(view, units_of(view, [0, 1]), ["constant"], NONE, starts=3).table
    for name in ("own_box", "own_ink"):
        assert table[name].tolist() == pytest.approx(table[f"{name}_chance"].tolist())
    assert table["own_box_chance"].max() <= (12 / 32) ** 2 + 1e-6


def test_pictures_of_one_unit_are_those_of_many(view, tools):
    """Side by side each becomes what it would have become alone."""
    many, one = (look(view, units_of(view, units), ["maco:steps=3", "smoothgrad:copies=2"], tools, 2) for units in ([1, 3], [3]))
    for together, alone in zip(many.shown, one.shown, strict=True):
        torch.testing.assert_close(together.pictures[1:], alone.pictures, rtol=0, atol=1e-5)


def test_where_a_way_fails_of_one_of_all_the_others_are_shown(view, monkeypatch):
    """Named units are refused with the way's sentence; of all the one has no picture and a sentence."""

    def run(target, images):
        if (target.index == 2).any():
            raise ValueError("a unit must not be 2, got 2.")
        return images[:, 0] + 1

    way = Way("not two", "map", run)
    monkeypatch.setattr("mixmnist.visualize.seeing.registry.choose", lambda *_: way)
    with pytest.raises(ValueError, match=r"a unit must not be 2, got 2\."):
        look(view, units_of(view, [1, 2]), ["own"], NONE)
    found = look(view, units_of(view, "all"), ["own"], NONE).shown[0]
    assert found.said == ("own shows nothing of unit 2: a unit must not be 2, got 2.",)
    assert found.pictures.isnan().flatten(1).any(dim=1).tolist() == [False, False, True, False, False]


def test_a_map_of_zeros_is_no_picture(view, monkeypatch):
    """It found nothing, and that is said in place of a grey square."""
    way = Way("zeros", "map", lambda _, images: 0 * images[:, 0])
    monkeypatch.setattr("mixmnist.visualize.seeing.registry.choose", lambda *_: way)
    for units in ([1, 2], "all"):
        with pytest.raises(ValueError, match="a map must show something, got zeros of own on unit"):
            look(view, units_of(view, units), ["own"], NONE)


def test_a_way_that_is_known_to_be_fooled_is_marked(view, tools):
    """With the plant on which that was seen; others are not."""
    sight = look(view, units_of(view, [1]), ["maco:steps=2", "unit_map"], tools)
    assert [one.warned for one in sight.shown] == [False, True, False]
    assert any("in the plant fooled_view" in line for line in sight.said)
    assert sight.said[-1].startswith("Reader of digits")


@pytest.mark.parametrize(
    ("ways", "of_class", "message"),
    [
        (["unit_map"], True, "unit_map makes pictures of units alone, got a class"),
        ([], False, "ways must be one or more, got none"),
        (["maco:stepz=1"], False, "way settings must be among"),
        (["mako"], False, "way must be a known name, got way='mako'. Did you mean maco"),
    ],
)
def test_ways_that_cannot_be_are_one_sentence(ways, of_class, message):
    """Before anything is drawn."""
    with pytest.raises(ValueError, match=message):
        check_ways(ways, of_class)
