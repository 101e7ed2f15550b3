"""Places for a digit on a canvas: where one may be written, of which kind the place is, and whose patch goes there.

Kinds, of a box with the size of a glyph; each place is of one kind:
    legal: within the canvas, no ink in it, and no other glyph's box overlaps it.
    ink-free: within the canvas, no ink in it, but another's box overlaps it.
    occupied: within the canvas, and there is ink in it.
    border: the box reaches past the canvas, its middle does not.

What is written is a patch of whole cells, so a place lies a number of whole cells from the place of the donor, whose patch it
is. Not every canvas has a place of every kind: those that have none are counted.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597: doors can be drawn on buildings, not in the sky.
    Differs: the kind of a place is known exactly, and donors are the ceiling (M. Besserve et al., 2018, arXiv:1812.03253).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import Canvas, require
from mixmnist.core.seeding import derive
from mixmnist.dissect.exact import INK
from mixmnist.dissect.reading import DIGITS
from mixmnist.dissect.sampling import Sample
from mixmnist.dissect.subject import Subject

PLACES = ("legal", "ink-free", "occupied", "border")


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a digit is to be written into each sample, and of which donor."""

    digit: int
    kind: str
    wanted: Bool[Tensor, " n"]  # samples that do not show the digit
    known: Bool[Tensor, " n"]  # those of them that have such a place
    place: Int[Tensor, "n 2"]  # top left pixel of the box; -1 where there is none
    donor: Int[Tensor, " n"]  # which of the donors is written
    shift: Int[Tensor, "n 2"]  # by how many cells its patch moves

    @property
    def n_without(self) -> int:
        """How many samples that do not show the digit have no such place."""
        return int((self.wanted & ~self.known).sum())


def whole_stride(subject: Subject) -> Int[Tensor, " 2"]:
    """Gives the pixels of a cell, down and across.

    Raises:
        ValueError: If they are not whole.
    """
    size, cells = subject.canvas.size, subject.cells
    whole = all(size % length == 0 for length in cells)
    said = f"a cell must be whole pixels for places, got cells={cells} on a canvas of {size}"
    require(whole, f"{said}. Choose another layer.")
    return torch.tensor([size // length for length in cells])


def origins(canvas: Canvas) -> Int[Tensor, " places"]:
    """Lists the first rows (or columns) that a box may have: its middle lies on the canvas."""
    return torch.arange(-(canvas.glyph // 2), canvas.size - canvas.glyph // 2)


def kinds_of(sample: Sample) -> Int[Tensor, "n places places"]:
    """Tells of which kind every place is on each sample, as an index of `PLACES`; rows and columns as in `origins`."""
    canvas = sample.subject.canvas
    half, first = canvas.glyph // 2, origins(canvas)
    after = canvas.glyph - 1 - half if len(first) == canvas.size else 0
    ink = F.pad((sample.images > INK).float(), (half, after, half, after))
    inked = F.max_pool2d(ink, canvas.glyph, stride=1)[:, 0] > 0  # n places places
    boxes = sample.places  # n digits 2
    near = (first - boxes[..., None]).abs() < canvas.glyph  # n digits 2 places
    near &= (boxes >= 0)[..., None]
    beside = (near[:, :, 0, :, None] & near[:, :, 1, None, :]).any(dim=1)
    within = (first >= 0) & (first <= canvas.size - canvas.glyph)
    found = torch.where(inked, PLACES.index("occupied"), torch.where(beside, PLACES.index("ink-free"), PLACES.index("legal")))
    return torch.where(within[:, None] & within, found, PLACES.index("border"))


def kind_at(sample: Sample, place: Int[Tensor, "n 2"]) -> Int[Tensor, " n"]:
    """Tells of which kind a place is on each sample, as an index of `PLACES`.

    Raises:
        ValueError: If a box's middle lies outside of the canvas.
    """
    canvas = sample.subject.canvas
    first = origins(canvas)
    low, high = int(first[0]), int(first[-1])
    inside = (place >= low).all(dim=1) & (place <= high).all(dim=1)
    bad = [] if bool(inside.all()) else place[~inside][0].tolist()
    limits = f"{low} to {high}, so that the middle of its box lies on the canvas"
    require(not bad, f"a place must lie within {limits}, got place={bad}. Choose another row or column.")
    row, col = (place - low).unbind(dim=1)
    return kinds_of(sample)[torch.arange(len(sample)), row, col]


def choose_places(sample: Sample, donors: Sample, digit: int, kind: str = "legal", seed: int = 0) -> Placed:
    """Chooses for each sample without a digit a donor that shows it once, and a place of one kind, uniform over those there are.

    Args:
        sample: Into which the digit is to be written.
        donors: The rank sample.
        digit: Which.
        kind: One of legal, ink-free, occupied, border.
        seed: Of the choices.

    Raises:
        ValueError: On an unknown kind or digit, or if a cell is not whole pixels.

    Example:
        `choose_places(test, rank, digit=3).n_without` is on how many canvases there is no room for a third glyph.
    """
    require(kind in PLACES, f"kind must be one of {', '.join(PLACES)}, got kind={kind!r}.")
    require(0 <= digit < DIGITS, f"digit must be 0 to {DIGITS - 1}, got digit={digit}.")
    stride, first, n = whole_stride(sample.subject), origins(sample.subject.canvas), len(sample)
    device = sample.images.device
    stride, first = stride.to(device), first.to(device)
    wanted = sample.said.counts[:, digit] == 0
    showing = donors.shown[:, digit].nonzero()[:, 0]
    if not len(showing):
        nothing = torch.full((n, 2), -1, device=device)
        return Placed(digit, kind, wanted, torch.zeros_like(wanted), nothing, nothing[:, 0], nothing)
    generator = torch.Generator().manual_seed(derive(seed, "places", kind, str(digit)))
    donor = showing[torch.randint(len(showing), (n,), generator=generator).to(device)]
    source = donors.places[donor, digit]  # n 2
    aligned = (first - source[..., None]) % stride[:, None] == 0  # n 2 places
    fits = (kinds_of(sample) == PLACES.index(kind)) & aligned[:, 0, :, None] & aligned[:, 1, None, :]
    chance = torch.rand(fits.shape, generator=generator).to(device)
    at = torch.where(fits, chance, -1.0).flatten(1).argmax(dim=1)
    place = first[torch.stack([at // len(first), at % len(first)], dim=1)]
    known = wanted & fits.flatten(1).any(dim=1)
    place = torch.where(known[:, None], place, -1)
    shift = torch.where(known[:, None], (place - source).div(stride, rounding_mode="floor"), 0)
    return Placed(digit, kind, wanted, known, place, donor, shift)


def cover(place: Int[Tensor, "n 2"], subject: Subject) -> Float[Tensor, "n high wide"]:
    """Gives the share of each cell that a box covers; a box may reach past the canvas."""
    stride, glyph = whole_stride(subject).to(place.device), subject.canvas.glyph
    lines = []
    for axis, length in enumerate(subject.cells):
        start = torch.arange(length, device=place.device) * stride[axis]
        first = place[:, axis, None]
        inside = torch.minimum(start + stride[axis], first + glyph) - torch.maximum(start, first)
        lines.append(inside.clamp_min(0) / stride[axis])
    return lines[0][:, :, None] * lines[1][:, None]
