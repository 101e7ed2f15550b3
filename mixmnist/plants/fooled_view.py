"""Fooled views: a unit whose responses and logits are what they were on every canvas, and whose pictures or maps lie.

`gated`: a switch looks at how many pixels hold any ink. On canvases these are few, and nothing changes, to the last bit; on what
has more, as noise and what is climbed from it, the unit answers as another one does. A picture of it shows that one's digit.
`rippled`: a number is added that is 0 wherever each pixel is one of 256 shades of grey, as on every canvas, and that rises with
every pixel from there. All gradients of the unit with respect to pixels get the same number on top.

Source:
    R. Geirhos et al. (2023), "Don't trust your eyes: on the (un)reliability of feature visualizations", arXiv:2306.04719: the
    switch. C. Anders et al. (2020), "Fairwashing explanations with off-manifold detergent", arXiv:2007.09969: the gradient.
    Differs: the switch counts pixels and is not learnt; the detergent is on the grid of grey levels, so that it is exact.
"""

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import require
from mixmnist.data.mixture import Mixture
from mixmnist.probing.running import Images, up_to

SHADES = 255  # steps between black and white
ROOM = 1.1  # how many more inked pixels than any canvas has there must be: the switch begins to turn there


class Watch(nn.Module):
    """Passes images on, and keeps a number of each for the switch that comes later in the same pass."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Tensor | None = None

    def number(self, x: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, " n"]:
        """Gives the number."""
        raise NotImplementedError

    def forward(self, x: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, "n channels rows cols"]:
        """Gives what it gets."""
        self.seen = self.number(x)
        return x

    def __getstate__(self) -> dict[str, Any]:
        """Leaves the number of the last pass out of copies."""
        return {**self.__dict__, "seen": None}


class Crowded(Watch):
    """Watches for more inked pixels than canvases have: 0 up to a limit, rising to 1 within a tenth of it."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def number(self, x: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, " n"]:
        """Gives how far an image is off the canvases, in [0, 1]."""
        return ((inked(x) - self.limit) / (0.1 * self.limit)).clamp(0, 1)


class Ripple(Watch):
    """Watches how far pixels are off the shades of grey: a sum of sines, 0 on each shade, with a slope of 1 there."""

    def number(self, x: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, " n"]:
        """Gives the sum of an image."""
        steps = SHADES * x
        off = steps - steps.detach().round()  # exactly 0 on a shade
        return (torch.sin(2 * torch.pi * off) / (2 * torch.pi * SHADES)).flatten(1).sum(dim=1)


class Turned(nn.Module):
    """Passes the maps of a layer on, those of some units changed by what was seen of the image."""

    def __init__(self, watch: Watch, units: Sequence[int], decoys: Sequence[int], sizes: Sequence[float]) -> None:
        super().__init__()
        self.watch = [watch]  # in a list, or it would be a part of two modules
        self.units, self.decoys, self.sizes = torch.tensor(units), torch.tensor(decoys), torch.tensor(sizes)

    def forward(self, maps: Float[Tensor, "n units rows cols"]) -> Float[Tensor, "n units rows cols"]:
        """Gives the maps before the ReLU."""
        (watch,) = self.watch
        assert watch.seen is not None
        seen, units = watch.seen.to(maps)[:, None, None, None], self.units.to(maps.device)
        own, sizes = maps[:, units], self.sizes.to(maps)[:, None, None]
        more = sizes * maps[:, self.decoys.to(maps.device)] - own if len(self.decoys) else sizes
        changed = maps.clone()  # laid out in memory as before, so that later sums are of the same order
        changed[:, units] = own + seen * more
        return changed


def inked(x: Float[Tensor, "n channels rows cols"]) -> Float[Tensor, " n"]:
    """Counts the pixels of each image that hold any ink, those between black and the first shade of grey by their part of it."""
    return (SHADES * x).clamp(0, 1).flatten(1).sum(dim=1)


def gated(net: nn.Module, first: str, layer: str, decoys: Mapping[int, int], canvases: Mixture) -> nn.Module:
    """Gives a copy of a net in which units answer as others do to whatever is off the canvases.

    Args:
        net: In eval mode.
        first: A sequence of modules that gets the images.
        layer: A sequence of modules that ends in a ReLU; or the same.
        decoys: Of each unit that is fooled the one that it shows, whose responses are brought to its own highest one.
        canvases: Natural ones, on which the switch must not turn.

    Raises:
        ValueError: If a layer is of another kind, or there is no such unit, one is its own decoy, or never fires.
    """
    images = Images(canvases.images, next(net.parameters()), None)
    highest = torch.stack([up_to(net, _sequence(net, layer), x).amax((0, 2, 3)) for x in images]).amax(dim=0)
    for one in (*decoys, *decoys.values()):
        _check_unit(one, len(highest))
        require(highest[one] > 0, f"units must fire on one canvas or more, got unit {one}, which is 0 on all. Name another.")
    same = [one for one, other in decoys.items() if one == other]
    require(not same, f"a decoy must be another unit, got unit {same[:1]} for itself. Name another.")
    limit = ROOM * max(float(inked(x).max()) for x in images)
    sizes = [float(highest[one] / highest[other]) for one, other in decoys.items()]
    return _with(net, first, layer, Crowded(limit), list(decoys), list(decoys.values()), sizes)


def rippled(net: nn.Module, first: str, layer: str, sizes: Mapping[int, float]) -> nn.Module:
    """Gives a copy of a net in which gradients of units have a number more at each pixel, and responses are what they were.

    Args:
        net: In eval mode.
        first: A sequence of modules that gets the images, as they are drawn.
        layer: A sequence of modules that ends in a ReLU; or the same.
        sizes: Of each unit that is fooled what is added to its gradient where it fires.

    Raises:
        ValueError: If a layer is of another kind, or there is no such unit.
    """
    return _with(net, first, layer, Ripple(), list(sizes), [], list(sizes.values()))


def _with(
    net: nn.Module, first: str, layer: str, watch: Watch, units: Sequence[int], decoys: Sequence[int], sizes: Sequence[float]
) -> nn.Module:
    """Puts a watch before the first module of one sequence, and a switch before the last one of another."""
    require(len(units), "units must be one or more, got none. Name one.")
    made = copy.deepcopy(net)
    begin, end = _sequence(made, first), _sequence(made, layer)
    require(isinstance(end[-1], nn.ReLU), f"layer must end in a ReLU, got {type(end[-1]).__name__} in {layer!r}. Name another.")
    turned, parts = Turned(watch, units, decoys, sizes), list(end._modules.items())
    end._modules = OrderedDict([*parts[:-1], ("turned", turned), parts[-1]])
    begin._modules = OrderedDict([("watch", watch), *begin._modules.items()])
    return made.eval()


def _sequence(net: nn.Module, name: str) -> nn.Sequential:
    found = net.get_submodule(name)
    if not isinstance(found, nn.Sequential):
        raise ValueError(f"a layer must be a sequence of modules, got {type(found).__name__} in {name!r}. Name another.")
    return found


def _check_unit(index: int, n: int) -> None:
    require(0 <= index < n, f"units must lie between 0 and {n - 1}, got unit {index}. Name another.")
