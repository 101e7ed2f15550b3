"""Silencing units: by the head's algebra, and by running the rest of a network again."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from mixmnist.probing import HeadAlgebra, probe, silencing


def test_single_units_leave_no_trace():
    """Without a unit, classes that only it told apart must tie to the last bit, whatever its values were."""
    g = torch.Generator().manual_seed(0)
    mean = torch.rand(50, 3, generator=g)
    weight = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]) * torch.rand((), generator=g)
    logits = HeadAlgebra(mean, weight, torch.zeros(3))(torch.eye(3, dtype=torch.bool), torch.zeros(3))
    assert torch.equal(logits[1][:, 0], logits[1][:, 1])


def test_single_units_are_silenced_as_sets_of_one(monkeypatch):
    """Silencing one unit must give what multiplying the head with the other means gives, also to a value, also for no unit."""
    g = torch.Generator().manual_seed(1)
    head = HeadAlgebra(*(torch.randn(shape, generator=g) for shape in ((40, 5), (7, 5), (7,))))
    sets, values = torch.cat([torch.eye(5), torch.zeros(1, 5)]).bool(), torch.randn(5, generator=g)
    torch.testing.assert_close(head(sets, values), head._instead(sets, values))


def test_what_a_set_gives_does_not_depend_on_its_company():
    """A set of one unit, of several, and none must give the same bytes alone and beside others."""
    g = torch.Generator().manual_seed(3)
    head = HeadAlgebra(*(torch.randn(shape, generator=g) for shape in ((300, 6), (9, 6), (9,))))
    sets, values = torch.tensor([[1, 0, 0, 0, 0, 0], [1, 1, 0, 1, 0, 0], [0] * 6]).bool(), torch.randn(6, generator=g)
    together = head(sets, values)
    for number, one in enumerate(sets):
        assert torch.equal(head(one[None], values)[0], together[number])
    assert head(sets[:0], values).shape == (0, 300, 9)


class Counted(nn.Module):
    """Counts the images that pass."""

    def __init__(self):
        super().__init__()
        self.images = 0

    def forward(self, x):
        self.images += len(x)
        return x


@pytest.mark.parametrize("together", [1_000, 100, 7])
def test_the_layers_before_run_as_seldom_as_may_be(monkeypatch, pairs_mixture, together):
    """However many sets run side by side, the logits must be the same; what comes before runs for parts, not for each set."""
    monkeypatch.setitem(silencing.TOGETHER, "cpu", together)
    torch.manual_seed(0)
    before, after = Counted(), Counted()
    net = nn.Sequential(
        before, nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), after, nn.Conv2d(6, 4, 3), nn.Flatten(), nn.LazyLinear(45)
    )
    net(torch.zeros(1, 1, 32, 32))
    readout = probe(net.eval(), pairs_mixture, "2", few=40)
    each = torch.eye(6, dtype=torch.bool)
    before.images = after.images = 0
    found = readout.without(each, torch.zeros(6))
    parts = 1 if together >= 96 else 6  # of the sets
    assert after.images == 6 * 40 + 2 * (parts == 0)
    assert before.images <= 40 * parts + 2
    alone = torch.cat([readout.without(one[None], torch.zeros(6)) for one in each])
    torch.testing.assert_close(found, alone)


@pytest.mark.parametrize(
    ("together", "n_sets", "batch"),
    [(200, 1, 200), (1_000, 1, 250), (1_000, 5, 200), (1_000, 1_000, silencing.FEWEST), (7, 100, 7), (1_000, 0, 250)],
)
def test_how_many_images_go_at_a_time(monkeypatch, pairs_mixture, together, n_sets, batch):
    """So many that all sets run side by side; at least a few, at most a forward pass of reading and what may be held at once."""
    monkeypatch.setitem(silencing.TOGETHER, "cpu", together)
    net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 28 * 28, 45)).eval()
    replay = probe(net, pairs_mixture, "1", few=40).without
    assert replay._batch(n_sets) == batch
    assert replace(replay, apart=True)._batch(n_sets) == 250
