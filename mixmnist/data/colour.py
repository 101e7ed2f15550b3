"""Canvases in colour: plan, masks and all that is known are those of the grey mixture; each channel is rendered by itself."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
from jaxtyping import Bool, Int, UInt8
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.core.records import Canvas, require
from mixmnist.data.canvas import render, resize
from mixmnist.data.mixture import Mixture
from mixmnist.data.sources import load_glyphs, resolve_source


@dataclass(frozen=True, eq=False)
class Coloured:
    """A mixture whose images have three channels. A pixel is ink where any of them is above 0."""

    grey: Mixture
    tiles: UInt8[Tensor, "3 glyphs side side"]  # the source's glyphs at the size they have on the canvas

    def __len__(self) -> int:
        return len(self.grey)

    @cached_property
    def images(self) -> UInt8[Tensor, "images 3 rows cols"]:
        """The canvases; the overlap policy holds in each channel."""
        grey = self.grey
        return torch.stack([render(tiles, grey.glyphs, grey.positions, grey.canvas) for tiles in self.tiles], dim=1)

    @property
    def concepts(self) -> tuple[str, ...]:
        """What may be drawn."""
        return self.grey.concepts

    @property
    def classes(self) -> tuple[str, ...]:
        """What a network is to tell apart."""
        return self.grey.classes

    @property
    def labels(self) -> Int[Tensor, "images *classes"]:
        """As the grey mixture's."""
        return self.grey.labels

    @property
    def present(self) -> Bool[Tensor, "images concepts"]:
        """As the grey mixture's."""
        return self.grey.present

    @property
    def shown(self) -> Int[Tensor, "images slots"]:
        """As the grey mixture's."""
        return self.grey.shown

    @property
    def glyphs(self) -> Int[Tensor, "images slots"]:
        """As the grey mixture's."""
        return self.grey.glyphs

    @property
    def boxes(self) -> Int[Tensor, "images slots 4"]:
        """As the grey mixture's."""
        return self.grey.boxes

    @property
    def positions(self) -> Int[Tensor, "images slots 2"]:
        """As the grey mixture's."""
        return self.grey.positions

    @property
    def canvas(self) -> Canvas:
        """As the grey mixture's."""
        return self.grey.canvas

    def mask(self, concept: int, indices: Int[Tensor, " some"] | None = None) -> Bool[Tensor, "some rows cols"]:
        """Renders the ink mask of one concept, as the grey mixture's."""
        return self.grey.mask(concept, indices)

    def masks(self, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some concepts rows cols"]:
        """Renders the ink masks of all concepts for some images, as the grey mixture's."""
        return self.grey.masks(indices)

    def as_arrays(self, masks: bool = False) -> dict[str, NDArray[Any]]:
        """Gives all that is known as numpy arrays, as the grey mixture's, the images [images, 3, rows, cols]."""
        return {**self.grey.as_arrays(masks), "images": self.images.cpu().numpy()}

    def to(self, device: str | torch.device) -> "Coloured":
        """Moves it to a device; images and masks are then rendered there."""
        return Coloured(self.grey.to(device), self.tiles.to(device))

    def titles(self, n: int) -> list[str]:
        """Names the class, or the classes, of each of the first n images."""
        return self.grey.titles(n)


def in_colour(mixture: Mixture, source: str, split: str, root: str | None = None) -> Coloured:
    """Gives a mixture the colours of its glyphs.

    Args:
        mixture: As drawn from the source and split.
        source: Name of a source, or a path to an .npz, whose glyphs are in colour.
        split: The mixture's: train, test or rank.
        root: Folder that holds the source's files.

    Raises:
        ValueError: If the source's glyphs are grey.
    """
    require(has_colours(source, root), f"glyphs must be in colour to be drawn so, got grey ones from {source}. Use the mixture.")
    return Coloured(mixture, _tiles(*resolve_source(source, root), "test" if split == "test" else "train", mixture.canvas.glyph))


def has_colours(source: str, root: str | None = None) -> bool:
    """Says whether the glyphs of a source are in colour."""
    return load_glyphs(*resolve_source(source, root), "test").colours is not None


@lru_cache(maxsize=4)
def _tiles(source: str, root: str | None, pool: str, size: int) -> UInt8[Tensor, "3 glyphs side side"]:
    colours = load_glyphs(source, root, pool).colours
    assert colours is not None
    return torch.stack([torch.from_numpy(resize(colours[..., channel], size)) for channel in range(3)])
