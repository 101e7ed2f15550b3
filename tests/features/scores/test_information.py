"""Bits of binned responses, and the scores that are made of them, against scikit-learn and slow loops."""

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from mixmnist.features.scores._information import information
from mixmnist.features.scores.infomec import infoc, infom
from mixmnist.features.scores.mig import mig
from mixmnist.features.scores.modularity import modularity
from mixmnist.metrics.mutual_information import bins_of


@pytest.fixture(scope="module")
def table(mixed):
    """Bits [atoms, concepts] by scikit-learn, and the concepts' entropies."""
    bins = bins_of(mixed.response, mixed.rank_response).numpy()
    present = mixed.present.numpy()
    bits = [[mutual_info_score(bins[:, a], present[:, c]) for c in range(5)] for a in range(7)]
    return np.array(bits) / np.log(2), np.array([mutual_info_score(shown, shown) for shown in present.T]) / np.log(2)


@pytest.fixture
def needs(mixed):
    """What the scores of information read."""
    return mixed.response, mixed.present, mixed.rank_response


def test_bits_equal_scikit_learn(needs, table):
    """Bits and entropies must be those of scikit-learn for the same bins."""
    found = information(*needs)
    np.testing.assert_allclose(found.bits, table[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.entropy, table[1], rtol=0, atol=1e-10)


def test_dead_atoms_and_undecided_concepts_are_left_out(needs):
    """Of an atom that never changes and a concept that always occurs there must be no row and no column, and no warning."""
    response, present, rank = (needs[0].clone(), needs[1].clone(), needs[2])
    response[:, 2], present[:, 0] = 0.5, True
    assert information(response, present, rank).bits.shape == (6, 4)


def test_bins_come_from_other_images(needs):
    """Bins must be those of the rank images: where all of these are lower, the responses fall into one bin and tell nothing."""
    response, present, _ = needs
    above = information(response + 100, present, needs[2] + 1)
    assert above.bits.abs().max() < 1e-12


def test_mig_equals_a_slow_loop(needs, table):
    """For each concept the gap between the two best atoms must be divided by the concept's entropy."""
    gaps = []
    for concept in range(5):
        first, second = sorted((table[0][atom, concept] for atom in range(7)), reverse=True)[:2]
        gaps.append((first - second) / table[1][concept])
    assert mig(*needs).item() == pytest.approx(np.mean(gaps))


def test_modularity_equals_a_slow_loop(needs, table):
    """For each atom what differs from a template with one concept must be summed, as in the paper."""
    scores = []
    for row in table[0]:
        template = [row.max() if concept == row.argmax() else 0 for concept in range(5)]
        delta = sum((row[c] - template[c]) ** 2 for c in range(5)) / (row.max() ** 2 * 4)
        scores.append(1 - delta)
    assert modularity(*needs).item() == pytest.approx(np.mean(scores))


def test_infomec_equals_a_slow_loop(needs, table):
    """Shares of the highest in the sum must be put on a scale from what equal numbers give to 1."""
    share = table[0] / table[1]
    by_atom = np.mean([max(row) / sum(row) for row in share])
    by_concept = np.mean([max(column) / sum(column) for column in share.T])
    assert infom(*needs).item() == pytest.approx((by_atom - 1 / 5) / (1 - 1 / 5))
    assert infoc(*needs).item() == pytest.approx((by_concept - 1 / 7) / (1 - 1 / 7))


def test_two_atoms_for_one_concept(perfect, pick):
    """Each detector twice: no gap, a compactness of a half less, and as modular as before."""
    twice = pick(perfect, atoms=[*range(10), *range(10)])
    read = twice.response, twice.present, twice.rank_response
    assert mig(*read).item() == pytest.approx(0)
    assert modularity(*read).item() == pytest.approx(1, abs=1e-3)
    assert infom(*read).item() == pytest.approx(infom(perfect.response, perfect.present, perfect.rank_response).item())
    assert infoc(*read).item() < 0.45


def test_an_atom_for_two_concepts():
    """An atom that tells as much of two independent concepts must be half modular in either score."""
    response = torch.tensor([[0.0], [1.0], [2.0], [3.0]]).repeat(20, 1)
    present = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]).bool().repeat(20, 1)
    assert modularity(response, present, response).item() == pytest.approx(0)
    assert infom(response, present, response).item() == pytest.approx(0)
    assert mig(response, present, response).item() == pytest.approx(1)  # nothing competes
