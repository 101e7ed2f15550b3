"""The scene of planted units: images of two digits and perhaps a decoy, on which everything is known, and maps beside masks."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.seeding import derive

DIGITS = tuple("0123456789")
PAIRS = torch.tensor(list(combinations(range(10), 2)))  # classes 2
DECOY = 10  # the last concept
COMPANY = 0.9  # share of all images on which the decoy does as the planted digit does
PREVALENCE = 0.2  # of the planted digit, unless said otherwise
SIDE, GLYPH = 32, 12  # pixels of the canvas and of a glyph's box; ink is the box without its border
BORDER = 2


@dataclass(frozen=True, eq=False)
class Images:
    """What a few images show, and where."""

    labels: Int[Tensor, " images"]
    shown: Bool[Tensor, "images concepts"]  # ten digits and the decoy
    places: Int[Tensor, "images concepts 2"]  # top left pixel of each concept's box, shown or not; no two that are shown overlap


@dataclass(frozen=True)
class PlantedMaps:
    """Maps of the first images: each unit's response on a glyph's box, beside the masks of what is said to be there."""

    response: Float[Tensor, "images units"]
    at: Int[Tensor, "images units 2"]  # top left pixel of the box on which each unit answers
    said: Bool[Tensor, "images concepts"]
    places: Int[Tensor, "images concepts 2"]

    @property
    def n_concepts(self) -> int:
        """How many concepts have masks."""
        return self.said.shape[1]

    @property
    def n_images(self) -> int:
        """How many images, the first ones, have maps."""
        return len(self.response)

    def __iter__(self) -> Iterator[tuple[Int[Tensor, " some"], Float[Tensor, "some units rows cols"]]]:
        """Gives indices of images and their maps."""
        for some in torch.arange(len(self.response)).split(50):
            yield some, self.response[some][:, :, None, None] * boxes(self.at[some], 0)

    def mask(self, kind: str, concept: int, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some rows cols"]:
        """Gives one concept's mask, `ink` or `box`, on some images."""
        marked = boxes(self.places[indices, concept], BORDER if kind == "ink" else 0)
        return marked & self.said[indices, concept, None, None]


def generator_of(seed: int, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(derive(seed, "plant", purpose))


def draw_images(n: int, own: int, prevalence: float, g: torch.Generator) -> Images:
    """Draws what n images show: exactly so many with the digit, its partner and the other pairs uniform, the decoy in company."""
    n_own = round(prevalence * n)
    holds = PAIRS.eq(own).any(dim=1)
    with_own, without = holds.nonzero()[:, 0], (~holds).nonzero()[:, 0]
    picked = [
        with_own[torch.randint(len(with_own), (n_own,), generator=g)],
        without[torch.randint(len(without), (n - n_own,), generator=g)],
    ]
    labels = torch.cat(picked)[torch.randperm(n, generator=g)]
    shown = torch.zeros(n, 11, dtype=torch.bool)
    shown.scatter_(1, PAIRS[labels], value=True)
    agrees = torch.rand(n, generator=g) < COMPANY
    shown[:, DECOY] = torch.where(agrees, shown[:, own], torch.rand(n, generator=g) < prevalence)
    # a quarter of the canvas for each of the two digits and the decoy, and one for whatever is not there
    quarter = torch.rand(n, 4, generator=g).argsort(dim=1)
    first = shown[:, :10].float().argmax(dim=1)
    slot = torch.where(torch.arange(11) == first[:, None], 0, torch.where(shown, 1, 3))
    slot[:, DECOY] = torch.where(shown[:, DECOY], 2, 3)
    corner = quarter.gather(1, slot)
    jitter = torch.randint(SIDE // 2 - GLYPH + 1, (n, 11, 2), generator=g)
    return Images(labels, shown, torch.stack([corner // 2, corner % 2], dim=2) * (SIDE // 2) + jitter)


def boxes(at: Int[Tensor, "*any 2"], border: int) -> Bool[Tensor, "*any rows cols"]:
    """Marks the pixels of boxes by their top left pixel, without a border."""
    line = torch.arange(SIDE)
    inside = (line >= at[..., None] + border) & (line < at[..., None] + GLYPH - border)  # any 2 line
    return inside[..., 0, :, None] & inside[..., 1, None, :]
