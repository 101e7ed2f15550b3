"""The Readout: what one layer said about every image of a mixture. The only bridge from networks to metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor


@runtime_checkable
class Without(Protocol):
    """Logits with sets of units silenced, their maps set to given values."""

    @property
    def n_images(self) -> int:
        """On how many images, the first of the readout, units can be silenced."""

    def __call__(self, sets: Bool[Tensor, "sets units"], values: Float[Tensor, " units"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set of units silenced."""

    def resampled(self, sets: Bool[Tensor, "sets units"], others: Int[Tensor, " images"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set's maps taken from another image."""

    def returning(
        self, order: Int[Tensor, " units"], values: Float[Tensor, " units"]
    ) -> Iterator[Float[Tensor, "images classes"]]:
        """Gives the logits with all units silenced, then with the last of the order back, and so on until none is silenced."""


@runtime_checkable
class WithoutOfHead(Without, Protocol):
    """The same where the layer feeds a linear head through its mean, whose numbers are there."""

    @property
    def mean(self) -> Float[Tensor, "images units"]:
        """What the head reads."""

    @property
    def weight(self) -> Float[Tensor, "classes units"]:
        """The head's weights."""

    @property
    def bias(self) -> Float[Tensor, " classes"]:
        """The head's biases."""


@dataclass(frozen=True)
class Field:
    """What a layer's cells see of the image, along rows and along columns, in pixels."""

    size: tuple[int, int]
    """Rows and columns of a cell's receptive field."""
    stride: tuple[float, float]
    """From one cell's centre to the next."""
    first: tuple[float, float]
    """Centre of the first cell."""


@runtime_checkable
class MapsAndMasks(Protocol):
    """A layer's maps at the size of the image, a batch at a time, beside the concepts' masks."""

    @property
    def n_concepts(self) -> int:
        """How many concepts have masks."""

    @property
    def n_images(self) -> int:
        """How many images, the first of the readout, have maps here."""

    def __iter__(self) -> Iterator[tuple[Int[Tensor, " some"], Float[Tensor, "some units rows cols"]]]:
        """Gives indices of images and their maps."""

    def mask(self, kind: str, concept: int, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some rows cols"]:
        """Gives one concept's mask, `ink` or `box`, on some images."""


@dataclass(frozen=True, eq=False)
class Readout:
    """One layer's answers, and the truth about the images. All tensors lie on one device."""

    layer: str
    concepts: tuple[str, ...]
    classes: tuple[str, ...]
    response: Float[Tensor, "images units"]  # spatial maximum of each unit's map
    mean: Float[Tensor, "images units"]  # spatial mean
    present: Bool[Tensor, "images concepts"]  # which concepts the image shows
    labels: Int[Tensor, "images *classes"]  # the class; or, where classes do not exclude each other, 0 or 1 for each
    glyphs: Int[Tensor, "images slots"]  # source glyph in each slot, -1 where empty
    logits: Float[Tensor, "images classes"] | None = None  # None where the network does not classify
    head: Float[Tensor, "classes units"] | None = None  # weight of the linear head, where the layer feeds one through its mean
    without: Without | None = None  # logits with sets of units silenced to given values; None without logits
    pixels: MapsAndMasks | None = None  # maps beside masks; None where the layer has no maps or nothing is known of masks

    @property
    def n_units(self) -> int:
        """Number of units of the layer."""
        return self.response.shape[1]
