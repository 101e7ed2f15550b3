"""Mixtures: canvases drawn for a task, with everything that is known about them.

A mixture is a plan, drawn on the CPU from a seed and the same on every machine, and its rendering, on any device.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int, UInt8
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.core import registry
from mixmnist.core.records import Canvas, Settings, Task, require
from mixmnist.core.seeding import Stream
from mixmnist.data.canvas import draw_layout, render, render_mask, resize
from mixmnist.data.sources import load_glyphs, resolve_source

SPLITS = ("train", "test", "rank")


@dataclass(frozen=True, eq=False)
class Mixture:
    """Canvases of one task and split. All tensors lie on one device; `to` moves them."""

    concepts: tuple[str, ...]
    classes: tuple[str, ...]
    canvas: Canvas
    labels: Int[Tensor, "images *classes"]  # class of each image; or 0 or 1 for each class
    shown: Int[Tensor, "images slots"]  # concept in each slot, -1 where the slot is empty
    glyphs: Int[Tensor, "images slots"]  # index of the glyph in its source's split, -1 where the slot is empty
    positions: Int[Tensor, "images slots 2"]  # row and column of each glyph's top left pixel
    tiles: UInt8[Tensor, "glyphs side side"]  # the source's glyphs at the size they have on the canvas

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def images(self) -> UInt8[Tensor, "images rows cols"]:
        """The canvases; 0 is background."""
        return render(self.tiles, self.glyphs, self.positions, self.canvas)

    @cached_property
    def present(self) -> Bool[Tensor, "images concepts"]:
        """Which concepts each image shows."""
        return torch.stack([(self.shown == c).any(dim=1) for c in range(len(self.concepts))], dim=1)

    def titles(self, n: int) -> list[str]:
        """Names the class, or the classes, of each of the first n images."""
        if self.labels.ndim == 1:
            return [self.classes[label] for label in self.labels[:n].tolist()]
        return [" ".join(c for c, yes in zip(self.classes, row, strict=True) if yes) for row in self.labels[:n].tolist()]

    @property
    def boxes(self) -> Int[Tensor, "images slots 4"]:
        """First row, first column, end row, end column of each glyph's box (ends excluded)."""
        return torch.cat([self.positions, self.positions + self.canvas.glyph], dim=-1)

    def mask(self, concept: int, indices: Int[Tensor, " some"] | None = None) -> Bool[Tensor, "some rows cols"]:
        """Renders the ink mask of one concept, for some or all images; empty where the image does not show it."""
        rows = slice(None) if indices is None else indices
        glyphs = torch.where(self.shown[rows] == concept, self.glyphs[rows], -1)
        return render_mask(self.tiles, glyphs, self.positions[rows], self.canvas)

    def masks(self, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some concepts rows cols"]:
        """Renders the ink masks of all concepts for some images; one bit a byte, so ask for a few thousand at a time."""
        return torch.stack([self.mask(c, indices) for c in range(len(self.concepts))], dim=1)

    def as_arrays(self, masks: bool = False) -> dict[str, NDArray[Any]]:
        """Gives everything that is known about the canvases as numpy arrays; masks, if wanted, [images, concepts, rows, cols]."""
        names = ("images", "labels", "present", "shown", "glyphs", "positions", "boxes")
        arrays: dict[str, NDArray[Any]] = {name: getattr(self, name).cpu().numpy() for name in names}
        arrays |= {"classes": np.array(self.classes), "concepts": np.array(self.concepts)}
        if masks:
            arrays["masks"] = np.stack([self.mask(c).cpu().numpy() for c in range(len(self.concepts))], axis=1)
        return arrays

    def to(self, device: str | torch.device) -> "Mixture":
        """Moves the plan to a device; images and masks are then rendered there."""
        moved = {name: getattr(self, name).to(device) for name in ("labels", "shown", "glyphs", "positions", "tiles")}
        return replace(self, **moved)


def draw(
    task: str = "pairs",
    source: str = "auto",
    split: str = "test",
    n: int = 10_000,
    *,
    canvas: Canvas | None = None,
    settings: Settings | None = None,
    root: str | None = None,
    seed: int = 0,
) -> Mixture:
    """Draws a mixture as `mixmnist.draw` does, which looks at what is asked for first and has the meaning of each argument.

    Raises:
        ValueError: On an unknown name, a bad size, or a source that lacks a digit the task needs.
        FileNotFoundError: If the source's files are neither on disk nor to be fetched.
    """
    require(n >= 1, f"n must be 1 or more, got n={n}.")
    require(split in SPLITS, f"split must be one of {', '.join(SPLITS)}, got split={split!r}.")
    entry: Task = registry.choose("tasks", task)
    name, source_root = resolve_source(source, root)
    pool = "test" if split == "test" else "train"
    canvas = canvas or entry.canvas
    purposes = {purpose: Stream(seed, "mixture", split, purpose) for purpose in ("classes", "glyphs", "layout")}
    labels, shown = entry.draw(n, purposes["classes"], **entry.with_settings(settings or {}))
    known = load_glyphs(name, source_root, pool).labels
    chosen = _choose_glyphs(shown, known, entry.concepts, purposes["glyphs"])
    positions = draw_layout(shown >= 0, canvas, purposes["layout"])
    return Mixture(
        concepts=entry.concepts,
        classes=entry.classes,
        canvas=canvas,
        labels=torch.from_numpy(labels),
        shown=torch.from_numpy(shown),
        glyphs=torch.from_numpy(chosen),
        positions=torch.from_numpy(positions),
        tiles=_tiles(name, source_root, pool, canvas.glyph),
    )


@lru_cache(maxsize=4)
def _tiles(source: str, root: str | None, pool: str, size: int) -> UInt8[Tensor, "glyphs side side"]:
    """Resizes the glyphs of a source, once for all mixtures that use them."""
    return torch.from_numpy(resize(load_glyphs(source, root, pool).images, size))


def _choose_glyphs(
    shown: NDArray[np.int64], labels: NDArray[np.int64], concepts: Sequence[str], stream: Stream
) -> NDArray[np.int64]:
    """Chooses a glyph of the shown concept for each slot, uniform over the concept's glyphs; -1 for an empty slot."""
    counts = np.bincount(labels, minlength=len(concepts))
    for concept in np.unique(shown[shown >= 0]):
        require(
            counts[concept] > 0,
            f"the source must have glyphs of every digit the task shows, got none of {concepts[concept]!r}. "
            "Add glyphs with that label or choose another task.",
        )
    by_label = np.argsort(labels, kind="stable")
    first = np.cumsum(counts) - counts
    safe = np.maximum(shown, 0)
    chosen = by_label[np.minimum(first[safe] + stream.below(counts[safe]), len(labels) - 1)]
    return np.where(shown >= 0, chosen, -1)
