"""What is done to a planted readout to see whether a score notices: wrong labels, other rows, another scale, a rotation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.plants._scene import PlantedMaps
from mixmnist.probing import HeadAlgebra

ROWS = ("response", "mean", "present", "labels", "glyphs", "logits")  # of a readout, that have one for each image


def _parts(readout: Readout) -> tuple[HeadAlgebra, PlantedMaps]:
    """Gives the two parts of a planted readout that an edit must follow."""
    assert isinstance(readout.without, HeadAlgebra)
    assert isinstance(readout.pixels, PlantedMaps)
    return readout.without, readout.pixels


def lacking(readout: Readout, concepts: Sequence[int]) -> Readout:
    """Takes the label of each of some concepts off every second image that shows it."""
    said = readout.present.clone()
    for concept in concepts:
        said[:, concept] &= said[:, concept].cumsum(0) % 2 == 0
    return _said(readout, said)


def surplus(readout: Readout, concepts: Sequence[int]) -> Readout:
    """Puts each concept's label on as many images that do not show it as there are that do, evenly spread over the rows."""
    said = readout.present.clone()
    for concept in concepts:
        absent = (~said[:, concept]).nonzero()[:, 0]
        chosen = torch.linspace(0, len(absent) - 1, int(said[:, concept].sum())).long()
        said[absent[chosen], concept] = True
    return _said(readout, said)


def _said(readout: Readout, said: Bool[Tensor, "images concepts"]) -> Readout:
    _, pixels = _parts(readout)
    return replace(readout, present=said, pixels=replace(pixels, said=said[: len(pixels.said)]))


def rescaled(readout: Readout, factor: float) -> Readout:
    """Multiplies every response; the head divides, so the network's answers stay."""
    assert readout.head is not None
    return _turned(readout, torch.eye(readout.n_units) * factor, readout.head / factor)


def rotated(readout: Readout, turn: Float[Tensor, "units units"]) -> Readout:
    """Replaces the units by orthogonal combinations of them; the head turns back, so the network's answers stay."""
    assert readout.head is not None
    return _turned(readout, turn, readout.head @ turn.T)


def _turned(readout: Readout, turn: Tensor, head: Tensor) -> Readout:
    without, pixels = _parts(readout)
    response = readout.response @ turn.T
    return replace(
        readout,
        response=response,
        mean=response,
        head=head,
        without=HeadAlgebra(response, head, without.bias),
        pixels=_TurnedMaps(pixels, turn),
    )


@dataclass(frozen=True)
class _TurnedMaps:
    """Combinations of planted maps."""

    maps: PlantedMaps
    turn: Float[Tensor, "units units"]

    @property
    def n_concepts(self) -> int:
        """How many concepts have masks."""
        return self.maps.n_concepts

    @property
    def n_images(self) -> int:
        """How many images, the first ones, have maps."""
        return self.maps.n_images

    def __iter__(self) -> Iterator[tuple[Int[Tensor, " some"], Float[Tensor, "some units rows cols"]]]:
        """Gives indices of images and their maps."""
        for some, maps in self.maps:
            yield some, torch.einsum("vu,iurc->ivrc", self.turn, maps)

    def mask(self, kind: str, concept: int, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some rows cols"]:
        """Gives one concept's mask on some images."""
        return self.maps.mask(kind, concept, indices)


def some(readout: Readout, rows: Bool[Tensor, " images"]) -> Readout:
    """Gives a few of the images, without maps."""
    without, _ = _parts(readout)
    assert readout.logits is not None
    taken = {name: getattr(readout, name)[rows] for name in ROWS}
    return replace(readout, **taken, without=HeadAlgebra(taken["mean"], without.weight, without.bias), pixels=None)


def reordered(readout: Readout, seed: int) -> Readout:
    """Puts the images in another order; those with maps stay in front."""
    without, pixels = _parts(readout)
    g, n, few = torch.Generator().manual_seed(seed), len(readout.labels), len(pixels.response)
    front, back = torch.randperm(few, generator=g), few + torch.randperm(n - few, generator=g)
    rows = torch.cat([front, back])
    assert readout.logits is not None
    taken = {name: getattr(readout, name)[rows] for name in ROWS}
    maps = {name: getattr(pixels, name)[front] for name in ("response", "at", "said", "places")}
    return replace(readout, **taken, without=HeadAlgebra(taken["mean"], without.weight, without.bias), pixels=PlantedMaps(**maps))
