"""Cells: what a layer says at each of its places, as rows of numbers, a column a unit."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.probing import Drawn, check_layers
from mixmnist.probing.axes import as_maps, checked, named_axis
from mixmnist.probing.running import Images, Transform, up_to
from mixmnist.probing.tracing import trace

CELLS = 40_000  # that a dictionary is fitted on
IMAGES = 2_500  # canvases that they are drawn from


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells that fire, of some images, and what these images show."""

    values: Float[Tensor, "cells units"]
    image: Int[Tensor, " cells"]  # of each cell: a row of `present`
    present: Bool[Tensor, "images concepts"] | None = None  # the truth; only ceilings may look at it
    places: int = 1  # cells of an image, with those that do not fire

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_units(self) -> int:
        """Numbers in a cell."""
        return self.values.shape[1]

    @property
    def independent(self) -> int:
        """Number of directions in which cells vary: of units, less those that are dead, constant or sums of others."""
        centred = self.values.double() - self.values.double().mean(dim=0)
        spread = torch.linalg.eigvalsh(centred.T @ centred)
        return int((spread > 1e-10 * spread[-1].clamp_min(1e-300)).sum())

    @property
    def length(self) -> float:
        """Mean length of a cell."""
        return float(self.values.double().norm(dim=1).mean())

    def divided(self, by: float) -> "Cells":
        """Gives the same cells, shorter by a factor."""
        return replace(self, values=self.values / by)

    def some(self, n: int, seed: int) -> "Cells":
        """Gives n of the cells drawn at random, all where there are fewer."""
        if n >= len(self):
            return self
        generator = torch.Generator().manual_seed(derive(seed, "cells", "drawn"))
        chosen = torch.randperm(len(self), generator=generator)[:n].sort().values.to(self.values.device)
        return replace(self, values=self.values[chosen], image=self.image[chosen])

    def scrambled(self, seed: int) -> "Cells":
        """Gives cells of the same units with each unit's numbers permuted by itself: nothing goes together any more."""
        generator = torch.Generator().manual_seed(derive(seed, "cells", "scrambled"))
        orders = torch.stack([torch.randperm(len(self), generator=generator) for _ in range(self.n_units)], dim=1)
        return replace(self, values=self.values.gather(0, orders.to(self.values.device)))


def cells_of(maps: Float[Tensor, "images units *places"], present: Bool[Tensor, "images concepts"] | None = None) -> Cells:
    """Gives the cells of a layer's maps that fire: those that are not zero in every unit; all where no unit is ever silent."""
    rows = maps.flatten(2).movedim(1, 2)  # images places units
    fires = (rows != 0).any(dim=2)
    return Cells(rows[fires], fires.nonzero()[:, 0], present, rows.shape[1])


def read_cells(
    net: nn.Module,
    mixture: Drawn,
    layer: str,
    images: int = IMAGES,
    transform: Transform | None = None,
    axis: int | None = None,
) -> Cells:
    """Reads all cells of a layer that fire, on some images.

    Args:
        net: In eval mode.
        mixture: Canvases; dictionaries are fitted on those of the split "rank".
        layer: A module's name; it gives maps, tokens or vectors, each of which is one cell then.
        images: Canvases, the first ones: memory does not grow with the others.
        transform: Applied to each batch of images before the net sees it.
        axis: Which axis of the layer's output counts its units; by default it is told, where it is certain.

    Raises:
        ValueError: If the net is in train mode, the layer is unknown or no cell of it fires, a cell is no finite number, or the
            axis of the units is not certain.

    Example:
        >>> from mixmnist import draw
        >>> net = nn.Sequential(nn.Conv2d(1, 3, 5, bias=False), nn.ReLU())
        >>> cells = read_cells(net.eval(), draw(source="digits", split="rank", n=20), layer="1")
        >>> cells.n_units, cells.present.shape, len(cells) <= 20 * 28 * 28
        (3, torch.Size([20, 10]), True)
    """
    module = check_layers(net, (layer,))[layer]
    some = Images(mixture.images[:images], next(net.parameters(), torch.zeros(())), transform)
    axis = axis_of(net, layer, some, axis)
    parts, before = [], 0
    for x in some:
        part = cells_of(as_maps(checked(up_to(net, module, x), layer), axis))
        parts.append(replace(part, image=part.image + before))
        before += len(x)
    values, image = torch.cat([part.values for part in parts]), torch.cat([part.image for part in parts])
    require(len(values), f"a dictionary needs cells that fire, got none in layer={layer!r}. Name another layer.")
    return check_cells(Cells(values, image, mixture.present[:images].to(values.device), parts[0].places))


def axis_of(net: nn.Module, layer: str, images: Images, axis: int | None = None) -> int:
    """Tells which axis of a layer's output counts its units, or takes the one that is named.

    Raises:
        ValueError: If it is neither named nor certain, or there is none as it is named.
    """
    runs = [one for one in trace(net, next(iter(images.first(2))), (layer,)) if one.name == layer]
    require(runs, f"layer must run when the network does and give a tensor, got layer={layer!r}. Name another layer.")
    if axis is not None and runs[0].each:
        return named_axis(axis, runs[0].shape, layer)
    if runs[0].axis is None and runs[0].each:
        raise runs[0].refusal()
    return 1 if runs[0].axis is None else runs[0].axis  # what is no layer of units is refused when it is read


def check_cells(cells: Cells) -> Cells:
    """Refuses cells that no dictionary can be fitted on.

    Raises:
        ValueError: If there are none, none of them fires, or one is no finite number.
    """
    require(len(cells) and (cells.values != 0).any(), "a dictionary needs cells that fire, got none. Name another layer.")
    require(
        cells.values.isfinite().all(),
        "cells must be finite numbers, got nan or infinite ones. Mend the layer, or leave them out.",
    )
    return cells
