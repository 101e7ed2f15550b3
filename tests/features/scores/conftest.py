"""Planted facts: atoms that answer as they are made to, on images of two digits of ten, each pair as often."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest
import torch

from mixmnist.features.facts import Facts

PAIRS = tuple(combinations(range(10), 2))
ORDER = (3, 7, 0, 9, 1, 4, 8, 2, 6, 5)  # the digit of each perfect atom; not symmetric, so that a transpose shows


def shown_pairs(copies: int) -> torch.Tensor:
    """Gives presence on 45 pairs, each as often."""
    return torch.tensor([[digit in pair for digit in range(10)] for pair in PAIRS]).repeat(copies, 1)


def facts_of(response: torch.Tensor, present: torch.Tensor, rank_response: torch.Tensor, rank_present: torch.Tensor) -> Facts:
    """Makes facts whose cells are the images' responses, written perfectly, and whose truth is presence."""
    n_atoms, n_concepts = response.shape[1], present.shape[1]
    directions = torch.eye(n_concepts, n_concepts + 3)  # units: three more than concepts
    best = torch.tensor([ORDER[a % 10] % n_concepts for a in range(n_atoms)])
    atoms = directions[best]
    cells = response @ atoms
    return Facts(atoms, cells, response, cells, response, present, rank_response, rank_present, directions, present.float())


@pytest.fixture(scope="session")
def perfect() -> Facts:
    """Ten atoms that answer exactly 1 where their digit is, else 0."""
    test, rank = shown_pairs(10), shown_pairs(6)
    return facts_of(test[:, ORDER].float(), test, rank[:, ORDER].float(), rank)


@pytest.fixture(scope="session")
def noise() -> Callable[..., Facts]:
    """Gives a function that makes atoms that answer at random."""

    def make(n_atoms: int = 20, seed: int = 0, copies: int = 20) -> Facts:
        g = torch.Generator().manual_seed(seed)
        present = shown_pairs(copies)
        response, rank = (torch.rand(len(present), n_atoms, generator=g) for _ in range(2))
        return facts_of(response, present, rank, present)

    return make


@pytest.fixture(scope="session")
def mixed() -> Facts:
    """Seven partly informed atoms on five concepts, with ties and zeros: 90 images, and 130 others."""
    g = torch.Generator().manual_seed(1)
    parts = []
    for n in (90, 130):
        present = torch.rand(n, 5, generator=g) < torch.tensor([0.2, 0.3, 0.4, 0.5, 0.6])
        signal = present.float() @ torch.eye(5, 7) + 0.5 * present.float().roll(1, 0) @ torch.eye(5, 7).flip(1)
        parts += [(4 * (signal + 0.6 * torch.randn(n, 7, generator=g)).relu()).round() / 4, present]
    return facts_of(*parts)


@pytest.fixture(scope="session")
def pick() -> Callable[..., Facts]:
    """Gives a function that picks images, cells with them, and atoms of facts."""

    def of(facts: Facts, images=slice(None), atoms=slice(None), others=slice(None)) -> Facts:
        codes = facts.codes[images][:, atoms]
        return replace(
            facts,
            atoms=facts.atoms[atoms],
            cells=facts.cells[images],
            answer=facts.answer[images],
            codes=codes,
            true_codes=facts.true_codes[images],
            response=facts.response[images][:, atoms],
            present=facts.present[images],
            rank_response=facts.rank_response[others][:, atoms],
            rank_present=facts.rank_present[others],
        )

    return of


@pytest.fixture(scope="session")
def change() -> Callable[..., Facts]:
    """Gives a function that applies another to codes and responses, and leaves the truth; atoms may be others."""

    def of(facts: Facts, function, atoms: torch.Tensor | None = None) -> Facts:
        changed = {name: function(getattr(facts, name)) for name in ("codes", "response", "rank_response")}
        return replace(facts, atoms=facts.atoms if atoms is None else atoms, **changed)

    return of


@pytest.fixture(scope="session")
def with_truth(mixed):
    """Gives a function that changes the truth of the mixed facts, and their directions if it is told which."""

    def changed(function, directions=None):
        of = {field: function(getattr(mixed, field)) for field in ("present", "rank_present", "true_codes")}
        return replace(mixed, directions=directions, **of)

    return changed


@pytest.fixture(scope="session")
def with_dead(mixed, change):
    """Two atoms more, without length, that never change."""
    atoms = torch.cat([mixed.atoms, mixed.atoms.new_zeros(2, mixed.atoms.shape[1])])
    return change(mixed, lambda codes: torch.cat([codes, codes.new_zeros(len(codes), 2)], dim=1), atoms)


@pytest.fixture(scope="session")
def by_chance(noise):
    """Twenty atoms that answer at random."""
    return noise()


@pytest.fixture(scope="session")
def untied(noise):
    """Six atoms that answer at random, each image otherwise: all of them have the same ranks, at other images."""
    return noise(6, seed=3, copies=2)
