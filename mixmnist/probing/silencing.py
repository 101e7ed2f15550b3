"""Silencing units: by the head's algebra where a layer feeds a linear head, elsewhere by running what follows it again."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.probing.running import Images, as_maps, editing, forward, like, refuse_training, up_to

TOGETHER = 2_000  # images, times sets of silenced units, that the rest of a network runs on at once


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
        return self._instead(sets, values.to(self.mean))

    def resampled(self, sets: Bool[Tensor, "sets units"], others: Int[Tensor, " images"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set's maps taken from another image."""
        return self._instead(sets, self.mean[others])

    def _instead(self, sets: Tensor, values: Tensor) -> Tensor:
        silenced = torch.where(sets[:, None], values, self.mean).transpose(1, 2)  # sets units images
        logits = torch.matmul(self.weight, silenced).add_(self.bias[:, None])  # sets classes images: fast to search for the best
        return logits.transpose(1, 2)

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

    The layers up to the silenced one run once a batch; from there on the sets run side by side, where the network lets them (a
    path around the layer does not), else one after another.
    """

    net: nn.Module
    module: nn.Module
    layer: str
    images: Images

    @property
    def n_images(self) -> int:
        """On how many images, the first of the readout, units can be silenced."""
        return len(self.images)

    def __call__(self, sets: Bool[Tensor, "sets units"], values: Float[Tensor, " units"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set of units silenced to the given values of their maps."""
        refuse_training(self.net)
        return torch.cat([self._replaced(x, sets, values[None, :, None]) for x in self.images.with_bar("silencing")], dim=1)

    def resampled(self, sets: Bool[Tensor, "sets units"], others: Int[Tensor, " images"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set's maps taken from another image."""
        refuse_training(self.net)
        both = zip(self.images, self.images.in_order(others), strict=True)
        maps = ((x, as_maps(up_to(self.net, self.module, other), self.layer)) for x, other in both)
        return torch.cat([self._replaced(x, sets, values) for x, values in maps], dim=1)

    def _replaced(
        self, x: Tensor, sets: Bool[Tensor, "sets units"], values: Float[Tensor, "#images units #places"]
    ) -> Float[Tensor, "sets images classes"]:
        """Runs one batch with each set's maps replaced by values."""
        most = max(1, TOGETHER // len(x))
        logits: list[Tensor] = []
        for part in sets.split(most):
            found = self._side_by_side(x, part, values) if len(part) > 1 else None
            each = [found] if found is not None else [self._side_by_side(x, one[None], values) for one in part]
            logits += [one for one in each if one is not None]
        return torch.cat(logits)

    def _side_by_side(self, x: Tensor, sets: Tensor, values: Tensor) -> Tensor | None:
        """Runs the rest of the network on a batch once for each set; None where it does not take so many images."""

        def silence(output: Tensor) -> Tensor:
            maps = as_maps(output, self.layer)
            replaced = torch.where(sets[:, None, :, None], values.to(maps), maps)  # sets images units places
            return like(replaced.flatten(0, 1), output)

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
