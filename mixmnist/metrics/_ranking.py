"""What the detection metrics share: images in the order of their response, ties kept together, and what has no score."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Int32
from torch import Tensor

from mixmnist.metrics import _counting

CHUNK = 2**22  # images x units x concepts ranked at once: bounds the memory
MOST = 2**25  # images x units whose order is kept for other scores: three whole numbers each


class Order(NamedTuple):
    """Some units' images by falling response. An image's block is the run of images that tie with it."""

    images: Int32[Tensor, "units images"]  # which image stands at each rank
    first: Int32[Tensor, "units images"]  # how many images rank above the block
    last: Int32[Tensor, "units images"]  # how many images rank above the block or in it

    def split(self, step: int) -> Iterator["Order"]:
        """Gives a few units at a time."""
        return (Order(*parts) for parts in zip(*(part.split(step) for part in self), strict=True))


class Ranking(NamedTuple):
    """What some units find, image by image."""

    hits: Float[Tensor, "ranks units concepts"]  # images that show the concept among the first n, n = 0..images
    first: Int[Tensor, "images units"]  # as in the order
    last: Int[Tensor, "images units"]


Known = dict[int, tuple[Tensor, Order]]  # by the number of the responses
_KNOWN: ContextVar[Known | None] = ContextVar("sorted", default=None)  # while many scores ask for the same orders


def over_units(
    score: Callable[[Ranking], Float[Tensor, "some concepts"]],
    response: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
) -> Float[Tensor, "units concepts"]:
    """Applies a function of the ranking to all units, a few at a time; `nan` where there is no score."""
    step = max(1, CHUNK // max(1, present.numel()))
    if response.numel() <= MOST:
        orders = order_of(response).split(step)
    else:
        orders = (order_of(part) for part in response.split(step, dim=1))
    scores = torch.cat([score(count_hits(order, present, response.dtype)) for order in orders])
    scores[dead_units(response)] = torch.nan
    scores[:, undecided(present)] = torch.nan
    return scores


def dead_units(response: Float[Tensor, "images units"]) -> Bool[Tensor, " units"]:
    """Tells which units have the same response on every image."""
    return (response == response[:1]).all(dim=0)


def undecided(present: Bool[Tensor, "images concepts"]) -> Bool[Tensor, " concepts"]:
    """Tells which concepts never or always occur, and warns of them."""
    found = present.all(dim=0) | ~present.any(dim=0)
    if found.any():
        numbers = ", ".join(str(c) for c in found.nonzero()[:, 0].tolist())
        warnings.warn(f"concepts {numbers} never or always occur in the scored images: no scores", stacklevel=2)
    return found


def rank_images(response: Float[Tensor, "images units"], present: Bool[Tensor, "images concepts"]) -> Ranking:
    """Puts the images of each unit in the order of their response."""
    return count_hits(order_of(response), present, response.dtype)


@contextlib.contextmanager
def sorting_once() -> Iterator[None]:
    """Has responses that nobody writes to sorted once for all scores, while it lasts and as far as the memory allows."""
    token = _KNOWN.set({})
    try:
        yield
    finally:
        _KNOWN.reset(token)


def order_of(response: Float[Tensor, "images units"]) -> Order:
    """Sorts each unit's images."""
    known = _KNOWN.get()
    if known is None or response.numel() > MOST:
        return _sorted(response)
    if id(response) not in known:
        known[id(response)] = response, _sorted(response)  # with the tensor itself, so that no other gets its number
    return known[id(response)][1]


def _sorted(response: Float[Tensor, "images units"]) -> Order:
    step = max(1, CHUNK // len(response))
    parts = [_sorted_at_once(part.contiguous()) for part in response.T.split(step)]
    return Order(*(torch.cat(each) for each in zip(*parts, strict=True)))


def _sorted_at_once(response: Float[Tensor, "units images"]) -> Order:
    ordered, images = response.sort(dim=1, descending=True)
    changes = ordered[:, 1:] != ordered[:, :-1]
    edge = changes.new_ones(len(ordered), 1)
    rank = torch.arange(response.shape[1], device=response.device, dtype=torch.int32)
    first = torch.where(torch.cat([edge, changes], dim=1), rank, 0).cummax(dim=1).values
    last = torch.where(torch.cat([changes, edge], dim=1), rank + 1, response.shape[1]).flip(1).cummin(dim=1).values.flip(1)
    return Order(images.int(), first, last)


def count_hits(order: Order, present: Bool[Tensor, "images concepts"], dtype: torch.dtype) -> Ranking:
    """Counts what is found as the images of some units come by falling response."""
    shape = (len(present) + 1, len(order.images), present.shape[1])
    exact = torch.promote_types(dtype, torch.float32)  # float32 counts are exact up to 2**24
    hits = torch.empty(shape, dtype=exact, device=present.device)
    if present.device.type == "cpu":
        _counting.add_hits(order.images.numpy(), present.contiguous().numpy(), hits.numpy())
    else:
        hits[0] = 0
        torch.cumsum(present[order.images.T.long()], dim=0, dtype=exact, out=hits[1:])
    return Ranking(hits, order.first.T.long(), order.last.T.long())


def take(hits: Float[Tensor, "ranks units concepts"], rank: Int[Tensor, "picked units"]) -> Tensor:
    """Picks the hits at given ranks, [picked, units, concepts]."""
    rows = rank * hits.shape[1] + torch.arange(hits.shape[1], device=rank.device)
    return hits.flatten(0, 1).index_select(0, rows.flatten()).view(*rank.shape, hits.shape[2])
