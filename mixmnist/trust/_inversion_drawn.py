"""The strip of an inversion: a canvas, as the generator draws it, and with a digit taken away; below each what is read."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.dissect.editing import Edit
from mixmnist.dissect.fidelity import Canvases
from mixmnist.dissect.inverting import Inverted
from mixmnist.dissect.reading import Judge, Said
from mixmnist.report.seen import NONE, Picture, Sheet

MOST = 8  # canvases of a strip
MOST_READ = 3  # digits named below a picture
COLUMNS = ("canvas", "inverted", "without the first digit", "without the second")


def words(said: Said, number: int) -> str:
    """Says what is read on one canvas.

    Example:
        >>> counts = torch.tensor([[0, 1, 0, 2, 0, 0, 0, 0, 0, 0]])
        >>> words(Said(counts, torch.tensor([True]), torch.ones(1)), 0)
        '1, 3 3, junk'
    """
    read = [" ".join([str(digit)] * n) for digit, n in enumerate(said.counts[number].tolist()) if n]
    read = read if len(read) <= MOST_READ else [f"{len(read)} digits"]
    return ", ".join([*read, *(["junk"] if said.junk[number] else [])]) or "nothing"


def pictures_of(
    images: Float[Tensor, "n 1 rows cols"], said: Said, good: Sequence[bool | None] | None = None
) -> tuple[Picture, ...]:
    """Gives a picture of each image, with what is read below it."""
    marks = [None] * len(images) if good is None else good
    return tuple(
        Picture(image[0].clamp(0, 1).double().cpu().numpy(), below=(f"reads {words(said, number)}",), good=marks[number])
        for number, image in enumerate(images)
    )


def strip(
    judge: Judge, canvases: Canvases, inverted: Inverted, sets: Bool[Tensor, "digits units"], notes: tuple[str, ...] = ()
) -> Sheet:
    """Lays the first canvases out, a row each.

    Args:
        judge: Who reads.
        canvases: As they were.
        inverted: As the generator draws them.
        sets: The units that are switched off to remove each digit.
        notes: What stands below besides.
    """
    some = torch.arange(min(MOST, len(canvases)))
    canvases, inverted = canvases.some(some), inverted.some(some)
    drawn = judge.read(inverted.images)
    same = ((drawn.counts == canvases.said.counts).all(dim=1) & ~drawn.junk).tolist()
    before = pictures_of(canvases.images, canvases.said)
    after = pictures_of(inverted.images, drawn, same)
    rows = []
    for number in some.tolist():
        shown = canvases.said.shown[number].nonzero()[:, 0].tolist()
        without = [_without(judge, canvases, inverted.some(some[number : number + 1]), sets, digit, number) for digit in shown[:2]]
        without += [NONE] * (2 - len(without))
        rows.append(tuple((one,) for one in (before[number], after[number], *without)))
    note = "A thick frame: what is read is what should be; a dashed one: it is not."
    return Sheet(tuple((f"canvas {number}",) for number in some.tolist()), COLUMNS, tuple(rows), (note, *notes))


def _without(
    judge: Judge, canvases: Canvases, one: Inverted, sets: Bool[Tensor, "digits units"], digit: int, number: int
) -> Picture:
    """Gives one inverted canvas with the units of a digit switched off."""
    if not sets[digit].any():
        return NONE
    zero = torch.zeros(1, sets.shape[1], 1, 1)
    image = one.edited(Edit(sets[digit].to(zero), zero))
    said, wanted = judge.read(image), canvases.said.counts[number].clone()
    wanted[digit] = 0
    good = bool((said.counts[0] == wanted).all() & ~said.junk[0])
    (picture,) = pictures_of(image, said, [good])
    return Picture(picture.image, below=(f"without {digit}:", *picture.below), good=good)
