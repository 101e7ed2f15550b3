"""Layouts and their rendering: where glyphs lie on a canvas, and the canvas and masks they make.

The layout is drawn on the CPU from a stream of random numbers; rendering is integer arithmetic without a loop over images,
so the same layout gives the same bytes on every device.
"""

import numpy as np
import torch
from jaxtyping import Bool, Int, UInt8
from numpy.typing import NDArray
from torch import Tensor

from mixmnist.core.records import Canvas, require
from mixmnist.core.seeding import Stream

CHUNK = 4096  # images rendered at once: bounds the memory of the pixel indices
MOST_TRIES = 500_000  # layouts drawn per legal one before the policy is called hopeless; 4 of 12 px on 32 px need about 700


def resize(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resizes glyphs to size x size, bilinear without antialiasing (pixel centres aligned), exactly and in integers.

    Args:
        images: [glyphs, rows, cols].
        size: Rows and columns of the result, 1..1024.

    Returns:
        [glyphs, size, size]; every value is the exact bilinear mean, rounded half up.

    Example:
        >>> resize(np.array([[[0, 100], [100, 200]]], dtype=np.uint8), 3)
        array([[[  0,  50, 100],
                [ 50, 100, 150],
                [100, 150, 200]]], dtype=uint8)
    """
    require(1 <= size <= 1024, f"size must be between 1 and 1024 pixels, got size={size}.")
    if images.shape[1:] == (size, size):
        return images.copy()
    (top, bottom, down), (left, right, across) = (_taps(length, size) for length in images.shape[1:])
    resized = np.empty((len(images), size, size), dtype=np.uint8)
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK].astype(np.int32)
        part = part[:, top] * (2 * size - down)[:, None] + part[:, bottom] * down[:, None]  # glyphs size cols
        part = part[:, :, left] * (2 * size - across) + part[:, :, right] * across  # glyphs size size
        resized[start : start + CHUNK] = (part + 2 * size**2) // (4 * size**2)
    return resized


def _taps(length: int, size: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Gives lower and upper source pixel and the upper one's weight in units of 1 / (2 size), for each output pixel."""
    centre = np.maximum((2 * np.arange(size, dtype=np.int32) + 1) * length - size, 0)
    lower, weight = np.divmod(centre, 2 * size)
    return lower, np.minimum(lower + 1, length - 1), weight


def draw_layout(shown: NDArray[np.bool_], canvas: Canvas, stream: Stream) -> NDArray[np.int64]:
    """Draws the top left pixel of every glyph, uniform on 1..size-glyph per axis.

    Under the policy `reject` a layout is redrawn as a whole until no two glyph boxes overlap, which is uniform over the
    legal layouts; what is shown is never redrawn.

    Args:
        shown: Which slots hold a glyph, [images, slots].
        canvas: Sizes and policy.
        stream: The random numbers.

    Returns:
        Rows and columns, [images, slots, 2]; empty slots have positions too, without meaning.

    Raises:
        ValueError: If no layout of so many glyphs is legal, or if legal ones are too rare to be found.
    """
    n_images, n_slots = shown.shape
    if canvas.overlap != "reject":
        return stream.integers(1, canvas.size - canvas.glyph, (n_images, n_slots, 2))
    most = int(shown.sum(axis=1).max(initial=0))
    room = ((canvas.size - 1) // canvas.glyph) ** 2
    way_out = "Use a larger canvas, smaller glyphs or another overlap policy."
    require(
        most <= room,
        f"glyphs must fit without overlap, got {most} glyphs of {canvas.glyph} pixels where size={canvas.size} "
        f"leaves room for {room}. {way_out}",
    )
    positions = np.ones((n_images, n_slots, 2), dtype=np.int64)
    pending, tried = np.arange(n_images), 0  # tried: layouts in all
    while len(pending):
        require(
            tried < MOST_TRIES * (n_images - len(pending) + 1),
            f"legal layouts must not be rarer than one in {MOST_TRIES}, got {most} glyphs of {canvas.glyph} pixels "
            f"on size={canvas.size}. {way_out}",
        )
        tries = max(1, 2**16 // len(pending))
        drawn = stream.integers(1, canvas.size - canvas.glyph, (len(pending), tries, n_slots, 2))
        legal = _legal(drawn, shown[pending], canvas.glyph)
        found = legal.any(axis=1)
        positions[pending[found]] = drawn[found, legal[found].argmax(axis=1)]
        pending, tried = pending[~found], tried + legal.size
    return positions


def _legal(drawn: NDArray[np.int64], shown: NDArray[np.bool_], glyph: int) -> NDArray[np.bool_]:
    """Tells for each layout [images, tries, slots, 2] whether no two shown glyph boxes overlap."""
    legal = np.ones(drawn.shape[:2], dtype=bool)
    for first in range(drawn.shape[2]):
        for second in range(first):
            touch = (np.abs(drawn[:, :, first] - drawn[:, :, second]) < glyph).all(axis=-1)
            legal &= ~(touch & (shown[:, first] & shown[:, second])[:, None])
    return legal


def render(
    tiles: UInt8[Tensor, "glyphs side side"],
    glyphs: Int[Tensor, "images slots"],
    positions: Int[Tensor, "images slots 2"],
    canvas: Canvas,
) -> UInt8[Tensor, "images rows cols"]:
    """Renders canvases on the device of its tensors.

    Args:
        tiles: Glyphs, already resized.
        glyphs: The tile in each slot; -1 for an empty slot.
        positions: Top left pixels.
        canvas: Sizes and policy.
    """
    images = torch.zeros(len(glyphs), canvas.size**2, dtype=torch.uint8, device=tiles.device)
    ink = tiles.flatten(1)  # glyphs pixels
    for start in range(0, len(glyphs), CHUNK):
        part = slice(start, start + CHUNK)
        for slot in range(glyphs.shape[1]):
            _paste(images[part], ink, glyphs[part, slot], positions[part, slot], canvas)
    return images.view(-1, canvas.size, canvas.size)


def _pixels(positions: Int[Tensor, "images 2"], canvas: Canvas) -> Int[Tensor, "images pixels"]:
    """Gives the flat canvas pixels under each glyph box."""
    side = torch.arange(canvas.glyph, device=positions.device)
    box = (side[:, None] * canvas.size + side).flatten()
    return (positions[:, :1] * canvas.size + positions[:, 1:]) + box


def _paste(
    images: UInt8[Tensor, "images canvas"],
    ink: UInt8[Tensor, "glyphs pixels"],
    glyph: Int[Tensor, " images"],
    position: Int[Tensor, "images 2"],
    canvas: Canvas,
) -> None:
    """Adds one glyph to each image in place, by the canvas's policy."""
    rows: Tensor | slice = slice(None)
    if (glyph < 0).any():
        rows = (glyph >= 0).nonzero()[:, 0]
    new, pixels = ink[glyph[rows]], _pixels(position[rows], canvas)
    target = images[rows]  # a view where every image has this glyph, else a copy
    if canvas.overlap != "reject":
        old = target.gather(1, pixels)
        if canvas.overlap == "max":
            new = torch.maximum(old, new)
        elif canvas.overlap == "wrap":
            new = old + new  # uint8 arithmetic is modulo 256
        else:
            new = new + torch.minimum(old, 255 - new)
    target.scatter_(1, pixels, new)
    if isinstance(rows, Tensor):
        images[rows] = target


def render_mask(
    tiles: UInt8[Tensor, "glyphs side side"],
    glyphs: Int[Tensor, "images slots"],
    positions: Int[Tensor, "images slots 2"],
    canvas: Canvas,
) -> Bool[Tensor, "images rows cols"]:
    """Renders the ink (value > 0) of the given glyphs alone, whatever else lies on the canvas; -1 marks an empty slot."""
    area = canvas.size**2
    mask = torch.zeros(len(glyphs) * area, dtype=torch.bool, device=tiles.device)
    ink = tiles.flatten(1) > 0
    for start in range(0, len(glyphs), CHUNK):
        part = glyphs[start : start + CHUNK]
        rows, slots = (part >= 0).nonzero().T
        pixels = _pixels(positions[start + rows, slots], canvas) + (start + rows)[:, None] * area
        mask[pixels[ink[part[rows, slots]]]] = True
    return mask.view(-1, canvas.size, canvas.size)
