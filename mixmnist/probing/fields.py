"""Where the cells of a feature map look on the image, and maps and masks side by side, pixel by pixel."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.core.readout import Field
from mixmnist.probing.axes import as_maps
from mixmnist.probing.patches import Patches, with_gradient
from mixmnist.probing.running import Images, up_to

AT_ONCE = {"cpu": 2**23, "cuda": 2**24}  # values of scaled maps held at once


@dataclass(frozen=True)
class Pixels:
    """A layer's maps, scaled up to the image by its true geometry, beside the masks of the concepts.

    No map is kept: each pass runs the network again, a batch at a time.
    """

    net: nn.Module
    module: nn.Module
    every: Images
    images: Images  # of them the first ones, whose maps are held beside masks
    masks: Mapping[str, Callable[[int], Tensor]]  # of one concept on all images, by kind
    n_concepts: int
    axis: int = 1  # of the units in the layer's output
    patches: Patches | None = None  # for which its tokens stand; None where it gives maps

    @property
    def n_images(self) -> int:
        """How many images, the first ones, have maps here."""
        return len(self.images)

    @cached_property
    def field(self) -> Field:
        """What a cell of the layer sees."""
        return measure_field(self.net, self.module, self.images, self.axis, self.patches)

    def __iter__(self) -> Iterator[tuple[Int[Tensor, " some"], Float[Tensor, "some units rows cols"]]]:
        """Gives indices of images and their maps, one value a pixel."""
        one = self._maps(next(iter(self.images.first(1))))
        rows, cols = (
            spread(cells, pixels, stride, first).to(one)
            for cells, pixels, stride, first in zip(
                one.shape[2:], self.images.pixels.shape[-2:], self.field.stride, self.field.first, strict=True
            )
        )
        at_once = AT_ONCE["cuda" if one.is_cuda else "cpu"]
        batch = max(1, min(self.images.batch, at_once // (one.shape[1] * len(rows) * len(cols))))
        every = self.images.every()
        for indices, x in zip(every.split(batch), self.images.in_order(every, batch), strict=True):
            yield indices, rows @ self._maps(x) @ cols.T

    def mask(self, kind: str, concept: int, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some rows cols"]:
        """Gives one concept's mask, `ink` (its drawn pixels) or `box` (its glyph's box), on some images."""
        return self.masks[kind](concept)[indices]

    def where(self, indices: Int[Tensor, "units top"]) -> Int[Tensor, "units top 4"]:
        """Gives what the cell sees in which a unit's map peaks, on some images of each unit, any of the mixture.

        First row, first column, end row, end column of its receptive field (ends excluded), as far as it lies on the image.
        """
        some, place = indices.unique(return_inverse=True)
        maps = [self._maps(x) for x in self.every.in_order(some)]
        peaks = torch.cat([part.flatten(2).argmax(dim=2) for part in maps])  # some units
        peak = peaks[place, torch.arange(len(indices), device=peaks.device)[:, None]]  # units top
        cells = (peak // maps[0].shape[3], peak % maps[0].shape[3])
        ends: list[Tensor] = []
        for axis, length in enumerate(self.every.pixels.shape[-2:]):
            first = self.field.first[axis] + self.field.stride[axis] * cells[axis] - (self.field.size[axis] - 1) / 2
            ends += [first.round().clamp(0, length), (first + self.field.size[axis]).round().clamp(0, length)]
        top, bottom, left, right = ends
        return torch.stack([top, left, bottom, right], dim=-1).long()

    def _maps(self, x: Tensor) -> Float[Tensor, "images units rows cols"]:
        return as_grid(up_to(self.net, self.module, x), self.axis, self.patches)


def box_mask(
    boxes: Int[Tensor, "images slots 4"], members: Bool[Tensor, "images slots"], rows: int, cols: int
) -> Bool[Tensor, "images rows cols"]:
    """Marks the pixels inside the boxes (first row, first column, end row, end column) of the chosen slots."""
    down, right = torch.arange(rows, device=boxes.device), torch.arange(cols, device=boxes.device)
    top, left, bottom, end = (boxes[..., i, None] for i in range(4))
    tall, wide = (down >= top) & (down < bottom), (right >= left) & (right < end)  # images slots rows, images slots cols
    return (tall[..., None] & wide[..., None, :] & members[..., None, None]).any(dim=1)


def as_grid(output: Tensor, axis: int, patches: Patches | None) -> Float[Tensor, "images units rows cols"]:
    """Gives maps as they are, units on axis 1, and the tokens of patches as maps."""
    return output.movedim(axis, 1) if patches is None else patches.as_grid(as_maps(output, axis))


def measure_field(net: nn.Module, module: nn.Module, images: Images, unit_axis: int = 1, patches: Patches | None = None) -> Field:
    """Measures which pixels a cell of a layer's map sees, from the gradient of its value with respect to the image.

    Two neighbours in the middle of the map give size, stride and place. Where their fields reach past the image (or the map
    has a single cell) the cells are taken as spread evenly over it. A token sees all of them; its field is its patch.
    """
    rows, cols = images.pixels.shape[-2:]
    if patches is not None:
        patch = (rows / patches.rows, cols / patches.cols)
        centre = (patch[0] / 2 - 0.5, patch[1] / 2 - 0.5)
        return Field(size=(math.ceil(patch[0]), math.ceil(patch[1])), stride=patch, first=centre)
    output, x = with_gradient(net, module, images)
    maps = output.movedim(unit_axis, 1)
    fields = []
    for axis, length in ((2, rows), (3, cols)):
        cells = maps.shape[axis]
        middle = [maps.shape[2] // 2, maps.shape[3] // 2]
        spans = []
        for step in (0, 1):
            place = list(middle)
            place[axis - 2] = max(0, cells // 2 - 1) + step if cells > 1 else 0
            (grad,) = torch.autograd.grad(maps[:, :, place[0], place[1]].sum(), x, retain_graph=True)
            seen = (grad != 0).any(dim=0)[0].any(dim=3 - axis).nonzero()[:, 0].tolist()  # pixels along the axis
            spans.append((seen[0], seen[-1], place[axis - 2]) if seen else (0, length - 1, 0))
        (first, last, cell), (start, end, _) = spans
        inside = 0 < first < start and end < length - 1 and cells > 1 and last - first == end - start
        if inside:
            stride = float(start - first)
            fields.append((last - first + 1, stride, (first + last) / 2 - stride * cell))
        else:
            fields.append((min(length, last - first + 1), length / cells, length / cells / 2 - 0.5))
    (size, stride, first), (wide, across, left) = fields
    return Field(size=(size, wide), stride=(stride, across), first=(first, left))


def spread(cells: int, pixels: int, stride: float, first: float) -> Float[Tensor, "pixels cells"]:
    """Gives the weights of linear interpolation between the centres of the cells; past the outer ones their value holds."""
    place = ((torch.arange(pixels) - first) / stride).clamp(0, cells - 1)
    lower = place.floor().long().clamp_max(max(cells - 2, 0))
    weights, share = torch.zeros(pixels, cells), place - lower
    each = torch.arange(pixels)
    weights[each, lower] += 1 - share
    if cells > 1:
        weights[each, lower + 1] += share
    return weights
