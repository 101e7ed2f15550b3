"""Oblong images, kernels, strides and maps: rows and columns may not be taken for each other."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from mixmnist.core.readout import Field
from mixmnist.probing import Replay, describe_layers, probe
from mixmnist.probing.fields import box_mask, spread

ROWS, COLS = 26, 44
SIZE, STRIDE, PADDING = (3, 7), (2, 4), (1, 2)
CELLS = (13, 11)  # of the map: (26 + 2 - 3) // 2 + 1, (44 + 4 - 7) // 4 + 1


@dataclass
class Drawn:
    """Hand-made images of three concepts."""

    images: torch.Tensor
    concepts: tuple = ("a", "b", "c")
    classes: tuple = ("x", "y", "z", "w")

    def __post_init__(self):
        n = len(self.images)
        self.labels = torch.arange(n) % 4
        self.shown = torch.stack([torch.arange(n) % 3, torch.full((n,), -1)], dim=1)  # images slots
        self.glyphs = self.shown
        self.present = self.shown[:, :1] == torch.arange(3)
        top, left = torch.arange(n) % 5, 2 * torch.arange(n) % 23
        box = torch.stack([top, left, top + 4, left + 9], dim=1)
        self.boxes = torch.stack([box, torch.zeros_like(box)], dim=1)  # images slots 4

    def mask(self, concept, indices):
        found = torch.zeros(len(indices), ROWS, COLS, dtype=torch.bool)
        for place, image in enumerate(indices.tolist()):
            top, left, bottom, right = self.boxes[image, 0].tolist()
            found[place, top:bottom:2, left:right] = bool(self.present[image, concept])
        return found


class Oblong(nn.Module):
    """A layer with an oblong kernel, and what follows it."""

    def __init__(self, units=5):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Sequential(nn.Conv2d(1, units, SIZE, STRIDE, PADDING), nn.ReLU())
        self.rest = nn.Sequential(nn.Conv2d(units, 6, (3, 5)), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 4))

    def forward(self, x):
        return self.rest(self.conv(x))


@pytest.fixture(scope="module")
def mixture():
    """30 images of noise."""
    return Drawn(torch.randint(0, 256, (30, ROWS, COLS), generator=torch.Generator().manual_seed(0)).to(torch.uint8))


@pytest.fixture(scope="module")
def net():
    """The network."""
    return Oblong().eval()


def test_shapes_have_rows_first(net):
    """A layer's rows and columns must be told in that order."""
    found = {layer.name: layer for layer in describe_layers(net, torch.zeros(1, 1, ROWS, COLS))}
    assert found["conv"].kind == "Sequential"
    assert found["conv"].shape[1:] == (5, *CELLS)
    assert found["conv"].axis == 1


def test_response_and_mean_are_over_rows_and_columns(net, mixture):
    """Peak and mean must be over the whole oblong map."""
    readout, maps = probe(net, mixture, "conv"), net.conv(mixture.images[:, None] / 255)
    torch.testing.assert_close(readout.response, maps.amax((2, 3)), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(readout.mean, maps.mean((2, 3)), rtol=1e-5, atol=1e-6)


def test_the_field_has_its_own_size_stride_and_place_along_each_axis(net, mixture):
    """Kernel, stride and padding of rows must decide the rows of the field, those of columns its columns."""
    first = tuple((size - 1) / 2 - padding for size, padding in zip(SIZE, PADDING, strict=True))
    assert probe(net, mixture, "conv").pixels.field == Field(SIZE, tuple(map(float, STRIDE)), first)


def test_a_field_past_the_image_is_spread_over_it(mixture):
    """Where a cell's field reaches past the image its cells must be spread evenly, along each axis by its own length."""
    net = nn.Sequential(nn.Conv2d(1, 2, (25, 43), (13, 11), (12, 21)), nn.ReLU())
    field = probe(net.eval(), mixture, "1").pixels.field  # of a map of 2 x 4 cells
    assert field.stride == (ROWS / 2, COLS / 4)
    assert field.first == (ROWS / 4 - 0.5, COLS / 8 - 0.5)


def test_maps_are_scaled_to_rows_and_columns(net, mixture):
    """A scaled map must be the linear interpolation of its cells at their centres, along rows and along columns."""
    ((indices, maps),) = list(probe(net, mixture, "conv").pixels)
    assert maps.shape == (len(indices), 5, ROWS, COLS) == (30, 5, ROWS, COLS)
    cells = net.conv(mixture.images[:, None] / 255)
    for row, col in ((0, 0), (5, 3), (12, 9), (12, 10)):
        at = (row * STRIDE[0] + (SIZE[0] - 1) // 2 - PADDING[0], col * STRIDE[1] + (SIZE[1] - 1) // 2 - PADDING[1])
        torch.testing.assert_close(maps[:, :, at[0], at[1]], cells[:, :, row, col], rtol=1e-4, atol=1e-6)
    between = (maps[:, :, 2, 1] + maps[:, :, 2, 5]) / 2  # halfway between two centres of columns
    torch.testing.assert_close(maps[:, :, 2, 3], between, rtol=1e-4, atol=1e-6)


def test_a_unit_is_said_to_fire_where_its_cell_looks(mixture):
    """The place of a peak must be first row, first column, end row, end column of what the cell sees, cut at the image."""
    net = nn.Sequential(nn.Conv2d(1, 1, SIZE, STRIDE, PADDING, bias=False), nn.ReLU()).eval()
    nn.init.constant_(net[0].weight, 0.01)
    net[0].weight.data[0, 0, 1, 3] = 1
    images = torch.zeros(4, ROWS, COLS, dtype=torch.uint8)
    spots = [(0, 1), (10, 21), (24, 41), (4, 33)]  # centres of cells
    for image, (row, col) in zip(images, spots, strict=True):
        image[row, col] = 255
    found = probe(net, Drawn(images), "1").pixels.where(torch.arange(4)[None])[0]
    expected = [[max(0, r - 1), max(0, c - 3), min(ROWS, r + 2), min(COLS, c + 4)] for r, c in spots]
    assert found.tolist() == expected


def test_masks_have_rows_and_columns(net, mixture):
    """Ink must be the mixture's, and a box all pixels from its first to its end row and column, of the slots that show it."""
    pixels, every = probe(net, mixture, "conv").pixels, torch.arange(30)
    for concept in range(3):
        assert torch.equal(pixels.mask("ink", concept, every), mixture.mask(concept, every))
        box = torch.zeros(30, ROWS, COLS, dtype=torch.bool)
        for image in range(30):
            top, left, bottom, right = mixture.boxes[image, 0].tolist()
            box[image, top:bottom, left:right] = bool(mixture.present[image, concept])
        assert torch.equal(pixels.mask("box", concept, every), box)


def test_a_box_ends_before_its_end():
    """A box must hold its first row and column and not its ends; of several slots the chosen ones count together."""
    boxes = torch.tensor([[[1, 2, 3, 6], [0, 0, 1, 1], [4, 7, 5, 9]]])
    found = box_mask(boxes, torch.tensor([[True, False, True]]), 6, 10)[0]
    expected = torch.zeros(6, 10, dtype=torch.bool)
    expected[1:3, 2:6] = expected[4:5, 7:9] = True
    assert torch.equal(found, expected)


def test_silencing_by_replay_keeps_the_shape(net, mixture):
    """With an oblong map silenced, to each unit's own value, logits must be those of the net by hand."""
    readout, values = probe(net, mixture, "conv"), torch.tensor([0.0, 0.1, 0.4, 0.2, 0.3])
    assert isinstance(readout.without, Replay)
    sets = torch.tensor([[0, 1, 0, 0, 1], [1, 0, 1, 1, 0], [0, 0, 0, 0, 0]]).bool()
    found = readout.without(sets, values)
    for number, gone in enumerate(sets):
        maps = net.conv(mixture.images[:, None] / 255).clone()
        maps[:, gone] = values[gone][:, None, None]
        torch.testing.assert_close(found[number], net.rest(maps), rtol=1e-4, atol=1e-5)


def test_weights_of_interpolation_by_hand():
    """Between two centres weights must fall linearly, and past the outer centres the nearest cell's value hold."""
    found = spread(cells=3, pixels=8, stride=2.0, first=1.0)
    expected = [[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 1], [0, 0, 1]]
    assert found.tolist() == expected
    assert spread(cells=1, pixels=3, stride=3.0, first=1.0).tolist() == [[1], [1], [1]]
    assert spread(cells=2, pixels=3, stride=2.0, first=0.0).tolist() == [[1, 0], [0.5, 0.5], [0, 1]]


@pytest.mark.parametrize(
    ("rows", "above", "below", "inside"),
    [(9, 1, 1, True), (9, 0, 0, True), (9, 1, 0, True), (8, 0, 1, True), (7, 2, 0, False), (7, 3, 0, False), (7, 0, 2, False)],
)
def test_a_field_counts_only_where_it_lies_on_the_image(rows, above, below, inside):
    """Two middle cells whose fields touch the image's first or last row may be cut off there, and tell nothing."""
    net = nn.Sequential(nn.ZeroPad2d((0, 0, above, below)), nn.Conv2d(1, 2, 3, (2, 1)), nn.ReLU()).eval()
    images = torch.randint(0, 256, (3, rows, COLS), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    cells = (rows + above + below - 3) // 2 + 1
    assert cells in (4, 5)
    field = probe(net, Drawn(images), "2").pixels.field
    assert field.stride == ((2.0, 1.0) if inside else (rows / cells, 1.0))
    assert field.first == ((1.0 - above, 1.0) if inside else (rows / cells / 2 - 0.5, 1.0))
    assert field.size == (3, 3) or not inside
