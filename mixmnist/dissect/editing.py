"""Editing: units of a layer replaced while a generator runs, by one hook that always comes off.

Formula: r + units * cells * (value - r), with r the layer's output; so units of 0 change nothing, and units of 1 are replaced.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597: ablation and insertion as (1 - alpha) r + alpha k.
    Differs: where it is done is a set of cells of each sample, and gradients flow to all that is edited in.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.probing import find_layer
from mixmnist.probing.running import editing


@dataclass(frozen=True, eq=False)
class Edit:
    """What is written into a layer, and where."""

    units: Float[Tensor, " units"]  # how much of each unit is replaced, in [0, 1]
    value: Float[Tensor, "#n units #high #wide"]  # by what
    cells: Bool[Tensor, "#n #high #wide"] | None = None  # where; None: everywhere

    def __post_init__(self) -> None:
        low, high = (float(end) for end in self.units.detach().aminmax())
        require(low >= 0 and high <= 1, f"units must lie in [0, 1], got {low:.3g} to {high:.3g}. Clamp them.")

    def part(self, samples: slice) -> "Edit":
        """Gives the edit of some samples, of those that it was made for."""
        value = self.value if len(self.value) == 1 else self.value[samples]
        cells = self.cells if self.cells is None or len(self.cells) == 1 else self.cells[samples]
        return replace(self, value=value, cells=cells)


def silencing(units: Bool[Tensor, " units"]) -> Edit:
    """Makes the edit that sets some units to zero everywhere.

    Example:
        >>> silencing(torch.tensor([True, False])).units
        tensor([1., 0.])
    """
    return Edit(units.float(), torch.zeros(1, len(units), 1, 1))


@contextlib.contextmanager
def edited(net: nn.Module, layer: str, edit: Edit | None) -> Iterator[None]:
    """Edits a layer's output while the context lasts.

    Args:
        net: Has the layer.
        layer: A module's name as in `net.named_modules()`. It gives maps [n, units, high, wide].
        edit: For so many samples as each pass has, or for one that stands for all; None changes nothing.

    Raises:
        ValueError: If there is no such layer, or the edit is for another number of units.

    Example:
        >>> net = nn.Sequential(nn.Identity(), nn.Flatten())
        >>> with edited(net, "0", silencing(torch.tensor([True, False]))):
        ...     net(torch.ones(1, 2, 1, 3))
        tensor([[0., 0., 0., 1., 1., 1.]])
        >>> net(torch.ones(1, 2, 1, 3)).sum()
        tensor(6.)
    """
    module = find_layer(net, layer)
    if edit is None:
        yield
        return

    def write(output: Tensor) -> Tensor:
        n_units = output.shape[1]
        fits = len(edit.units) == edit.value.shape[1] == n_units
        require(fits, f"an edit must be of the layer's {n_units} units, got units={len(edit.units)}. Give one number a unit.")
        share = edit.units.to(output)[:, None, None]
        if edit.cells is not None:
            share = share * edit.cells.to(output)[:, None]  # n units high wide
        return output * (1 - share) + edit.value.to(output) * share  # exact at 0 and at 1

    with editing(module, write):
        yield
