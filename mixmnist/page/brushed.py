"""Brushed: the page of a brush from a generator's samples: what painting writes is fitted on one, and what is shown is another.

Source:
    k as in D. Bau et al. (2019), "GAN Dissection", arXiv:1811.10597: a unit's mean where the digit is. A stamp is a patch,
    as in M. Besserve et al. (2018), arXiv:1812.03253. Differs: the donor is the canvas on which the digit is read most surely.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.dissect.inserting import mean_at
from mixmnist.dissect.judging import TrainedJudge
from mixmnist.dissect.reading import DIGITS
from mixmnist.dissect.sampling import Sample
from mixmnist.page.brushing import Brush, Inverted

SHOWN = 100  # canvases of a kind on a page
MARGIN = 1  # cells around a digit's box that a stamp copies, too


def brush_of(
    samples: tuple[Sample, Sample],
    judge: TrainedJudge,
    rankings: Mapping[str, Float[Tensor, "units digits"]],
    title: str,
    *,
    notes: Sequence[str] = (),
    inverted: Inverted | None = None,
    n_units: int = 4,
) -> Brush:
    """Gives what a page of a brush shows of a generator.

    Args:
        samples: The rank sample, that values and donors are taken from, and the test sample, that is shown.
        judge: Whose net reads on the page.
        rankings: By the title that the page shows; the first two stand there first.
        title: Of the page.
        notes: What else is to be known of the generator, a sentence each.
        inverted: Real canvases with their codes.
        n_units: That the brush begins with.

    Returns:
        For `mixmnist.page.brushing.write_brush`.
    """
    rank, test = samples
    share = float(test.said.valid.float().mean())
    believed = (
        f"The judge: {judge.card}.",
        f"Of {len(test)} canvases it calls {100 * share:.1f} % valid: two different digits, no junk.",
        *notes,
    )
    return Brush(
        title=title,
        net=rank.subject.net,
        layer=rank.subject.layer,
        judge=judge.net,
        canvas=rank.subject.canvas,
        codes=test.codes[:SHOWN],
        rankings=rankings,
        values=torch.stack([mean_at(rank, digit) for digit in range(DIGITS)], dim=1),
        notes=believed,
        faults=tuple(f"No verdict is passed by this judge: it has {fault}." for fault in judge.faults),
        inverted=inverted,
        patches=patches_of(rank),
        n_units=min(n_units, rank.subject.n_units),
    )


def patches_of(donors: Sample) -> Float[Tensor, "digits units tall broad"]:
    """Cuts out of the layer what lies around each digit where it is read most surely, a cell more on each side than its box.

    A donor with no other digit near and with its box on whole cells is taken before all others. What lies outside of the canvas
    is 0, and so is all of a digit that is nowhere read once.
    """
    subject = donors.subject
    units, high, wide = donors.maps.shape[1:]
    size, glyph = subject.canvas.size, subject.canvas.glyph
    tall, broad = (math.ceil(glyph * cells / size) + 2 * MARGIN for cells in (high, wide))
    framed = torch.nn.functional.pad(donors.maps, (MARGIN, broad, MARGIN, tall))
    found = donors.maps.new_zeros(DIGITS, units, tall, broad)
    for digit in range(DIGITS):
        if donors.shown[:, digit].any():
            best = int((donors.said.sure + 2 * _apart(donors, digit) + 4 * donors.shown[:, digit]).argmax())
            row, col = (int(place) * cells // size for place, cells in zip(donors.places[best, digit], (high, wide), strict=True))
            found[digit] = framed[best, :, row : row + tall, col : col + broad]
    return found


def _apart(donors: Sample, digit: int) -> Bool[Tensor, " n"]:
    """Says where a digit's box lies on whole cells and no other digit's within the margin."""
    subject = donors.subject
    cell = torch.tensor([subject.canvas.size / cells for cells in donors.maps.shape[2:]])
    places = donors.places.float()
    whole = (places[:, digit].remainder(cell) == 0).all(dim=1)
    far = ((places - places[:, digit : digit + 1]).abs() >= subject.canvas.glyph + MARGIN * cell).any(dim=2)  # n digits
    there = (donors.said.counts > 0).index_fill(1, torch.tensor([digit]), value=False)
    return whole & ~(there & ~far).any(dim=1)
