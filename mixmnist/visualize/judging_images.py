"""Judging pictures: is the digit that a unit detects to be read in them, by a reader that knows nothing of the net?

How much a picture excites its unit is told, too, and is no criterion: what excites most as a rule shows nothing.

Source:
    Path: R. Geirhos et al. (2023), "Don't trust your eyes: on the (un)reliability of feature visualizations", arXiv:2306.04719.
    Differs: the reader is a net of known errors in place of eyes; path is taken over units, each at its peak.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from scipy.stats import rankdata
from torch import Tensor

from mixmnist.core.records import require
from mixmnist.visualize._garbage import garbage
from mixmnist.visualize._geometry import layer_before
from mixmnist.visualize._targets import Target
from mixmnist.visualize.imaging import Supplies
from mixmnist.visualize.mapping import as_pixels
from mixmnist.visualize.natural import device_of, refuse_silent, responses
from mixmnist.visualize.reader import Reader
from mixmnist.visualize.ways import top

GLYPHS = 2_000  # real glyphs, the first ones, among which the nearest is looked for
HOT = range(20, 40)  # ranks of the natural canvases that a path is compared with; the top images themselves come before
SHADES = 1e-4  # standard deviation below which a piece of a picture is flat, and like no glyph
MEASURES = ("reads_own", "only_own", "nothing", "response", "nearest_glyph", "path", "diversity")

Pixels = Float[Tensor, "n channels rows cols"]


@dataclass(frozen=True, eq=False)
class Beside:
    """What pictures are held against: natural top images, and canvases with scrambled phases; of the same units."""

    natural: Pixels
    nothing: Pixels
    tables: tuple[pd.DataFrame, pd.DataFrame]  # of `look_at_images`


def judge_images(
    images: Pixels,
    target: Target,
    own: Int[Tensor, " n"],
    seeds: Sequence[int],
    reader: Reader,
    supplies: Supplies,
    beside: Beside | None = None,
) -> pd.DataFrame:
    """Judges pictures, each measure beside that of natural top images and beside chance.

    Args:
        images: In [0, 1].
        target: One unit for each picture.
        own: The digit that each picture's unit detects.
        seeds: Of the pictures; the natural images beside them are those of these ranks.
        reader: Above its bar.
        supplies: Natural canvases, more than 40.
        beside: What `look_beside` gave of the same target and seeds, if it is at hand.

    Returns:
        A row a measure: `value`, `natural`, `chance`, and `pictures` that count. `reads_own`: the reader reads the own digit;
        `only_own`: and no other; `nothing`: it reads none; `response`: the target over the best natural number;
        `nearest_glyph`: the highest correlation with a real glyph anywhere on the picture; `path`: rank correlation, over the
        units of the layer before, with hot natural canvases; `diversity`: 1 less the highest correlation of two pictures of a
        unit, one of them moved in any way. Chance: for `reads_own` and `only_own` the mean of the nine other digits, else what
        canvases with scrambled phases have.

    Raises:
        ValueError: If the reader is below its bar, a unit never fires, or there are too few canvases.
    """
    beside = beside or look_beside(target, own, seeds, reader, supplies)
    tables = [look_at_images(images, target, own, reader, supplies), *beside.tables]
    units = target.index.expand(len(images))
    rows = []
    for measure in MEASURES:
        if measure == "diversity":
            values = [diversity(x, units) for x in (images, beside.natural, beside.nothing)]
        else:
            values = [float(table[measure].mean()) for table in tables]
        other = f"{measure}_others"
        chance = float(tables[0][other].mean()) if other in tables[0] else values[2]
        rows.append((measure, values[0], values[1], chance, len(images)))
    return pd.DataFrame(rows, columns=["measure", "value", "natural", "chance", "pictures"])


def look_beside(target: Target, own: Int[Tensor, " n"], seeds: Sequence[int], reader: Reader, supplies: Supplies) -> Beside:
    """Looks at what pictures are held against, once for many pictures of the same units.

    Args:
        target: One unit for each picture.
        own: The digit of each.
        seeds: Ranks of the natural images.
        reader: Above its bar.
        supplies: Natural canvases, more than 40.

    Raises:
        ValueError: As `judge_images`.
    """
    natural = top.run(target, supplies, seeds).to(device_of(target))
    grey = (natural[:, 0] * 255).round().to(torch.uint8).cpu()
    nothing = as_pixels(garbage("scrambled", grey, sum(seeds))).to(natural)
    one, other = (look_at_images(x, target, own, reader, supplies) for x in (natural, nothing))
    return Beside(natural, nothing, (one, other))


def look_at_images(images: Pixels, target: Target, own: Int[Tensor, " n"], reader: Reader, supplies: Supplies) -> pd.DataFrame:
    """Says of each picture what the reader reads and what the net says.

    Returns:
        A row a picture: `unit`, `own`, `read` (the digits, as text), the measures of `judge_images` but for the diversity, and
        `reads_own_others`, `only_own_others`: the same of a digit that is not the own one, on average.

    Raises:
        ValueError: As `judge_images`.
    """
    reader.check()
    n = len(supplies.canvases)
    require(n > HOT[-1], f"canvases must be more than {HOT[-1]}, got {n}. Draw more.")
    found = responses(target, supplies.canvases)
    refuse_silent(target, found)
    read = reader.read(images)
    alone = read & (read.sum(dim=1, keepdim=True) == 1)
    mine = F.one_hot(own.cpu(), read.shape[1]).bool()
    best = found.amax(dim=1).expand(len(images))
    table = {
        "unit": target.index.expand(len(images)).tolist(),
        "own": own.tolist(),
        "read": ["".join(str(digit) for digit in row.nonzero()[:, 0].tolist()) for row in read],
        "reads_own": read[mine].float().tolist(),
        "only_own": alone[mine].float().tolist(),
        "nothing": (~read.any(dim=1)).float().tolist(),
        "response": (target.values(images) / best).tolist(),
        "nearest_glyph": nearest_glyph(images, supplies.canvases.tiles[:GLYPHS]).tolist(),
        "path": _paths(images, target, found, supplies).tolist(),
    }
    for name, what in (("reads_own", read), ("only_own", alone)):
        table[f"{name}_others"] = ((what & ~mine).float().sum(dim=1) / (~mine).sum(dim=1)).tolist()
    return pd.DataFrame(table)


def nearest_glyph(images: Pixels, glyphs: Tensor) -> Float[Tensor, " n"]:
    """Gives the highest correlation of any piece of a picture with any glyph; a flat picture has 0.

    Args:
        images: Grey ones.
        glyphs: Real ones, square, of one size.

    Example:
        >>> glyph = torch.tensor([[[0, 255], [255, 0]]], dtype=torch.uint8)
        >>> image = torch.zeros(1, 1, 4, 4)
        >>> image[0, 0, 1:3, 2:4] = glyph[0] / 255
        >>> nearest_glyph(image, glyph)
        tensor([1.])
    """
    real = glyphs.float().flatten(1).to(images.device)
    real = real - real.mean(dim=1, keepdim=True)
    real = real / real.norm(dim=1, keepdim=True).clamp_min(1e-9)
    best = []
    for image in images:
        pieces = F.unfold(image[None], glyphs.shape[1])[0].T  # places pixels
        pieces = pieces - pieces.mean(dim=1, keepdim=True)
        size = pieces.norm(dim=1, keepdim=True)
        shaded = size > SHADES * pieces.shape[1] ** 0.5
        best.append((torch.where(shaded, pieces / size.clamp_min(1e-9), 0) @ real.T).amax())
    return torch.stack(best)


def diversity(images: Pixels, units: Int[Tensor, " n"]) -> float:
    """Gives 1 less the correlation of two pictures of a unit where one is moved to be most like the other, over all pairs.

    Returns:
        0 where pictures differ in their place alone; `nan` where no unit has two pictures.
    """
    flat = images - images.mean((1, 2, 3), keepdim=True)
    waves = torch.fft.rfft2(flat / flat.flatten(1).norm(dim=1).clamp_min(1e-9)[:, None, None, None])
    pairs = [(i, j) for i in range(len(units)) for j in range(i) if units[i] == units[j]]
    if not pairs:
        return float("nan")
    one, other = torch.tensor(pairs).T
    across = torch.fft.irfft2((waves[one] * waves[other].conj()).sum(dim=1), s=images.shape[2:])
    return float(1 - across.amax((1, 2)).mean())


def _paths(images: Pixels, target: Target, found: Float[Tensor, "cases images"], supplies: Supplies) -> Float[Tensor, " n"]:
    """Gives the mean rank correlation of each picture's units, in the layer before, with those of hot natural canvases."""
    before = replace(target, of="peak", layer=layer_before(target, images), before=False, cells=None, rivals=None)
    order = found.argsort(dim=1, descending=True, stable=True)[:, HOT.start : HOT.stop].cpu()
    pixels = as_pixels(supplies.canvases.images)
    own = _ranks(before, images)
    known: dict[int, np.ndarray] = {}
    values = []
    for picture in range(len(images)):
        case = picture % len(order)
        unit = int(target.index[case])
        if unit not in known:
            known[unit] = _ranks(before, pixels[order[case]].to(images))
        values.append(float(np.nanmean(known[unit] @ own[picture])))
    return torch.tensor(values)


def _ranks(target: Target, images: Pixels) -> np.ndarray:
    """Gives the ranks of units by their peaks, of length 1 and mean 0, images by units; nan where all are the same."""
    with torch.no_grad():
        ranks = rankdata(target.maps(images).amax(dim=2).numpy(force=True), axis=1)
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    size = np.linalg.norm(ranks, axis=1, keepdims=True)
    found: np.ndarray = np.divide(ranks, size, out=np.full_like(ranks, np.nan), where=size > 0)
    return found
