"""Absorption, planted by design, against a slow loop, and what is not absorption."""

import numpy as np
import pytest
import torch

from mixmnist.features.scores.absorption import absorption, absorption_joint, absorption_rate, count_misses

COLUMNS = (absorption, absorption_joint, absorption_rate)
PAIR = (3, 7)  # the digits whose class has an atom of its own


def images(frequent, copies=20):
    """Gives presence on 45 pairs of digits, one of them as often as said."""
    pairs = [(i, j) for i in range(10) for j in range(i + 1, 10)]
    repeated = [pair for pair in pairs for _ in range(copies * (frequent if pair == PAIR else 1))]
    return torch.tensor([[digit in pair for digit in range(10)] for pair in repeated])


def absorbed(present, share=1.0):
    """Gives ten detectors that are silent on a share of the images of the frequent pair, and an atom for these."""
    both = present[:, PAIR].all(dim=1)
    taken = both & (torch.arange(len(both)) % 10 < 10 * share)
    response = present.float()
    response[taken[:, None] & torch.isin(torch.arange(10), torch.tensor(PAIR))] = 0
    return torch.cat([response, taken[:, None].float()], dim=1)


def score(response, present, columns=COLUMNS):
    """Scores atoms on the images that they are chosen on."""
    return [column(response, present, response, present).item() for column in columns]


@pytest.mark.parametrize("frequent", [1, 20])
def test_designed_absorption_scores_high(frequent):
    """A class with an atom of its own, seldom or 20 times as often as others, must have every miss caught."""
    present = images(frequent)
    share, joint, rate = score(absorbed(present), present)
    assert (share, joint) == (1, 1)
    of_two = min(8, frequent) / (8 + frequent)  # the rarer part is what the best atom misses
    assert rate == pytest.approx(2 * of_two / 10)


@pytest.mark.parametrize("frequent", [1, 20])
def test_perfect_detectors_have_none(frequent):
    """Where nothing is missed nothing is absorbed, however frequent a class is."""
    present = images(frequent)
    assert score(present.float(), present) == [0, 0, 0]


def test_misses_that_nobody_catches_are_no_absorption():
    """Detectors that are silent at random must have misses, and none of them absorbed."""
    present = images(1)
    response = present.float() * (torch.rand(len(present), 10, generator=torch.Generator().manual_seed(0)) < 0.8)
    counts = count_misses(response, present, response, present)
    assert counts.missed.sum() > 200
    assert score(response, present) == [0, 0, 0]


def test_the_share_of_misses_is_told():
    """Of misses half by the atom for the pair and half by chance, half must be caught."""
    present = images(1)
    response = absorbed(present)
    again = present[:, 3].nonzero()[:, 0]
    alone = again[response[again, 3] > 0][:20]  # twenty more images on which the third digit's atom is silent
    response[alone, 3] = 0
    assert score(response, present)[0] == pytest.approx(40 / 60)


def test_a_concept_in_two_styles_is_absorbed_but_not_jointly():
    """An atom for each of two styles catches the other's misses: counted, but not where companions are asked for."""
    present = images(1)
    style = torch.arange(len(present))[:, None] % 2 < 1
    response = torch.cat([present & style, present & ~style], dim=1).float()
    share, joint, rate = score(response, present)
    assert (share, joint) == (1, 0)
    assert rate == pytest.approx(0.5, abs=0.02)


def test_atoms_that_fire_at_random_catch_nothing():
    """Atoms that fire on a fifth of all images must not be specific to anything."""
    present = images(1)
    response = present.float() * (torch.arange(len(present)) % 3 > 0)[:, None]
    more = (torch.rand(len(present), 30, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    assert score(torch.cat([response, more], dim=1), present) == [0, 0, 0]


def test_few_images_make_no_specific_atom():
    """An atom that fires on nine images of a concept alone must not count, and on ten it must."""
    present = images(1)
    for n, caught in ((9, 0.0), (10, 10.0)):
        response = present.float()
        where = present[:, 4].nonzero()[:n, 0]
        response[where, 4] = 0
        own = torch.zeros(len(present), 1).index_fill(0, where, 1.0)
        assert count_misses(*[torch.cat([response, own], dim=1), present] * 2).caught[4].item() == caught


def test_a_frequent_concept_asks_for_more():
    """Precision .95 must not be specific where the concept is on .9 of all images, and be so where it is on half."""
    for share, caught in ((0.9, False), (0.5, True)):
        shown = torch.arange(1_000) < 1_000 * share
        best = shown.float()
        best[:95] = 0  # misses
        other = torch.zeros(1_000)
        other[:95] = 1
        other[-5:] = 1  # errors: five of a hundred
        counts = count_misses(*[torch.stack([best, other], dim=1), shown[:, None]] * 2)
        assert (counts.caught.item() == 95) == caught


def slow(facts):
    """Counts by loops over concepts, atoms and thresholds: shown, missed, caught."""
    found = []
    rank, others = facts.rank_response.numpy(), facts.response.numpy()
    for known, shown in zip(facts.rank_present.T.numpy(), facts.present.T.numpy(), strict=True):
        bars, specific = {}, {}
        for atom in range(rank.shape[1]):
            for t in np.unique(rank[:, atom]):
                fires = rank[:, atom] >= t
                hits = (fires & known).sum()
                bars[atom, t] = 2 * hits / (fires.sum() + known.sum())
                if hits >= 10 and (fires & ~known).mean() / fires.mean() <= 0.1 * (~known).mean() + 1e-12:
                    specific[atom] = min(t, specific.get(atom, np.inf))
        highest = max(bars.values())
        atom, bar = max((pair for pair, score in bars.items() if score > highest - 1e-12), key=lambda pair: pair[1])
        missed = shown & (others[:, atom] < bar)
        caught = [any(others[i, a] >= t for a, t in specific.items() if a != atom) for i in missed.nonzero()[0]]
        found.append((shown.sum(), missed.sum(), sum(caught)))
    return np.array(found).T


@pytest.mark.parametrize("seed", range(3))
def test_equals_a_slow_loop(seed):
    """Counts must be those of loops, where best atoms, thresholds and misses are found on different images."""
    from types import SimpleNamespace

    g = torch.Generator().manual_seed(seed)
    parts = []
    for copies in (4, 7):
        present = images(5, copies)
        noisy = absorbed(present, share=0.5) + 0.25 * torch.randn(len(present), 11, generator=g)
        parts += [noisy, present]
    facts = SimpleNamespace(**dict(zip(("response", "present", "rank_response", "rank_present"), parts, strict=True)))
    counts = count_misses(*parts)
    np.testing.assert_array_equal(torch.stack(counts[:3]), slow(facts))
    assert counts.caught.sum() > 0


def test_concepts_that_the_others_do_not_show_are_left_out():
    """A concept that no image of the others shows must not enter the mean, and none shown at all must give nan."""
    present = images(1)
    response = absorbed(present)
    none_of_3 = ~present[:, 3]
    found = absorption_rate(response[none_of_3], present[none_of_3], response, present)
    assert found.item() == 0  # only images of both are absorbed
    nothing = torch.zeros(4, 10, dtype=torch.bool)
    assert all(column(response[:4], nothing, response, present).isnan() for column in COLUMNS)
