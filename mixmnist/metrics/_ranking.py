"""What the detection metrics share: images in the order of their response, ties kept together, and what has no score."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

CHUNK = 2**22  # images x units x concepts ranked at once: bounds the memory


class Ranking(NamedTuple):
    """Some units' images by falling response. An image's block is the run of images that tie with it."""

    hits: Float[Tensor, "ranks units concepts"]  # images that show the concept among the first n, n = 0..images
    first: Int[Tensor, "images units"]  # how many images rank above the block
    last: Int[Tensor, "images units"]  # how many images rank above the block or in it


def over_units(
    score: Callable[[Ranking], Float[Tensor, "some concepts"]],
    response: Float[Tensor, "images units"],
    present: Bool[Tensor, "images concepts"],
) -> Float[Tensor, "units concepts"]:
    """Applies a function of the ranking to all units, a few at a time; `nan` where there is no score."""
    step = max(1, CHUNK // max(1, present.numel()))
    scores = torch.cat([score(rank_images(part, present)) for part in response.split(step, dim=1)])
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
    ordered, order = response.sort(dim=0, descending=True)
    dtype = torch.float64 if response.dtype == torch.float64 else torch.float32  # float32 counts are exact up to 2**24
    hits = present[order].to(dtype).cumsum(dim=0)  # images units concepts
    hits = torch.cat([hits.new_zeros(1, *hits.shape[1:]), hits])
    changes = ordered[1:] != ordered[:-1]
    edge = changes.new_ones(1, response.shape[1])
    rank = torch.arange(len(response), device=response.device)[:, None]
    first = torch.where(torch.cat([edge, changes]), rank, 0).cummax(dim=0).values
    last = torch.where(torch.cat([changes, edge]), rank + 1, len(response)).flip(0).cummin(dim=0).values.flip(0)
    return Ranking(hits, first, last)


def take(hits: Float[Tensor, "ranks units concepts"], rank: Int[Tensor, "picked units"]) -> Tensor:
    """Picks the hits at given ranks, [picked, units, concepts]."""
    return hits.gather(0, rank[:, :, None].expand(-1, -1, hits.shape[2]))
