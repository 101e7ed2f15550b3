"""Intervals over images: how far a score would move on other canvases of other glyphs.

A glyph occurs on many canvases, so canvases that share one are not independent, and an error that takes them for independent
is too small. Here a score is written as a mean of influences, one an image (for a mean: its value less the mean; for any other
score: n - 1 times the change when the image is left out), and those of images that share a glyph may be correlated.
The interval is for the population that the pool of glyphs was drawn from, not for the pool.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

from mixmnist.core.records import require
from mixmnist.stats._sharing import corrections, effective, incidence, numbered, over_sharing, sets_of
from mixmnist.stats.seeds import Interval


class DyadicError(NamedTuple):
    """The standard error of a mean over images that share glyphs."""

    se: float  # robust
    df: float  # degrees of freedom of its square
    independent: float  # what it would be if images were independent


def dyadic_error(
    influence: Float[np.ndarray, " images"],
    glyphs: Int[np.ndarray, "images slots"],
    shown: Int[np.ndarray, "images slots"] | None = None,
) -> DyadicError:
    """Gives the dyadic-robust standard error of the mean of influences.

    Formula: se^2 = (sum of e_i^2 + sum of r_i r_j over images i != j that share a glyph) / n^2, e being the centred influences.
    r is e; or, where it is known what each glyph shows, what a sum of effects of the shown concepts leaves of e: how concepts
    differ is the same with every pool of glyphs, so it is no chance. A pair of images counts once, however many glyphs it shares.
    The second sum is corrected for the few glyphs of a concept, and is 0 where it comes out negative.

    Args:
        influence: Any scale; its mean does not count.
        glyphs: Which glyph is in each slot; negative where the slot is empty.
        shown: Which concept each of them shows, as `Mixture.shown`. Without it the error is too large where concepts differ.

    Returns:
        The error, its degrees of freedom (Satterthwaite's, of the images and of each concept's effective number of glyphs), and
        the error of independent images, which it equals where no glyph occurs twice.

    Raises:
        ValueError: If there are fewer than 2 images, if sizes differ, or if an influence is `nan`.

    Source:
        P. M. Aronow, C. Samii, V. A. Assenova (2015), "Cluster-Robust Variance Estimation for Dyadic Data", Political Analysis
        23; A. C. Cameron, D. L. Miller (2014), "Robust Inference for Dyadic Data". Differs: any number of glyphs an image;
        effects of concepts taken out; corrections for few glyphs, which are ours and are checked by benchmarks/coverage.py.

    Example:
        >>> error = dyadic_error(np.array([2.0, 1.0, -2.0, -1.0]), np.array([[0, 1], [0, 2], [3, 4], [5, -1]]))
        >>> round(error.se, 3), round(error.independent, 3)
        (1.0, 0.791)
    """
    n = len(influence)
    _check(influence, glyphs, shown)
    own = influence - influence.mean()
    rest = own if shown is None else _without_concepts(own, shown)
    number = numbered(glyphs)
    place, sets = sets_of(number)
    holds = incidence(sets)  # sets glyphs
    sums, squares, count = (np.bincount(place, part, len(sets)) for part in (rest, rest**2, np.ones(n)))
    of_glyph = holds.T @ np.stack([sums, squares, count], axis=1)  # glyphs 3
    concept = np.zeros(holds.shape[1], dtype=np.int64)  # of each glyph; all the same where nothing is known
    if shown is not None:
        concept[number[number >= 0]] = np.unique(shown[number >= 0], return_inverse=True)[1]
    of_concept = np.bincount(concept, of_glyph[:, 2]).astype(float)  # of no glyph at all it is empty integers
    many, few = corrections(of_concept)[concept], corrections(effective(of_glyph[:, 2], concept))[concept]
    within = few * of_glyph[:, 0] ** 2 - many * of_glyph[:, 1]  # products of different images that have the glyph, corrected
    extra = (within - of_glyph[:, 0] ** 2 + of_glyph[:, 1]).sum()
    shared = max(0.0, float(over_sharing(holds, sums) - squares[(sets >= 0).any(axis=1)].sum() + extra))
    alone = float((own**2).sum())
    if alone == 0:
        return DyadicError(0.0, float(n - 1), 0.0)
    spread = np.maximum(np.bincount(concept, within), 0)
    fewest = np.maximum(effective(of_glyph[:, 1], concept) - 1, 1)
    df_shared = max(1.0, spread.sum() ** 2 / (spread**2 / fewest).sum()) if spread.any() else n - 1
    df = (alone + shared) ** 2 / (alone**2 / (n - 1) + shared**2 / df_shared)
    return DyadicError(math.sqrt(alone + shared) / n, float(df), math.sqrt(alone) / n)


def dyadic_interval(
    values: Float[np.ndarray, " images"],
    glyphs: Int[np.ndarray, "images slots"],
    level: float = 0.95,
    shown: Int[np.ndarray, "images slots"] | None = None,
    share: bool = True,
) -> Interval:
    """Gives the mean over images, such as the accuracy, and its interval over other canvases of other glyphs.

    Args:
        values: One an image, such as whether the network is right.
        glyphs: Which glyph is in each slot; negative where the slot is empty.
        level: Coverage, between 0 and 1.
        shown: Which concept each glyph shows, as `Mixture.shown`; without it the interval is too wide where concepts differ.
        share: The values lie in [0, 1]: the bounds are found on the scale of log odds and stay inside. Else on the plain scale.

    Returns:
        Mean, bounds, number of images. Equal values have both bounds at the mean, and the interval is marked `constant`.

    Raises:
        ValueError: As `dyadic_error`; if `level` lies outside its range; if a value does although `share` says so.

    Example:
        >>> glyphs = np.array([[0, 1], [0, 2], [3, 4], [5, 6], [7, 8], [9, 10]])
        >>> [round(bound, 2) for bound in dyadic_interval(np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0]), glyphs)]
        [0.5, 0.1, 0.9, 6]
    """
    _check(values, glyphs, shown)
    bad = values[(values < 0) | (values > 1)] if share else values[:0]
    require(not len(bad), f"values must lie in [0, 1], got {bad[0] if len(bad) else 0:g}. Give share=False.")
    mean = float(values[0] if values.min() == values.max() else values.mean())
    return _bounds(mean, values - mean, (glyphs, shown), level, share)


def score_interval(
    score: Callable[[Bool[np.ndarray, " images"]], float],
    glyphs: Int[np.ndarray, "images slots"],
    level: float = 0.95,
    shown: Int[np.ndarray, "images slots"] | None = None,
    share: bool = True,
) -> Interval:
    """Gives any smooth score of a set of images and its interval over other canvases of other glyphs.

    The score is taken again without each image in turn (n + 1 calls); for a mean this is `dyadic_interval` exactly.
    A score with a jump (precision at exactly k, a best threshold) needs many images for this to hold.

    Args:
        score: Called with the rows to look at.
        glyphs: Which glyph is in each slot; negative where the slot is empty.
        level: Coverage, between 0 and 1.
        shown: Which concept each glyph shows, as `Mixture.shown`; without it the interval is too wide where concepts differ.
        share: The score lies in [0, 1]: the bounds are found on the scale of log odds and stay inside. Else on the plain scale.

    Returns:
        Score, bounds, number of images. Bounds are `nan` where leaving out one image leaves no score. A score that no image
        moves, as at 0 or 1, has both bounds at the score, and the interval is marked `constant`.

    Raises:
        ValueError: As `dyadic_error`; if `level` or the score lies outside its range.

    Source:
        B. Efron (1982), "The Jackknife, the Bootstrap and Other Resampling Plans", ch. 6 (influence); then as `dyadic_error`.

    Example:
        >>> fired, present = np.arange(12) % 3 == 0, np.arange(12) % 4 == 0
        >>> def f1(rows):
        ...     return 2 * (fired & present & rows).sum() / ((fired & rows).sum() + (present & rows).sum())
        >>> [round(bound, 2) for bound in score_interval(f1, np.arange(12)[:, None] // 2)]
        [0.29, 0.02, 0.91, 12]
    """
    n = len(glyphs)
    estimate, without = float(score(np.ones(n, dtype=bool))), np.empty(n)
    for image in range(n):
        without[image] = score(np.arange(n) != image)
    return _bounds(estimate, (n - 1) * (estimate - without), (glyphs, shown), level, share)


def average_precision_interval(
    response: Float[np.ndarray, " images"],
    present: Bool[np.ndarray, " images"],
    glyphs: Int[np.ndarray, "images slots"],
    level: float = 0.95,
    shown: Int[np.ndarray, "images slots"] | None = None,
) -> Interval:
    """Gives `score_interval` of the average precision at the cost of one sort: what each image changes has a formula.

    Args:
        response: Of one unit. Ties: tied images share one threshold.
        present: Which images show the concept.
        glyphs: Which glyph is in each slot; negative where the slot is empty.
        level: Coverage, between 0 and 1.
        shown: Which concept each glyph shows, as `Mixture.shown`; without it the interval is too wide where concepts differ.

    Returns:
        As `score_interval`; all `nan` for a dead unit, or a concept that never or always occurs.

    Raises:
        ValueError: As `score_interval`.

    Example:
        >>> response, glyphs = np.array([6.0, 5.0, 4.0, 3.0, 2.0, 1.0]), np.arange(12).reshape(6, 2)
        >>> found = average_precision_interval(response, np.array([1, 0, 1, 1, 0, 0], dtype=bool), glyphs)
        >>> [round(bound, 2) for bound in found]
        [0.81, 0.07, 1.0, 6]
    """
    if present.all() or not present.any() or response.min() == response.max():
        return Interval(math.nan, math.nan, math.nan, len(present))
    block = np.unique(-response, return_inverse=True)[1].reshape(-1)  # of tied images, the highest first
    found, size, own = np.bincount(block, present), np.bincount(block).astype(float), present.astype(float)
    hits, rank, n_present = found.cumsum(), size.cumsum(), own.sum()
    terms, shorter = found * hits / rank, np.maximum(rank - 1, 1)  # a block of one image at the top is never shortened
    before = (terms.cumsum() - terms)[block]
    after, slope = (_suffix(part)[block] for part in (found * hits / shorter, found / shorter))
    itself = (found[block] - own) * (hits[block] - own) / shorter[block]
    left = np.where(n_present - own > 0, n_present - own, math.nan)
    estimate = float(terms.sum() / n_present)
    without = (before + itself + after - own * slope) / left
    moved = (len(own) - 1) * (estimate - without)
    perfect = float(hits[found > 0].max() == rank[found > 0].max())  # all that show it come first
    if perfect and n_present > 1:
        estimate, moved = 1.0, np.zeros_like(moved)  # free of rounding
    return _bounds(estimate, moved, (glyphs, shown), level, share=True)


def _bounds(
    estimate: float,
    influence: Float[np.ndarray, " images"],
    drawn: tuple[Int[np.ndarray, "images slots"], Int[np.ndarray, "images slots"] | None],
    level: float,
    share: bool,
) -> Interval:
    """Makes an interval of a score and its influences; `drawn` is what is in the slots, and what it shows."""
    require(0 < level < 1, f"level must lie between 0 and 1, got level={level}. Use .95, say.")
    require(not share or not (estimate < 0 or estimate > 1), f"score must lie in [0, 1], got {estimate:g}. Give share=False.")
    n = len(influence)
    if math.isnan(estimate) or np.isnan(influence).any():
        return Interval(estimate, math.nan, math.nan, n)
    error = dyadic_error(influence, *drawn)
    half = float(special.stdtrit(error.df, (1 + level) / 2)) * error.se
    if half == 0:
        return Interval(estimate, estimate, estimate, n)
    if not share:
        return Interval(estimate, estimate - half, estimate + half, n)
    if estimate in (0, 1):  # without odds
        return Interval(estimate, max(0.0, estimate - half), min(1.0, estimate + half), n)
    odds, wide = math.log(estimate / (1 - estimate)), half / (estimate * (1 - estimate))
    return Interval(estimate, float(_logistic(odds - wide)), float(_logistic(odds + wide)), n)


def _logistic(odds: float) -> float:
    return 0.5 * (1 + math.tanh(odds / 2))  # never overflows


def _suffix(part: Float[np.ndarray, " blocks"]) -> Float[np.ndarray, " blocks"]:
    """Sums what comes after each block."""
    after: Float[np.ndarray, " blocks"] = part[::-1].cumsum()[::-1] - part
    return after


def _check(
    values: Float[np.ndarray, " images"], glyphs: Int[np.ndarray, "rows slots"], shown: Int[np.ndarray, "..."] | None
) -> None:
    require(len(values) >= 2, f"images must be 2 or more, got {len(values)}. Score more of them.")
    same = len(values) == len(glyphs)
    require(same, f"glyphs must be those of the {len(values)} images, got {len(glyphs)} rows. Give those of the same images.")
    fits = shown is None or shown.shape == glyphs.shape
    require(fits, f"shown must have the shape of glyphs, {glyphs.shape}, got {None if shown is None else shown.shape}.")
    missing = int(np.isnan(values).sum())
    require(missing == 0, f"values must be numbers, got {missing} nan. Leave those images out.")


def _without_concepts(own: Float[np.ndarray, " images"], shown: Int[np.ndarray, "images slots"]) -> Float[np.ndarray, " images"]:
    """Takes off what a sum of effects of the shown concepts explains, by least squares."""
    row, slot = np.nonzero(shown >= 0)
    concept = np.unique(shown[row, slot], return_inverse=True)[1]
    design = np.zeros((len(own), int(concept.max(initial=-1)) + 2))  # images concepts+1
    design[:, -1] = 1
    np.add.at(design, (row, concept), 1)
    effects = np.linalg.lstsq(design.T @ design, design.T @ own, rcond=None)[0]
    rest: Float[np.ndarray, " images"] = own - design @ effects
    return rest
