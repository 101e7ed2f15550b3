"""Places: of which kind each is, by an independent look at every pixel; whole cells; and those there are none of."""

import pytest
import torch

from mixmnist.core.records import Canvas
from mixmnist.dissect.places import PLACES, choose_places, cover, kind_at, kinds_of, origins, whole_stride
from mixmnist.dissect.sampling import Sample
from mixmnist.dissect.subject import Subject


def looked_at(sample, i, row, col):
    """Tells the kind of a place by looking at each pixel and each box, one by one."""
    if not (0 <= row <= 20 and 0 <= col <= 20):
        return "border"
    if (sample.images[i, 0, row : row + 12, col : col + 12] > 0.5).any():
        return "occupied"
    for top, left in sample.places[i].tolist():
        if top >= 0 and abs(top - row) < 12 and abs(left - col) < 12:
            return "ink-free"
    return "legal"


def test_each_place_is_of_the_kind_that_one_sees(sample):
    """Slowly and quickly the same, on all places of some canvases."""
    found, first = kinds_of(sample), origins(sample.subject.canvas).tolist()
    assert found.shape == (110, 32, 32)
    assert (first[0], first[-1]) == (-6, 25)
    for i in (0, 7):
        for down, row in enumerate(first):
            for across, col in enumerate(first):
                assert PLACES[found[i, down, across]] == looked_at(sample, i, row, col)


def test_every_kind_occurs(sample):
    """None of the four words is idle."""
    assert kinds_of(sample).unique().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", PLACES)
def test_places_are_of_the_kind_that_is_asked_for(sample, rank, kind):
    """And only samples without the digit get one."""
    placed = choose_places(sample, rank, digit=3, kind=kind)
    assert (placed.wanted == (sample.said.counts[:, 3] == 0)).all()
    assert placed.known.any()
    assert not (placed.known & ~placed.wanted).any()
    some = placed.known.nonzero()[:, 0]
    assert (kind_at(sample.some(some), placed.place[some]) == PLACES.index(kind)).all()
    assert (placed.place[~placed.known] == -1).all()


def test_not_every_canvas_has_a_legal_place(sample, rank):
    """They are counted; about one in thirty."""
    placed = choose_places(sample, rank, digit=3)
    legal = (kinds_of(sample) == 0).flatten(1).any(dim=1)
    assert placed.n_without == int((placed.wanted & ~legal).sum()) > 0


def test_donors_show_the_digit_and_their_patch_moves_to_the_place(sample, rank):
    """Place = the donor's place and a whole number of cells."""
    placed = choose_places(sample, rank, digit=7, kind="occupied", seed=2)
    assert rank.shown[placed.donor, 7].all()
    source = rank.places[placed.donor, 7]
    assert (source + placed.shift)[placed.known].tolist() == placed.place[placed.known].tolist()


def test_places_lie_on_whole_cells(sample, rank):
    """On a layer with cells of 4 and 8 pixels a patch can only move by so many."""

    def coarse(one):
        subject = Subject(one.subject.net, "maps", one.subject.canvas)
        subject.__dict__["_shape"] = (12, 8, 4)
        return Sample(subject, one.codes, one.images, one.maps[:, :, ::4, ::8], one.said, one.classes, one.places)

    sample, rank = coarse(sample), coarse(rank)
    placed = choose_places(sample, rank, digit=1)
    moved = (placed.place - rank.places[placed.donor, 1])[placed.known]
    assert whole_stride(sample.subject).tolist() == [4, 8]
    assert (moved % torch.tensor([4, 8]) == 0).all()
    assert (moved == placed.shift[placed.known] * torch.tensor([4, 8])).all()
    assert placed.n_without > choose_places(sample, rank, digit=1, kind="border").n_without


def test_cells_that_are_no_whole_pixels_are_refused(sample, rank):
    """There are no whole cells to move by."""
    subject = Subject(sample.subject.net, "maps", sample.subject.canvas)
    subject.__dict__["_shape"] = (12, 5, 8)
    with pytest.raises(ValueError, match=r"a cell must be whole pixels for places, got cells=\(5, 8\) on a canvas of 32"):
        whole_stride(subject)


def test_choices_follow_the_seed(sample, rank):
    """The same for the same seed, others for another."""
    one, same, other = (choose_places(sample, rank, digit=3, seed=seed) for seed in (0, 0, 1))
    assert (one.place == same.place).all()
    assert (one.place != other.place).any()


def test_legal_places_are_drawn_evenly(sample, rank):
    """Every legal place of a canvas is as likely as any other."""
    some = sample.some(torch.zeros(4000, dtype=torch.long))
    digit = int((sample.said.counts[0] == 0).nonzero()[0])
    placed = choose_places(some, rank, digit=digit)
    n_legal = int((kinds_of(some.some(torch.tensor([0]))) == 0).sum())
    counts = placed.place.unique(dim=0, return_counts=True)[1]
    assert len(counts) == n_legal
    assert ((counts - 4000 / n_legal) ** 2 / (4000 / n_legal)).sum() < n_legal + 5 * (2 * n_legal) ** 0.5


def test_a_place_outside_of_the_canvas_is_refused(sample):
    """It says which rows and columns there are."""
    some = sample.some(torch.arange(2))
    words = r"a place must lie within -6 to 25, so that the middle of its box lies on the canvas, got place=\[3, 26\]"
    with pytest.raises(ValueError, match=words):
        kind_at(some, torch.tensor([[0, 0], [3, 26]]))


def test_a_digit_without_a_donor_has_no_place(sample, rank):
    """None is known, all are without."""
    placed = choose_places(sample, rank.some(rank.said.counts[:, 5] == 0), digit=5)
    assert not placed.known.any()
    assert placed.n_without == int((sample.said.counts[:, 5] == 0).sum())


def test_an_unknown_kind_is_refused(sample, rank):
    """It says which there are."""
    with pytest.raises(ValueError, match="kind must be one of legal, ink-free, occupied, border, got kind='free'"):
        choose_places(sample, rank, digit=3, kind="free")


def test_a_box_covers_the_cells_below_it(painter):
    """Its pixels are shared out among the cells, as far as they lie on the canvas."""
    subject = Subject(painter.net, "maps", Canvas(size=24, glyph=6))
    subject.__dict__["_shape"] = (12, 6, 3)
    found = cover(torch.tensor([[3, 4], [-2, 21]]), subject)  # cells of 4 x 8 pixels
    assert found.shape == (2, 6, 3)
    assert found[0, :, 0].tolist() == [0.125, 0.5, 0.125, 0, 0, 0]
    assert (found * 32).sum(dim=(1, 2)).tolist() == [36, 12]
