"""The net that all generators share: it places two glyphs, writes them as points on maps, and draws them by convolutions.

A code is of normal numbers and, for each of two slots, a mark among a few kinds of glyph; the two kinds differ. A small net plans
where each glyph lies, and may bend its kind. `where` are the maps of kinds: a point of 1, shared among the four pixels around its
place, so that it may lie between pixels and gradients reach it. One large kernel draws each kind around its point; two small
convolutions finish it. Nothing says what a kind looks like, and kinds are no digits: which is which, if any, is found in training
(factors and conditional are told). All shifts share their weights: the place is hard to learn, the strokes are not.

Source:
    A place on a map that a net writes itself: S. M. A. Eslami et al. (2016), "Attend, Infer, Repeat", arXiv:1603.08575; kinds in
    a code: X. Chen et al. (2016), "InfoGAN", arXiv:1606.03657. Differs: a place is four weights on a map, slots share their maps,
    and no net guesses the code back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Num
from torch import Tensor, nn

from mixmnist.core.entries import Number
from mixmnist.core.records import Canvas, require
from mixmnist.core.seeding import derive

SLOTS = 2  # glyphs that a plan places
LAYERS = ("where", "layer1", "layer2")
LEAK = 0.2  # slope of the plan's leaky ReLUs below 0
FIRM = 6.0  # logits by which a code's mark exceeds what the plan says of kinds as it begins
SPREAD = 0.5  # standard deviation of the large kernel's weights as it begins

Codes = Float[Tensor, "n latent"]
Images = Float[Tensor, "n 1 rows cols"]


# plain, so that the shelf can be listed without torch
SIZES: Mapping[str, Number] = MappingProxyType(
    {"latent": 16, "hidden": 64, "kinds": 12, "style": 0, "first": 24, "second": 16, "kernel": 13}
)


@dataclass(frozen=True)
class Shape:
    """The sizes of a generator."""

    latent: int = int(SIZES["latent"])
    """Normal numbers of a code."""
    hidden: int = int(SIZES["hidden"])
    """Numbers of each hidden layer of the plan."""
    kinds: int = int(SIZES["kinds"])
    """Kinds of glyph; a code marks two."""
    style: int = int(SIZES["style"])
    """Further numbers of each glyph: 0 where all glyphs of a kind are alike."""
    first: int = int(SIZES["first"])
    """Units of layer1."""
    second: int = int(SIZES["second"])
    """Units of layer2."""
    kernel: int = int(SIZES["kernel"])
    """Rows and columns of the large kernel: odd, and no smaller than a glyph."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value, least = getattr(self, field.name), {"style": 0, "kinds": SLOTS}.get(field.name, 1)
            require(value >= least, f"{field.name} must be {least} or more, got {field.name}={value}.")
        require(self.kernel % 2 == 1, f"kernel must be odd, to have a middle, got kernel={self.kernel}.")


def shape_of(settings: Mapping[str, Number]) -> Shape:
    """Takes a generator's sizes out of its settings."""
    return Shape(**{name: int(settings[name]) for name in SIZES if name in settings})


class Plan(nn.Module):
    """Makes of a code a place and traits for each slot, by two hidden layers.

    Args:
        canvas: Where glyphs may lie.
        shape: The sizes.
    """

    def __init__(self, canvas: Canvas, shape: Shape) -> None:
        super().__init__()
        self.normal, self.kinds, self.traits = shape.latent, shape.kinds, shape.kinds + shape.style
        self.latent = shape.latent + SLOTS * shape.kinds
        self.least, self.span = canvas.glyph // 2 + 0.5, float(canvas.size - canvas.glyph)  # of a glyph's middle, pixels
        self.hidden1, self.hidden2 = nn.Linear(self.latent, shape.hidden), nn.Linear(shape.hidden, shape.hidden)
        self.place, self.what = nn.Linear(shape.hidden, 2 * SLOTS), nn.Linear(shape.hidden, self.traits * SLOTS)
        with torch.no_grad():
            self.place.weight *= 3.0  # places spread over the canvas from the first step on
            self.what.weight *= 0.4  # kinds are what the code says, at first

    def forward(self, codes: Codes) -> tuple[Float[Tensor, "n slots 2"], Float[Tensor, "n slots traits"]]:
        """Gives the row and the column of the middle of each slot's glyph, and its traits: shares of kinds, then style."""
        hidden = F.leaky_relu(self.hidden2(F.leaky_relu(self.hidden1(codes), LEAK)), LEAK)
        places = self.least + self.span * torch.sigmoid(self.place(hidden)).unflatten(1, (SLOTS, 2))
        kinds, style = self.what(hidden).unflatten(1, (SLOTS, self.traits)).split([self.kinds, self.traits - self.kinds], dim=2)
        marks = codes[:, self.normal :].unflatten(1, (SLOTS, self.kinds))
        return places, torch.cat([(kinds + FIRM * marks).softmax(dim=2), style], dim=2)

    def join(self, normal: Float[Tensor, "n normal"], marks: Num[Tensor, "n slots kinds"]) -> Codes:
        """Joins a code of its parts."""
        return torch.cat([normal, marks.flatten(1).to(normal)], dim=1)

    def drawn(self, n: int, generator: torch.Generator) -> Codes:
        """Draws codes: normal numbers, and two different kinds, all equally likely."""
        chances = torch.ones(n, self.kinds)
        marked = torch.multinomial(chances, SLOTS, replacement=False, generator=generator)  # n slots
        return self.join(torch.randn(n, self.normal, generator=generator), F.one_hot(marked, self.kinds))

    def codes(self, n: int, seed: int) -> Codes:
        """Draws codes as the generator was trained on."""
        return self.drawn(n, torch.Generator().manual_seed(derive(seed, "codes"))).to(self.place.weight)


class Drawing(nn.Module):
    """A generator: a plan, maps of where kinds lie, two layers of maps, and pixels.

    Args:
        canvas: The canvas that is drawn.
        shape: The sizes.
        plan: Makes places and traits of codes; has `latent`, `traits` and `codes(n, seed)`.
    """

    def __init__(self, canvas: Canvas, shape: Shape, plan: nn.Module) -> None:
        super().__init__()
        known: Any = plan
        self.plan: Any = known
        self.size, self.latent = canvas.size, int(known.latent)
        self.where = Where(canvas.size)
        large = nn.ConvTranspose2d(int(known.traits), shape.first, shape.kernel, padding=shape.kernel // 2)
        self.layer1 = nn.Sequential(large, nn.ReLU())
        small = nn.Conv2d(shape.first, shape.second, 3, padding=1)
        self.layer2 = nn.Sequential(small, nn.ReLU())
        self.pixels = nn.Conv2d(shape.second, 1, 3, padding=1)
        nn.init.normal_(large.weight, 0, SPREAD)
        for conv in (small, self.pixels):
            nn.init.kaiming_normal_(conv.weight)
        for part, value in ((large, 0.0), (small, 0.0), (self.pixels, -2.0)):  # most of a canvas is empty
            assert part.bias is not None
            nn.init.constant_(part.bias, value)

    def forward(self, codes: Codes) -> Images:
        """Draws a canvas in [0, 1] of each code."""
        return torch.sigmoid(self.logits(*self.plan(codes)))

    def logits(self, places: Float[Tensor, "n slots 2"], traits: Float[Tensor, "n slots traits"]) -> Images:
        """Draws logits of pixels of a plan."""
        maps = self._stamped(places, traits) if self.training else self.layer1(self.where(places, traits))
        found: Tensor = self.pixels(self.layer2(maps))
        return found

    def _stamped(self, places: Float[Tensor, "n slots 2"], traits: Float[Tensor, "n slots traits"]) -> Float[Tensor, "n u r c"]:
        """Gives what layer1 gives of the maps, but quicker: each glyph is drawn once, and then moved to its place."""
        large: Any = self.layer1[0]
        reach = torch.arange(large.weight.shape[2], device=places.device) - large.weight.shape[2] // 2
        pixels = torch.arange(self.size, device=places.device)
        apart = places[..., None, None] + reach - pixels[:, None]  # n slots 2 size kernel
        rows, cols = (1 - apart.abs()).clamp_min(0).unbind(dim=2)
        glyphs = torch.einsum("nst,tukl->nsukl", traits, large.weight)
        moved = rows[:, :, None] @ glyphs @ cols[:, :, None].mT  # n slots units size size
        found: Tensor = F.relu(moved.sum(dim=1) + large.bias[:, None, None])
        return found

    def codes(self, n: int, seed: int) -> Codes:
        """Draws codes as the generator was trained on."""
        found: Codes = self.plan.codes(n, seed)
        return found


class Where(nn.Module):
    """Writes traits at places on empty maps, each on the four pixels around its place.

    Args:
        size: Rows and columns of the maps.

    Example:
        >>> Where(3)(torch.tensor([[[1.0, 0.25]]]), torch.tensor([[[1.0]]]))[0, 0]
        tensor([[0.0000, 0.0000, 0.0000],
                [0.7500, 0.2500, 0.0000],
                [0.0000, 0.0000, 0.0000]])
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(
        self, places: Float[Tensor, "n slots 2"], traits: Float[Tensor, "n slots traits"]
    ) -> Float[Tensor, "n traits rows cols"]:
        """Gives the maps; a place is a row and a column in pixels, 0 is the middle of the first."""
        pixels = torch.arange(self.size, device=places.device)
        near = (1 - (places[..., None] - pixels).abs()).clamp_min(0)  # n slots 2 size
        return torch.einsum("nstr,nsc->ntrc", traits[..., None] * near[:, :, :1], near[:, :, 1])


MOST = 150_000  # weights of a generator


def weights_of(net: nn.Module) -> int:
    """Counts a net's weights."""
    return sum(parameter.numel() for parameter in net.parameters())
