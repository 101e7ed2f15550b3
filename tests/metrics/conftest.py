"""Planted readouts, built by hand: units and heads whose right scores are known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import pytest
import torch
from torch import Tensor

from mixmnist.core.readout import Field, Readout
from mixmnist.probing import HeadAlgebra
from mixmnist.scoring import Sheet

DETECTS = (3, 7, 0, 9, 1, 4, 8, 2, 6, 5)  # the digit of each perfect unit; not symmetric, so that a transpose shows


@dataclass(frozen=True)
class PlantedPixels:
    """Maps of two by three pixels that follow the mean, beside masks of the concepts there: ink in one column, box in two."""

    mean: Tensor
    present: Tensor
    field: Field | None = None

    @property
    def n_concepts(self) -> int:
        return self.present.shape[1]

    @property
    def n_images(self) -> int:
        return len(self.mean)

    def __iter__(self):
        shape = torch.tensor([[1, 0.5, 0.25], [0.75, 0.5, 0]]).to(self.mean)
        for indices in torch.arange(len(self.mean)).split(100):
            yield indices, self.mean[indices][:, :, None, None] * shape

    def mask(self, kind: str, concept: int, indices: Tensor) -> Tensor:
        columns = torch.arange(3) < (1 if kind == "ink" else 2)
        return self.present[indices, concept][:, None, None] & columns.expand(2, 3)


def readout(mean: Tensor, labels: Tensor, pairs: Sequence[tuple[int, int]], weight: Tensor) -> Readout:
    """Builds a readout of pair images whose response is the mean, with a linear head without bias."""
    n_concepts = max(max(pair) for pair in pairs) + 1
    slots = torch.tensor(pairs)[labels]
    present = torch.zeros(len(labels), n_concepts, dtype=torch.bool).scatter(1, slots, value=True)
    without = HeadAlgebra(mean, weight, torch.zeros(len(pairs)))
    return Readout(
        layer="planted",
        concepts=tuple("0123456789"[:n_concepts]),
        classes=tuple(f"{i}{j}" for i, j in pairs),
        response=mean,
        mean=mean,
        present=present,
        labels=labels,
        glyphs=slots,
        logits=mean @ weight.T,
        head=weight,
        without=without,
        pixels=PlantedPixels(mean, present),
    )


def plant_perfect(copies: int) -> Readout:
    """Builds 10 units that answer exactly 1 where their digit is present, else 0; logit_ij = m_i + m_j over 45 classes."""
    pairs = tuple(combinations(range(10), 2))
    labels = torch.arange(45).repeat(copies)
    shows = torch.tensor([[digit in pair for digit in DETECTS] for pair in pairs]).float()  # classes units
    return readout(shows[labels], labels, pairs, shows)


def plant_tied(n_images: int, seed: int) -> Readout:
    """Builds 7 partly informed units with few, exactly representable values, on 5 concepts and 10 uneven classes."""
    g = torch.Generator().manual_seed(seed)
    pairs = tuple(combinations(range(5), 2))
    labels = torch.multinomial(torch.arange(1.0, 11), n_images, replacement=True, generator=g)
    shows = torch.tensor([[u in pair for u in range(7)] for pair in pairs]).float()  # classes units; 5 and 6 are noise
    mean = (torch.randint(0, 3, (n_images, 7), generator=g) + 2 * shows[labels]) / 4
    weight = shows + torch.randint(-2, 3, shows.shape, generator=torch.Generator().manual_seed(0)) / 8  # one net
    return readout(mean, labels, pairs, weight)


def pick(source: Readout, rows: Tensor | slice = slice(None), units: Tensor | slice = slice(None)) -> Readout:
    """Gives the readout of some images and some units, in the order given."""
    mean, head = source.mean[rows][:, units], source.head[:, units]
    return replace(
        source,
        response=source.response[rows][:, units],
        mean=mean,
        present=source.present[rows],
        labels=source.labels[rows],
        glyphs=source.glyphs[rows],
        logits=mean @ head.T,
        head=head,
        without=HeadAlgebra(mean, head, source.without.bias),
        pixels=PlantedPixels(mean, source.present[rows]),
    )


def change(source: Readout, edit: Callable[[Tensor], Tensor]) -> Readout:
    """Gives the readout with its units' answers edited, and what follows from them."""
    mean = edit(source.mean)
    head, bias = source.head.to(mean), source.without.bias.to(mean)
    without = HeadAlgebra(mean, head, bias)
    found = {"response": edit(source.response), "pixels": PlantedPixels(mean, source.present)}
    return replace(source, mean=mean, logits=mean @ head.T, head=head, without=without, **found)


@pytest.fixture(scope="session")
def perfect() -> Readout:
    """1,350 images, 270 of each digit, 30 of each class."""
    return plant_perfect(copies=30)


@pytest.fixture(scope="session")
def perfect_sheet(perfect) -> Sheet:
    """All columns of the perfect plant; its rank images are fewer."""
    return Sheet(perfect, Sheet(plant_perfect(copies=3)))


@pytest.fixture(scope="session")
def tied() -> Readout:
    """720 images whose responses take five values."""
    return plant_tied(720, seed=1)


@pytest.fixture(scope="session")
def tied_rank() -> Readout:
    """The images on which orders and means are fitted for the tied plant."""
    return plant_tied(128, seed=2)


@pytest.fixture(scope="session")
def tied_sheet(tied, tied_rank) -> Sheet:
    """All columns of the tied plant."""
    return Sheet(tied, Sheet(tied_rank))


@pytest.fixture(name="pick", scope="session")
def pick_fixture() -> Callable[..., Readout]:
    """Gives the readout of some images and some units."""
    return pick


@pytest.fixture(name="change", scope="session")
def change_fixture() -> Callable[..., Readout]:
    """Gives the readout with its units' answers edited."""
    return change


@pytest.fixture(scope="session")
def detects() -> tuple[int, ...]:
    """The digit of each perfect unit."""
    return DETECTS
