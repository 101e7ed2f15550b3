"""Judging: does a map lie where the digit is, and does it say what each digit is really worth? Against what is known exactly.

A unit's own digit is what it is said to detect; all else that is drawn is the other. Where a map lies is read from absolute
values, what it says from signed sums.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.probing.fields import box_mask
from mixmnist.visualize._targets import Target
from mixmnist.visualize.completeness import completeness_gap
from mixmnist.visualize.worth import Canvases, worths

REGIONS = ("own_ink", "own_paper", "other_ink", "other_paper", "rest")  # paper: the box of a digit without its ink
NAN = float("nan")
CEILINGS = {"own_paper": NAN, "other_ink": 0.0, "other_paper": 0.0, "rest": 0.0, "selective_shuffled": 0.5}  # of others 1


@dataclass(frozen=True, eq=False)
class Scene:
    """What is known of some canvases, each with a digit that is its own."""

    regions: Bool[Tensor, "images 5 rows cols"]
    worth: Float[Tensor, "images 2"]  # exactly: of the own digit, and of the other
    rises: Float[Tensor, " images"]  # of the target, from the canvas without digits

    @property
    def ink(self) -> Bool[Tensor, "images rows cols"]:
        """The ink of all digits."""
        return self.regions[:, 0] | self.regions[:, 2]

    @property
    def boxes(self) -> Bool[Tensor, "images 2 rows cols"]:
        """The box of the own digit, and that of the other."""
        return torch.stack([self.regions[:, 0] | self.regions[:, 1], self.regions[:, 2] | self.regions[:, 3]], dim=1)


def look_at(mixture: Canvases, target: Target, own: Int[Tensor, " images"]) -> Scene:
    """Finds out what is known of canvases that show their own digit.

    Args:
        mixture: Canvases, all of those that the target speaks of.
        target: Whose digits' worths are asked for.
        own: The digit of each canvas that the target is said to want.

    Raises:
        ValueError: If a canvas does not show its own digit.
    """
    lacking = int((mixture.shown != own[:, None]).all(dim=1).sum())
    require(not lacking, f"every canvas must show its own digit, got {lacking} that do not. Leave them out.")
    found = worths(mixture, target)
    return Scene(find_regions(mixture, own), found.of(mixture.shown, own), found.whole - found.none)


def find_regions(mixture: Canvases, own: Int[Tensor, " images"]) -> Bool[Tensor, "images 5 rows cols"]:
    """Marks the five regions of each canvas; where digits overlap, a pixel is the own digit's, and ink rather than paper."""
    every = torch.arange(len(own), device=own.device)
    rows, cols = mixture.images.shape[-2:]
    inks = torch.stack([mixture.mask(concept, every) for concept in range(len(mixture.concepts))])  # concepts images rows cols
    own_ink, mine = inks[own, every], mixture.shown == own[:, None]
    inks[own, every] = False
    own_box = box_mask(mixture.boxes, mine, rows, cols)
    other_box = box_mask(mixture.boxes, (mixture.shown >= 0) & ~mine, rows, cols)
    marked = [own_ink, own_box, inks.any(dim=0), other_box, torch.ones_like(own_box)]
    taken, regions = torch.zeros_like(own_box), []
    for mark in (marked[0], marked[2], marked[1], marked[3], marked[4]):
        regions.append(mark & ~taken)
        taken = taken | mark
    return torch.stack([regions[0], regions[2], regions[1], regions[3], regions[4]], dim=1)


def shares(
    maps: Float[Tensor, "images rows cols"], regions: Bool[Tensor, "images some rows cols"]
) -> Float[Tensor, "images some"]:
    """Gives each region's share of a map's absolute sum; `nan` for a map of zeros.

    Example:
        >>> shares(torch.tensor([[[3.0, -1.0]]]), torch.tensor([[[[True, False]], [[False, True]]]]))
        tensor([[0.7500, 0.2500]])
    """
    sizes = maps.abs()
    return torch.einsum("irc,isrc->is", sizes, regions.to(sizes)) / sizes.sum((1, 2))[:, None]


def pointing(maps: Float[Tensor, "images rows cols"], place: Bool[Tensor, "images rows cols"]) -> Float[Tensor, " images"]:
    """Says with what probability a map's strongest pixel lies in a place, one of several that tie being drawn.

    Returns:
        1 or 0 where a single pixel is strongest; chance is the place's area, which a constant map has; `nan` for a map of zeros.

    Example:
        >>> pointing(torch.tensor([[[2.0, -2.0, 1.0]]]), torch.tensor([[[True, False, True]]]))
        tensor([0.5000])
    """
    sizes = maps.abs()
    strongest = sizes == sizes.amax((1, 2), keepdim=True)
    found = (strongest & place).sum((1, 2)) / strongest.sum((1, 2))
    return torch.where(sizes.amax((1, 2)) > 0, found, NAN)


def worth_error(sums: Float[Tensor, "images 2"], worth: Float[Tensor, "images 2"]) -> float:
    """Says how far what a map gives each digit is off what the digit is worth.

    Args:
        sums: Signed sums of a map in the box of the own digit and of the other.
        worth: Exactly.

    Returns:
        Sum of the absolute differences, as a share of the sum of the absolute worths, 0 or more; a map of zeros has 1. `nan`
        where no digit is worth anything.

    Example:
        >>> worth_error(torch.tensor([[2.0, 1.0]]), torch.tensor([[3.0, -1.0]]))
        0.75
    """
    total = worth.double().abs().sum()
    return float((sums.double() - worth.double()).abs().sum() / total) if total > 0 else NAN


def scaled_to(sums: Float[Tensor, "images 2"], worth: Float[Tensor, "images 2"]) -> Float[Tensor, "images 2"]:
    """Gives sums times the one number, 0 or more, that brings them nearest to the worths: a map's unit is no matter then."""
    one, other = sums.double(), worth.double()
    length = one.square().sum()
    return one * ((one * other).sum().clamp_min(0) / length if length > 0 else 0)


def ranks_on_ink(
    maps: Float[Tensor, "images rows cols"], others: Float[Tensor, "images rows cols"], ink: Bool[Tensor, "images rows cols"]
) -> Float[Tensor, " images"]:
    """Gives the rank correlation of two maps' absolute values on the ink; off it both may be black, which says nothing.

    Returns:
        Within [-1, 1]; chance is 0; `nan` where a map is the same all over the ink.
    """
    found = []
    for one, other, marked in zip(maps.abs(), others.abs(), ink, strict=True):
        ranks = [rankdata(part[marked].numpy(force=True)) for part in (one, other)]
        flat = any(np.ptp(rank) == 0 for rank in ranks) if marked.any() else True
        found.append(NAN if flat else float(np.corrcoef(*ranks)[0, 1]))
    return torch.tensor(found)


def judge(
    maps: Float[Tensor, "images rows cols"], scene: Scene, shuffled: Float[Tensor, "images rows cols"] | None = None
) -> pd.DataFrame:
    """Judges maps of canvases, each measure beside its chance and its ceiling.

    Args:
        maps: Signed, of any scale.
        scene: What is known of the canvases.
        shuffled: Maps by the same way of the same net with a layer's weights shuffled.

    Returns:
        A row a measure: `value`, `chance` (of a constant map; of a map of zeros for what is an error), `ceiling` (the best value
        there is, nan where none is best) and `canvases` that count, those whose map is not all zeros. Shares of the five
        regions; `own_box`; `selective`: own ink as a share of all ink; `points_at_ink`, `points_at_box`; `worth_error`, and
        `worth_error_scaled`, the map's unit put right; `exact`: the own digit's share of the absolute worths, to be held beside
        `selective`; `completeness_gap`; and, with maps of shuffled weights, `selective_shuffled`, `rank_on_ink`,
        `rank_everywhere`, which black canvases make high.
    """
    flat = torch.ones_like(maps)
    found, by_chance = _placed(maps, scene), _placed(flat, scene)
    if shuffled is not None:
        found["selective_shuffled"] = _placed(shuffled, scene)["selective"]
        by_chance["selective_shuffled"] = by_chance["selective"]
    rows = [(name, *_mean(values), _mean(by_chance[name])[0], CEILINGS.get(name, 1.0)) for name, values in found.items()]
    sums, n = torch.einsum("irc,ibrc->ib", maps.double(), scene.boxes.double()), len(maps)
    rows += [
        ("exact", *_mean(scene.worth[:, 0].abs() / scene.worth.abs().sum(dim=1)), 0.5, 1.0),
        ("worth_error", worth_error(sums, scene.worth), n, 1.0, 0.0),
        ("worth_error_scaled", worth_error(scaled_to(sums, scene.worth), scene.worth), n, 1.0, 0.0),
        ("completeness_gap", completeness_gap(maps, scene.rises), n, 1.0, 0.0),
    ]
    if shuffled is not None:
        for name, marked in (("rank_on_ink", scene.ink), ("rank_everywhere", torch.ones_like(scene.ink))):
            rows.append((name, *_mean(ranks_on_ink(maps, shuffled, marked)), 0.0, 1.0))
    table = pd.DataFrame(rows, columns=["measure", "value", "canvases", "chance", "ceiling"])
    return table[["measure", "value", "chance", "ceiling", "canvases"]]


def _placed(maps: Tensor, scene: Scene) -> dict[str, Tensor]:
    """Says where maps lie, canvas by canvas."""
    parts = shares(maps, scene.regions)
    found = dict(zip(REGIONS, parts.T, strict=True))
    found["own_box"] = parts[:, 0] + parts[:, 1]
    found["selective"] = parts[:, 0] / (parts[:, 0] + parts[:, 2])
    found["points_at_ink"] = pointing(maps, scene.regions[:, 0])
    found["points_at_box"] = pointing(maps, scene.boxes[:, 0])
    return found


def _mean(values: Tensor) -> tuple[float, int]:
    """Gives the mean of the canvases that count, and how many they are."""
    known = values[~values.isnan()]
    return (float(known.double().mean()) if len(known) else NAN), len(known)
