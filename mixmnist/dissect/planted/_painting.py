"""What planted generators share: a code that names two digits and their places, maps of ink, and what is drawn of maps.

The code is read to the ink of each digit, in cells of 2 x 2 pixels: the strokes of the stamps are made of such marks, and all
glyphs lie on whole cells. The units are a fixed mixture of these ten maps. They are mixed back, cut to 0..1, and each digit is
drawn by the opening of its map: with the value v at each place whose stamp the map holds with v at least. So a map that is the
ink draws just that, one that fills a glyph's whole box draws the stamp in it, and half as high a map draws half as dark.

Source:
    Our own. The opening: J. Serra (1982), Image Analysis and Mathematical Morphology.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import Canvas, require
from mixmnist.core.seeding import derive
from mixmnist.data.mixture import draw
from mixmnist.data.sources import stamps

CELL = 2  # pixels of a cell's side, those of a mark of the stamps
GLYPH = 12  # pixels of a stamp's side
LATENT = 6  # digit, row and column of the first glyph, then of the second
LAYER = "units"


def check(canvas: Canvas) -> None:
    """Refuses canvases on which planted generators would not be exact.

    Raises:
        ValueError: If glyphs are not as large as the stamps, may overlap, or do not lie on whole cells.
    """
    require(canvas.glyph == GLYPH, f"glyph must be {GLYPH} pixels, got glyph={canvas.glyph}. Planted generators draw the stamps.")
    require(canvas.overlap == "reject", f"overlap must be reject, got overlap={canvas.overlap!r}. Leave it out.")
    require(canvas.size % 4 == 0, f"size must be a multiple of 4 pixels, got size={canvas.size}. Use 32.")


def drawn_codes(n: int, seed: int, canvas: Canvas, cell: int = 1) -> Float[Tensor, "n latent"]:
    """Draws two different digits and two places that do not overlap, as the task pairs does.

    Args:
        n: Number of codes.
        seed: Of the draw.
        canvas: Where the places lie.
        cell: Places are rounded up to a multiple of it. With 2 pixels two boxes that were apart stay so.

    Returns:
        Digit, row and column of the first glyph, then of the second, as whole numbers.
    """
    mixture = draw("pairs", "stamps", "test", n, canvas=canvas, seed=derive(seed, "planted codes"))
    places = -(-mixture.positions // cell) * cell
    return torch.cat([mixture.shown[..., None], places], dim=2).flatten(1).float()


def stamped() -> Float[Tensor, "digits side side"]:
    """Gives the ink of the ten stamps, 0 or 1, a number a pixel."""
    return torch.from_numpy(stamps.load(None, "test").images).float() / 255


def points(codes: Float[Tensor, "n latent"], size: int, cell: int) -> Float[Tensor, "n digits tops lefts"]:
    """Marks the top left cell of each glyph that a code names, in a map a digit; what no canvas has goes to the nearest."""
    read = codes.round().long().unflatten(1, (2, 3))  # n slots 3
    last = (size - GLYPH) // cell
    digit = read[..., 0].clamp(0, 9)
    row, col = (read[..., axis].div(cell, rounding_mode="floor").clamp(0, last) for axis in (1, 2))
    marked = codes.new_zeros(len(codes), 10, last + 1, last + 1)
    marked[torch.arange(len(codes))[:, None], digit, row, col] = 1
    return marked


def stamped_at(
    points: Float[Tensor, "n digits tops lefts"], marks: Float[Tensor, "digits tall broad"]
) -> Float[Tensor, "n digits high wide"]:
    """Draws each digit's stamp at its points, each as dark as its point."""
    return F.conv_transpose2d(points, marks[:, None], groups=len(marks))


def eroded(
    maps: Float[Tensor, "n digits high wide"], marks: Float[Tensor, "digits tall broad"]
) -> Float[Tensor, "n digits tops lefts"]:
    """Gives the least value of each digit's map under its stamp, at each place that lies inside.

    Example:
        >>> corner = torch.tensor([[[1.0, 1.0], [1.0, 0.0]]])
        >>> eroded(torch.tensor([[[[0.0, 5.0, 4.0], [0.0, 3.0, 0.0]]]]), corner)
        tensor([[[[0., 3.]]]])
    """
    tops, lefts = (length - side + 1 for length, side in zip(maps.shape[2:], marks.shape[1:], strict=True))
    least = []
    for digit, mark in enumerate(marks):
        under = [maps[:, digit, row : row + tops, col : col + lefts] for row, col in mark.nonzero().tolist()]
        least.append(torch.stack(under).amin(dim=0))  # ties share a gradient
    return torch.stack(least, dim=1)


def cut(values: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Cuts values to 0..1. At both ends its gradient is that of a small step down: 1 at 1, where all ink lies, and 0 at 0.

    Example:
        >>> cut(torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0]))
        tensor([0.0000, 0.0000, 0.5000, 1.0000, 1.0000])
    """
    return F.relu(values) - F.relu(values - 1)


class Units(nn.Module):
    """The layer that is dissected: mixtures of the ten maps of ink, none below 0."""

    mixing: Tensor
    offset: Tensor

    def __init__(self, mixing: Float[Tensor, "units digits"], offset: Float[Tensor, " units"]) -> None:
        super().__init__()
        self.register_buffer("mixing", mixing)
        self.register_buffer("offset", offset)

    def forward(self, ink: Float[Tensor, "n digits high wide"]) -> Float[Tensor, "n units high wide"]:
        """Mixes the maps of the digits' ink."""
        return F.relu(torch.einsum("ndhw,ud->nuhw", ink, self.mixing) + self.offset[:, None, None])


class Painting(nn.Module):
    """A planted generator: code to ink, ink to units, units to canvas."""

    mixing_back: Tensor
    bias: Tensor
    marks: Tensor
    latent = LATENT

    def __init__(
        self,
        canvas: Canvas,
        mixing: Float[Tensor, "units digits"],
        back: Float[Tensor, "digits units"],
        offset: Float[Tensor, " units"] | None = None,
        bias: Float[Tensor, " digits"] | None = None,
    ) -> None:
        """Builds the generator.

        Args:
            canvas: What is drawn on.
            mixing: How much of each digit's ink each unit holds.
            back: How much of each unit goes into each digit's map, which is cut to 0..1.
            offset: What each unit answers where there is no ink; by default nothing.
            bias: What is added to each digit's map; by default nothing.
        """
        super().__init__()
        check(canvas)
        self.canvas = canvas
        self.units = Units(mixing, torch.zeros(len(mixing)) if offset is None else offset)
        self.register_buffer("mixing_back", back)
        self.register_buffer("bias", torch.zeros(len(back)) if bias is None else bias)
        self.register_buffer("marks", stamped()[:, ::CELL, ::CELL])
        self.eval()

    def codes(self, n: int, seed: int) -> Float[Tensor, "n latent"]:
        """Draws n codes, the same for the same seed."""
        return drawn_codes(n, seed, self.canvas, CELL).to(self.marks.device)

    def forward(self, codes: Float[Tensor, "n latent"]) -> Float[Tensor, "n 1 rows cols"]:
        """Draws the canvases of codes."""
        units = self.units(stamped_at(points(codes, self.canvas.size, CELL), self.marks))
        maps = torch.einsum("nuhw,du->ndhw", units, self.mixing_back) + self.bias[:, None, None]
        ink = cut(stamped_at(eroded(cut(maps), self.marks), self.marks).sum(dim=1, keepdim=True))
        return ink.repeat_interleave(CELL, dim=2).repeat_interleave(CELL, dim=3)


def with_further(digits: Sequence[int], weight: float) -> tuple[Tensor, Tensor]:
    """Gives how ten painters and one further unit are mixed, there and back.

    Args:
        digits: Those whose ink the further unit holds as well.
        weight: With which it goes back into their maps.
    """
    further = torch.zeros(1, 10)
    further[0, list(digits)] = 1
    return torch.cat([torch.eye(10), further]), torch.cat([torch.eye(10), weight * further.T], dim=1)


def each_its_own(others: Mapping[int, tuple[int, ...]] = MappingProxyType({})) -> dict[int, tuple[int, ...]]:
    """Says that unit d draws digit d, but for some digits, whose units are given."""
    return {digit: others.get(digit, (digit,)) for digit in range(10)}
