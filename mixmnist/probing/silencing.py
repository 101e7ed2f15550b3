"""Silencing units: by the head's algebra where a layer feeds a linear head, elsewhere by running what follows it again."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.probing.axes import as_maps, checked, like
from mixmnist.probing.running import BATCH, Images, editing, forward, refuse_training, up_to

FEWEST = 16  # images that go through the layers up to the silenced one together, however many sets there are
TOGETHER = {"cpu": 1_000, "cuda": 20_000}  # images, times sets of silenced units, that the rest of a network runs on at once
VALUES = {"cpu": 2**23, "cuda": 2**27}  # of the silenced layer that are held at once


@dataclass(frozen=True)
class HeadAlgebra:
    """Silences units where the layer feeds a linear head through its spatial mean: logits = head (mean) + bias, exactly."""

    mean: Float[Tensor, "images units"]
    weight: Float[Tensor, "classes units"]
    bias: Float[Tensor, " classes"]

    @property
    def n_images(self) -> int:
        """On how many images, the first of the readout, units can be silenced."""
        return len(self.mean)

    def __call__(self, sets: Bool[Tensor, "sets units"], values: Float[Tensor, " units"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set of units silenced to the given values of their maps."""
        if (sets.sum(dim=1) > 1).any():
            return self._instead(sets, values.to(self.mean))
        unit, gone = sets.int().argmax(dim=1), sets.any(dim=1)
        lost = (self.mean[:, unit].double() - values[unit].double()) * gone  # images sets
        shares = self.weight[:, unit].T.double()[:, :, None] * lost.T[:, None]  # sets classes images
        return (self._in_double - shares).to(self.mean.dtype).transpose(1, 2)

    @cached_property
    def _in_double(self) -> Float[Tensor, "classes images"]:
        """The intact logits, in double precision, so that a share that is taken away leaves no trace in single precision."""
        return self.weight.double() @ self.mean.double().T + self.bias.double()[:, None]

    def resampled(self, sets: Bool[Tensor, "sets units"], others: Int[Tensor, " images"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set's maps taken from another image."""
        return self._instead(sets, self.mean[others])

    def _instead(self, sets: Tensor, values: Tensor) -> Tensor:
        silenced = torch.where(sets[:, None], values, self.mean).transpose(1, 2).double()  # sets units images
        logits = torch.matmul(self.weight.double(), silenced).add_(
            self.bias.double()[:, None]
        )  # sets classes images: fast to search
        return logits.to(self.mean.dtype).transpose(1, 2)

    def returning(
        self, order: Int[Tensor, " units"], values: Float[Tensor, " units"]
    ) -> Iterator[Float[Tensor, "images classes"]]:
        """Brings the units back one by one, the last of the order first; each adds its share to the logits of before.

        It starts from all units silenced, where equal logits are equal to the last bit, so that rounding decides no tie. Each
        tensor is changed by the next step.
        """
        values = values.to(self.mean)
        shares = (self.mean - values).T.contiguous()  # units images
        logits = (self.weight @ values + self.bias)[:, None].repeat(1, len(self.mean))  # classes images
        yield logits.T
        for unit in order.flip(0).tolist():
            yield logits.addr_(self.weight[:, unit], shares[unit]).T


@dataclass(frozen=True)
class Replay:
    """Silences units in any network: runs it again with their maps replaced.

    The layers up to the silenced one run once for a few images and sets; from there on the sets run side by side, where the
    network lets them (a path around the layer does not), else one after another. Where an image's answer depends on the others of
    its batch, each set runs apart, in the batches of `images`, which must then be whole and those that the layer was read in.
    """

    net: nn.Module
    module: nn.Module
    layer: str
    images: Images
    axis: int = 1  # of the units in the layer's output
    apart: bool = False

    @property
    def n_images(self) -> int:
        """On how many images, the first of the readout, units can be silenced."""
        return len(self.images)

    def __call__(self, sets: Bool[Tensor, "sets units"], values: Float[Tensor, " units"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set of units silenced to the given values of their maps."""
        refuse_training(self.net)
        batches = self.images.with_bar("silencing", self._batch(len(sets)))
        return torch.cat([self._replaced(x, sets, values[None, :, None]) for x in batches], dim=1)

    def resampled(self, sets: Bool[Tensor, "sets units"], others: Int[Tensor, " images"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set's maps taken from another image."""
        refuse_training(self.net)
        batch = self._batch(len(sets))
        both = zip(self.images.with_bar("silencing", batch), others.split(batch), strict=True)
        return torch.cat([self._replaced(x, sets, self._maps(other)) for x, other in both], dim=1)

    @cached_property
    def _together(self) -> int:
        """How many images, times sets, the rest of the network runs on at once."""
        device = "cuda" if self.images.like.is_cuda else "cpu"
        (x,) = self.images.first(2).in_order(self.images.first(2).every())
        return max(1, min(TOGETHER[device], VALUES[device] * len(x) // up_to(self.net, self.module, x).numel()))

    def _batch(self, n_sets: int) -> int:
        """How many images go through the network at a time: so few that all sets run side by side, where that is enough."""
        if self.apart:
            return BATCH
        return min(self.images.batch, max(FEWEST, self._together // max(1, n_sets)), self._together)

    def _maps(self, images: Int[Tensor, " some"]) -> Float[Tensor, "some units places"]:
        """Gives the layer's maps of some images; where they depend on the others of a batch, those of the batches they are in."""
        if not self.apart:
            (x,) = self.images.in_order(images)
            return as_maps(up_to(self.net, self.module, x), self.axis)
        found = [torch.empty(0)] * len(images)
        for start in range(0, len(self.images), BATCH):
            here = [place for place, image in enumerate(images.tolist()) if start <= image < start + BATCH]
            if here:
                (x,) = self.images.in_order(self.images.every()[start : start + BATCH])
                maps = as_maps(up_to(self.net, self.module, x), self.axis)
                for place in here:
                    found[place] = maps[images[place] - start]
        return torch.stack(found)

    def _replaced(
        self, x: Tensor, sets: Bool[Tensor, "sets units"], values: Float[Tensor, "#images units #places"]
    ) -> Float[Tensor, "sets images classes"]:
        """Runs one batch with each set's maps replaced by values."""
        most = 1 if self.apart else max(1, self._together // len(x))
        logits: list[Tensor] = []
        for part in sets.split(most):
            found = self._side_by_side(x, part, values) if len(part) > 1 else None
            each = [found] if found is not None else [self._side_by_side(x, one[None], values) for one in part]
            logits += [one for one in each if one is not None]
        return self._finite(torch.cat(logits))

    def _finite(self, logits: Tensor) -> Tensor:
        """Refuses answers that are no numbers: they would count as wrong or right by chance."""
        if not logits.isfinite().all():
            raise ValueError(
                f"the net must give finite logits without a unit, got nan or infinite ones with units of layer={self.layer!r} "
                "silenced. Keep its forward from dividing by what may be zero, or name another layer."
            )
        return logits

    def _side_by_side(self, x: Tensor, sets: Tensor, values: Tensor) -> Tensor | None:
        """Runs the rest of the network on a batch once for each set; None where it does not take so many images."""

        def silence(output: Tensor) -> Tensor:
            maps = as_maps(checked(output, self.layer), self.axis)
            replaced = torch.where(sets[:, None, :, None], values.to(maps), maps)  # sets images units places
            return like(replaced.flatten(0, 1), output, self.axis)

        with editing(self.module, silence):
            try:
                output = forward(self.net, x)
            except (RuntimeError, TypeError, ValueError):  # the network may check shapes itself
                if len(sets) == 1:
                    raise
                return None
        return output.unflatten(0, (len(sets), len(x))) if len(output) == len(sets) * len(x) else None

    def returning(
        self, order: Int[Tensor, " units"], values: Float[Tensor, " units"]
    ) -> Iterator[Float[Tensor, "images classes"]]:
        """Brings the units back one by one, the last of the order first."""
        gone = torch.ones_like(order, dtype=torch.bool)
        yield self(gone[None], values)[0]
        for unit in order.flip(0):
            gone[unit] = False
            yield self(gone[None], values)[0]
