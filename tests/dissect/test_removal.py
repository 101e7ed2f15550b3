"""Removal: on a painter everything goes as it must, and what is broken is never called clean."""

import pytest
import torch

from mixmnist.dissect.effects import causal_set, random_sets, read_without, removal, remove, replacing
from mixmnist.dissect.reading import Said
from mixmnist.dissect.sampling import take


def one(*units):
    """Gives a set of the painter's units."""
    chosen = torch.zeros(12, dtype=torch.bool)
    chosen[list(units)] = True
    return chosen


@pytest.mark.parametrize("value", ["zero", "mean", "resampled"])
def test_the_painters_own_unit_removes_its_digit_and_no_other(sample, rank, judge, value):
    """Set to zero it is clean on every sample; whatever is written, the others stay where it is not drawn over them."""
    scores = remove(sample, judge, one(3), 3, replacing(sample, value, rank)).scores()
    if value == "zero":
        assert scores == {"removed": 1.0, "kept": 1.0, "clean_removal": 1.0, "off_target": 0.0}
    if value == "mean":  # a pale haze in the shape of all places
        assert scores["removed"] == 1.0
        assert scores["off_target"] < 0.15
    if value == "resampled":  # another's three may be drawn elsewhere
        assert 0.5 < scores["removed"] < 1.0
        assert scores["clean_removal"] <= scores["removed"]


def test_another_unit_removes_nothing_and_is_off_target(sample, judge):
    """It counts against it that the other digit is lost."""
    other = next(d for d in range(10) if d != 3 and (sample.said.shown[:, 3] & sample.said.shown[:, d]).any())
    result = remove(sample, judge, one(other), 3)
    assert result.scores()["removed"] == 0.0
    assert result.scores()["clean_removal"] == 0.0
    assert result.scores()["off_target"] == pytest.approx(1 / 9)  # all of the other digit
    both = sample.said.shown[:, 3] & sample.said.shown[:, other]
    assert both.any()
    assert (result.kept[result.had] == ~both[result.had]).all()


def test_a_dead_unit_does_nothing(sample, judge):
    """Neither removed nor off target."""
    scores = remove(sample, judge, one(11), 7).scores()
    assert scores == {"removed": 0.0, "kept": 1.0, "clean_removal": 0.0, "off_target": 0.0}


def test_silencing_the_whole_layer_removes_everything_and_nothing_cleanly(sample, judge):
    """A blank canvas lacks the digit, but the other one too."""
    scores = remove(sample, judge, torch.ones(12, dtype=torch.bool), 5).scores()
    assert scores == {"removed": 1.0, "kept": 0.0, "clean_removal": 0.0, "off_target": 1.0}


def test_junk_is_not_clean(sample):
    """The digit is gone and the other is there, but so is junk."""
    counts = sample.said.counts.clone()
    counts[:, 2] = 0
    clear, junk = torch.zeros(110, dtype=torch.bool), torch.ones(110, dtype=torch.bool)
    sure = torch.ones(110)
    assert removal(sample, Said(counts, clear, sure), 2).scores()["clean_removal"] == 1.0
    after = removal(sample, Said(counts, junk, sure), 2).scores()
    assert (after["removed"], after["kept"], after["clean_removal"]) == (1.0, 1.0, 0.0)


def test_a_digit_that_turns_up_is_not_clean(sample):
    """What is read otherwise must be as before, new digits too."""
    counts = sample.said.counts.clone()
    counts[:, 2] = 0
    counts[:, 9] += 1
    said = Said(counts.clamp_max(2), torch.zeros(110, dtype=torch.bool), torch.ones(110))
    after = removal(sample, said, 2).scores()
    assert (after["removed"], after["clean_removal"]) == (1.0, 0.0)


def test_outcomes_are_kept_sample_by_sample(sample, judge):
    """The shares are means of what is there for each sample, and so can be resampled."""
    result = remove(sample, judge, one(8), 8)
    assert result.had.tolist() == sample.said.shown[:, 8].tolist()
    assert result.n == int(result.had.sum())
    assert result.clean.shape == (110,)
    assert (result.clean[result.had]).all()


def test_permuting_units_permutes_results_and_nothing_else(sample, judge, turned):
    """A set in another order of the units does the same to each sample."""
    subject, order = turned
    other = take(subject, judge, n=110, seed=0)
    assert (other.maps == sample.maps[:, order]).all()
    for units in (one(3), one(1, 6, 11)):
        mine, its = read_without(sample, judge, units), read_without(other, judge, units[order])
        assert (mine.counts == its.counts).all()
        assert (mine.junk == its.junk).all()


def test_nobody_gets_the_own_map(sample):
    """Resampled maps are another sample's; each is given once."""
    given = replacing(sample, "resampled", seed=3)
    assert not (given == sample.maps).flatten(1).all(dim=1).any()
    assert torch.allclose(given.sum(dim=0), sample.maps.sum(dim=0), atol=1e-4)


def test_means_are_those_of_the_rank_sample(sample, rank):
    """Not of the sample that is measured."""
    assert replacing(sample, "mean", rank)[0, 4, 0, 0] == pytest.approx(float(rank.maps[:, 4].mean()))
    with pytest.raises(ValueError, match="rank must be a sample for value='mean'"):
        replacing(sample, "mean")


def test_an_unknown_value_or_digit_is_refused(sample, judge):
    """It says which there are."""
    with pytest.raises(ValueError, match="value must be one of zero, mean, resampled, got value='noise'"):
        replacing(sample, "noise")
    with pytest.raises(ValueError, match="digit must be 0 to 9, got digit=10"):
        remove(sample, judge, one(1), 10)


def test_a_digit_that_no_sample_shows_has_no_scores(sample, judge):
    """Shares of none are nan, off target is still known."""
    without = sample.some(sample.said.counts[:, 6] == 0)
    scores = remove(without, judge, one(6), 6).scores()
    assert scores["removed"] != scores["removed"]
    assert scores["off_target"] == 0.0


def test_random_sets_have_their_size_and_are_uniform():
    """Each unit is in a set as often as any other, the same for the same seed."""
    sets = random_sets(4000, size=3, units=12, seed=0)
    assert (sets.sum(dim=1) == 3).all()
    assert (sets.float().mean(dim=0) - 0.25).abs().max() < 0.03
    assert (sets == random_sets(4000, size=3, units=12, seed=0)).all()
    assert (sets != random_sets(4000, size=3, units=12, seed=1)).any()
    with pytest.raises(ValueError, match="size must be between 0 and the layer's 5 units, got size=6"):
        random_sets(1, size=6, units=5, seed=0)


def test_the_smallest_causal_set_is_found(sample, judge):
    """It is as large as the ranking's place of the unit that draws the digit."""
    order = torch.tensor([0.1, 0.2, 0.9, 0.3, 0, 0, 0, 0, 0, 0, 0.8, 0.7])
    assert causal_set(sample, judge, order, digit=2).size == 1
    late = torch.tensor([0, 0, 0.6, 0, 0, 0, 0, 0, 0, 0, 0.8, 0.7])
    found = causal_set(sample, judge, late, digit=2)
    assert (found.size, found.found) == (3, True)
    assert found.clean.tolist() == [0.0, 0.0, 1.0]
    assert found.units.nonzero()[:, 0].tolist() == [2, 10, 11]


def test_none_within_the_limit_is_said(sample, judge):
    """Its size is 0."""
    late = torch.tensor([0, 0, 0.6, 0, 0, 0, 0, 0, 0, 0, 0.8, 0.7])
    found = causal_set(sample, judge, late, digit=2, limit=2)
    assert (found.size, found.found, len(found.clean)) == (0, False, 2)
