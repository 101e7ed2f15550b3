"""Drawing 100,000 canvases, and their ink masks one concept at a time, against a plain Python loop with OpenCV's resize.

Both draw the same kind of canvases (45 pairs, 32 pixels, glyphs of 12, no overlap) from the same glyphs, in turns in one run;
the ratio is the median over 5 rounds. Run it with `make speed`; the result is written to results/speed/drawing.json and .md.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mixmnist.core.records import Glyphs
from mixmnist.data import mixture
from mixmnist.data.sources import load_glyphs, resolve_source
from mixmnist.pipeline import hardware

N, ROUNDS, SIZE, GLYPH = 100_000, 5, 32, 12
OUT = Path("results/speed")
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


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Gives the seconds a piece of work took, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main() -> None:
    """Times both in turns and writes the ratios."""
    source, root = resolve_source("auto", None)
    glyphs = load_glyphs(source, root, "train")
    cv2.setNumThreads(torch.get_num_threads())
    rows = []
    for seed in range(ROUNDS):
        ours, drawn = timed(lambda seed=seed: our_images(source, root, seed))
        loop, (_, truth) = timed(lambda seed=seed: loop_images(glyphs, seed))
        our_mask, ink = timed(lambda drawn=drawn: our_masks(drawn))
        loop_mask, loop_ink = timed(lambda truth=truth: loop_masks(truth))
        assert abs(ink / loop_ink - 1) < 0.05, "both must draw about the same ink"
        rows.append({"ours": ours, "loop": loop, "our_masks": our_mask, "loop_masks": loop_mask})
        print(f"round {seed + 1} of {ROUNDS}: " + ", ".join(f"{k} {v:.2f} s" for k, v in rows[-1].items()), flush=True)
    parts = {
        "canvases": (("ours",), ("loop",)),
        "canvases with masks, one concept at a time": (("ours", "our_masks"), ("loop", "loop_masks")),
        "the masks alone": (("our_masks",), ("loop_masks",)),
    }
    seconds = {what: [[sum(row[k] for k in keys) for row in rows] for keys in both] for what, both in parts.items()}
    ratios = {w: statistics.median(loop / ours for ours, loop in zip(*both, strict=True)) for w, both in seconds.items()}
    OUT.mkdir(parents=True, exist_ok=True)
    where = f"{hardware('cpu')}, {torch.get_num_threads()} threads"
    result = {"n": N, "rounds": rows, "ratios": ratios, "source": source, "hardware": where}
    (OUT / "drawing.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    lines = [
        f"{N:,} {source} canvases on {where}; median of {ROUNDS} rounds in turns; the peer is a Python loop with OpenCV.",
        "",
    ]
    lines += ["| what | times as fast | images/s, ours | images/s, loop |", "|---|---|---|---|"]
    for what, both in seconds.items():
        speeds = [N / statistics.median(times) for times in both]
        lines.append(f"| {what} | {ratios[what]:.1f} | {speeds[0]:,.0f} | {speeds[1]:,.0f} |")
    (OUT / "drawing.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
