"""The net that all generators share: it plans what lies where, lays it on the canvas and draws it by convolutions.

A code becomes a plan: for each of two slots a place and a mixture of a few kinds of glyph. The place is written on a canvas of
its own, over the four pixels around it (so it may lie between pixels, and gradients reach it). Blocks of two by two pixels of
that canvas are the cells of all maps. From there on all is convolution and ReLU: those layers are dissected. Nothing in
the plan says what a digit looks like, and kinds are no digits: which kind is which, if any, is found in training.

Source:
    The place on a map that a net writes itself: D. Eslami et al. (2016), "Attend, Infer, Repeat", arXiv:1603.08575; coordinates
    for generators: N. Watters et al. (2019), "Spatial Broadcast Decoder", arXiv:1901.07017. Differs: a place is four weights on
    a canvas, and slots share their maps from the first layer on.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mixmnist.core.entries import Number
from mixmnist.core.records import Canvas, require
from mixmnist.core.seeding import Stream, derive
from mixmnist.data.tasks import pairs

SLOTS = 2  # glyphs that a plan places
CELL = 2  # pixels a side of a cell of a map
LAYERS = ("layer1", "layer2", "layer3")
MOST = 150_000  # weights of a generator
LEAK = 0.2  # slope of the plan's leaky ReLUs below 0

Codes = Float[Tensor, "n latent"]
Images = Float[Tensor, "n 1 rows cols"]


@dataclass(frozen=True)
class Shape:
    """The sizes of a generator."""

    latent: int = 32
    """Normal numbers of a code."""
    hidden: int = 64
    """Numbers of each hidden layer of the plan."""
    kinds: int = 12
    """Kinds of glyph that a slot chooses among."""
    style: int = 0
    """Further numbers of each glyph: 0 where all glyphs of a digit are alike."""
    first: int = 32
    """Units of layer1."""
    second: int = 32
    """Units of layer2."""
    third: int = 16
    """Units of layer3."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value, least = getattr(self, field.name), int(field.name != "style")
            require(value >= least, f"{field.name} must be {least} or more, got {field.name}={value}.")


SIZES: Mapping[str, Number] = MappingProxyType({field.name: int(field.default) for field in fields(Shape)})


def shape_of(settings: Mapping[str, Number]) -> Shape:
    """Takes a generator's sizes out of its settings."""
    return Shape(**{name: int(settings[name]) for name in SIZES if name in settings})


class Plan(nn.Module):
    """Makes of a code a place and a mixture of kinds for each slot, by two hidden layers.

    Args:
        canvas: Where glyphs may lie.
        shape: The sizes.
        told: Whether a code ends in ten numbers more, which say what two digits are asked for.
    """

    def __init__(self, canvas: Canvas, shape: Shape, told: bool = False) -> None:
        super().__init__()
        self.told = len(pairs.TASK.concepts) if told else 0
        self.normal, self.latent = shape.latent, shape.latent + self.told
        self.kinds, self.traits = shape.kinds, shape.kinds + shape.style
        self.least, self.span = canvas.glyph // 2 + 0.5, float(canvas.size - canvas.glyph)  # of a glyph's middle, pixels
        self.hidden1, self.hidden2 = nn.Linear(self.latent, shape.hidden), nn.Linear(shape.hidden, shape.hidden)
        self.place, self.what = nn.Linear(shape.hidden, 2 * SLOTS), nn.Linear(shape.hidden, self.traits * SLOTS)
        with torch.no_grad():
            self.place.weight *= 3.0  # places spread over the canvas, and kinds are chosen, from the first step on
            self.what.weight *= 4.0

    def forward(self, codes: Codes) -> tuple[Float[Tensor, "n slots 2"], Float[Tensor, "n slots traits"]]:
        """Gives the row and the column of the middle of each slot's glyph, and its traits: shares of kinds, then style."""
        hidden = F.leaky_relu(self.hidden2(F.leaky_relu(self.hidden1(codes), LEAK)), LEAK)
        places = self.least + self.span * torch.sigmoid(self.place(hidden)).unflatten(1, (SLOTS, 2))
        traits = self.what(hidden).unflatten(1, (SLOTS, self.traits))
        return places, torch.cat([traits[..., : self.kinds].softmax(dim=2), traits[..., self.kinds :]], dim=2)

    def codes(self, n: int, seed: int) -> Codes:
        """Draws codes: normal numbers, then two of ten digits where it is told what to draw."""
        generator = torch.Generator().manual_seed(derive(seed, "codes"))
        normal = torch.randn(n, self.normal, generator=generator)
        if not self.told:
            return normal.to(self.place.weight)
        _, shown = pairs.draw(n, Stream(seed, "codes", "pairs"))
        return torch.cat([normal, both(torch.from_numpy(shown))], dim=1).to(self.place.weight)


def both(shown: Int[Tensor, "n slots"]) -> Float[Tensor, "n digits"]:
    """Marks the digits of each canvas by ones; -1 is an empty slot."""
    marked = F.one_hot(shown + 1, len(pairs.TASK.concepts) + 1)[..., 1:]  # n slots digits
    return marked.amax(dim=1).float()


class Drawing(nn.Module):
    """A generator: a plan, three layers of maps, and pixels.

    Args:
        canvas: The canvas that is drawn.
        shape: The sizes.
        plan: Makes places and traits of codes; has `latent`, `traits` and `codes(n, seed)`.
    """

    def __init__(self, canvas: Canvas, shape: Shape, plan: nn.Module) -> None:
        super().__init__()
        self.size, self.latent = canvas.size, int(plan.latent)
        self.side = CELL * math.ceil(canvas.size / CELL)  # of the canvas in whole cells
        self.plan = plan
        a, b, c = shape.first, shape.second, shape.third
        self.layer1 = nn.Sequential(nn.Conv2d(CELL**2 * int(plan.traits), a, 3, padding=2, dilation=2), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU())
        self.layer3 = nn.Sequential(nn.Conv2d(b, c, 3, padding=1), nn.ReLU())
        self.pixels = nn.Sequential(nn.Conv2d(c, CELL**2, 3, padding=1), nn.PixelShuffle(CELL))
        for conv in (module for module in self.modules() if isinstance(module, nn.Conv2d)):
            nn.init.kaiming_normal_(conv.weight)
            nn.init.zeros_(conv.bias)
        with torch.no_grad():
            self.layer1[0].weight *= 5.0  # but a few of its inputs are not 0
            self.pixels[0].bias.fill_(-2.0)  # most of a canvas is empty

    def forward(self, codes: Codes) -> Images:
        """Draws a canvas in [0, 1] of each code."""
        return torch.sigmoid(self.logits(*self.plan(codes)))

    def logits(self, places: Float[Tensor, "n slots 2"], traits: Float[Tensor, "n slots traits"]) -> Images:
        """Draws logits of pixels of a plan."""
        maps = self.layer3(self.layer2(self.layer1(laid(places, traits, self.side))))
        return self.pixels(maps)[..., : self.size, : self.size]

    def codes(self, n: int, seed: int) -> Codes:
        """Draws codes as the generator was trained on."""
        found: Codes = self.plan.codes(n, seed)
        return found


def laid(
    places: Float[Tensor, "n slots 2"], traits: Float[Tensor, "n slots traits"], side: int
) -> Float[Tensor, "n planes high wide"]:
    """Writes traits at places, each on the four pixels around it; the four pixels of a cell become planes.

    Args:
        places: Rows and columns, in pixels; 0 is the middle of the first.
        traits: What is written.
        side: Rows and columns of the canvas, in whole cells.

    Example:
        >>> laid(torch.tensor([[[1.0, 0.25]]]), torch.tensor([[[1.0]]]), 2)[0, :, 0, 0]
        tensor([0.0000, 0.0000, 0.7500, 0.2500])
    """
    pixels = torch.arange(side, dtype=places.dtype, device=places.device)
    near = (1 - (places[..., None] - pixels).abs()).clamp_min(0)  # n slots 2 side
    rows = traits[..., None] * near[:, :, :1]  # n slots traits side
    canvas = torch.einsum("nstr,nsc->ntrc", rows, near[:, :, 1])
    return F.pixel_unshuffle(canvas, CELL)


def weights_of(net: nn.Module) -> int:
    """Counts a net's weights."""
    return sum(parameter.numel() for parameter in net.parameters())
