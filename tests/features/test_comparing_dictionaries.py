"""Gap closed, and how much of a dictionary another seed finds again."""

import math

import pytest
import torch

from mixmnist.features.comparing import gap_closed, share_recovered, stability


@pytest.mark.parametrize(
    ("coverage", "random", "ceiling", "closed"),
    [(0.9, 0.8, 1.0, 0.5), (0.8, 0.8, 1.0, 0.0), (1.0, 0.8, 1.0, 1.0), (0.7, 0.8, 1.0, -0.5), (0.96, 0.5, 0.9, 1.15)],
)
def test_gap_closed_by_hand(coverage, random, ceiling, closed):
    """It must be 0 at random, 1 at the ceiling, and go on beyond both."""
    assert gap_closed(coverage, random, ceiling) == pytest.approx(closed)


@pytest.mark.parametrize(("random", "ceiling", "told"), [(0.5, 0.5625, True), (0.5, 0.546875, False), (0.9, 0.5, False)])
def test_a_small_gap_has_no_share(random, ceiling, told):
    """Where the ceiling is not .05 above random, or is below it, there must be no share."""
    assert math.isnan(gap_closed(0.6, random, ceiling)) != told


def test_what_is_not_known_gives_nothing():
    """A coverage or a ceiling that is nan must give nan."""
    assert math.isnan(gap_closed(math.nan, 0.5, 1.0))
    assert math.isnan(gap_closed(0.7, 0.5, math.nan))


def turned(degrees):
    """Gives two directions at right angles, turned."""
    angle = math.radians(degrees)
    return torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])


def test_stability_is_the_mean_over_pairs_of_seeds():
    """Of three seeds, turned by 0, 20 and 40 degrees, two pairs have the cosine of 20 and one that of 40."""
    by_hand = (2 * math.cos(math.radians(20)) + math.cos(math.radians(40))) / 3
    assert stability([turned(0), turned(20).flip(0) * 7, turned(40)]) == pytest.approx(by_hand)


def test_an_atom_has_one_partner():
    """Two like atoms must not both be matched to one atom of another seed."""
    twice = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert stability([twice, torch.eye(2)]) == pytest.approx(0.5)
    assert share_recovered([twice, torch.eye(2)]) == 0.5


def test_signs_count():
    """The other half-wave of a direction must be another atom."""
    assert stability([torch.eye(2)[:1], -torch.eye(2)[:1]]) == -1
    assert stability([torch.cat([torch.eye(2), -torch.eye(2)]), torch.cat([-torch.eye(2), torch.eye(2)])]) == 1


def test_left_over_atoms():
    """Atoms of the larger dictionary without a partner must count as not recovered, and not in the mean cosine."""
    many = torch.eye(4)
    assert stability([many, many[:1]]) == 1
    assert share_recovered([many, many[:1]]) == 0.25


def test_share_recovered_by_hand():
    """The share must be that of the matches above the bar, a mean over pairs of seeds."""
    seeds = [turned(0), turned(20), turned(40)]  # cosines .94, .94, .77
    assert share_recovered(seeds) == pytest.approx(2 / 3)
    assert share_recovered(seeds, above=0.95) == 0
    assert share_recovered(seeds, above=0.7) == 1


@pytest.mark.parametrize("atoms", [[], [torch.eye(2)]])
def test_one_seed_says_nothing(atoms):
    """Fewer than two seeds must have no stability."""
    assert math.isnan(stability(atoms))
    assert math.isnan(share_recovered(atoms))


def test_order_and_lengths_never_matter():
    """Atoms in another order, and of other lengths, must be the same atoms."""
    g = torch.Generator().manual_seed(0)
    one, other = torch.randn(6, 4, generator=g), torch.randn(6, 4, generator=g)
    changed = other[[3, 1, 0, 5, 4, 2]] * torch.arange(1.0, 7)[:, None]
    assert stability([one, changed]) == pytest.approx(stability([one, other]))
    assert share_recovered([one, other, changed]) == pytest.approx((1 + 2 * share_recovered([one, other])) / 3)
