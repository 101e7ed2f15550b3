"""The strip of an inversion: a canvas, as the generator draws it, and with a digit taken away; below each what is read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.dissect.editing import Edit
from mixmnist.dissect.fidelity import Canvases
from mixmnist.dissect.inverting import Inverted
from mixmnist.dissect.reading import Judge, Said
from mixmnist.report.drawing import Album
from mixmnist.report.seen import NONE, Picture, Sheet, as_bytes, draw_sheet

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
        without = [
            _without(judge, canvases, inverted.some(some[number : number + 1]), sets, digit, number) for digit in shown[:2]
        ]
        without += [NONE] * (2 - len(without))
        rows.append(tuple((one,) for one in (before[number], after[number], *without)))
    said = ["A thick frame: what is read is what should be; a dashed one: it is not."]
    if not sets.any():
        said.append("No units that were tried remove any digit cleanly, so none is removed here.")
        rows = [row[:2] for row in rows]
    heads = COLUMNS[: len(rows[0])]
    return Sheet(tuple((f"canvas {number}",) for number in some.tolist()), heads, tuple(rows), (*said, *notes))


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


def keep(sheet: Sheet, path: Path) -> None:
    """Writes the numbers behind a strip, as an .npz of plain arrays."""
    pictures = [cell[0] for row in sheet.pictures for cell in row]
    size = next(one.image.shape for one in pictures if one.image is not None)
    images = np.stack([np.zeros(size) if one.image is None else one.image for one in pictures])
    arrays = {
        "images": as_bytes(images),
        "there": np.array([one.image is not None for one in pictures]),
        "below": np.array(["\n".join(one.below) for one in pictures]),
        "good": np.array(["" if one.good is None else str(int(one.good)) for one in pictures]),
        "rows": np.array([row[0] for row in sheet.rows]),
        "columns": np.array(sheet.columns),
        "notes": np.array(sheet.notes),
    }
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # its stubs take only named arrays


def kept(path: Path) -> Sheet:
    """Reads what `keep` wrote."""
    with np.load(path) as stored:
        found = {name: stored[name] for name in stored.files}
    pictures = []
    for image, there, below, good in zip(*(found[name] for name in ("images", "there", "below", "good")), strict=True):
        mark = bool(int(good)) if str(good) else None
        pictures.append(Picture(image / 255, below=tuple(str(below).split("\n")), good=mark) if there else NONE)
    columns = tuple(map(str, found["columns"]))
    rows = [pictures[start : start + len(columns)] for start in range(0, len(pictures), len(columns))]
    cells = tuple(tuple((one,) for one in row) for row in rows)
    return Sheet(tuple((str(row),) for row in found["rows"]), columns, cells, tuple(map(str, found["notes"])))


def draw_kept(path: Path, album: Album) -> None:
    """Draws a strip of its numbers into an album, by the name of its file."""
    sheet = kept(path)
    cells = [
        (name[0], column, cell[0])
        for name, row in zip(sheet.rows, sheet.pictures, strict=True)
        for column, cell in zip(sheet.columns, row, strict=True)
    ]
    table = pd.DataFrame(
        [{"canvas": name, "picture": column, "reads": " ".join(one.below), "good": one.good} for name, column, one in cells]
    )
    plain = Sheet(sheet.rows, sheet.columns, sheet.pictures)
    album.save(draw_sheet(plain, album.look), table, path.stem, " ".join(sheet.notes))
