"""Units that come back one by one: the loop, all orders side by side, and the network run again must count alike."""

import pytest
import torch

from mixmnist.metrics import _returning
from mixmnist.metrics._decisions import correct, one_vs_rest
from mixmnist.metrics._returning import share_returning
from mixmnist.metrics.class_curve import accuracy_returning
from mixmnist.probing import HeadAlgebra

N, UNITS, CLASSES, ORDERS = 150, 6, 5, 4


class Run:
    """A network without a head's algebra; it gives the same logits."""

    def __init__(self, inner):
        self.inner = inner
        self.returning, self.resampled, self.n_images = inner.returning, inner.resampled, inner.n_images

    def __call__(self, sets, values):
        return self.inner(sets, values)


def head(ties):
    """A head, and orders in which its units come back; of small whole numbers, so that many logits tie exactly."""
    g = torch.Generator().manual_seed(int(ties))
    if ties:
        mean, weight, bias = (
            torch.randint(0, 3, shape, generator=g).float() for shape in ((N, UNITS), (CLASSES, UNITS), (CLASSES,))
        )
    else:
        mean, weight, bias = (torch.randn(shape, generator=g) for shape in ((N, UNITS), (CLASSES, UNITS), (CLASSES,)))
    labels = torch.randint(0, CLASSES, (N,), generator=g)
    return HeadAlgebra(mean, weight, bias), torch.stack([torch.randperm(UNITS, generator=g) for _ in range(ORDERS)]), labels


def slow(net, orders, values, about, weights):
    """One set, one image, one class after another."""
    found = torch.zeros(len(orders), UNITS + 1, dtype=torch.float64)
    for row, order in enumerate(orders):
        for step in range(UNITS + 1):
            gone = torch.ones(1, UNITS, dtype=torch.bool)
            gone[0, order.flip(0)[:step]] = False
            logits = net(gone, values)[0]
            for image in range(N):
                best = logits[image] == logits[image].max()
                found[row, step] += weights[row, image] * best[about[row, image]] / best.sum()
    return found


@pytest.mark.parametrize("to", [0.0, 1.0])
@pytest.mark.parametrize("ties", [False, True])
def test_every_way_counts_what_slow_loops_count(monkeypatch, ties, to):
    """Compiled, a few orders side by side, and step by step: the weighted shares must be those of plain loops, ties included."""
    net, orders, labels = head(ties)
    g = torch.Generator().manual_seed(1)
    about = torch.stack([labels, labels.flip(0), torch.zeros_like(labels), labels])
    weights = torch.randn(ORDERS, N, generator=g, dtype=torch.float64)
    asked = (orders, torch.full((UNITS,), to), about, weights)
    wanted = slow(net, *asked)
    double = HeadAlgebra(net.mean.double(), net.weight.double(), net.bias.double())
    monkeypatch.setattr(_returning, "CHUNK", 2 * N * CLASSES)  # two orders at once
    for way in (net, double, Run(net)):
        torch.testing.assert_close(share_returning(way, *asked), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(threads):
    """As many threads as torch may use must give the same to the last bit."""
    net, orders, labels = head(False)
    asked = (orders, torch.zeros(UNITS), labels[None], torch.ones(1, N))
    alone = share_returning(net, *asked)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert torch.equal(share_returning(net, *asked), alone)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("many", [False, True], ids=["one of many", "yes or no"])
def test_a_class_is_told_from_the_rest_at_every_step(many):
    """Each class's curve must be its balanced accuracy with the units that are back."""
    net, orders, labels = head(True)
    if many:
        labels = torch.randint(0, 2, (N, CLASSES), generator=torch.Generator().manual_seed(2))
    found = accuracy_returning(net, labels, range(ORDERS), orders, torch.zeros(UNITS))
    for label, order in enumerate(orders):
        wanted = [one_vs_rest(now, labels, label) for now in net.returning(order, torch.zeros(UNITS))]
        torch.testing.assert_close(found[label], torch.stack(wanted), rtol=0, atol=1e-6)


def test_all_units_back_is_the_intact_network():
    """The last step must be how right the network is."""
    net, orders, labels = head(False)
    found = share_returning(net, orders, torch.zeros(UNITS), labels[None], torch.full((1, N), 1 / N))
    intact = correct(net.mean @ net.weight.T + net.bias, labels).double().mean()
    torch.testing.assert_close(found[:, -1], intact.expand(ORDERS), rtol=0, atol=1e-6)


def test_a_head_that_is_trained_and_one_that_is_no_number():
    """Weights that want a gradient must do; a class whose logit is no number must never be right, by every way."""
    net, orders, labels = head(False)
    every = (orders, torch.zeros(UNITS), labels[None], torch.full((1, N), 1 / N))
    wants = HeadAlgebra(net.mean, net.weight.clone().requires_grad_(), net.bias)
    assert torch.equal(share_returning(wants, *every), share_returning(net, *every))
    weight = net.weight.clone()
    weight[1, 2] = torch.nan
    broken = HeadAlgebra(net.mean, weight, net.bias)
    double = HeadAlgebra(net.mean.double(), weight.double(), net.bias.double())
    torch.testing.assert_close(share_returning(broken, *every), share_returning(double, *every))
