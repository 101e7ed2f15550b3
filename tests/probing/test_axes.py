"""On which axis of a layer's output its units lie: named, or told with certainty."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from mixmnist.metrics.average_precision import average_precision
from mixmnist.probing import Caution, describe_layers, probe
from mixmnist.probing.axes import as_maps, like
from mixmnist.probing.tracing import Traced


class Through(nn.Module):
    """Gives what a function makes of the images, at the layer `layer`; nothing follows."""

    def __init__(self, function, layer=None) -> None:
        super().__init__()
        self.function, self.layer = function, layer or nn.Identity()

    def forward(self, x):
        return self.layer(self.function(x))


class Block(nn.Module):
    """A residual block, channels last: none of its modules gives the sum."""

    def __init__(self, width) -> None:
        super().__init__()
        self.mix = nn.Linear(width, width)

    def forward(self, x):
        return x + self.mix(x)


class Last(nn.Module):
    """Ten planted channels, read channels last at three places: a block, an activation after it, a norm that takes it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cut = nn.Conv2d(1, 10, 4, stride=4)
        self.block, self.act, self.norm = Block(10), nn.ReLU(), nn.LayerNorm(10)

    def forward(self, x):
        return self.norm(self.act(self.block(self.cut(x).permute(0, 2, 3, 1))))


class Rows(nn.Module):
    """Reads the rows of an image as channels of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(32, 10, 3)

    def forward(self, x):
        return self.conv(x[:, 0])


class Turned(nn.LayerNorm):
    """A layer norm over the channels of maps, as ConvNeXt has it."""

    def forward(self, x):
        return functional.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape).permute(0, 3, 1, 2)


def units(net, size=32, width=None):
    """Gives units and axis of each layer, by name."""
    found = describe_layers(net.eval(), torch.rand(2, 1, size, width or size, generator=torch.Generator().manual_seed(0)))
    return {one.name: (one.units, one.axis) for one in found}


def test_channels_last_are_units():
    """A block, an activation and a norm that work channels last must have their channels as units, not their rows."""
    found = units(Last())
    assert found["cut"] == (10, 1)
    assert found["block"] == found["act"] == found["norm"] == found["block.mix"] == (10, 3)


def test_a_sequence_of_channels_has_its_channels_as_units():
    """Conv1d must have as many units as it has output channels."""
    assert units(Rows())["conv"] == (10, 1)


@pytest.mark.parametrize(
    ("layer", "function", "expected"),
    [
        (nn.Conv2d(1, 3, 5), lambda x: x, (3, 1)),
        (nn.ConvTranspose2d(1, 3, 5), lambda x: x, (3, 1)),
        (nn.MaxPool2d(2), lambda x: x.expand(-1, 3, -1, -1), (3, 1)),
        (nn.AdaptiveAvgPool2d((4, 5)), lambda x: x.expand(-1, 3, -1, -1), (3, 1)),
        (nn.Linear(32, 6), lambda x: x[:, 0], (6, 2)),
        (nn.LayerNorm(32), lambda x: x[:, 0], (32, 2)),
        (nn.GroupNorm(1, 3), lambda x: x.expand(-1, 3, -1, -1), (3, 1)),
        (nn.BatchNorm1d(32), lambda x: x[:, 0, :, :20], (32, 1)),
        (Turned(3), lambda x: x.expand(-1, 3, -1, -1), (3, 1)),
        (nn.Sequential(nn.Conv2d(1, 3, 5), nn.BatchNorm2d(3), nn.ReLU(inplace=True)), lambda x: x, (3, 1)),
        (nn.TransformerEncoderLayer(32, 2, 8, batch_first=True), lambda x: x[:, 0], (32, 2)),
        (nn.Identity(), lambda x: x, (1, 1)),
        (nn.Identity(), lambda x: x.mean((2, 3), keepdim=True).expand(-1, 4, -1, -1), (4, 1)),
        (nn.Identity(), lambda x: x.flatten(2).transpose(1, 2).expand(-1, -1, 5), (5, 2)),
        (nn.Identity(), lambda x: x.flatten(2).expand(-1, 5, -1), (5, 1)),
        (nn.Identity(), lambda x: x.flatten(1), (1024, 1)),
    ],
)
def test_an_axis_that_is_certain_is_told(layer, function, expected):
    """Kinds of layers, neighbours, axes of length 1 and another size of the image must tell the axis."""
    assert units(Through(function, layer))["layer"] == expected


class Fixed(nn.Module):
    """A layer behind what a function makes of three maps of 7 x 5, in a network that takes one size of images only."""

    def __init__(self, function, layer=None) -> None:
        super().__init__()
        self.cut, self.layer, self.function = nn.Conv2d(1, 3, 4, stride=4), layer or nn.Identity(), function

    def forward(self, x):
        assert x.shape[2:] == (28, 20)
        return self.layer(self.function(self.cut(x)))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x + 1, (3, 1)),
        (lambda x: 2 * x.relu(), (3, 1)),
        (lambda x: x + x.tanh() * torch.ones(3, 1, 1), (3, 1)),
        (lambda x: x.permute(0, 3, 1, 2), (3, 2)),
        (lambda x: x.permute((0, 2, 3, 1)).clone(), (3, 3)),
        (lambda x: x.transpose(1, -1), (3, 3)),
        (lambda x: x.flatten(2), (3, 1)),
        (lambda x: x.flatten(2).transpose(1, 2) + torch.zeros(35, 1), (3, 2)),
        (lambda x: x.permute(0, 2, 3, 1).reshape(-1, 35, 3), (3, 2)),
        (lambda x: x.permute(0, 2, 3, 1).view(-1, 5, 7, 3), (3, 3)),
        (lambda x: torch.cat([x, x], dim=1), (6, 1)),
        (
            lambda x: torch.cat([torch.zeros(len(x), 1, 3), x.flatten(2).mT.clone().transpose(1, 2).transpose(1, 2)], 1),
            (None, None),
        ),
        (lambda x: torch.cat([torch.zeros(len(x), 1, 3), x.flatten(2).transpose(1, 2)], 1)[:, 1:], (3, 2)),
        (lambda x: functional.pad(x, (1, 1)), (3, 1)),
        (lambda x: functional.layer_norm(x, x.shape[1:]), (3, 1)),
        (lambda x: x @ torch.ones(5, 6), (None, None)),
        (lambda x: x.flatten(2) + x.flatten(2).transpose(1, 2)[:, :3].transpose(1, 2)[:, :, :1], (3, 1)),
        (lambda x: x.permute(0, 2, 3, 1)[:, :3] + x[:, :, :5, :3].clone(), (None, None)),
    ],
)
def test_functions_between_layers_are_followed(function, expected):
    """Sums, permutations, reshapes and slices must carry the axis along; what is not followed, or disagrees, is not certain."""
    assert units(Fixed(function), 28, 20)["layer"] == expected


def test_a_single_unit_is_followed_through_a_reshape():
    """An axis of length 1 must be carried along, too: one unit of 16 places is not 16 units."""
    net = nn.Sequential(nn.Conv2d(1, 1, 4, stride=4), nn.Flatten(2), nn.Identity(), nn.Flatten())
    assert units(net, 16, 16)["2"] == (1, 1)


class Mixes(nn.Module):
    """A layer of no known kind, which says how many units it gives."""

    def __init__(self, taken, given, says) -> None:
        super().__init__()
        self.out_features, self.weight = says, nn.Parameter(torch.ones(taken, given))

    def forward(self, x):
        return x @ self.weight


@pytest.mark.parametrize(
    ("given", "says", "expected"), [(6, 6, (6, 3)), (7, 7, (None, None)), (6, 9, (None, None)), (6, 7, (7, 2))]
)
def test_the_number_of_units_that_a_layer_says_tells_the_axis(given, says, expected):
    """A number of units must tell the one axis that is as long, and nothing where none or two are."""
    assert units(Fixed(lambda x: x, Mixes(5, given, says)), 28, 20)["layer"] == expected


class Conditioned(nn.LayerNorm):
    """A layer norm over maps, scaled by a number an image."""

    def forward(self, x, scale):
        return torch.einsum("n...,n->n...", super().forward(x), scale)


def test_a_layer_norm_that_takes_more_keeps_the_axis_of_what_it_takes_first():
    """What a layer takes besides may not stand for the maps that it changes."""

    class Net(Fixed):
        def forward(self, x):
            return self.layer(self.cut(x), x.mean((1, 2, 3)))

    assert units(Net(None, Conditioned((3, 7, 5))), 28, 20)["layer"] == (3, 1)


def test_an_images_channels_are_known():
    """A layer that takes the images as they are must have their channels as units, whatever sizes the net takes."""
    assert units(Through(lambda x: x + torch.zeros(28, 20)), 28, 20)["layer"] == (1, 1)


@pytest.mark.parametrize(
    ("axis", "possible", "each", "said"),
    [
        (2, (), True, "7 units (axis 2)"),
        (None, (1, 2), True, "? --axis 1: 6 units of 7 places; --axis 2: 7 units of 6 places"),
        (None, (), False, ""),
    ],
)
def test_a_layers_units_are_said(axis, possible, each, said):
    """Units and their axis must be said, or what may be chosen; nothing of a layer without an answer for each image."""
    assert Traced("layer", "Identity", (2, 6, 7), axis, possible=possible, each=each).said == said


def test_a_layer_norm_over_maps_tells_no_axis():
    """A norm over channels, rows and columns must keep the axis of what comes in."""
    assert units(nn.Sequential(nn.Conv2d(1, 3, 5), nn.LayerNorm([3, 28, 28])))["1"] == (3, 1)


def test_an_axis_that_is_not_certain_must_be_named(pairs_mixture):
    """Where several axes may be that of the units, a sentence must spell out what each would mean; the choice is then kept."""
    net = Through(lambda x: functional.interpolate(x, (4, 6))[:, 0]).eval()
    said = r"the axis of the units must be certain, got \[n, 4, 6\] from layer='layer'.*"
    with pytest.raises(ValueError, match=said + r"--axis 1: 4 units of 6 places; --axis 2: 6 units of 4 places"):
        probe(net, pairs_mixture, "layer")
    small = functional.interpolate(pairs_mixture.images[:, None] / 255, (4, 6))[:, 0]
    for axis, other in ((1, 2), (2, 1), (-1, 1)):
        with pytest.warns(Caution, match="no grid of patches"):
            readout = probe(net, pairs_mixture, "layer", axis=axis)
        torch.testing.assert_close(readout.response, small.amax(other))
        torch.testing.assert_close(readout.mean, small.mean(other))


@pytest.mark.parametrize("axis", [0, 4, -4, True])
def test_an_axis_that_is_none_is_refused(axis, pairs_mixture):
    """The axis of the images, and axes that the output lacks, may not be named."""
    with pytest.raises(ValueError, match=rf"axis must lie between 1 and 3, or between -1 and -3, got axis={axis}"):
        probe(nn.Sequential(nn.Conv2d(1, 3, 5)).eval(), pairs_mixture, "0", axis=axis)


def test_another_axis_than_is_certain_is_said(pairs_mixture):
    """Whoever names an axis against all signs must get it, and be told."""
    with pytest.warns(Caution, match="read along axis 3, as named; by all signs its units lie on axis 1"):
        readout = probe(nn.Sequential(nn.Conv2d(1, 3, (5, 9))).eval(), _plain(pairs_mixture), "0", axis=-1)
    assert readout.n_units == 24


def test_planted_channels_are_perfect_wherever_their_axis_is(pairs_mixture):
    """Channels planted as perfect detectors must be so channels first and last, with the same logits when silenced."""
    present = pairs_mixture.present.float()

    class Planted(nn.Module):
        def __init__(self, last) -> None:
            super().__init__()
            self.last, self.layer, self.done = last, nn.Identity(), 0

        def forward(self, x):
            found = present[_which(x, pairs_mixture)][:, :, None, None].expand(-1, -1, x.shape[2] // 16, x.shape[3] // 8)
            maps = self.layer(found.permute(0, 2, 3, 1) if self.last else found)
            peaks = maps.amax((1, 2) if self.last else (2, 3))
            return functional.pad(peaks, (0, 35)) ** 2

    first, last = (probe(Planted(last).eval(), _plain(pairs_mixture), "layer", few=60) for last in (False, True))
    assert first.n_units == last.n_units == 10
    for readout in (first, last):
        alignment = average_precision(readout.response, readout.present)
        assert (alignment.diagonal() == 1).all()
    sets, values = torch.eye(10).bool(), torch.zeros(10)
    assert torch.equal(first.without(sets, values), last.without(sets, values))
    assert torch.equal(last.without(sets, values)[3, :, :10], (present[:60] * (1 - torch.eye(10)[3])) ** 2)
    others = torch.arange(60).flip(0)
    assert torch.equal(first.without.resampled(sets, others), last.without.resampled(sets, others))


def _which(x, mixture):
    """Finds the images of a batch in a mixture, whatever their size."""
    own = mixture.images.float().flatten(1) / 255
    asked = functional.interpolate(x, mixture.images.shape[1:]).flatten(1)
    return torch.cdist(asked, own).argmin(1)


def _plain(mixture):
    """Gives a mixture without masks: planted answers have no gradient."""

    class Plain:
        concepts, classes, images = mixture.concepts, mixture.classes, mixture.images
        labels, present, glyphs = mixture.labels, mixture.present, mixture.glyphs

    return Plain()


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_maps_become_the_layers_shape_again(axis):
    """Taking a layer's output as maps and back must change nothing, whichever axis counts the units."""
    output = torch.rand(2, 3, 4, 5)
    maps = as_maps(output, axis)
    assert maps.shape[:2] == (2, output.shape[axis])
    assert torch.equal(like(maps, output, axis), output)
    assert torch.equal(maps[1, 2], output.select(axis, 2)[1].flatten())


def test_a_field_of_channels_last_is_that_of_its_cell(pairs_mixture):
    """Places of channels-last maps must be measured along rows and columns."""
    readout = probe(Last().eval(), pairs_mixture, "block", few=3)
    field = readout.pixels.field
    assert (field.size, field.stride, field.first) == ((4, 4), (4.0, 4.0), (1.5, 1.5))
    assert next(iter(readout.pixels))[1].shape == (3, 10, 32, 32)


def test_maps_that_lie_across_the_image_have_no_places(pairs_mixture):
    """Where a map's rows follow the image's columns, no places may be told."""
    net = Through(lambda x: functional.avg_pool2d(x, 16).transpose(2, 3) * torch.ones(5, 1, 1)).eval()
    with pytest.warns(Caution, match="the places of layer 'layer' are no grid along the image"):
        assert probe(net, pairs_mixture, "layer", axis=1).pixels is None


def test_maps_that_lie_along_the_image_have_places(pairs_mixture):
    """Where a map's rows follow the image's rows, places must be told even if no kind tells the axis."""
    net = Through(lambda x: torch.einsum("ncij,u->nuij", functional.avg_pool2d(x, 8), torch.ones(5))).eval()
    field = probe(net, pairs_mixture, "layer", few=3).pixels.field
    assert (field.size, field.stride, field.first) == ((8, 8), (8.0, 8.0), (3.5, 3.5))


def test_maps_that_no_gradient_reaches_are_read(pairs_mixture):
    """Without gradients nothing is known of places, which is told where they are needed; units must be read all the same."""
    net = Through(lambda x: functional.avg_pool2d(x.detach(), 8).permute(0, 2, 3, 1) * torch.ones(5)).eval()
    assert probe(net, pairs_mixture, "layer").n_units == 5
