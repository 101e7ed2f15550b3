"""What the scores of maps against masks share: how many pixels of each value there are, on all images and inside the masks.

Maps are read at 8 bits of precision (bfloat16): pixels that differ by less than a 128th of their value count as tied, and tied
pixels at a threshold count by their expected value. So a histogram holds all that any threshold needs, and images stream.
"""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Int32
from torch import Tensor

from mixmnist.core.readout import MapsAndMasks
from mixmnist.metrics import _counting

LEVELS = 2**16  # values that 16 bits hold
KINDS = ("ink", "box")  # of masks
CANDIDATES = 200  # evenly spaced shares of the pixels, and as many spaced by ratio, among which the best threshold is sought
QUANTILE = 0.005  # share of the pixels above the threshold of Network Dissection


Counted = tuple[Tensor, Tensor, Tensor]  # units steps; kinds units concepts steps; kinds concepts


@dataclass(frozen=True, eq=False)
class Cuts:
    """Thresholds of every unit, fitted on the rank images; each level lies in one of the steps between them, 0 the highest."""

    step: Int[Tensor, "units levels"]
    n_steps: int
    matched: Float[Tensor, "kinds units concepts 2"]  # step at which as many pixels as the mask's are reached, and its share
    quantile: Float[Tensor, "units 2"]
    informative: Float[Tensor, "kinds units concepts 2"]
    value: Float[Tensor, " units"]  # the map's value at the quantile


def levels(maps: Float[Tensor, "*any"]) -> Int32[Tensor, "*any"]:
    """Turns values into 16-bit numbers, 0..65535, that rise as they do.

    Example:
        >>> levels(torch.tensor([-1.0, 0.0, 1.0, 1.001, 2.0])).tolist()
        [16511, 32768, 49024, 49024, 49152]
    """
    bits = maps.float().add(0.0).contiguous().view(torch.int32)  # adding zero turns -0 into 0
    bits ^= (bits >> 31).bitwise_and_(0x7FFFFFFF)  # of a negative value all bits but the sign
    bits >>= 16
    bits += LEVELS // 2
    return bits


def value_of(level: Int[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Gives the smallest value of a level that is not negative."""
    return ((level - LEVELS // 2).clamp_min(0).int() << 16).view(torch.float32)


def count_levels(pixels: MapsAndMasks) -> tuple[Int[Tensor, "units levels"], Int[Tensor, "kinds concepts"]]:
    """Counts the pixels of each unit at each level, and those of each concept's masks."""
    counts = torch.zeros(0, LEVELS, dtype=torch.int64)
    sizes = torch.zeros(len(KINDS) * pixels.n_concepts, dtype=torch.int64)
    for indices, maps in pixels:
        if not len(counts):
            counts = torch.zeros(maps.shape[1], LEVELS, dtype=torch.int64, device=maps.device)
        (_add_levels if maps.device.type == "cpu" else _add_levels_at_once)(maps, counts)
        sizes += _members(pixels, indices).sum(dim=(0, 2)).cpu()
    return counts, sizes.view(len(KINDS), -1).to(counts.device)


def count_steps(pixels: MapsAndMasks, cuts: Int[Tensor, "units levels"], n_steps: int) -> Counted:
    """Counts the pixels of each unit at each step between thresholds, on all images and inside each mask; and the masks' own."""
    every = torch.zeros(len(cuts), n_steps, dtype=torch.int64, device=cuts.device)
    inside, sizes = _count_inside(pixels, cuts, n_steps, every)
    return every, inside, sizes


def _count_inside(
    pixels: MapsAndMasks, cuts: Int[Tensor, "units levels"], n_steps: int, every: Int[Tensor, "units steps"] | None = None
) -> tuple[Int[Tensor, "kinds units concepts steps"], Int[Tensor, "kinds concepts"]]:
    """Counts the pixels inside each mask, and the masks' own; adds to `every` those of all images, where it is asked for."""
    n_masks = len(KINDS) * pixels.n_concepts
    inside = torch.zeros(len(cuts), n_masks, n_steps, dtype=torch.int64, device=cuts.device)
    sizes = torch.zeros(n_masks, dtype=torch.int64, device=cuts.device)
    table = cuts.to(torch.int16 if n_steps < 2**15 else torch.int32)  # small: the processor keeps a unit's at hand
    for indices, maps in pixels:
        members = _members(pixels, indices).to(cuts.device)  # images masks pixels
        (_add_steps if maps.device.type == "cpu" else _add_steps_at_once)(maps, members, table, every, inside)
        sizes += members.sum(dim=(0, 2))
    return inside.unflatten(1, (len(KINDS), -1)).movedim(1, 0), sizes.view(len(KINDS), -1)


def _members(pixels: MapsAndMasks, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some masks pixels"]:
    """Says which pixels each mask holds, kind by kind."""
    masks = [pixels.mask(name, concept, indices).flatten(1) for name in KINDS for concept in range(pixels.n_concepts)]
    return torch.stack(masks, dim=1)


def _add_levels(maps: Tensor, counts: Tensor) -> None:
    _by_units(_counting.add_levels, maps, counts.numpy())


def _add_levels_at_once(maps: Tensor, counts: Tensor) -> None:
    """Does on a GPU what the loop does on a processor."""
    counts += torch.bincount(_places(maps), minlength=counts.numel()).view_as(counts)


def _add_steps(maps: Tensor, members: Tensor, table: Tensor, every: Tensor | None, inside: Tensor) -> None:
    bounds = F.pad(members.sum(dim=2).flatten().cumsum(dim=0), (1, 0)).unfold(0, members.shape[1] + 1, members.shape[1])
    tables = [table.numpy(), bounds.contiguous().numpy(), members.nonzero()[:, 2].to(torch.int32).numpy()]
    if every is None:
        _by_units(_counting.add_steps_inside, maps, *tables, inside.numpy())
    else:
        _by_units(_counting.add_steps, maps, *tables, every.numpy(), inside.numpy())


def _add_steps_at_once(maps: Tensor, members: Tensor, table: Tensor, every: Tensor | None, inside: Tensor) -> None:
    """Does on a GPU what the loop does on a processor."""
    n_units, n_masks, n_steps = inside.shape
    unit = torch.arange(n_units, device=maps.device)[:, None]
    step = table.flatten().index_select(0, _places(maps)).view(n_units, -1).long()  # units pixels
    if every is not None:
        every += torch.bincount((step + unit * n_steps).flatten(), minlength=every.numel()).view_as(every)
    image, mask, pixel = members.nonzero().T
    held = step[:, image * members.shape[2] + pixel] + (unit * n_masks + mask) * n_steps  # units held
    inside += torch.bincount(held.flatten(), minlength=inside.numel()).view_as(inside)


def _by_units(loop: Callable[..., None], maps: Float[Tensor, "some units rows cols"], *tables: np.ndarray) -> None:
    """Runs a loop of `_counting` over all units, in as many threads as torch may use; each unit is counted by one of them."""
    bits = maps.float().flatten(2).contiguous().numpy().view(np.int32)
    bounds = np.linspace(0, maps.shape[1], min(torch.get_num_threads(), maps.shape[1]) + 1).astype(int)
    with ThreadPoolExecutor(len(bounds) - 1) as threads:
        parts = [threads.submit(loop, bits, first, end, *tables) for first, end in itertools.pairwise(bounds)]
    for part in parts:
        part.result()


def _places(maps: Float[Tensor, "some units rows cols"]) -> Int32[Tensor, " values"]:
    """Gives the place of each value, unit by unit, in a table [units, levels] laid out in a line."""
    found = levels(maps.movedim(1, 0)).flatten(1)
    found += torch.arange(len(found), dtype=torch.int32, device=maps.device)[:, None] * LEVELS
    return found.flatten()


def reach(
    counts: Float[Tensor, "units steps"], wanted: Float[Tensor, "*wanted units"]
) -> tuple[Int[Tensor, "*wanted units"], Float[Tensor, "*wanted units"]]:
    """Finds the step at which so many pixels, from the top, are reached, and the share of its pixels that is still needed."""
    through = counts.cumsum(dim=1)
    flat = wanted.reshape(-1, wanted.shape[-1]).T.contiguous()  # units wanted
    step = torch.searchsorted(through, flat).clamp_max(counts.shape[1] - 1)
    above = through.gather(1, step) - counts.gather(1, step)
    share = ((flat - above) / counts.gather(1, step)).clamp(0, 1)
    return step.T.reshape(wanted.shape), share.T.reshape(wanted.shape)


def fit(pixels: MapsAndMasks) -> Cuts:
    """Fits every threshold on the rank images, in two passes: the levels first, then the steps between the thresholds."""
    found, sizes = count_levels(pixels)
    counts, areas = found.flip(1).double(), sizes.double()  # highest level first; kinds concepts
    total = counts[0].sum()
    n_units = len(counts)
    wanted = [areas.flatten()[:, None].expand(-1, n_units), (QUANTILE * total).expand(1, n_units)]
    even = torch.linspace(1 / CANDIDATES, 1, CANDIDATES, dtype=torch.float64, device=counts.device)
    grid = torch.cat([even, 10 ** (5 * (even - 1))])[:, None] * total  # from all pixels down to one in 100,000
    level, share = reach(counts, torch.cat([*wanted, grid.expand(-1, n_units)]))  # wanted units
    first = torch.zeros_like(counts, dtype=torch.bool)  # where a step begins: at each chosen level and after it
    first[:, 0] = True
    rows = torch.arange(n_units, device=counts.device).expand_as(level)
    first[rows, level] = True
    first[rows, (level + 1).clamp_max(LEVELS - 1)] = True
    numbers = first.cumsum(dim=1) - 1
    n_steps, step = int(numbers.max()) + 1, numbers.flip(1)
    n_masks = areas.numel()
    at = numbers.gather(1, level.T).T.double()
    matched = torch.stack([at[:n_masks], share[:n_masks]], dim=-1).view(*areas.shape, n_units, 2).transpose(1, 2)
    every = torch.zeros(n_units, n_steps, dtype=torch.int64, device=step.device).scatter_add_(1, step, found)
    inside, _ = _count_inside(pixels, step, n_steps)
    best = _most_informative(every.double(), inside.double(), areas)
    return Cuts(
        step=step,
        n_steps=n_steps,
        matched=matched,
        quantile=torch.stack([at[n_masks], share[n_masks]], dim=-1),
        informative=torch.stack([best.double(), torch.ones_like(best, dtype=torch.float64)], dim=-1),
        value=value_of(LEVELS - 1 - level[n_masks]),
    )


def quantile_values(pixels: MapsAndMasks) -> Float[Tensor, " units"]:
    """Gives the value that the highest .005 of the pixels of each unit's maps reach: the threshold `quantile`, for pictures."""
    counts = torch.zeros(0, LEVELS, dtype=torch.int64)
    for _, maps in pixels:
        if not len(counts):
            counts = torch.zeros(maps.shape[1], LEVELS, dtype=torch.int64, device=maps.device)
        (_add_levels if maps.device.type == "cpu" else _add_levels_at_once)(maps, counts)
    falling = counts.flip(1).double()
    level, _ = reach(falling, (QUANTILE * falling[0].sum()).expand(1, len(falling)))
    return value_of(LEVELS - 1 - level[0])


def _most_informative(
    every: Float[Tensor, "units steps"],
    inside: Float[Tensor, "kinds units concepts steps"],
    areas: Float[Tensor, "kinds concepts"],
) -> Int[Tensor, "kinds units concepts"]:
    """Finds the last step above the threshold with the highest mutual information of firing and mask over their joint entropy."""
    total = every[0].sum()
    fires, both = every.cumsum(dim=1)[None, :, None], inside.cumsum(dim=3)
    mask = areas[:, None, :, None]
    joint = torch.stack([both, fires - both, mask - both, total - fires - mask + both]).clamp_min(0) / total
    margins = [torch.stack([fires, total - fires]) / total, torch.stack([mask, total - mask]) / total]
    entropy = -torch.xlogy(joint, joint).sum(dim=0)
    information = sum(-torch.xlogy(m, m).sum(dim=0) for m in margins) - entropy
    return torch.where(entropy > 0, information / entropy, 0).argmax(dim=3)
