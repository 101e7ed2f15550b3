"""Odd canvases: what a judge of generated canvases is trained on, with everything that is known about them.

A generator makes more than proper canvases, so a judge must have seen more. A share of the canvases are proper pairs: two
different digits whose boxes do not touch. The others show none to three glyphs, repeats among them, whose boxes may overlap by
a third of a glyph; some show junk besides; some are faint, blurred or noisy, as poor generators draw.

What counts as a digit: a whole glyph of at least .45 of full contrast, blurred by at most 0.9 pixels, whose box overlaps no
other by more than a third. What counts as junk: two glyphs laid over each other less than 4 pixels apart, of which each has
much ink of its own; a glyph of which a third to two thirds of the ink are cut off along one side; a glyph smeared over its
box; a blob of noise. What counts as neither: a ghost, which is a glyph of at most .2 of full contrast, and noise of the whole
canvas. A judge's answer between these bounds is not taught.
"""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mixmnist.core.records import Canvas, Glyphs, require
from mixmnist.data.canvas import resize
from mixmnist.dissect.reading import BACKGROUND, JUNK

EMPTY, GHOST = -1, -2  # what a slot may hold besides a digit and junk
SLOTS, TRIES = 4, 64  # glyphs on a canvas at most; layouts that are tried for each
FULL, FAINT = (0.45, 1.0), (0.05, 0.2)  # contrasts of soft digits, and of ghosts
BLUR, NOISE, FLOOR = 0.9, 0.06, 0.08  # at most: pixels, and shares of full ink
OWN, CUT, APART = 0.35, (0.35, 0.65), 4  # least share of ink of its own in a blend; share cut off a half; pixels
SEEN = 0.5 / 255  # ink from here on; a byte of it is 1


@dataclass(frozen=True)
class Mix:
    """Which canvases are drawn, how often."""

    proper: float = 0.5
    """Share of proper pairs."""
    junk: float = 0.3
    """Share of the others that show junk."""
    ghost: float = 0.15
    """Share of the others that show a ghost."""
    soft: float = 0.5
    """Share of the others that are faint, blurred or noisy."""
    soft_proper: float = 0.3
    """The same share of the proper pairs."""
    crowd: float = 0.0
    """Share of all that show four glyphs, one in each quarter: more to learn from a canvas."""
    warp: float = 1.0
    """How much glyphs are turned, sheared, scaled, moved and bent, at most; 0 leaves them as they are."""


PROPER = Mix(proper=1.0, soft_proper=0.0, warp=0.0)  # pairs of glyphs as they are
ODD = Mix(proper=0.0, warp=0.0)


@dataclass(frozen=True, eq=False)
class Pool:
    """Glyphs to draw with."""

    images: Float[Tensor, "glyphs 1 rows cols"]  # as the source has them, in [0, 1]
    tiles: Float[Tensor, "glyphs 1 side side"]  # as they lie on a canvas
    labels: Int[Tensor, " glyphs"]
    first: Int[Tensor, " digits"] = field(init=False)  # of each digit, in the order of labels
    number: Int[Tensor, " digits"] = field(init=False)

    def __post_init__(self) -> None:
        number = self.labels.bincount(minlength=10)
        require(
            len(number) == 10 and bool((number > 0).all()),
            f"glyphs must be of the ten digits and of each of them, got {number.tolist()} of each. Use a source of digits.",
        )
        object.__setattr__(self, "number", number)
        object.__setattr__(self, "first", number.cumsum(0) - number)


def pool_of(glyphs: Glyphs, rows: Int[Tensor, " some"], side: int) -> Pool:
    """Makes a pool of some glyphs of a source, at the size that they have on a canvas."""
    labels = torch.tensor(glyphs.labels)[rows]
    order = rows[labels.argsort(stable=True)]
    images, tiles = (torch.tensor(each)[order][:, None].float() / 255 for each in (glyphs.images, resize(glyphs.images, side)))
    return Pool(images, tiles, labels.sort(stable=True).values)


@dataclass(frozen=True, eq=False)
class OddCanvases:
    """Canvases and what is known about them."""

    images: Float[Tensor, "n 1 rows cols"]  # in [0, 1]
    classes: Int[Tensor, "n rows cols"]  # 0-9, background, junk
    counts: Int[Tensor, "n digits"]  # 0, 1, 2 or more
    junk: Bool[Tensor, " n"]
    slots: Int[Tensor, "n slots"]  # a digit, JUNK, or neither (negative)
    positions: Int[Tensor, "n slots 2"]  # top left pixel of each glyph's box


def odd_canvases(pool: Pool, n: int, canvas: Canvas, generator: torch.Generator, mix: Mix = Mix()) -> OddCanvases:
    """Draws canvases.

    Args:
        pool: Glyphs to draw with.
        n: How many.
        canvas: Sizes; its policy of overlap is not asked.
        generator: The random numbers.
        mix: Which, how often.

    Example:
        >>> from mixmnist.data.sources import load_glyphs
        >>> pool = pool_of(load_glyphs("stamps", None, "test"), torch.arange(10), 12)
        >>> found = odd_canvases(pool, 5, Canvas(), torch.Generator().manual_seed(0), PROPER)
        >>> found.counts.sum(dim=1).tolist(), found.junk.any().item()
        ([2, 2, 2, 2, 2], False)
    """
    require(n >= 1, f"n must be 1 or more, got n={n}. Draw at least one canvas.")
    proper, crowd = (_chance(n, share, generator) for share in (mix.proper, mix.crowd))
    slots = _slots(proper, crowd, mix, generator)
    positions, legal = _layout(slots, proper, crowd, canvas, generator)
    slots = torch.where(legal[:, None] | (torch.arange(SLOTS + 1) == 0), slots, EMPTY)
    tiles = _tiles(pool, slots, mix.warp, generator)
    soft = torch.where(proper, *(_chance(n, share, generator) for share in (mix.soft_proper, mix.soft)))
    contrast = torch.where(soft[:, None], _uniform((n, SLOTS + 1), *FULL, generator), 1.0)  # type: ignore[call-overload]  # a tensor
    contrast = torch.where(slots == GHOST, _uniform((n, SLOTS + 1), *FAINT, generator), contrast)
    images, classes = _paste(tiles, contrast, slots, positions, canvas)
    digits = F.one_hot(slots.clamp(min=0, max=JUNK), JUNK + 1)[..., :10] * ((slots >= 0) & (slots < 10))[..., None]
    counts = digits.sum(dim=1).clamp(max=2)
    return OddCanvases(_softened(images, soft, generator), classes, counts, (slots == JUNK).any(dim=1), slots, positions)  # type: ignore[arg-type]  # as above


def warped(
    images: Float[Tensor, "n 1 rows cols"], side: int, strength: float, generator: torch.Generator
) -> Float[Tensor, "n 1 side side"]:
    """Turns, shears, scales, moves and bends glyphs, each by an amount of its own up to the strength; gives them side by side."""
    n = len(images)
    most = strength * torch.rand(n, generator=generator)
    angle, shear, high, wide, down, right = (_uniform((6, n), -1.0, 1.0, generator) * most).unbind()
    angle, shear = angle * math.radians(13), shear * 0.2
    high, wide = 1 + 0.03 * most + 0.12 * high, 1 + 0.03 * most + 0.12 * wide
    rows = torch.stack([angle.cos() * wide, shear - angle.sin() * wide, 0.08 * right], dim=1)
    cols = torch.stack([angle.sin() * high, angle.cos() * high, 0.08 * down], dim=1)
    grid = F.affine_grid(torch.stack([rows, cols], dim=1), [n, 1, side, side], align_corners=False)
    bend = torch.randn(n, 2, 4, 4, generator=generator) * 0.06 * most[:, None, None, None]
    bend = F.interpolate(bend, size=(side, side), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    return F.grid_sample(images, grid + bend, align_corners=False)


def _slots(proper: Tensor, crowd: Tensor, mix: Mix, generator: torch.Generator) -> Int[Tensor, "n slots"]:
    """Says what each slot holds; the last one is for ghosts."""
    n = len(proper)
    first = torch.randint(10, (n,), generator=generator)
    other = (first + torch.randint(1, 10, (n,), generator=generator)) % 10
    pairs = torch.stack([first, other, *[torch.full_like(first, EMPTY)] * (SLOTS - 1)], dim=1)
    few = torch.randint(10, (n, SLOTS + 1), generator=generator)
    few[:, 1] = torch.where(_chance(n, 0.4, generator), few[:, 0], few[:, 1])  # repeats
    number = torch.randint(SLOTS, (n,), generator=generator)
    junk = _chance(n, mix.junk, generator)
    few = torch.where(torch.arange(SLOTS + 1) < torch.where(junk, number.clamp(min=1), number)[:, None], few, EMPTY)
    few[:, 0] = torch.where(junk, JUNK, few[:, 0])
    few[:, SLOTS] = torch.where(_chance(n, mix.ghost, generator), GHOST, EMPTY)
    found = torch.where(proper[:, None], pairs, few)
    four = torch.randint(10, (n, SLOTS + 1), generator=generator)
    four[:, 0] = torch.where(_chance(n, 0.2, generator), JUNK, four[:, 0])
    four[:, SLOTS] = EMPTY
    return torch.where(crowd[:, None], four, found)


def _layout(
    slots: Tensor, proper: Tensor, crowd: Tensor, canvas: Canvas, generator: torch.Generator
) -> tuple[Int[Tensor, "n slots 2"], Bool[Tensor, " n"]]:
    """Draws places until boxes lie far enough apart; says where none was found. Ghosts may lie anywhere."""
    n = len(slots)
    drawn = torch.randint(1, canvas.size - canvas.glyph + 1, (n, TRIES, SLOTS + 1, 2), generator=generator)
    apart = torch.where(proper, canvas.glyph, canvas.glyph - canvas.glyph // 3)[:, None]
    legal = torch.ones(n, TRIES, dtype=torch.bool)
    for one in range(SLOTS):
        for two in range(one):
            near = (drawn[:, :, one] - drawn[:, :, two]).abs().amax(dim=-1) < apart
            legal &= ~(near & ((slots[:, one] >= 0) & (slots[:, two] >= 0))[:, None])
    spread = max(1, (canvas.size - canvas.glyph - canvas.glyph * 2 // 3) // 2)  # of a glyph in its quarter
    drawn[:, 0, :SLOTS] = 1 + torch.randint(spread, (n, SLOTS, 2), generator=generator)
    drawn[:, 0, :SLOTS] += torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]) * (canvas.size - canvas.glyph - spread)
    legal[:, 0] = crowd
    chosen = legal.to(torch.int8).argmax(dim=1)
    return drawn[torch.arange(n), chosen], legal.any(dim=1)


def _tiles(pool: Pool, slots: Tensor, strength: float, generator: torch.Generator) -> Float[Tensor, "n slots side side"]:
    """Draws a glyph for each slot, and makes junk."""
    drawn = torch.where((slots >= 0) & (slots < 10), slots, torch.randint(10, slots.shape, generator=generator))
    tiles = _glyphs(pool, drawn.flatten(), strength, generator).unflatten(0, slots.shape)[:, :, 0]
    tiles = tiles * (slots != EMPTY)[..., None, None]
    rows = (slots[:, 0] == JUNK).nonzero()[:, 0]
    if len(rows):
        other = (drawn[rows, 0] + torch.randint(1, 10, (len(rows),), generator=generator)) % 10
        tiles[rows, 0] = junk_tiles(tiles[rows, 0], _glyphs(pool, other, strength, generator)[:, 0], generator)
    return tiles  # type: ignore[no-any-return]  # tensors say nothing of sums


def _glyphs(pool: Pool, digits: Int[Tensor, " n"], strength: float, generator: torch.Generator) -> Tensor:
    """Draws a glyph of each digit, uniform over the digit's glyphs."""
    number = pool.number[digits]
    rows = pool.first[digits] + (torch.rand(len(digits), generator=generator) * number).long().clamp(max=number - 1)
    if strength == 0:
        return pool.tiles[rows]
    return warped(pool.images[rows], pool.tiles.shape[-1], strength, generator)


def junk_tiles(
    one: Float[Tensor, "n side side"], two: Float[Tensor, "n side side"], generator: torch.Generator
) -> Float[Tensor, "n side side"]:
    """Makes junk of pairs of glyphs: blends, halves, smears and blobs, each kind as often as any other where it can be."""
    n, side = one.shape[:2]
    blend, own = _blend(one, two, generator)
    half, good = _half(one, generator)
    coarse = F.adaptive_avg_pool2d(one[:, None], 3)
    smear = F.interpolate(coarse, size=(side, side), mode="bilinear", align_corners=False)[:, 0]
    smear = smear / smear.amax(dim=(1, 2), keepdim=True).clamp(min=1e-3) * _uniform((n, 1, 1), 0.5, 0.9, generator)
    noise = F.interpolate(torch.randn(n, 1, 5, 5, generator=generator), size=(side, side), mode="bicubic", align_corners=True)
    blob = (noise[:, 0] * _uniform((n, 1, 1), 1.0, 3.0, generator)).clamp(0, 1)
    kind = torch.randint(4, (n,), generator=generator)
    kind = torch.where((kind == 0) & ~own | (kind == 1) & ~good, torch.randint(2, 4, (n,), generator=generator), kind)
    found = torch.stack([blend, half, smear, blob])[kind, torch.arange(n)]
    return torch.where(found < 0.1, 0.0, found)


def _blend(one: Tensor, two: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Lays one glyph over another, a few pixels apart; says where each has enough ink that the other has not."""
    n, side = one.shape[:2]
    shift = torch.randint(1 - APART, APART, (n, 2), generator=generator)
    rows, cols = ((torch.arange(side) + shift[:, k : k + 1]) for k in (0, 1))
    inside = ((rows >= 0) & (rows < side))[:, :, None] & ((cols >= 0) & (cols < side))[:, None]
    each = torch.arange(n)[:, None, None]
    moved = two[each, rows.clamp(0, side - 1)[:, :, None], cols.clamp(0, side - 1)[:, None]] * inside
    a, b = one > 0.3, moved > 0.3
    shared = (a & b).sum(dim=(1, 2))
    own = (shared <= (1 - OWN) * a.sum(dim=(1, 2))) & (shared <= (1 - OWN) * b.sum(dim=(1, 2)))
    return torch.maximum(one, moved), own & (b.sum(dim=(1, 2)) > 0)


def _half(one: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cuts a part of a glyph off along one side; says where the part is neither too small nor too large."""
    n, side = one.shape[:2]
    edge = torch.randint(side // 3, side - side // 3 + 1, (n, 1), generator=generator)
    keep = (torch.arange(side) < edge) ^ _chance(n, 0.5, generator)[:, None]
    keep = torch.where(_chance(n, 0.5, generator)[:, None, None], keep[:, :, None], keep[:, None])
    half = one * keep
    lost = 1 - half.sum(dim=(1, 2)) / one.sum(dim=(1, 2)).clamp(min=1e-3)
    return half, (lost >= CUT[0]) & (lost <= CUT[1])


def _paste(
    tiles: Tensor, contrast: Tensor, slots: Tensor, positions: Tensor, canvas: Canvas
) -> tuple[Float[Tensor, "n 1 rows cols"], Int[Tensor, "n rows cols"]]:
    """Lays glyphs on canvases, the darker ink above; says what each pixel shows."""
    n, k, side = tiles.shape[:3]
    axis = torch.arange(side)
    rows, cols = ((positions[..., i : i + 1] + axis) for i in (0, 1))
    pixels = (rows[..., :, None] * canvas.size + cols[..., None, :]).flatten(2)  # n slots pixels
    ink = torch.zeros(n, k, canvas.size**2).scatter_(2, pixels, (tiles * contrast[..., None, None]).flatten(2))
    seen = torch.zeros(n, k, canvas.size**2).scatter_(2, pixels, tiles.flatten(2)) >= SEEN
    images, upper = ink.max(dim=1)
    shown = torch.where(slots >= 0, slots, BACKGROUND).gather(1, upper)
    known = seen.gather(1, upper[:, None])[:, 0]
    classes = torch.where(known, shown, BACKGROUND)
    size = (canvas.size, canvas.size)
    return images.unflatten(1, size)[:, None], classes.unflatten(1, size)


def _softened(images: Tensor, soft: Tensor, generator: torch.Generator) -> Tensor:
    """Blurs the soft canvases, and adds a floor and noise, to each an amount of its own."""
    rows = soft.nonzero()[:, 0]
    if not len(rows):
        return images
    n = len(rows)
    width = _uniform((n, 1), 0.05, BLUR, generator)
    bell = torch.exp(-(torch.arange(-2.0, 3.0) ** 2) / (2 * width**2))
    bell = bell / bell.sum(dim=1, keepdim=True)
    part = images[rows][:, 0][None]  # 1 n rows cols
    part = F.conv2d(part, bell[:, None, :, None], padding=(2, 0), groups=n)
    part = F.conv2d(part, bell[:, None, None, :], padding=(0, 2), groups=n)[0][:, None]
    floor, noise = (_uniform((n, 1, 1, 1), 0.0, most, generator) for most in (FLOOR, NOISE))
    plain = _chance(n, 0.5, generator)[:, None, None, None]
    part = torch.where(plain, part, part + floor + noise * torch.randn(part.shape, generator=generator))
    return images.index_copy(0, rows, part.clamp(0, 1))


def _chance(n: int, share: float, generator: torch.Generator) -> Bool[Tensor, " n"]:
    return torch.rand(n, generator=generator) < share


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)
