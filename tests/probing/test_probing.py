from dataclasses import dataclass

import pytest
import torch
from torch import nn

from mixmnist.core.readout import Field
from mixmnist.nets import convnet
from mixmnist.nets.convnet import Widths
from mixmnist.probing import SAME, HeadAlgebra, Replay, describe_layers, probe, probe_layers
from mixmnist.probing.running import Images


@pytest.fixture
def net():
    """A convnet in eval mode whose units all respond."""
    stack = convnet.build(Widths(conv1=3, conv2=4, conv3=5), 45, (0,))
    stack(torch.rand(16, 1, 32, 32))
    return convnet.split(stack)[0]


class Deep(nn.Module):
    """A net whose logits are not linear in its first layer's means."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 3, 5, stride=3), nn.ReLU())
        self.rest = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 45))

    def forward(self, x):
        return self.rest(self.first(x))


def without_by_hand(net, mixture, unit, value):
    """Logits with one unit of conv3 set to a value, by the net's own layers."""
    x = mixture.images[:, None] / 255
    x = nn.functional.max_pool2d(net.conv1(x), 3, 2)
    x = net.conv3(nn.functional.max_pool2d(net.conv2(x), 3, 2)).clone()
    x[:, unit] = value
    return net.head(x.mean((2, 3)))


def test_response_is_the_peak_and_mean_the_mean_of_the_map(net, pairs_mixture):
    """A readout must hold each map's spatial maximum and mean, for every image in order."""
    maps = []
    handle = net.conv3.register_forward_hook(lambda _m, _i, out: maps.append(out))
    logits = net(pairs_mixture.images[:, None] / 255)
    handle.remove()
    readout = probe(net, pairs_mixture, "conv3")
    torch.testing.assert_close(readout.response, maps[0].amax((2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(readout.mean, maps[0].mean((2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(readout.logits, logits, rtol=1e-4, atol=1e-5)
    assert readout.response.shape == (800, 5)
    assert torch.equal(readout.present, pairs_mixture.present)


def test_head_algebra_gives_what_a_silenced_unit_gives(net, pairs_mixture):
    """Head algebra must reproduce the logits of the net with one map set to zero or to a constant."""
    readout = probe(net, pairs_mixture, "conv3")
    assert isinstance(readout.without, HeadAlgebra)
    for value in (0.0, 0.3):
        logits = readout.without(torch.eye(5).bool(), torch.full((5,), value))
        for unit in range(5):
            torch.testing.assert_close(logits[unit], without_by_hand(net, pairs_mixture, unit, value), rtol=1e-4, atol=1e-5)


def test_algebra_and_replay_agree_in_float64(net, pairs_mixture):
    """In float64 the two ways of silencing must agree to 1e-9, for any set of units and any values."""
    readout = probe(net.double(), pairs_mixture, "conv3")
    sets = torch.tensor([[0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 1, 1], [1, 1, 1, 1, 1]]).bool()
    values = torch.linspace(0, 1, 5).double()
    replay = Replay(net, net.conv3, "conv3", _images(net, pairs_mixture))
    torch.testing.assert_close(readout.without(sets, values), replay(sets, values), rtol=0, atol=1e-9)


def test_units_return_one_by_one(net, pairs_mixture):
    """Bringing units back, last of the order first, must give the logits of the sets that are left, by algebra and by replay."""
    readout = probe(net.double(), pairs_mixture, "conv3")
    order, values = torch.tensor([3, 0, 4, 1, 2]), torch.linspace(0, 1, 5).double()
    for without in (readout.without, Replay(net, net.conv3, "conv3", _images(net, pairs_mixture))):
        back = [logits.clone() for logits in without.returning(order, values)]
        sets = torch.tensor([[unit in order[:n] for unit in range(5)] for n in range(5, -1, -1)])
        torch.testing.assert_close(torch.stack(back), readout.without(sets, values), rtol=0, atol=1e-9)


def test_algebra_and_replay_agree_in_float32(net, pairs_mixture):
    """In float32 they must agree to 1e-5 of the largest logit, with equal predictions."""
    readout = probe(net, pairs_mixture, "conv3")
    replay = Replay(net, net.conv3, "conv3", _images(net, pairs_mixture))
    sets, values = torch.eye(5).bool(), torch.zeros(5)
    algebra, replayed = readout.without(sets, values), replay(sets, values)
    assert (algebra - replayed).abs().max() <= SAME * readout.logits.abs().max()
    assert torch.equal(algebra.argmax(-1), replayed.argmax(-1))


def _images(net, mixture):
    return Images(mixture.images, next(net.parameters()), None)


def test_a_net_without_such_a_head_is_replayed(pairs_mixture):
    """Where logits are not linear in the layer's means, silencing must run the net again and change its logits rightly."""
    net = Deep().eval()
    readout = probe(net, pairs_mixture, "first")
    assert isinstance(readout.without, Replay)
    assert readout.head is None
    logits = readout.without(torch.tensor([[False, True, False]]), torch.zeros(3))
    maps = net.first(pairs_mixture.images[:, None] / 255)
    maps[:, 1] = 0
    torch.testing.assert_close(logits[0], net.rest(maps), rtol=1e-4, atol=1e-5)


def test_a_lookalike_head_is_checked_not_guessed(pairs_mixture):
    """A linear layer of the right size that does not reproduce the logits must not be taken for the head."""

    class Lookalike(Deep):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Linear(3, 45)

    readout = probe(Lookalike().eval(), pairs_mixture, "first")
    assert isinstance(readout.without, Replay)


def test_vectors_are_units_too(pairs_mixture):
    """A layer that gives vectors must be read with response and mean equal to its values."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(1024, 6), nn.ReLU(), nn.Linear(6, 45)).eval()
    readout = probe(net, pairs_mixture, "2")
    assert torch.equal(readout.response, readout.mean)
    assert isinstance(readout.without, HeadAlgebra)


def test_a_net_that_does_not_classify_has_no_logits(pairs_mixture):
    """Where the output does not fit the classes, detection can be scored and ablation cannot."""
    readout = probe(nn.Sequential(nn.Conv2d(1, 4, 5)).eval(), pairs_mixture, "0")
    assert readout.logits is None
    assert readout.without is None


def test_transform_is_applied_after_scaling(pairs_mixture):
    """A transform must see images in [0, 1] and change what the net sees."""
    seen = []

    def invert(x):
        seen.append((x.min().item(), x.max().item()))
        return 1 - x

    net = nn.Sequential(nn.Identity(), nn.Flatten()).eval()
    net[0].register_parameter("like", nn.Parameter(torch.zeros(1)))
    readout = probe(net, pairs_mixture, "0", transform=invert)
    assert (min(s[0] for s in seen), max(s[1] for s in seen)) == (0.0, 1.0)
    torch.testing.assert_close(readout.mean[:, 0], 1 - pairs_mixture.images.float().mean((1, 2)) / 255)


def test_train_mode_is_refused(net, pairs_mixture):
    """A net with any part in train mode must be refused with the fix."""
    net.conv2.train()
    with pytest.raises(ValueError, match=r"eval mode, got train mode in conv2.*Call net.eval\(\) first"):
        probe(net, pairs_mixture, "conv3")


def test_an_unknown_layer_names_the_nearest(net, pairs_mixture):
    """A wrong name must be answered with the nearest ones."""
    with pytest.raises(ValueError, match=r"layer must be a known name, got layer='conv4'\. Did you mean conv"):
        probe(net, pairs_mixture, "conv4")


def test_a_layer_that_runs_twice_is_refused(pairs_mixture):
    """A layer that runs twice in a pass has no single map and must be refused."""
    relu = nn.ReLU()
    net = nn.Sequential(nn.Conv2d(1, 3, 5), relu, nn.Conv2d(3, 3, 5), relu).eval()
    with pytest.raises(ValueError, match="layer must run once in a forward pass, got 2 runs"):
        probe(net, pairs_mixture, "1")


def test_hooks_are_removed_even_on_error(net, pairs_mixture):
    """After a pass that fails, no hook may be left on the layer."""
    with pytest.raises(RuntimeError, match="on purpose"):
        probe(net, pairs_mixture, "conv3", transform=lambda _x: (_ for _ in ()).throw(RuntimeError("on purpose")))
    assert not net.conv3._forward_hooks


def test_layers_are_described_in_running_order(net):
    """Names, kinds, shapes and units of all layers must be listed as they run."""
    found = [(one.name, one.kind, one.shape[1:], one.units) for one in describe_layers(net, torch.zeros(2, 1, 32, 32))]
    assert ("conv3", "Sequential", (5, 6, 6), 5) in found
    assert found[-1] == ("head", "Linear", (45,), 45)


@pytest.mark.parametrize(("layer", "field"), [("conv1", (5, 1.0, 2.0)), ("conv2", (11, 2.0, 3.0)), ("conv3", (23, 4.0, 5.0))])
def test_fields_of_the_convnet_are_those_of_its_arithmetic(net, pairs_mixture, layer, field):
    """Size, stride and first centre of each layer's cells must be what kernels, padding and pooling make them."""
    found = probe(net, pairs_mixture, layer, few=10).pixels.field
    size, stride, first = field
    assert found == Field((size, size), (stride, stride), (first, first))


def test_a_unit_that_fires_at_one_pixel_peaks_there():
    """A map scaled up must peak within half a stride of the pixel that its unit answers to, wherever that is."""
    net = nn.Sequential(nn.Conv2d(1, 1, 5, stride=4, padding=2, bias=False), nn.ReLU())
    nn.init.zeros_(net[0].weight)
    net[0].weight.data[0, 0, 2, 2] = 1
    net[0].weight.data += 1e-3  # the cell sees its whole field
    spots = [(4, 4), (12, 20), (28, 8), (16, 16)]
    images = torch.zeros(len(spots), 32, 32, dtype=torch.uint8)
    for image, (row, col) in zip(images, spots, strict=True):
        image[row, col] = 255
    n = len(spots)
    empty = torch.zeros(n, 1, dtype=torch.int64)
    mixture = Spots(("a",), ("x",), images, empty[:, 0], empty.bool(), empty, empty, torch.zeros(n, 1, 4, dtype=torch.int64))
    ((_, maps),) = list(probe(net.eval(), mixture, "1").pixels)
    peaks = [divmod(int(m[0].argmax()), 32) for m in maps]
    assert all(abs(r - row) <= 2 and abs(c - col) <= 2 for (r, c), (row, col) in zip(peaks, spots, strict=True))


@dataclass
class Spots:
    """A mixture of hand-made images."""

    concepts: tuple
    classes: tuple
    images: torch.Tensor
    labels: torch.Tensor
    present: torch.Tensor
    glyphs: torch.Tensor
    shown: torch.Tensor
    boxes: torch.Tensor

    def mask(self, concept, indices):
        return torch.zeros(len(indices), 32, 32, dtype=torch.bool)


def test_maps_beside_masks_are_the_layers_and_the_mixtures(net, pairs_mixture):
    """Scaled maps must be linear interpolations of the layer's, and masks those of the mixture: ink, and boxes that hold it."""
    readout = probe(net, pairs_mixture, "conv3", few=300)
    indices, maps = next(iter(readout.pixels))
    assert maps.shape == (len(indices), 5, 32, 32)
    assert (maps.amax((2, 3)) <= readout.response[indices] + 1e-5).all()
    assert (maps[:, :, 5::4, 5::4].amax((2, 3)) - readout.response[indices]).abs().max() < 1e-4  # at the cells' centres
    for concept in (0, 7):
        ink, box = (readout.pixels.mask(kind, concept, indices) for kind in ("ink", "box"))
        assert torch.equal(ink, pairs_mixture.mask(concept, indices))
        assert (box | ~ink).all()
        assert torch.equal(box.sum((1, 2)), 144 * pairs_mixture.present[indices, concept])
    assert sum(len(i) for i, _ in readout.pixels) == 300


def test_sets_side_by_side_give_what_each_gives_alone(pairs_mixture):
    """Replay must give the same logits whether the rest of the net runs on several sets at once or on one."""
    torch.manual_seed(0)
    net = Deep().eval()
    readout = probe(net, pairs_mixture, "first")
    assert isinstance(readout.without, Replay)
    values = torch.tensor([0.0, 0.2, 0.4])
    sets = torch.tensor([[1, 0, 0], [0, 1, 1], [0, 0, 0]]).bool()
    together = readout.without(sets, values)
    for number, chosen in enumerate(sets):
        torch.testing.assert_close(readout.without(chosen[None], values)[0], together[number])
    torch.testing.assert_close(together[2], readout.logits)


class Around(nn.Module):
    """A net with a path around its layer, which takes no more images than came in."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 5, stride=3)
        self.head = nn.Linear(3, 45)

    def forward(self, x):
        return self.head(self.first(x).amax((2, 3)) * x.mean((1, 2, 3))[:, None])


def test_a_path_around_the_layer_is_replayed_set_by_set(pairs_mixture):
    """Where sets cannot run side by side each must run alone, and give what a silenced unit gives."""
    torch.manual_seed(0)
    net = Around().eval()
    readout = probe(net, pairs_mixture, "first")
    logits = readout.without(torch.eye(3).bool(), torch.zeros(3))
    x = pairs_mixture.images[:, None] / 255
    for unit in range(3):
        maps = net.first(x).clone()
        maps[:, unit] = 0
        torch.testing.assert_close(logits[unit], net.head(maps.amax((2, 3)) * x.mean((1, 2, 3))[:, None]), rtol=1e-4, atol=1e-5)


def test_resampled_maps_are_those_of_other_images(net, pairs_mixture):
    """By algebra and by replay a unit's map must be that of the other image, and nothing else may change."""
    others = torch.randperm(800, generator=torch.Generator().manual_seed(3))
    readout = probe(net, pairs_mixture, "conv3")
    replay = Replay(net, net.conv3, "conv3", Images(pairs_mixture.images, torch.zeros(()), None))
    sets = torch.eye(5).bool()[:2]
    found = readout.without.resampled(sets, others)
    torch.testing.assert_close(found, replay.resampled(sets, others), rtol=1e-4, atol=1e-5)
    mean = readout.mean.clone()
    mean[:, 1] = readout.mean[others, 1]
    torch.testing.assert_close(found[1], net.head(mean), rtol=1e-4, atol=1e-5)


def test_several_layers_are_read_in_one_pass(net, pairs_mixture):
    """Layers that are read together must give what each gives alone; the lower ones are replayed on the first images only."""
    readouts = probe_layers(net, pairs_mixture, ("conv1", "conv2", "conv3"), few=50)
    for layer, readout in zip(("conv1", "conv2", "conv3"), readouts, strict=True):
        alone = probe(net, pairs_mixture, layer)
        assert torch.equal(readout.response, alone.response)
        assert torch.equal(readout.mean, alone.mean)
    assert [r.without.n_images for r in readouts] == [50, 50, 800]
    every = readouts[0].without(torch.zeros(1, 3).bool(), torch.zeros(3))
    torch.testing.assert_close(every[0], readouts[0].logits[:50])
