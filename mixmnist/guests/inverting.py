"""Inverting: canvases of anyone's as a generator of anyone's draws them, what is kept of them, and whether they can be edited."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixmnist.core.npz import read_npz
from mixmnist.core.records import require
from mixmnist.dissect import sampling
from mixmnist.dissect._encoder import Teaching, fit_encoder
from mixmnist.dissect.fidelity import Canvases, Fidelity, before, canvases_of, fidelity, removing_sets
from mixmnist.dissect.inverting import Descent, Inverted, invert_by, plain
from mixmnist.dissect.reading import Judge
from mixmnist.dissect.sampling import take
from mixmnist.dissect.subject import Subject
from mixmnist.guests.dissecting import ranked
from mixmnist.report.seen import save_sheet
from mixmnist.report.tables import write_table
from mixmnist.trust._inversion_drawn import strip, words

TRIED = 200  # samples on which units are chosen
SHOWN = ("same", "place_error", "psnr", "one_hot", "clean", "editable", "stay")
BESIDE = ("inverted", "encoder", "nearest", "random")
WAY_OUT = "Write one by: mixmnist export --out mixtures.npz."
CODE_SHARE = 0.6  # of the steps, those on the code alone
MEANING = (
    "same: the digits that were read are read, and no junk. place_error: pixels. psnr: decibels. one_hot: how far codes are from "
    "one-hot, 1 a whole digit; empty without such parts. clean: a digit's units switched off, and only that is gone. editable: "
    "clean, as a share of the same on the generator's own samples. stay: change outside the digit's box by that edit. Of them "
    "encoder is its guess alone; nearest the nearest of 1,000 own samples; random any of them."
)


@dataclass(frozen=True)
class Wanted:
    """How canvases are inverted, and edited."""

    steps: int = 250
    """Of the search for codes and maps."""
    one_hot: bool = False
    """Whether one-hot parts of codes are put to the nearest digit halfway."""
    ranking: str = "removal"
    """Whose units are switched off."""
    teaching: Teaching = field(default_factory=Teaching)
    """How the encoder is trained."""


@dataclass(frozen=True, eq=False, repr=False)
class Found:
    """What became of the canvases."""

    judge: Judge
    before: Canvases
    inverted: Inverted
    sets: Bool[Tensor, "digits units"]
    table: pd.DataFrame
    """A row a way: means over canvases."""
    canvases: pd.DataFrame
    """A row a canvas: what is read before and after, and how good its inversion is."""
    said: tuple[str, ...]

    def __repr__(self) -> str:
        """Says what it is, in a line."""
        return f"{len(self.before)} canvases inverted"

    def write(self, folder: Path) -> None:
        """Writes codes, maps and images as an .npz, the tables and the strip."""
        found = {name: getattr(self.inverted, name).cpu().numpy() for name in ("codes", "maps")}
        grey = [
            (images[:, 0].clamp(0, 1) * 255).round().byte().cpu().numpy() for images in (self.before.images, self.inverted.images)
        ]
        np.savez_compressed(folder / "inverted.npz", canvases=grey[0], images=grey[1], **found)
        write_table(folder, "inversion", self.table, [*self.said, MEANING])
        write_table(folder, "canvases", self.canvases, ["A row a canvas.", MEANING])
        save_sheet(strip(self.judge, self.before, self.inverted, self.sets, self.said[:1]), folder / "inversion.png")


def read_canvases(path: str | Path, most: int) -> Float[Tensor, "n 1 rows cols"]:
    """Reads canvases out of an .npz.

    Args:
        path: The file; its array `images` is [n, rows, cols] of whole numbers from 0 to 255.
        most: Canvases that are taken, the first ones.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no such array.
    """
    images = read_npz(path, "canvases", WAY_OUT).get("images")
    if images is None:
        raise ValueError(f"the .npz of canvases must hold images, got none in {path}. {WAY_OUT}")
    fits = images.ndim == 3 and images.dtype == np.uint8 and len(images) > 0
    got = f"{list(images.shape)} of {images.dtype} in {path}"
    require(fits, f"images must be [n, rows, cols] of uint8, got {got}. {WAY_OUT}")
    return torch.from_numpy(images[:most])[:, None].float() / 255


def invert(subject: Subject, judge: Judge, images: Float[Tensor, "n 1 rows cols"], wanted: Wanted = Wanted()) -> Found:
    """Inverts canvases and tries edits on them.

    Args:
        subject: The generator and its layer.
        judge: Who reads.
        images: In [0, 1].
        wanted: How.

    Returns:
        Codes, maps, images, and what is kept of the canvases.

    Raises:
        ValueError: If the canvases are of another size.

    Example:
        `invert(subject, judge, read_canvases("mixtures.npz", most=100)).table`.
    """
    canvases = canvases_of(judge, images, subject.canvas.glyph)
    rank, test = (take(subject, judge, max(TRIED, subject.n_units), seed) for seed in (sampling.RANK, sampling.TEST))
    sets = removing_sets(rank, judge, ranked(wanted.ranking, rank, judge))
    own = before(judge, plain(subject, test.codes), sets)
    encoder = fit_encoder(subject, wanted.teaching)
    steps = max(1, round(wanted.steps * CODE_SHARE))
    how = Descent(steps=steps, layer_steps=wanted.steps - steps, project=wanted.one_hot)
    rows, kept = [], None
    for way in BESIDE:
        inverted = invert_by(way, subject, images, encoder, how)
        found = fidelity(judge, canvases, inverted, sets)
        scores = found.scores(own)
        rows.append({"way": way, "n": len(images), **{name: scores[name] for name in SHOWN}})
        kept = kept or (inverted, found)
    assert kept is not None
    said = _said(judge, canvases, own, sets, wanted)
    return Found(judge, canvases, kept[0], sets, pd.DataFrame(rows), _each(judge, canvases, *kept), said)


def _said(judge: Judge, canvases: Canvases, own: float, sets: Bool[Tensor, "digits units"], wanted: Wanted) -> tuple[str, ...]:
    """Says what must be known of the numbers."""
    without = [str(digit) for digit, units in enumerate(sets) if not units.any()]
    valid = int(canvases.said.valid.sum())
    lines = [
        f"Read by: {judge.card}.",
        f"{valid} of {len(canvases)} canvases are valid as they are read: two different digits once each, no junk.",
        f"Units by {wanted.ranking}: on the generator's own samples they remove a digit cleanly from {own:.3f}.",
    ]
    if without:
        lines.append(f"No units are known that remove {', '.join(without)}: nothing was removed there, and they do not count.")
    return tuple(lines)


def _each(judge: Judge, canvases: Canvases, inverted: Inverted, found: Fidelity) -> pd.DataFrame:
    """Gives a row a canvas."""
    after = judge.read(inverted.images)
    texts: Sequence[tuple[str, str]] = [(words(canvases.said, one), words(after, one)) for one in range(len(canvases))]
    rows = {
        "canvas": list(range(len(canvases))),
        "reads": [one for one, _ in texts],
        "inverted_reads": [one for _, one in texts],
        "same": found.same.tolist(),
        "place_error": found.place_error.tolist(),
        "psnr": found.psnr.tolist(),
        "clean": found.clean.nanmean(dim=1).tolist(),
        "stay": found.stay.nanmean(dim=1).tolist(),
    }
    return pd.DataFrame(rows)
