"""Audit: is a mixture what it says? Balance, positions, duplicates, leakage between splits, masks against ink."""

import numpy as np
import pandas as pd
import torch
from scipy import stats

from mixmnist.core import registry
from mixmnist.core.records import Canvas, Settings, Task
from mixmnist.data.mixture import Mixture, draw
from mixmnist.data.sources import load_glyphs, resolve_source

RARE = 1e-3  # p-value below which a seeded draw counts as not as promised
PART = 2_000  # images whose masks are compared at once


def audit(
    task: str = "pairs",
    source: str = "auto",
    split: str = "test",
    n: int = 10_000,
    *,
    canvas: Canvas | None = None,
    settings: Settings | None = None,
    root: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Checks a mixture of a task against what is promised of it.

    Args:
        task: Name of a task.
        source: Name of a source of glyphs.
        split: Which canvases.
        n: Number of canvases.
        canvas: Sizes and overlap policy; by default the task's own.
        settings: Overrides of the task's settings.
        root: Folder that holds the source's files.
        seed: Of the mixture.

    Returns:
        A row a check: its name, what was found, what is expected, and whether it is as promised; rows that only inform are
        always good.

    Raises:
        ValueError: As `draw`.

    Example:
        >>> audit("pairs", "digits", n=500)["good"].all()
        np.True_
    """
    mixture = draw(task, source, split, n, canvas=canvas, settings=settings, root=root, seed=seed)
    entry: Task = registry.choose("tasks", task)
    rows = [*check(mixture, entry.useless), _leakage(*resolve_source(source, root))]
    return pd.DataFrame(rows, columns=["check", "found", "expected", "good"])


Row = tuple[str, str, str, bool]


def check(mixture: Mixture, useless: tuple[str, ...] = ()) -> list[Row]:
    """Checks what a mixture shows by itself; `useless` are the concepts that say nothing about the class."""
    return [
        _balance(mixture),
        *_prevalence(mixture, useless),
        *_positions(mixture),
        _duplicates(mixture),
        _masks(mixture),
        _overlap(mixture),
    ]


def _chi_square(check: str, counts: np.ndarray, expected: np.ndarray | None = None, promise: str = "uniform") -> Row:
    p = float(stats.chisquare(counts, expected).pvalue)
    return check, f"chi-square p = {p:.3f}", f"{promise} (p >= {RARE:g})", p >= RARE


def _balance(mixture: Mixture) -> Row:
    """Classes come equally often, or, where they do not exclude each other, all with the same probability."""
    labels = mixture.labels.numpy()
    if labels.ndim == 1:
        return _chi_square("classes", np.bincount(labels, minlength=len(mixture.classes)))
    table = np.stack([labels.sum(axis=0), (1 - labels).sum(axis=0)])
    p = float(stats.chi2_contingency(table).pvalue)
    return "classes", f"chi-square p = {p:.3f}", f"all equally often (p >= {RARE:g})", p >= RARE


def _prevalence(mixture: Mixture, useless: tuple[str, ...]) -> list[Row]:
    """Shares of the images that show the rarest and the most frequent concept; useless ones apart."""
    shares = mixture.present.float().mean(dim=0).tolist()
    rows = []
    for name, idle in (("prevalence", False), ("prevalence, useless", True)):
        some = [s for s, concept in zip(shares, mixture.concepts, strict=True) if (concept in useless) == idle]
        if some:
            rows.append((name, f"{min(some):.3f} .. {max(some):.3f}", "", True))
    return rows


def _positions(mixture: Mixture) -> list[Row]:
    """Glyphs lie uniformly, or, where boxes must not overlap, as often on one side as on the other."""
    highest = mixture.canvas.size - mixture.canvas.glyph
    rows = []
    for axis, name in enumerate(("rows", "columns")):
        counts = np.bincount(mixture.positions[..., axis][mixture.glyphs >= 0].numpy(), minlength=highest + 1)[1:]
        if mixture.canvas.overlap == "reject":
            even = (counts + counts[::-1]) / 2
            # the two sides are compared, so half of the counts are free
            p = float(stats.chi2.sf(((counts - even) ** 2 / even).sum(), highest // 2))
            rows.append((f"positions, {name}", f"chi-square p = {p:.3f}", f"mirrored alike (p >= {RARE:g})", p >= RARE))
        else:
            rows.append(_chi_square(f"positions, {name}", counts))
    return rows


def _duplicates(mixture: Mixture) -> Row:
    """No more canvases with ink are the same than happen to be: a glyph of few at a place of few may come twice."""
    flat = mixture.images.flatten(1)
    inked = flat[(flat > 0).any(dim=1)].numpy()
    n = len(inked) - len(np.unique(inked, axis=0))
    choices = len(mixture.tiles) * (mixture.canvas.size - mixture.canvas.glyph) ** 2  # of one glyph and its place
    counts = torch.bincount((mixture.glyphs >= 0).sum(dim=1)).tolist()  # canvases by their number of glyphs
    chance = sum(count * (count - 1) / 2 / choices**k for k, count in enumerate(counts) if k > 0)
    most = int(stats.poisson.ppf(1 - RARE, chance))
    return "duplicate canvases", str(n), f"at most {most}" if most else "0", n <= most


def _leakage(source: str, root: str | None) -> Row:
    """No test glyph is a training glyph, pixel by pixel."""
    train, test = ({image.tobytes() for image in load_glyphs(source, root, split).images} for split in ("train", "test"))
    n = len(train & test)
    return "glyphs in both splits", str(n), "0", n == 0


def _masks(mixture: Mixture) -> Row:
    """The masks together are the ink; where sums wrap, ink may turn black under a mask, but none lies outside."""
    outside = black = 0
    for indices in torch.arange(len(mixture)).split(PART):
        ink = mixture.images[indices] > 0
        covered = torch.zeros_like(ink)
        for concept in range(len(mixture.concepts)):
            covered |= mixture.mask(concept, indices)
        outside += int((ink & ~covered).sum())
        black += int((covered & ~ink).sum())
    wraps = mixture.canvas.overlap == "wrap"
    found = f"{outside} outside, {black} black under a mask"
    return (
        "masks against ink, pixels",
        found,
        "0 outside" + ("" if wraps else ", 0 black"),
        outside == 0 and (wraps or black == 0),
    )


def _overlap(mixture: Mixture) -> Row:
    """Share of the images on which two glyph boxes overlap."""
    shown, at = mixture.glyphs >= 0, mixture.positions
    touch = ((at[:, :, None] - at[:, None]).abs() < mixture.canvas.glyph).all(dim=-1) & shown[:, :, None] & shown[:, None]
    share = float(touch.triu(1).any(dim=(1, 2)).float().mean())
    reject = mixture.canvas.overlap == "reject"
    return "images with overlapping boxes", f"{share:.3f}", "0" if reject else "", share == 0 or not reject
