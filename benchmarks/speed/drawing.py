"""Drawing 100,000 canvases, and their ink masks one concept at a time, against a plain Python loop with OpenCV's resize.

Both draw the same kind of canvases (45 pairs, 32 pixels, glyphs of 12, no overlap) from the same glyphs.
"""

import statistics
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from _timing import ROUNDS, Row, timed
from numpy.typing import NDArray

from mixmnist.core.records import Glyphs
from mixmnist.data import mixture
from mixmnist.data.sources import load_glyphs, resolve_source

N, SIZE, GLYPH = 100_000, 32, 12
PEER = "a Python loop with OpenCV's resize"
Truth = list[list[tuple[int, NDArray[np.uint8], int, int]]]


def loop_images(glyphs: Glyphs, seed: int) -> tuple[NDArray[np.uint8], Truth]:
    """Draws canvases as a user would write it: one by one; gives them and (digit, its pixels, row, col) of what they show."""
    rng = np.random.default_rng(seed)
    of_digit = [np.flatnonzero(glyphs.labels == digit) for digit in range(10)]
    images = np.zeros((N, SIZE, SIZE), dtype=np.uint8)
    truth = []
    for image in images:
        first = int(rng.integers(10))
        digits = (first, (first + 1 + int(rng.integers(9))) % 10)
        while True:
            (r1, c1), (r2, c2) = rng.integers(1, SIZE - GLYPH + 1, size=(2, 2))
            if abs(r1 - r2) >= GLYPH or abs(c1 - c2) >= GLYPH:
                break
        shown = []
        for digit, row, col in zip(digits, (r1, r2), (c1, c2), strict=True):
            glyph = of_digit[digit][rng.integers(len(of_digit[digit]))]
            small = cv2.resize(glyphs.images[glyph], (GLYPH, GLYPH), interpolation=cv2.INTER_LINEAR)
            image[row : row + GLYPH, col : col + GLYPH] = small
            shown.append((digit, small, int(row), int(col)))
        truth.append(shown)
    return images, truth


def loop_masks(truth: Truth) -> int:
    """Draws the ink masks of all images, one concept at a time; gives the number of ink pixels."""
    total = 0
    for concept in range(10):
        masks = np.zeros((N, SIZE, SIZE), dtype=bool)
        for mask, shown in zip(masks, truth, strict=True):
            for digit, small, row, col in shown:
                if digit == concept:
                    mask[row : row + GLYPH, col : col + GLYPH] |= small > 0
        total += int(np.count_nonzero(masks))
    return total


def our_images(source: str, root: str | None, seed: int) -> mixture.Mixture:
    """Draws canvases with mixmnist, the resizing of all glyphs included."""
    mixture._tiles.cache_clear()
    drawn = mixture.draw("pairs", source, "train", N, root=root, seed=seed)
    assert drawn.images.shape == (N, SIZE, SIZE)
    return drawn


def our_masks(drawn: mixture.Mixture) -> int:
    """Draws the masks of all images, one concept at a time; gives the number of ink pixels."""
    return sum(int(torch.count_nonzero(drawn.mask(concept))) for concept in range(10))


def compare() -> Iterator[Row]:
    """Times both in turns, canvases and masks apart; the masks of a round are of its canvases."""
    source, root = resolve_source("auto", None)
    glyphs = load_glyphs(source, root, "train")
    cv2.setNumThreads(torch.get_num_threads())
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", "loop", "our_masks", "loop_masks")}
    for seed in range(ROUNDS):
        kept: dict[str, object] = {}
        seconds["ours"].append(timed(lambda seed=seed, kept=kept: kept.update(drawn=our_images(source, root, seed))))
        seconds["loop"].append(timed(lambda seed=seed, kept=kept: kept.update(loop=loop_images(glyphs, seed))))
        seconds["our_masks"].append(timed(lambda kept=kept: kept.update(ink=our_masks(kept["drawn"]))))
        seconds["loop_masks"].append(timed(lambda kept=kept: kept.update(loop_ink=loop_masks(kept["loop"][1]))))
        assert abs(kept["ink"] / kept["loop_ink"] - 1) < 0.05, "both must draw about the same ink"
    amount = f"{N:,} {source} canvases"

    def both(*names: str) -> tuple[float, ...]:
        return tuple(sum(parts) for parts in zip(*(seconds[name] for name in names), strict=True))

    speed = N / statistics.median(seconds["ours"])
    yield Row("drawing", amount, PEER, both("ours"), both("loop"), note=f"{speed:,.0f} images/s")
    yield Row("drawing with masks, one concept at a time", amount, PEER, both("ours", "our_masks"), both("loop", "loop_masks"))
    yield Row("the masks alone", amount, PEER, both("our_masks"), both("loop_masks"), note="the loop keeps its resized glyphs")
