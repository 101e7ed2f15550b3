"""Insertion: a digit is written into a layer at a place; is it read there, and is all else as it was?

What is written, into a set of units:
    patch: the cells around the digit's box on a donor, moved by whole cells. Of all units it is the ceiling.
    mean: k, each unit's mean over the digit's cells by its share of the cell, into every cell that the box covers by half.

Formulas, over the samples without the digit that have such a place:
    inserted: the digit is read once, and its box lies within half a glyph of the place.
    clean_insertion: inserted, nothing else is read otherwise than before, and there is no junk.
    place_error: from the box that is read to the place, pixels.

Source:
    D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597: k = E[r weighted by the concept's share], written at cells.
    Differs: places are of known kinds, what is read there counts, and a donor's whole patch is the ceiling.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.dissect.direction import cell_shares
from mixmnist.dissect.editing import Edit
from mixmnist.dissect.effects import share
from mixmnist.dissect.places import Placed, cover
from mixmnist.dissect.reading import Judge, classes_of, places_of
from mixmnist.dissect.sampling import Sample
from mixmnist.dissect.subject import images_of

WAYS = ("patch", "mean")
HALF = 0.5  # of a cell that the box covers, for `mean`


@dataclass(frozen=True, eq=False)
class Insertion:
    """What became of each sample into which a digit was written; of those that were tried."""

    placed: Placed
    tried: Bool[Tensor, " n"]
    inserted: Bool[Tensor, " n"]
    clean: Bool[Tensor, " n"]
    place_error: Float[Tensor, " n"]  # pixels; nan where the digit is not read once, or was not tried

    def scores(self) -> dict[str, float]:
        """Gives inserted, clean_insertion, place_error (mean), and how many were tried or had no place; `nan` of none."""
        return {
            "inserted": share(self.inserted, self.tried),
            "clean_insertion": share(self.clean, self.tried),
            "place_error": float(self.place_error[self.tried].nanmean()),
            "n": float(self.tried.sum()),
            "n_without": float(self.placed.n_without),
        }


def mean_at(donors: Sample, digit: int) -> Float[Tensor, " units"]:
    """Gives k: each unit's mean over the cells of a digit's own box, weighted by the digit's share of the cell.

    Returns:
        `nan` where no donor shows the digit once.

    Example:
        `mean_at(rank, 3)[7]` is how high unit 7 is where there are threes.
    """
    some = donors.some(donors.shown[:, digit])
    weight = cell_shares(some)[:, digit] * (cover(some.places[:, digit], some.subject) > 0)
    return torch.einsum("nuhw,nhw->u", some.maps, weight) / weight.sum()


def writing(sample: Sample, donors: Sample, placed: Placed, units: Bool[Tensor, " units"], way: str = "patch") -> Edit:
    """Makes the edit that writes a digit at the places; samples without a place are left as they are.

    Raises:
        ValueError: On an unknown way, or a set of another number of units.
    """
    require(way in WAYS, f"way must be one of {', '.join(WAYS)}, got way={way!r}.")
    covered = cover(placed.place, sample.subject) * placed.known[:, None, None]
    if way == "mean":
        k = mean_at(donors, placed.digit).nan_to_num(0)
        return Edit(units.to(sample.maps), k[None, :, None, None], covered >= HALF)
    return Edit(units.to(sample.maps), moved(donors, placed), covered > 0)


def moved(donors: Sample, placed: Placed) -> Float[Tensor, "n units high wide"]:
    """Moves each donor's maps by whole cells; what comes from outside of them is 0."""
    high, wide = donors.maps.shape[2:]
    found = donors.maps.new_zeros(len(placed.donor), *donors.maps.shape[1:])
    for shift in placed.shift[placed.known].unique(dim=0).tolist():
        down, across = shift
        rows = (placed.known & (placed.shift == placed.shift.new_tensor(shift)).all(dim=1)).nonzero()[:, 0]
        to = slice(max(0, down), high + min(0, down)), slice(max(0, across), wide + min(0, across))
        source = slice(max(0, -down), high - max(0, down)), slice(max(0, -across), wide - max(0, across))
        part = donors.maps[placed.donor[rows]]
        found[(rows, slice(None), *to)] = part[(slice(None), slice(None), *source)]
    return found


def insert(
    sample: Sample,
    judge: Judge,
    donors: Sample,
    placed: Placed,
    units: Bool[Tensor, " units"] | None = None,
    way: str = "patch",
) -> Insertion:
    """Writes a digit at places and reads what is drawn.

    Args:
        sample: The test sample.
        judge: Who reads.
        donors: The rank sample, from which the places were chosen.
        placed: Of `choose_places`.
        units: Which are written; all by default.
        way: One of patch, mean.

    Raises:
        ValueError: On an unknown way, or a set of another number of units.

    Example:
        `insert(test, judge, rank, choose_places(test, rank, digit=3)).scores()` is what can be had at legal places at best.
    """
    every = torch.ones(sample.maps.shape[1], dtype=torch.bool, device=sample.maps.device)
    edit = writing(sample, donors, placed, every if units is None else units, way)
    images = images_of(sample.subject, sample.codes, edit)
    after, glyph = judge.read(images), sample.subject.canvas.glyph
    found = places_of(classes_of(judge, images), after.counts, glyph)[:, placed.digit]
    once = after.shown[:, placed.digit] & (found >= 0).all(dim=1)
    error = (found - placed.place).double().norm(dim=1)
    inserted = placed.known & once & (error <= glyph / 2)
    wanted = sample.said.counts.clone()
    wanted[:, placed.digit] = 1
    clean = inserted & (after.counts == wanted).all(dim=1) & ~after.junk
    return Insertion(placed, placed.known, inserted, clean, error.masked_fill(~(placed.known & once), torch.nan))
