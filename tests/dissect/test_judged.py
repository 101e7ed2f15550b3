"""What follows from what a judge says: valid canvases, evidence at a place, boxes of digits."""

import torch

from mixmnist.dissect.reading import BACKGROUND, Said, evidence, places_of


def said(counts, junk=False, sure=1.0):
    """Gives what is said of one canvas."""
    return Said(torch.tensor([counts + [0] * (10 - len(counts))]), torch.tensor([junk]), torch.tensor([sure]))


def test_a_canvas_is_valid_with_exactly_two_different_digits():
    """One, three or a repeat beside two are not."""
    assert said([1, 0, 1]).valid.all()
    for counts in ([1], [1, 1, 1], [1, 1, 2], [2], [2, 1]):
        assert not said(counts).valid.any()


def test_junk_or_doubt_make_a_canvas_invalid():
    """Confidence must reach .8."""
    assert not said([1, 1], junk=True).valid.any()
    assert not said([1, 1], sure=0.79).valid.any()
    assert said([1, 1], sure=0.8).valid.all()


def test_evidence_is_read_where_it_is_asked_for(judge, sample):
    """The whole canvas has the ink of both digits; the box of one has its own alone."""
    digit = int(sample.shown[0].nonzero()[0])
    row, col = sample.places[0, digit].tolist()
    where = torch.zeros(1, 32, 32, dtype=torch.bool)
    where[0, row : row + 12, col : col + 12] = True
    image = sample.images[:1]
    here, everywhere = evidence(judge, image, where)[0], evidence(judge, image)[0]
    ink = float(judge._stamps[digit].sum())
    assert 0.9 < here[digit] / ink < 1.001
    assert here.sum() < 1.001 * ink < 0.9 * everywhere.sum()


def test_a_stray_pixel_does_not_move_a_box():
    """Rows and columns with one pixel of the digit do not count, where others have more."""
    classes = torch.full((1, 9, 11), BACKGROUND)
    classes[0, 1:5, 3:7] = 2
    counts = torch.tensor([[0, 0, 1]])
    before = places_of(classes, counts, 4)
    classes[0, 8, 10] = 2
    assert before[0, 2].tolist() == [1, 3]
    assert (places_of(classes, counts, 4) == before).all()


def test_a_smaller_glyph_lies_in_the_middle_of_its_box():
    """A digit that does not fill its box has margins on both sides; the box stays on the canvas."""
    classes = torch.full((2, 12, 12), BACKGROUND)
    classes[0, 4:8, 5:7] = 0
    classes[1, 0:4, 10:12] = 0
    assert places_of(classes, torch.tensor([[1], [1]]), 6)[:, 0].tolist() == [[3, 3], [0, 6]]


def test_no_pixels_no_place():
    """A digit that is read but has no pixels has none."""
    classes = torch.full((1, 5, 6), BACKGROUND)
    assert places_of(classes, torch.tensor([[1, 0]]), 2).tolist() == [[[-1, -1], [-1, -1]]]
