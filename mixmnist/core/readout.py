"""The Readout: what one layer said about every image of a mixture. The only bridge from networks to metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor


@runtime_checkable
class Without(Protocol):
    """Logits with sets of units silenced, their maps set to given values."""

    def __call__(self, sets: Bool[Tensor, "sets units"], values: Float[Tensor, " units"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set of units silenced."""

    def returning(
        self, order: Int[Tensor, " units"], values: Float[Tensor, " units"]
    ) -> Iterator[Float[Tensor, "images classes"]]:
        """Gives the logits with all units silenced, then with the last of the order back, and so on until none is silenced."""


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

    @property
    def n_units(self) -> int:
        """Number of units of the layer."""
        return self.response.shape[1]
