"""Sight: what a labeller may look at, a layer's responses to canvases and what somebody reads on these."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.visualize.reader import Reader


@dataclass(frozen=True, eq=False)
class Sight:
    """Responses of a layer's units to canvases, beside what these show."""

    response: Float[Tensor, "images units"]
    likely: Float[Tensor, "images concepts"]  # the reader's probability that the image shows each concept
    read: Bool[Tensor, "images concepts"]  # what the reader says that it shows
    present: Bool[Tensor, "images concepts"]  # what it shows; for ceilings alone
    concepts: tuple[str, ...]
    layer: str = ""
    fingerprint: str = ""  # by which annotations know the layer
    seed: int = 0  # of whatever a labeller draws

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.response.shape[1]

    @property
    def silent(self) -> Bool[Tensor, " units"]:
        """Which units say the same of every image, so that there is nothing to label."""
        return self.response.amax(dim=0) == self.response.amin(dim=0)

    def top(self, n: int) -> Int[Tensor, "units shown"]:
        """Gives the n images to which each unit responds most, the highest first; fewer where there are no more.

        Raises:
            ValueError: If n < 1.
        """
        require(n >= 1, f"images must be 1 or more, got images={n}.")
        return self.response.sort(dim=0, descending=True, stable=True).indices[:n].T


def sight_of(
    response: Float[Tensor, "images units"],
    logits: Float[Tensor, "images digits"],
    threshold: float,
    present: Bool[Tensor, "images concepts"],
    concepts: Sequence[str],
    layer: str = "",
    fingerprint: str = "",
    seed: int = 0,
) -> Sight:
    """Puts a layer's responses beside what a reader says of the same images.

    Args:
        response: Of any scale.
        logits: What the reader says of each of the ten digits.
        threshold: The reader's.
        present: The truth.
        concepts: What the task may show; each is called as a digit.
        layer: The layer's name.
        fingerprint: By which annotations know it.
        seed: Of whatever a labeller draws.

    Raises:
        ValueError: If a concept is no digit.
    """
    places = digits_of(concepts)
    own = logits[:, places]  # images concepts
    parts = (own.sigmoid(), own > threshold, present, tuple(concepts))
    return Sight(response, *parts, layer=layer, fingerprint=fingerprint, seed=seed)


def digits_of(concepts: Sequence[str]) -> list[int]:
    """Gives the digit that each concept is.

    Raises:
        ValueError: If one is none, so that the reader cannot know it.
    """
    strange = [name for name in concepts if name not in tuple("0123456789")]
    way_out = "Choose a task of digits, or labellers that see nothing or the truth."
    require(not strange, f"concepts must be digits, which a reader knows, got {strange[:1]}. {way_out}")
    return [int(name) for name in concepts]


def read_by(reader: Reader, images: Float[Tensor, "images channels rows cols"]) -> Float[Tensor, "images digits"]:
    """Gives what a reader that is above its bar says of images.

    Raises:
        ValueError: If it is below, or does not fit the images.
    """
    reader.check()
    return reader.logits(images)


def shuffled(sight: Sight) -> Sight:
    """Gives the same with each unit's responses permuted over the images: nothing is in common but by chance."""
    generator = torch.Generator().manual_seed(derive(sight.seed, "labels", "shuffled"))
    orders = [torch.randperm(len(sight.response), generator=generator) for _ in range(sight.n_units)]
    mixed = sight.response.gather(0, torch.stack(orders, dim=1).to(sight.response.device))
    return replace(sight, response=mixed)
