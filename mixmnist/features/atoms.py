"""Atoms as units: a dictionary as a layer behind the layer that it was fitted on, so that all that reads units reads atoms."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.core.readout import Readout
from mixmnist.core.records import require
from mixmnist.features.cells import axis_of
from mixmnist.features.fitted import Fitted
from mixmnist.probing import Drawn, HeadAlgebra, find_layer, probe
from mixmnist.probing.axes import as_maps, like
from mixmnist.probing.running import Images, Transform

CODES = "codes"  # name of the layer of atoms
AT_ONCE = 50_000  # cells that are written at a time


class Dissected(nn.Module):
    """A network in which a layer's cells go through a dictionary; its layer `codes` has the atoms as units.

    While codes are let be, the network's answers are what they were, to the last bit: what a dictionary does not explain goes on
    as it is. Where codes are changed, the layer's cells move along the atoms by as much.
    """

    def __init__(self, net: nn.Module, layer: str, fitted: Fitted, axis: int = 1) -> None:
        super().__init__()
        self.net, self.fitted, self.axis = net, fitted, axis
        self.codes = nn.Identity()
        self._module = [find_layer(net, layer)]  # in a list: it is a part of `net` already
        self.eval()

    def forward(self, x: Tensor) -> object:
        """Gives what the network gives."""
        handle = self._module[0].register_forward_hook(self._through)
        try:
            answer: object = self.net(x)
            return answer
        finally:
            handle.remove()

    def _through(self, _module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        maps = as_maps(output, self.axis)  # images units places
        codes = write(self.fitted, maps)
        shape = output.movedim(self.axis, 1).shape[2:] if output.ndim > 2 else ()
        changed = self.codes(codes.unflatten(2, shape) if shape else codes[:, :, 0])
        changed = changed.flatten(2) if shape else changed[:, :, None]
        if changed.shape == codes.shape and torch.equal(changed, codes):
            return output
        copies = len(changed) // len(codes)  # a replay sets several copies of the images side by side
        moved = torch.einsum("iap,au->iup", changed - codes.repeat(copies, 1, 1), self.fitted.atoms.to(codes))
        found: Tensor = like(maps.repeat(copies, 1, 1) + moved, output, self.axis)
        return found


def write(fitted: Fitted, maps: Float[Tensor, "images units places"]) -> Float[Tensor, "images atoms places"]:
    """Gives the codes of every cell; cells are written a few at a time."""
    rows = maps.movedim(1, 2).flatten(0, 1)  # cells units
    codes = torch.cat([fitted.encode(part) for part in rows.split(AT_ONCE)])
    found: Tensor = codes.unflatten(0, (len(maps), -1)).movedim(2, 1)
    return found


@dataclass(frozen=True)
class AtomAlgebra:
    """Silences atoms of a layer that feeds a linear head through its mean: logits less the atom's share, exactly.

    What the dictionary does not explain is in the logits of each image and stays there.
    """

    codes: Float[Tensor, "images atoms"]  # mean over an image's cells
    weight: Float[Tensor, "classes atoms"]  # the head's weights, times the atoms
    logits: Float[Tensor, "images classes"]  # of the intact network

    @property
    def n_images(self) -> int:
        """On how many images atoms can be silenced."""
        return len(self.codes)

    @cached_property
    def _head(self) -> HeadAlgebra:
        """The same without what is not explained."""
        return HeadAlgebra(self.codes, self.weight, torch.zeros_like(self.weight[:, 0]))

    @cached_property
    def _left(self) -> Float[Tensor, "images classes"]:
        """What is not explained by atoms, with the head's bias, in double precision."""
        return self.logits.double() - self.codes.double() @ self.weight.double().T

    def _with_rest(self, explained: Tensor) -> Tensor:
        return (explained.double() + self._left).to(self.logits.dtype)

    def __call__(self, sets: Bool[Tensor, "sets units"], values: Float[Tensor, " units"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set of atoms silenced to the given codes."""
        silenced = torch.where(sets[:, None], values.to(self.codes), self.codes) - self.codes  # sets images atoms
        return (self.logits.double() + silenced.double() @ self.weight.double().T).to(self.logits.dtype)

    def resampled(self, sets: Bool[Tensor, "sets units"], others: Int[Tensor, " images"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set's codes taken from another image."""
        silenced = torch.where(sets[:, None], self.codes[others], self.codes) - self.codes
        return (self.logits.double() + silenced.double() @ self.weight.double().T).to(self.logits.dtype)

    def returning(
        self, order: Int[Tensor, " units"], values: Float[Tensor, " units"]
    ) -> Iterator[Float[Tensor, "images classes"]]:
        """Brings the atoms back one by one, the last of the order first."""
        for explained in self._head.returning(order, values):
            yield self._with_rest(explained)


def read_atoms(
    net: nn.Module,
    mixture: Drawn,
    layer: str,
    fitted: Fitted,
    transform: Transform | None = None,
    few: int | None = None,
    axis: int | None = None,
) -> Readout:
    """Reads the atoms of a dictionary as units of a new layer, on every image of a mixture.

    Args:
        net: In eval mode, as in `mixmnist.probe`.
        mixture: The images and the truth about them.
        layer: That the dictionary was fitted on.
        fitted: The dictionary.
        transform: Applied to each batch of images before the net sees it.
        few: How many images are used where the net must be run again.
        axis: Which axis of the layer's output counts its units; by default it is told, where it is certain.

    Returns:
        A readout whose response is the highest code over an image's cells, whose mean is their mean, whose maps are the codes'.
        Where the layer feeds a linear head through its mean, atoms are silenced by the head's algebra.

    Raises:
        ValueError: As `mixmnist.probe`; or if the dictionary is of another number of units.

    Example:
        >>> from mixmnist import draw, score
        >>> from mixmnist.features.cells import read_cells
        >>> from mixmnist.features.fitting import fit_dictionary
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 45)).eval()
        >>> rank, test = (draw(source="digits", split=split, n=100) for split in ("rank", "test"))
        >>> (fitted,) = fit_dictionary("kmeans", read_cells(net, rank, layer="1"), atoms=6)
        >>> readout = read_atoms(net, test, "1", fitted)
        >>> readout.layer, readout.response.shape, readout.logits.shape
        ('1 in atoms', torch.Size([100, 6]), torch.Size([100, 45]))
    """
    axis = axis_of(net, layer, Images(mixture.images, next(net.parameters(), torch.zeros(())), transform), axis)
    units = probe(net, mixture, layer, transform, few, axis)
    wide, n = units.response.shape[1], fitted.atoms.shape[1]
    require(wide == n, f"a dictionary must be of the layer that it is read on, got {n} units for {wide} of layer={layer!r}.")
    found = probe(Dissected(net, layer, fitted, axis), mixture, CODES, transform, few, 1)
    named = replace(found, layer=f"{layer} in atoms")
    if units.head is None or found.logits is None:
        return named
    weight = units.head @ fitted.atoms.to(units.head).T
    return replace(named, head=weight, without=AtomAlgebra(found.mean, weight, found.logits))
