"""Where the spread of a score comes from: seeds, units of a net, or images."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mixmnist.core.records import require


class Components(NamedTuple):
    """Variances of a score, each in the score's unit squared; they add up to the variance of one unit on one fold."""

    seeds: float  # between nets
    units: float  # between units of a net
    images: float  # between folds of images, the same for all nets: a fold of a tenth of the images has ten times that of all
    seeds_images: float  # nets that find different folds hard
    rest: float  # units that find different folds hard, and noise
    negative: tuple[str, ...]  # those whose estimate was below 0, which are given as 0


def variance_components(scores: Float[np.ndarray, "seeds units folds"]) -> Components:
    """Splits the variance of scores into that of seeds, units and images by the analysis of variance.

    Folds are crossed with seeds (every net is scored on the same ones); units are nested in seeds. All effects are random, and
    the mean squares are set equal to what is expected of them:
    seeds: rest + units seeds_images + folds units' + units folds seeds'; units: rest + folds units';
    images: rest + units seeds_images + seeds units images'; seeds x images: rest + units seeds_images
    (a primed word is a variance, an unprimed one a number).

    Args:
        scores: Of each unit on each fold of the images, without `nan` (leave dead units out, the same number in every net).

    Returns:
        Unbiased where no estimate is negative; those that are become 0 and are named.

    Raises:
        ValueError: If there are fewer than 2 seeds, units or folds, or if a score is `nan`.

    Source:
        S. R. Searle, G. Casella, C. E. McCulloch (1992), "Variance Components", ch. 4 (balanced data).

    Example:
        >>> variance_components(np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]))
        Components(seeds=7.0, units=2.0, images=0.5, seeds_images=0.0, rest=0.0, negative=())
    """
    sizes = dict(zip(("seeds", "units", "folds"), scores.shape, strict=True))
    for name, size in sizes.items():
        require(size >= 2, f"{name} must be 2 or more, got {name}={size}. Score more of them.")
    missing = int(np.isnan(scores).sum())
    require(missing == 0, f"scores must be numbers, got {missing} nan. Leave dead units out, the same number in every net.")
    n_seeds, n_units, n_folds = scores.shape
    seed, fold = scores.mean(axis=(1, 2), keepdims=True), scores.mean(axis=(0, 1), keepdims=True)
    unit, cell, mean = scores.mean(axis=2, keepdims=True), scores.mean(axis=1, keepdims=True), scores.mean()
    of_seed = n_units * n_folds * ((seed - mean) ** 2).sum() / (n_seeds - 1)
    of_unit = n_folds * ((unit - seed) ** 2).sum() / (n_seeds * (n_units - 1))
    of_fold = n_seeds * n_units * ((fold - mean) ** 2).sum() / (n_folds - 1)
    of_cell = n_units * ((cell - seed - fold + mean) ** 2).sum() / ((n_seeds - 1) * (n_folds - 1))
    rest = ((scores - unit - cell + seed) ** 2).sum() / (n_seeds * (n_units - 1) * (n_folds - 1))
    estimates = {
        "seeds": (of_seed - of_unit - of_cell + rest) / (n_units * n_folds),
        "units": (of_unit - rest) / n_folds,
        "images": (of_fold - of_cell) / (n_seeds * n_units),
        "seeds_images": (of_cell - rest) / n_units,
        "rest": rest,
    }
    rounding = 1e-12 * scores.var()
    negative = tuple(name for name, found in estimates.items() if found < -rounding)
    return Components(**{name: max(0.0, float(found)) for name, found in estimates.items()}, negative=negative)
