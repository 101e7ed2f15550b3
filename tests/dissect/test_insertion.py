"""Insertion: on a painter a donor's patch draws the digit at every legal place, and elsewhere what must come of it."""

from dataclasses import replace

import pytest
import torch

from mixmnist.dissect.inserting import insert, mean_at, writing
from mixmnist.dissect.places import choose_places
from mixmnist.dissect.sampling import take
from mixmnist.dissect.subject import images_of


def one(*units):
    """Gives a set of the painter's units."""
    chosen = torch.zeros(12, dtype=torch.bool)
    chosen[list(units)] = True
    return chosen


@pytest.fixture(scope="module")
def marked_rank(marker, judge):
    """Gives the marker's rank sample."""
    return take(marker, judge, n=80, seed=1)


def test_a_donors_patch_at_a_legal_place_is_clean(sample, rank, judge):
    """All of the place is free, so the digit is read exactly there and nothing else changes."""
    scores = insert(sample, judge, rank, choose_places(sample, rank, digit=3)).scores()
    assert (scores["inserted"], scores["clean_insertion"], scores["place_error"]) == (1.0, 1.0, 0.0)
    assert scores["n"] + scores["n_without"] == int((sample.said.counts[:, 3] == 0).sum())


def test_one_unit_is_enough_where_it_draws_the_digit(marked, marked_rank, judge):
    """Marks that are moved draw their stamps there; another unit's draw nothing."""
    placed = choose_places(marked, marked_rank, digit=7)
    assert insert(marked, judge, marked_rank, placed, one(7)).scores()["clean_insertion"] == 1.0
    assert insert(marked, judge, marked_rank, placed, one(11)).scores()["inserted"] == 0.0


def test_what_was_there_is_overwritten_at_an_occupied_place(sample, rank, judge):
    """A patch of all units erases the ink below it, so it is never clean, though the digit is read."""
    scores = insert(sample, judge, rank, choose_places(sample, rank, digit=2, kind="occupied")).scores()
    assert scores["clean_insertion"] == 0.0
    assert scores["inserted"] > 0.5


def test_a_glyph_cut_by_the_border_is_not_read(sample, rank, judge):
    """It reaches past the canvas."""
    scores = insert(sample, judge, rank, choose_places(sample, rank, digit=2, kind="border")).scores()
    assert scores["inserted"] < 0.3
    assert scores["clean_insertion"] <= scores["inserted"]


def test_samples_without_a_place_are_left_as_they_are(sample, rank):
    """Nothing is written into them."""
    placed = choose_places(sample, rank, digit=3)
    edit = writing(sample, rank, placed, torch.ones(12, dtype=torch.bool))
    images = images_of(sample.subject, sample.codes, edit)
    same = (images == sample.images).flatten(1).all(dim=1)
    assert (same == ~placed.known).all()


def test_a_patch_moves_by_whole_cells(marked, marked_rank):
    """Where it is written the maps are the donor's, moved by the shift; elsewhere the value does not matter."""
    placed = choose_places(marked, marked_rank, digit=4)
    edit = writing(marked, marked_rank, placed, one(4))
    for i in placed.known.nonzero()[:5, 0].tolist():
        row, col = placed.place[i].tolist()
        top, left = marked_rank.places[placed.donor[i], 4].tolist()
        here = edit.value[i, :, row : row + 12, col : col + 12]
        assert (here == marked_rank.maps[placed.donor[i], :, top : top + 12, left : left + 12]).all()
        assert edit.cells[i].sum() == 144
        assert edit.cells[i, row : row + 12, col : col + 12].all()


def test_place_error_is_the_distance_to_the_place(marked, marked_rank, judge):
    """Told to be two rows further down, a digit whose mark does not move is off by two, yet within half a glyph."""
    placed = choose_places(marked, marked_rank, digit=3)
    told = replace(placed, place=torch.where(placed.known[:, None], placed.place + torch.tensor([2, 0]), -1))
    result = insert(marked, judge, marked_rank, told, one(3))
    assert result.place_error[placed.known].unique().tolist() == [2.0]
    assert result.scores()["place_error"] == 2.0
    assert result.scores()["inserted"] == 1.0
    assert result.place_error[~placed.known].isnan().all()


def test_k_is_the_mean_where_the_digit_is(rank):
    """A painter's own unit is 1 there, by ink; the others are 0."""
    k = mean_at(rank, 6)
    assert k[6] == pytest.approx(1.0)
    assert k.sum() == pytest.approx(1.0)
    assert mean_at(rank.some(rank.said.counts[:, 6] == 0), 6).isnan().all()


def test_a_mean_draws_no_stamp(sample, rank, judge):
    """One value in all cells of a box is a block of ink: junk, and no digit."""
    placed = choose_places(sample, rank, digit=6)
    result = insert(sample, judge, rank, placed, one(6), way="mean")
    assert result.scores()["inserted"] == 0.0


def test_permuting_units_permutes_results_and_nothing_else(sample, rank, judge, turned):
    """A patch of the same units does the same."""
    subject, order = turned
    others = [take(subject, judge, n=n, seed=seed) for n, seed in ((110, 0), (90, 1))]
    placed = choose_places(others[0], others[1], digit=8)
    mine = insert(sample, judge, rank, placed, one(8, 2))
    its = insert(*others[:1], judge, others[1], placed, one(8, 2)[order])
    assert (mine.clean == its.clean).all()
    assert (mean_at(others[1], 8) == mean_at(rank, 8)[order]).all()


def test_an_unknown_way_is_refused(sample, rank, judge):
    """It says which there are."""
    placed = choose_places(sample, rank, digit=6)
    with pytest.raises(ValueError, match="way must be one of patch, mean, got way='max'"):
        insert(sample, judge, rank, placed, way="max")
