"""Explicitness: what a linear function of all atoms tells."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from mixmnist.features.scores.infomec import infoe


def test_equals_a_slow_loop(mixed):
    """One minus the loss on the other images over that of the rank images' prevalence, concept by concept."""
    rank, others = mixed.rank_response.double(), mixed.response.double()
    mean, spread = rank.mean(dim=0), rank.std(dim=0, correction=0)
    rank, others = ((x - mean) / spread for x in (rank, others))
    told = []
    for concept in range(5):
        known, shown = mixed.rank_present[:, concept].numpy(), mixed.present[:, concept].numpy()
        said = LogisticRegression().fit(rank, known).predict_proba(others)[:, 1]
        loss = -np.mean([np.log(p if is_shown else 1 - p) for p, is_shown in zip(said, shown, strict=True)])
        share = known.mean()
        null = -np.mean([np.log(share if is_shown else 1 - share) for is_shown in shown])
        told.append(1 - loss / null)
    needs = mixed.response, mixed.present, mixed.rank_response, mixed.rank_present
    assert infoe(*needs).item() == pytest.approx(np.mean(told), abs=1e-3)


def test_mixed_atoms_are_as_explicit(perfect):
    """An invertible mixture of perfect detectors must tell as much, as what is asked is all atoms together."""
    mixing = torch.randn(10, 10, generator=torch.Generator().manual_seed(0))
    found = infoe(perfect.response @ mixing, perfect.present, perfect.rank_response @ mixing, perfect.rank_present)
    assert found.item() > 0.9


def test_an_atom_that_turns_its_sign_is_worse_than_none(perfect):
    """A regression that does not hold on the other images must have a number below 0."""
    assert infoe(1 - perfect.response, perfect.present, perfect.rank_response, perfect.rank_present).item() < -1
