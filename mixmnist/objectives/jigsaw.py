"""Jigsaw: a pretext; the canvas is cut into tiles that change places, and the net is asked in which of some orders they lie.

Its head reads the whole last map, since a mean over places would lose where things are. After it a linear head for the task is
fitted on the means of the frozen units.

Source:
    M. Noroozi and P. Favaro (2016), "Unsupervised learning of visual representations by solving jigsaw puzzles",
    arXiv:1603.09246: orders that are far from each other. Differs: tiles are moved on one canvas, which the net sees whole, not
    each by a net of its own; there are no gaps between them; each canvas is shown in one order, drawn once.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from mixmnist.core.records import Objective, require
from mixmnist.core.seeding import derive

TRIED = 200  # orders of which the one that is furthest from those before is taken
FEW = 6  # tiles up to which all orders are listed


def prepare(
    images: UInt8[Tensor, "copies images rows cols"], labels: Tensor, seeds: Sequence[int], tiles: int = 2, orders: int = 24
) -> tuple[UInt8[Tensor, "copies images rows cols"], Int[Tensor, "copies images"]]:
    """Puts the tiles of each canvas into an order that is drawn from its copy's seed.

    Args:
        images: Each copy's canvases.
        labels: Not looked at.
        seeds: One a copy.
        tiles: On each side of the canvas; 2 or more.
        orders: That are told apart; 2 or more.

    Returns:
        The canvases of moved tiles, and the number of each one's order.

    Raises:
        ValueError: If tiles do not divide the canvas, or there are fewer orders than are asked for.

    Example:
        >>> images = torch.tensor([[[[1, 2], [3, 4]]]], dtype=torch.uint8)
        >>> moved, order = prepare(images, torch.zeros(1, 1), seeds=(3,))
        >>> moved.flatten().tolist() == [1 + place for place in chosen_orders(4, 24)[int(order)].tolist()]
        True
    """
    rows, cols = images.shape[2:]
    divides = tiles >= 2 and rows % tiles == 0 and cols % tiles == 0
    got = f"tiles={tiles} on a canvas of {rows} x {cols} pixels"
    require(divides, f"tiles must divide the canvas's sides and be 2 or more, got {got}. Choose a divisor.")
    known = chosen_orders(tiles**2, orders)
    draws = [
        torch.randint(orders, (images.shape[1],), generator=torch.Generator().manual_seed(derive(seed, "jigsaw")))
        for seed in seeds
    ]
    numbers = torch.stack(draws).to(images.device)  # copies images
    cut = images.unflatten(3, (tiles, -1)).unflatten(2, (tiles, -1))  # copies images tiles high tiles wide
    lying = cut.transpose(3, 4).flatten(2, 3)  # copies images places high wide
    moved = lying.gather(2, known.to(images.device)[numbers][..., None, None].expand_as(lying))
    whole = moved.unflatten(2, (tiles, tiles)).transpose(3, 4)  # copies images tiles high tiles wide
    return whole.flatten(4, 5).flatten(2, 3), numbers


def chosen_orders(places: int, orders: int) -> Int[Tensor, "orders places"]:
    """Lists orders of places: all of them where so many are asked for; else each as far as can be from those before it.

    Far means that many places hold another tile (Hamming distance). The first is the order in which they lay.

    Raises:
        ValueError: If there are fewer, or fewer than 2 are asked for.

    Example:
        >>> chosen_orders(4, 3).tolist()
        [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1]]
    """
    most = math.factorial(places)
    require(2 <= orders <= most, f"orders must be 2 to {most:,} of {places} tiles, got orders={orders}. Ask for fewer.")
    generator = torch.Generator().manual_seed(derive(0, "jigsaw", "orders"))
    every = list(itertools.permutations(range(places))) if places <= FEW else []
    found = [tuple(range(places))]
    while len(found) < orders:
        drawn = every if every else [tuple(torch.randperm(places, generator=generator).tolist()) for _ in range(TRIED)]
        left = [one for one in dict.fromkeys(drawn) if one not in found]
        if left:
            found.append(max(left, key=lambda one: min(sum(a != b for a, b in zip(one, other, strict=True)) for other in found)))
    return torch.tensor(found)


class WholeMaps(nn.Module):
    """A linear layer over all places of the maps, each value divided by the root of their number.

    Undivided, so many inputs make steps so large under the usual recipe that a third of the units die.
    """

    def __init__(self, units: int, places: int, outputs: int) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(places)
        self.linear = nn.Linear(units * places, outputs)

    def forward(self, maps: Float[Tensor, "images units rows cols"]) -> Float[Tensor, "images outputs"]:
        """Gives logits."""
        logits: Tensor = self.linear(maps.flatten(1) * self.scale)
        return logits


def head(units: int, rows: int, cols: int, size: int, tiles: int, orders: int) -> nn.Module:
    """Gives a linear layer over all places of the maps."""
    return WholeMaps(units, rows * cols, orders)


OBJECTIVE = Objective(
    "In which order the canvas's tiles lie (a pretext)", prepare, settings={"tiles": 2, "orders": 24}, outputs=1, head=head
)
