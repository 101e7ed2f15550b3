"""How exactly the head's algebra is checked, and what units are silenced to by it."""

import pytest
import torch
from torch import nn

from mixmnist.probing import SAME, HeadAlgebra, Replay, probe


class Several(nn.Module):
    """A layer, and linear layers of one size, of which the last is the head."""

    def __init__(self, *heads):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Sequential(nn.Conv2d(1, 6, 5, stride=3), nn.ReLU())
        self.heads = nn.ModuleList(heads)

    def forward(self, x):
        return self.heads[-1](self.conv(x).mean((2, 3)))


class Rare(nn.Module):
    """A linear head on the means of a layer, whose first logit is another where an image is bright."""

    def __init__(self, bright):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Sequential(nn.Conv2d(1, 6, 5, stride=3), nn.ReLU())
        self.head, self.bright = nn.Linear(6, 45), bright

    def forward(self, x):
        logits = self.head(self.conv(x).mean((2, 3)))
        more = (x.mean((1, 2, 3)) >= self.bright).to(logits)
        return torch.cat([logits[:, :1] + more[:, None], logits[:, 1:]], dim=1)


def test_a_head_that_is_exact_on_most_images_only_is_none(pairs_mixture):
    """One image of 800 on which the logits are others must be enough for the net to be run again."""
    light = (pairs_mixture.images / 255).mean((1, 2)).sort().values
    between = ((light[-1] + light[-2]) / 2).item()
    readout = probe(Rare(between).eval(), pairs_mixture, "conv")
    assert isinstance(readout.without, Replay)
    assert readout.head is None
    exact = probe(Rare(2.0).eval(), pairs_mixture, "conv")  # nothing is as bright
    assert isinstance(exact.without, HeadAlgebra)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("times", "kind"), [(0.5, HeadAlgebra), (3.0, Replay)])
def test_logits_may_differ_by_rounding_and_no_more(pairs_mixture, times, kind, sign):
    """A difference below 1e-5 of the largest logit is rounding; one above it, of whatever sign, is another network."""

    class Off(Rare):
        def forward(self, x):
            logits = super().forward(x)
            return logits + sign * times * SAME * largest * (torch.arange(45) == 7)

    assert SAME == 1e-5
    largest = probe(Rare(2.0).eval(), pairs_mixture, "conv").logits.abs().max()
    assert isinstance(probe(Off(2.0).eval(), pairs_mixture, "conv").without, kind)


def test_of_several_linear_layers_the_exact_one_is_the_head(pairs_mixture):
    """Another layer of the same size that comes first must be passed over, and one without a bias be taken as it is."""
    for bias in (True, False):
        net = Several(nn.Linear(6, 45), nn.Linear(6, 45), nn.Linear(6, 45, bias=bias)).eval()
        readout = probe(net, pairs_mixture, "conv")
        assert isinstance(readout.without, HeadAlgebra)
        assert torch.equal(readout.head, net.heads[2].weight)
        assert torch.equal(readout.without.bias, net.heads[2].bias if bias else torch.zeros(45))


def test_each_unit_is_silenced_to_its_own_value():
    """By algebra each silenced unit must take its own value, the others their own means, on every image."""
    mean = torch.tensor([[1.0, 2.0, 4.0], [0.5, 8.0, 16.0]])  # images units
    weight, bias = torch.tensor([[1.0, 0.5, 0.25], [2.0, -1.0, 0.0]]), torch.tensor([0.5, -0.5])
    values, sets = torch.tensor([10.0, 20.0, 40.0]), torch.tensor([[1, 0, 1], [0, 1, 0], [0, 0, 0]]).bool()
    found = HeadAlgebra(mean, weight, bias)(sets, values)
    for number, gone in enumerate(sets):
        for image in range(2):
            means = [values[u] if gone[u] else mean[image, u] for u in range(3)]
            expected = [sum(w * m for w, m in zip(row, means, strict=True)) + b for row, b in zip(weight, bias, strict=True)]
            assert found[number, image].tolist() == [value.item() for value in expected]


def test_units_that_return_bring_their_own_share():
    """Coming back one by one, the last of the order first, each unit must add what it alone is worth above its value."""
    mean = torch.tensor([[1.0, 2.0, 4.0], [0.5, 8.0, 16.0]])
    without = HeadAlgebra(mean, torch.tensor([[1.0, 0.5, 0.25], [2.0, -1.0, 0.0]]), torch.tensor([0.5, -0.5]))
    values, order = torch.tensor([10.0, 20.0, 40.0]), torch.tensor([2, 0, 1])
    back = [logits.clone() for logits in without.returning(order, values)]
    sets = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0]]).bool()
    assert torch.equal(torch.stack(back), without(sets, values))
