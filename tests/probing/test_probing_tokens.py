"""Layers that give tokens, images in colour, and the place where a unit fires."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from mixmnist.core.readout import Field
from mixmnist.probing import Caution, Replay, probe
from mixmnist.probing.fields import spread


class Patches(nn.Module):
    """Cuts 32 x 32 images into 16 patches, puts a class token before them, mixes them and classifies by the class token."""

    def __init__(self, before=1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cut = nn.Conv2d(1, 6, 8, stride=8)
        self.start = nn.Parameter(torch.randn(1, before, 6))
        self.tokens = nn.Identity()
        self.mix = nn.TransformerEncoderLayer(6, 2, 12, batch_first=True)
        self.head = nn.Linear(6, 45)

    def forward(self, x):
        patches = self.cut(x).flatten(2).transpose(1, 2)
        tokens = self.tokens(torch.cat([self.start.expand(len(x), -1, -1), patches], dim=1))
        return self.head(self.mix(tokens)[:, 0])


@dataclass
class Shown:
    """A mixture of hand-made images, grey [n, rows, cols] or in colour [n, 3, rows, cols]."""

    images: torch.Tensor
    concepts: tuple = ("a",)
    classes: tuple = ("x",)

    def __post_init__(self) -> None:
        n = len(self.images)
        self.labels = torch.zeros(n, dtype=torch.int64)
        self.present = torch.zeros(n, 1, dtype=torch.bool)
        self.glyphs = self.shown = torch.full((n, 1), -1)
        self.boxes = torch.zeros(n, 1, 4, dtype=torch.int64)

    def mask(self, concept, indices):
        return torch.zeros(len(indices), *self.images.shape[-2:], dtype=torch.bool)


@pytest.fixture(scope="module")
def tokens(pairs_mixture):
    """Reads the tokens of a small transformer."""
    return probe(Patches().eval(), pairs_mixture, "tokens", few=40)


def test_response_of_tokens_is_their_largest_and_mean_their_mean(tokens, pairs_mixture):
    """A unit of tokens must be read over all tokens of an image."""
    net, seen = Patches().eval(), []
    net.tokens.register_forward_hook(lambda _m, _i, out: seen.append(out.detach()))
    net(pairs_mixture.images[:, None] / 255)
    assert tokens.response.shape == (800, 6)
    torch.testing.assert_close(tokens.response, seen[0].amax(1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(tokens.mean, seen[0].mean(1), rtol=1e-4, atol=1e-5)


def test_silenced_tokens_are_replayed(tokens, pairs_mixture):
    """Silencing a unit must set it in every token and leave the others."""
    assert isinstance(tokens.without, Replay)
    sets = torch.tensor([[0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0]]).bool()
    found = tokens.without(sets, torch.linspace(0, 1, 6))
    net = Patches().eval()
    for chosen, logits in zip(sets, found, strict=True):
        net.tokens = Set(chosen, torch.linspace(0, 1, 6))
        torch.testing.assert_close(logits, net(pairs_mixture.images[:40, None] / 255), rtol=1e-4, atol=1e-5)


class Set(nn.Module):
    """Sets some units of every token."""

    def __init__(self, chosen, values) -> None:
        super().__init__()
        self.chosen, self.values = chosen, values

    def forward(self, x):
        return torch.where(self.chosen, self.values, x)


def test_patches_are_maps_in_reading_order(tokens, pairs_mixture):
    """The maps of tokens must be those of the patches without the class token, and a token's field its patch."""
    assert tokens.pixels.field == Field((8, 8), (8.0, 8.0), (3.5, 3.5))
    indices, maps = next(iter(tokens.pixels))
    cut = Patches().cut(pairs_mixture.images[indices, None] / 255)
    scale = spread(4, 32, 8.0, 3.5)
    torch.testing.assert_close(maps, scale @ cut @ scale.T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("before", [0, 5])
def test_tokens_before_the_patches_are_left_out(before, pairs_mixture):
    """Up to five tokens may stand before a square of patches."""
    pixels = probe(Patches(before).eval(), pairs_mixture, "tokens").pixels
    assert (pixels.patches.rows, pixels.patches.cols, pixels.patches.first) == (4, 4, before)


def test_tokens_that_are_no_square_have_no_maps(pairs_mixture):
    """A number of tokens that is no square, but for five, says nothing of places, and that must be said."""
    with pytest.warns(Caution, match="the places of layer 'tokens' are no grid of patches"):
        readout = probe(Patches(6).eval(), pairs_mixture, "tokens")
    assert readout.pixels is None


class Tokens(nn.Module):
    """Patches of 8 x 8 pixels as tokens after a norm, other tokens before and after them; or what a function makes of images."""

    def __init__(self, before=0, after=0, function=None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cut, self.norm = nn.Conv2d(1, 6, 8, stride=8), nn.LayerNorm(6, elementwise_affine=False)
        self.start, self.end = (nn.Parameter(torch.randn(1, n, 6)) for n in (before, after))
        self.function = function
        self.mix = nn.TransformerEncoderLayer(6, 2, 12, batch_first=True, norm_first=True)

    def forward(self, x):
        if self.function:
            return self.norm(self.function(x))
        patches = self.cut(x).flatten(2).transpose(1, 2)
        parts = [self.start.expand(len(x), -1, -1), patches, self.end.expand(len(x), -1, -1)]
        return self.norm(self.mix(torch.cat(parts, dim=1)))


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (0, 1), (5, 0), (1, 4), (2, 2)])
@pytest.mark.parametrize("sides", [(32, 32), (24, 40)])
def test_patches_are_found_wherever_their_tokens_stand(before, after, sides):
    """Class tokens before or after the patches may not shift them; the gradient must tell, on oblong images, too."""
    images = torch.randint(0, 256, (40, *sides), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    net = Tokens(before, after).eval()
    pixels = probe(net, Shown(images), "norm").pixels
    assert (pixels.patches.rows, pixels.patches.cols, pixels.patches.first) == (sides[0] // 8, sides[1] // 8, before)
    seen = []
    net.norm.register_forward_hook(lambda _m, _i, out: seen.append(out))
    net(images[:, None] / 255)
    grid = pixels._maps(images[:, None] / 255)
    torch.testing.assert_close(grid[:, :, 1, 2], seen[0][:, before + sides[1] // 8 + 2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("unit", [0, 1, 2])
def test_patches_are_found_by_any_unit(unit, pairs_mixture):
    """Where one unit alone sees the image it must do to find the patches, whichever it is."""
    net = nn.Sequential(nn.Conv2d(1, 3, 8, stride=8), nn.Flatten(2)).eval()
    net[0].weight.data = (torch.arange(3) == unit).float()[:, None, None, None].expand(3, 1, 8, 8).clone()
    patches = probe(net, pairs_mixture, "1", few=3).pixels.patches
    assert (patches.rows, patches.cols, patches.first) == (4, 4, 0)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda x: x[:, 0, :28, :24].unflatten(2, (6, 4)).sum(3), "rows of the image as 28 tokens"),
        (lambda x: x.unfold(2, 8, 8).unfold(3, 8, 8).flatten(4).transpose(2, 3).flatten(1, 3)[..., :6], "patches by columns"),
        (lambda x: x.flatten(2)[..., :96].unflatten(2, (16, 6))[:, 0], "the first pixels only"),
        (lambda x: x.mean((1, 2, 3))[:, None, None] * torch.arange(96.0).view(16, 6), "no places at all"),
        (lambda x: x.detach().flatten(2)[..., :96].unflatten(2, (16, 6))[:, 0], "no gradient"),
    ],
)
def test_tokens_without_places_are_told(function, why):
    """A number of tokens that is a square, or nearly, must not do: no places without a gradient that shows them."""
    images = torch.randint(0, 256, (40, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with pytest.warns(Caution, match="the places of layer 'norm' are no grid of patches"):
        assert probe(Tokens(function=function).eval(), Shown(images), "norm").pixels is None, why


def test_a_layer_that_does_not_count_the_images_first_is_refused(pairs_mixture):
    """Tokens with the images on the second axis must be refused, not read as images."""

    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.turn = nn.Identity()

        def forward(self, x):
            return self.turn(x.flatten(2).transpose(0, 1))

    with pytest.raises(ValueError, match="layer must give an answer for each image, got 1 for 250 images from layer='turn'"):
        probe(Turned().eval(), pairs_mixture, "turn")


def test_images_in_colour_reach_the_net_as_they_are():
    """Three channels must arrive in their order, scaled to [0, 1]; masks and maps keep the images' rows and columns."""
    images = torch.zeros(5, 3, 24, 20, dtype=torch.uint8)
    images[:, 0], images[:, 1], images[:, 2] = 255, 51, 102
    net = nn.Sequential(nn.Identity(), nn.Conv2d(3, 4, 5, bias=False)).eval()
    readout = probe(net, Shown(images), "0")
    torch.testing.assert_close(readout.mean, torch.tensor([[1.0, 0.2, 0.4]]).expand(5, 3))
    readout = probe(net, Shown(images), "1")
    assert readout.pixels.field == Field((5, 5), (1.0, 1.0), (2.0, 2.0))
    assert next(iter(readout.pixels))[1].shape == (5, 4, 24, 20)


def test_cells_that_see_the_same_pixels_are_spread_over_the_image():
    """Where the gradient shows two neighbours the same field, the cells must be taken as spread evenly over the image."""

    class Same(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, x):
            return self.layer(x[:, :, 4:9, 4:9].mean((2, 3), keepdim=True).expand(-1, 2, 8, 8))

    readout = probe(Same().eval(), Shown(torch.full((3, 32, 32), 9, dtype=torch.uint8)), "layer", axis=1)
    assert readout.pixels.field == Field((5, 5), (4.0, 4.0), (1.5, 1.5))
    assert next(iter(readout.pixels))[1].shape == (3, 2, 32, 32)


def test_a_unit_is_shown_where_it_fires():
    """The box must be the receptive field of the cell with the highest value, cut off at the image's edge."""
    net = nn.Sequential(nn.Conv2d(1, 2, 5, stride=4, padding=2, bias=False), nn.ReLU()).eval()
    nn.init.constant_(net[0].weight, 1e-3)
    net[0].weight.data[0, 0, 2, 2] = 1  # answers to a bright centre
    net[0].weight.data[1, 0, 2, 2] = -1  # and to a dark one
    images = torch.zeros(300, 32, 32, dtype=torch.uint8)  # in two batches
    images[:] = 128
    images[260, 12, 20] = 255
    images[270, 0, 31 - 3] = 255
    readout = probe(net, Shown(images), "1", few=3)
    found = readout.pixels.where(torch.tensor([[260, 270], [0, 0]]))
    assert found[0].tolist() == [[10, 18, 15, 23], [0, 26, 3, 31]]
    assert found.shape == (2, 2, 4)
