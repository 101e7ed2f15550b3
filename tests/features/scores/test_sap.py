"""SAP against hand numbers and a slow search over all thresholds."""

import numpy as np
import pytest
import torch

from mixmnist.features.scores.sap import sap


def balanced(fires, shown):
    """Gives the mean of the shares of both kinds of images that are told right."""
    return (fires[shown].mean() + (~fires)[~shown].mean()) / 2


def oracle(facts):
    """Tries every threshold on the rank images, both ways, and scores the best on the others."""
    gaps = []
    for concept in range(facts.present.shape[1]):
        known, shown = facts.rank_present[:, concept].numpy(), facts.present[:, concept].numpy()
        scores = [0.5, 0.5]
        for rank, others in zip(facts.rank_response.T.numpy(), facts.response.T.numpy(), strict=True):
            tried = [(balanced((rank >= t) == way, known), t, way) for t in np.unique(rank) for way in (True, False)]
            best = max(score for score, _, _ in tried)
            _, t, way = max(((score, t, way) for score, t, way in tried if score > best - 1e-12), key=lambda found: found[1])
            scores.append(balanced((others >= t) == way, shown))
        first, second = sorted(scores, reverse=True)[:2]
        gaps.append(first - second)
    return np.mean(gaps)


def test_equals_a_slow_search(mixed):
    """The score must be that of the best of all thresholds, of those that are as good the highest."""
    needs = mixed.response, mixed.present, mixed.rank_response, mixed.rank_present
    assert sap(*needs).item() == pytest.approx(oracle(mixed), abs=1e-6)


def test_hand_numbers():
    """A perfect atom (1) beside one that is right on three quarters of the images with and all without (.875)."""
    present = torch.tensor([[True]] * 4 + [[False]] * 4)
    response = torch.tensor([[1.0, 1.0]] * 3 + [[1.0, 0.0]] + [[0.0, 0.0]] * 4)
    assert sap(response, present, response, present).item() == pytest.approx(1 - 0.875)


def test_silence_tells_as_much_as_firing():
    """An atom that fires where the concept is not must count like its opposite."""
    present = torch.tensor([[True]] * 4 + [[False]] * 4)
    assert sap((~present).float(), present, (~present).float(), present).item() == 0.5


def test_thresholds_come_from_other_images():
    """A threshold that the others never reach must be worth a constant's .5, however well they could be told."""
    present = torch.tensor([[True]] * 4 + [[False]] * 4)
    assert sap(present.float(), present, 5 * present.float(), present).item() == 0


def test_worse_than_chance_counts_as_chance():
    """An atom whose sign is turned on the other images must not widen the gap."""
    present = torch.tensor([[True]] * 4 + [[False]] * 4)
    assert sap((~present).float(), present, present.float(), present).item() == 0
