"""Audit: is a mixture what it says? Balance, positions, duplicates, leakage between splits, masks against ink."""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats

from mixmnist.core import registry
from mixmnist.core.records import Canvas, Settings, Task
from mixmnist.core.seeding import Stream
from mixmnist.data import drawing
from mixmnist.data.mixture import Mixture
from mixmnist.data.sources import load_glyphs, resolve_source

RARE = 1e-3  # p-value below which a seeded draw counts as not as promised
UNEVEN = ("rare",)  # tasks of the shelf whose classes are not to come equally often
OTHERS = 20_000  # labels of other draws of a task
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
    drawing.check(task, n, canvas, settings, seed=seed, copies=4)  # canvases that are the same are found by sorting copies
    mixture = drawing.draw(task, source, split, n, canvas=canvas, settings=settings, root=root, seed=seed)
    entry: Task = registry.choose("tasks", task)
    others = None
    if task.endswith(".py") or task in UNEVEN:  # the others of the shelf are promised to be uniform
        others, _ = entry.draw(max(OTHERS, n), Stream(seed, "audit", "classes"), **entry.with_settings(settings or {}))
    rows = [*check(mixture, entry.useless, others), _leakage(*resolve_source(source, root))]
    return pd.DataFrame(rows, columns=["check", "found", "expected", "good"])


Row = tuple[str, str, str, bool]


def check(mixture: Mixture, useless: tuple[str, ...] = (), others: NDArray[np.int64] | None = None) -> list[Row]:
    """Checks what a mixture shows by itself.

    Args:
        mixture: As drawn.
        useless: The concepts that say nothing about the class.
        others: Labels of other draws of its task, where its classes need not come equally often.
    """
    return [
        _balance(mixture) if others is None else _like_others(mixture, others),
        _shares(mixture),
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


def _like_others(mixture: Mixture, others: NDArray[np.int64]) -> Row:
    """Classes come as often as in other draws of the task: the least p-value of a class, times their number."""
    ours, theirs = (_classes(labels, len(mixture.classes)) for labels in (mixture.labels.numpy(), others))
    p_values = []
    for one, other in zip(ours.T, theirs.T, strict=True):
        table = np.array([[one.sum(), (~one).sum()], [other.sum(), (~other).sum()]])
        if table.any(axis=0).all():  # else it comes always, or never, in both
            p_values.append(float(stats.fisher_exact(table).pvalue))
    p = min(1.0, min(p_values, default=1.0) * len(p_values))
    return "classes", f"p = {p:.3f}, the least of {len(p_values)}", f"as in the task's other draws (p >= {RARE:g})", p >= RARE


def _shares(mixture: Mixture) -> Row:
    """Shares of the images that belong to the rarest and to the most frequent class."""
    shares = _classes(mixture.labels.numpy(), len(mixture.classes)).mean(axis=0)
    return "shares of classes", f"{shares.min():.3f} .. {shares.max():.3f}", "", True


def _classes(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.bool_]:
    """Says of each image and class whether it belongs to it."""
    found: NDArray[np.bool_] = labels == 1 if labels.ndim == 2 else labels[:, None] == np.arange(n_classes)
    return found


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
            even = np.maximum((counts + counts[::-1]) / 2, 1e-9)  # where neither side has one, nothing differs
            # the two sides are compared, so half of the counts are free
            p = float(stats.chi2.sf(((counts - even) ** 2 / even).sum(), highest // 2))
            rows.append((f"positions, {name}", f"chi-square p = {p:.3f}", f"mirrored alike (p >= {RARE:g})", p >= RARE))
        else:
            rows.append(_chi_square(f"positions, {name}", counts))
    return rows


def _duplicates(mixture: Mixture) -> Row:
    """No more canvases with ink are the same than happen to be: the same glyphs may come to lie at the same places."""
    inked = (mixture.images > 0).any(dim=2).any(dim=1)
    n = int(inked.sum()) - len(np.unique(mixture.images[inked].flatten(1).numpy(), axis=0))
    alike, counts = np.unique(np.sort(mixture.glyphs[inked].numpy(), axis=1), axis=0, return_counts=True)  # sets of glyphs
    chance = float((counts * (counts - 1) / 2 / _layouts((alike >= 0).sum(axis=1), mixture)).sum())
    most = int(stats.poisson.ppf(1 - RARE, chance)) if chance else 0
    return "duplicate canvases", str(n), f"at most {most}" if most else "0", n <= most


def _layouts(n_glyphs: np.ndarray, mixture: Mixture) -> np.ndarray:
    """Counts the layouts of so many glyphs; where boxes must not overlap, each two glyphs are taken for themselves."""
    offsets, glyph = mixture.canvas.size - mixture.canvas.glyph, mixture.canvas.glyph
    near = sum(offsets - abs(step) for step in range(1 - glyph, glyph) if abs(step) < offsets) / offsets**2  # along one axis
    legal = 1 - near**2 if mixture.canvas.overlap == "reject" else 1.0
    layouts: np.ndarray = offsets ** (2.0 * n_glyphs) * legal ** (n_glyphs * (n_glyphs - 1) / 2)
    return layouts


def _leakage(source: str, root: str | None) -> Row:
    """No test glyph is a training glyph, pixel by pixel; or all are, where the source means it so."""
    train, test = ({image.tobytes() for image in load_glyphs(source, root, split).images} for split in ("train", "test"))
    n, promised = len(train & test), len(test) if registry.choose("sources", source).fixed else 0
    return "glyphs in both splits", str(n), str(promised), n == promised


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
