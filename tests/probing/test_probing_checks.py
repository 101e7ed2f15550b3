"""What a network must be before its units are read, and what is done where images keep each other company."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional

from mixmnist.metrics._decisions import correct
from mixmnist.probing import Caution, Replay, probe
from mixmnist.probing.checks import check_answers
from mixmnist.probing.reading import as_logits
from mixmnist.probing.running import BATCH, Images


class Small(nn.Module):
    """A convolution, and a classifier whose logits are changed by a function of them."""

    def __init__(self, change=lambda logits: logits, seed=0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Sequential(nn.Conv2d(1, 4, 7, stride=3), nn.ReLU())
        self.hidden = nn.Linear(4, 8)
        self.head = nn.Linear(8, 45)
        self.change = change

    def forward(self, x):
        return self.change(self.head(self.hidden(self.conv(x).mean((2, 3))).relu()))


class Batchwise(Small):
    """The same with a batch norm that keeps no statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4, track_running_stats=False)

    def forward(self, x):
        return self.head(self.hidden(self.norm(self.conv(x).mean((2, 3)))).relu())


def standardised(logits):
    """Gives logits of mean 0 and spread 1 over the batch."""
    return (logits - logits.mean(0)) / logits.std(0)


class Set(nn.Module):
    """Sets units of a layer's maps to zero."""

    def __init__(self, layer, chosen) -> None:
        super().__init__()
        self.layer, self.chosen = layer, chosen

    def forward(self, x):
        return self.layer(x) * ~self.chosen[:, None, None]


@pytest.mark.parametrize("net", [Batchwise(), Small(standardised)], ids=["norm", "logits"])
def test_images_that_keep_each_other_company_are_silenced_in_it(net, pairs_mixture):
    """Drops must be those of a plain loop over units and batches, and that it was done so must be said."""
    with pytest.warns(Caution, match=r"depends on the others of its batch.*read in batches of 250"):
        readout = probe(net.eval(), pairs_mixture, "conv", few=300)
    assert isinstance(readout.without, Replay)
    assert readout.without.n_images == 500  # whole batches
    assert readout.pixels is None
    images, sets = pairs_mixture.images[:500, None] / 255, torch.eye(4).bool()
    for unit, logits in enumerate(readout.without(sets, torch.zeros(4))):
        other = copy.deepcopy(net)
        other.conv = Set(net.conv, sets[unit])
        naive = torch.cat([other(part) for part in images.split(BATCH)])
        torch.testing.assert_close(logits, naive, rtol=1e-4, atol=1e-4)
        assert torch.equal(correct(logits, readout.labels[:500]), correct(naive, readout.labels[:500]))
    nothing = readout.without(torch.zeros(1, 4).bool(), torch.zeros(4))[0]
    torch.testing.assert_close(nothing, readout.logits[:500], rtol=1e-4, atol=1e-4)


def test_resampled_maps_are_those_of_the_other_images_own_batch(pairs_mixture):
    """A map that depends on its batch must be taken as it was in that batch, whatever the order of the images."""
    torch.manual_seed(0)
    net = Small().eval()
    net.conv.append(nn.BatchNorm2d(4, track_running_stats=False).eval())
    with pytest.warns(Caution, match="depends on the others"):
        readout = probe(net, pairs_mixture, "conv", few=500)
    others = torch.randperm(500, generator=torch.Generator().manual_seed(1))
    found = readout.without.resampled(torch.tensor([[False, True, False, True]]), others)[0]
    maps = torch.cat([net.conv(part[:, None] / 255) for part in pairs_mixture.images[:500].split(BATCH)])
    mixed = maps.clone()
    mixed[:, [1, 3]] = maps[others][:, [1, 3]]
    torch.testing.assert_close(found, net.head(net.hidden(mixed.mean((2, 3))).relu()), rtol=1e-4, atol=1e-4)


def test_images_alone_are_silenced_side_by_side(pairs_mixture):
    """A network whose answers do not depend on the batch must be read without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        readout = probe(Small().eval(), pairs_mixture, "conv", few=30)
    assert readout.without.n_images == 30
    assert not readout.without.apart


def by_neighbours(size):
    """Gives a function that takes the mean of each so many neighbours in a batch away."""
    return lambda logits: torch.cat([part - part.mean(0) for part in logits.split(size)])


@pytest.mark.parametrize(
    "change", [lambda x: x - x[:1], lambda x: x - x[-1:], lambda x: x - x.roll(1, 0), *map(by_neighbours, (2, 16))]
)
def test_company_is_noticed_wherever_it_sits(change, pairs_mixture):
    """What depends on the first image of a batch, the last, the one before, or on a few neighbours depends on others, too."""
    net = Small(change).eval()
    assert not check_answers(net, [net.conv], Images(pairs_mixture.images, net.head.weight, None))


def test_a_single_image_is_alone(pairs_mixture):
    """One image has no company, and a network that takes no fewer must be asked for no fewer."""
    net = Small(lambda logits: logits - logits.max()).eval()
    assert check_answers(net, [net.conv], Images(pairs_mixture.images[:1], net.head.weight, None))


@pytest.mark.parametrize(
    ("net", "transform"),
    [
        (Small(lambda logits: functional.dropout(logits, 0.5)), None),
        (Small(lambda logits: logits + 1e-3 * torch.rand_like(logits)), None),
        (Small(lambda logits: {"logits": [logits + torch.rand(1)]}), None),
        (Small(), lambda x: x + 0.1 * torch.rand_like(x)),
    ],
)
def test_a_network_that_is_random_is_refused(net, transform, pairs_mixture):
    """Two equal passes must agree, or the scores are of a die."""
    with pytest.raises(ValueError, match=r"the net must give the same answer twice.*F\.dropout without training=self\.training"):
        probe(net.eval(), pairs_mixture, "conv", transform)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_logits_that_are_no_numbers_are_refused(value, pairs_mixture):
    """Images whose logits are nan may not count as wrong, before and after, so that every drop is 0."""
    net = Small(lambda logits: torch.where(logits > logits.mean(), value, logits))
    with pytest.raises(ValueError, match=r"the net must give finite logits, got nan or infinite ones on 800 of 800 images"):
        probe(net.eval(), pairs_mixture, "conv")


def test_logits_that_silencing_makes_nan_are_refused(pairs_mixture):
    """A network that divides by what a unit gave must be told from one that needs no unit."""

    class Divides(Small):
        def forward(self, x):
            mean = self.conv(x).mean((2, 3))
            return self.head(self.hidden(mean / mean.sum(1, keepdim=True)).relu())

    net = Divides().eval()
    nn.init.constant_(net.conv[0].bias, 1.0)
    readout = probe(net, pairs_mixture, "conv", few=20)
    assert readout.without(torch.eye(4).bool(), torch.zeros(4)).isfinite().all()
    with pytest.raises(ValueError, match="the net must give finite logits without a unit, got nan or infinite"):
        readout.without(torch.ones(1, 4).bool(), torch.zeros(4))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: torch.complex(x, x), "got complex64 numbers from layer='odd'"),
        (lambda x: x.int(), "got int32 numbers from layer='odd'"),
        (lambda x: x > 0, "got bool numbers from layer='odd'"),
        (lambda x: x.flatten(1).to_sparse(), "got a sparse tensor from layer='odd'"),
        (lambda x: (x, x), "got tuple from layer='odd'"),
        (lambda x: x[0, 0, 0, 0], r"got \[\] from layer='odd'"),
        (lambda x: x[:, None, None], r"got \[250, 1, 1, 4, 9, 9\] from layer='odd'"),
    ],
)
def test_layers_without_numbers_are_refused(change, said, pairs_mixture):
    """Each kind of answer that holds no units must get a sentence with its true name."""

    class Odd(nn.Module):
        def forward(self, x):
            return change(x)

    class Net(Small):
        def __init__(self) -> None:
            super().__init__()
            self.odd = Odd()

        def forward(self, x):
            maps = self.conv(x)
            self.odd(maps)
            return self.head(self.hidden(maps.mean((2, 3))).relu())

    with pytest.raises(ValueError, match=said):
        probe(Net().eval(), pairs_mixture, "odd")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: torch.complex(x, x), "complex64 numbers"),
        (lambda x: x.long(), "int64 numbers"),
        (lambda x: x.to_sparse(), "a sparse tensor"),
    ],
)
def test_logits_without_numbers_are_refused(change, said, pairs_mixture):
    """Logits must be floating-point numbers."""
    with pytest.raises(ValueError, match=f"logits must be floating-point numbers, got {said}"):
        probe(Small(change).eval(), pairs_mixture, "conv")


def test_logits_without_numbers_on_the_first_images_only_are_refused():
    """Whole numbers may not pass for logits because those of other images are none."""
    with pytest.raises(ValueError, match=r"got int64 numbers \[n, 3\] from the net"):
        as_logits([torch.zeros(2, 3).long(), torch.zeros(2, 3)], 3)


def _scripted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(nn.Sequential(nn.Sequential(nn.Conv2d(1, 3, 5), nn.ReLU())).eval())


def _traced():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = nn.Sequential(nn.Sequential(nn.Conv2d(1, 3, 5), nn.ReLU())).eval()
        return torch.jit.trace(net, torch.rand(2, 1, 32, 32))


def _quantised():
    net = nn.Sequential(nn.Sequential(nn.Flatten(), nn.Linear(1024, 6)), nn.ReLU())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net[0][1] = torch.ao.nn.quantized.dynamic.Linear(1024, 6)
    return net.eval()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_scripted, "the net must be plain Python where its layers are read, got a scripted or traced module at its top"),
        (_traced, "the net must be plain Python where its layers are read, got a scripted or traced module at its top"),
        (_quantised, r"the net must compute in floating-point numbers, got a quantised Linear at 0\.1"),
        (lambda: nn.Sequential(nn.Conv2d(1, 3, 5, device="meta")), r"the net must have weights, got none for 0\.weight.*meta"),
    ],
)
def test_networks_that_hooks_do_not_reach_are_refused(make, said, pairs_mixture):
    """Scripted, traced, quantised and empty networks must be told by their true cause, not by gradients."""
    with pytest.raises(ValueError, match=said):
        probe(make().eval(), pairs_mixture, "0.0" if make in (_scripted, _traced) else "0")


def test_a_scripted_part_is_a_layer(pairs_mixture):
    """A scripted module may itself be the layer of a plain network."""
    net = nn.Sequential(_scripted()[0], nn.AdaptiveAvgPool2d(1)).eval()
    assert probe(net, pairs_mixture, "0").n_units == 3


def test_compiled_and_wrapped_networks_are_read_as_they_are(pairs_mixture):
    """What was compiled or wrapped must give the plain network's numbers, under the names that it has there."""
    net = Small().eval()
    plain = probe(net, pairs_mixture, "conv", few=20)
    for other, layer in ((torch.compile(net), "_orig_mod.conv"), (nn.DataParallel(net).eval(), "module.conv")):
        found = probe(other, pairs_mixture, layer, few=20)
        assert torch.equal(found.response, plain.response)
        assert torch.equal(found.logits, plain.logits)
