"""Atoms as units of a new layer."""

import pytest
import torch
from torch import nn

from mixmnist import draw, probe
from mixmnist.core.readout import Without
from mixmnist.features.atoms import AtomAlgebra, Dissected, read_atoms, write
from mixmnist.features.fitted import Fitted
from mixmnist.probing import HeadAlgebra, Replay

UNITS, ATOMS = 3, 5


class Small(nn.Module):
    """Maps of three units, their mean, a linear head; and a way round the layer that no dictionary sees."""

    def __init__(self, around: bool = False) -> None:
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(1, UNITS, 5, stride=4), nn.ReLU())
        self.head = nn.Linear(UNITS, 45)
        self.around = around

    def forward(self, x):
        """Gives logits."""
        logits = self.head(self.maps(x).mean((2, 3)))
        return logits + x.mean() if self.around else logits


@pytest.fixture(scope="module")
def mixture():
    """Canvases of the embedded digits."""
    return draw(source="digits", n=60)


@pytest.fixture
def net():
    """A small network in double precision."""
    torch.manual_seed(0)
    return Small().double().eval()


def some(n_atoms=ATOMS):
    """A dictionary whose codes are not linear in the cells."""
    generator = torch.Generator().manual_seed(1)
    atoms = torch.randn(n_atoms, UNITS, generator=generator, dtype=torch.float64)
    return Fitted(atoms, lambda rows: (rows @ atoms.T - 0.01).relu(), torch.zeros(UNITS, dtype=torch.float64))


def own():
    """The layer's own units as a dictionary."""
    return Fitted(torch.eye(UNITS, dtype=torch.float64), lambda rows: rows, torch.zeros(UNITS, dtype=torch.float64))


def test_a_network_with_a_dictionary_answers_as_before(net, mixture):
    """While codes are let be, what a dictionary does not explain goes on as it is, to the last bit."""
    assert torch.equal(read_atoms(net, mixture, "maps", some()).logits, probe(net, mixture, "maps").logits)


def test_atoms_are_read_by_their_highest_and_their_mean_code(net, mixture):
    """Response and mean of an atom are those of its codes over the image's cells."""
    fitted, found = some(), read_atoms(net, mixture, "maps", some())
    codes = write(fitted, net.maps(mixture.images[:, None].double() / 255).flatten(2)).detach()
    assert found.n_units == ATOMS
    torch.testing.assert_close(found.response, codes.amax(dim=2))
    torch.testing.assert_close(found.mean, codes.mean(dim=2))


def test_silencing_atoms_of_the_identity_is_silencing_units(net, mixture):
    """With the units themselves as dictionary the algebra of atoms is the algebra of the head."""
    units, atoms = probe(net, mixture, "maps").without, read_atoms(net, mixture, "maps", own()).without
    assert isinstance(units, HeadAlgebra)
    assert isinstance(atoms, AtomAlgebra)
    sets, values = torch.tensor([[1, 0, 0], [1, 0, 1], [0, 0, 0]]).bool(), torch.tensor([0.1, 0.0, 0.3]).double()
    others = torch.arange(60).roll(1)
    torch.testing.assert_close(atoms(sets, values), units(sets, values), rtol=0, atol=1e-9)
    torch.testing.assert_close(atoms.resampled(sets, others), units.resampled(sets, others), rtol=0, atol=1e-9)
    order = torch.tensor([2, 0, 1])
    for ours, theirs in zip(atoms.returning(order, values), units.returning(order, values), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


def test_the_algebra_of_atoms_is_running_the_network_again(net, mixture):
    """The logits without atoms are those of the network whose cells have lost what the atoms stand for."""
    fitted = some()
    atoms = read_atoms(net, mixture, "maps", fitted).without
    changed = Dissected(net, "maps", fitted)
    again = probe(changed, mixture, "codes").without
    assert isinstance(again, Replay)
    assert isinstance(atoms, Without)
    sets, values = torch.tensor([[1, 0, 0, 1, 0], [0, 0, 0, 0, 1]]).bool(), torch.full((ATOMS,), 0.2).double()
    torch.testing.assert_close(atoms(sets, values), again(sets, values), rtol=0, atol=1e-9)


def test_atoms_of_a_layer_without_a_linear_head_are_silenced_by_running_it_again(mixture):
    """Where something goes round the layer, no algebra of its head holds, and the network is run again."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, UNITS, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(UNITS * 49, 45)).double().eval()
    found = read_atoms(net, mixture, "1", some())
    assert found.head is None
    assert isinstance(found.without, Replay)
    intact = found.without(torch.zeros(1, ATOMS).bool(), torch.zeros(ATOMS).double())[0]
    torch.testing.assert_close(intact, found.logits)


def test_atoms_have_places(net, mixture):
    """The codes' maps lie on the image as the layer's maps do."""
    found, units = read_atoms(net, mixture, "maps", some()), probe(net, mixture, "maps")
    assert found.pixels is not None
    _, maps = next(iter(found.pixels))
    _, of_units = next(iter(units.pixels))
    assert maps.shape == (len(of_units), ATOMS, 32, 32)
