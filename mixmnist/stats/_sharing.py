"""Who shares a glyph with whom: canvases as sets of glyphs, and sums over all pairs that have one in common."""

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

CHUNK = 512  # sets of glyphs compared with all others at once: bounds the memory


def numbered(glyphs: Int[np.ndarray, "images slots"]) -> Int[np.ndarray, "images slots"]:
    """Numbers the glyphs that occur 0, 1, ...; -1 where there is none."""
    found = np.unique(np.where(glyphs < 0, -1, glyphs), return_inverse=True)[1]
    number: Int[np.ndarray, "images slots"] = found.reshape(glyphs.shape) - bool((glyphs < 0).any())
    return number


def sets_of(number: Int[np.ndarray, "images slots"]) -> tuple[Int[np.ndarray, " images"], Int[np.ndarray, "sets slots"]]:
    """Gives which set of glyphs each image shows, and the sets: every glyph once, -1 where there is none."""
    ordered = np.sort(number, axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = -1
    place, first = np.zeros(len(number), dtype=np.int64), np.zeros(1, dtype=np.int64)
    for column in ordered.T:  # numbers what is the same so far; much faster than unique rows
        _, first, place = np.unique(place * (number.max() + 2) + column + 1, return_index=True, return_inverse=True)
    return place.reshape(-1), ordered[first]


def incidence(sets: Int[np.ndarray, "sets slots"]) -> "sparse.csr_array":
    """Tells which set holds which glyph, 1 or 0."""
    held = sets >= 0
    ends = np.concatenate([[0], held.sum(axis=1).cumsum()])  # row by row, as nonzero entries are stored
    return sparse.csr_array((np.ones(ends[-1]), sets[held], ends), shape=(len(sets), int(sets.max(initial=-1)) + 1))


def over_sharing(holds: "sparse.csr_array", sums: Float[np.ndarray, " sets"]) -> float:
    """Adds up the products of the sums of all pairs of sets that have a glyph in common, each with itself too."""
    total, across = 0.0, holds.T.tocsr()
    for start in range(0, len(sums), CHUNK):
        common = holds[start : start + CHUNK] @ across  # some sets
        common.data[:] = 1.0
        total += float(sums[start : start + CHUNK] @ (common @ sums))
    return total


def effective(weight: Float[np.ndarray, " glyphs"], concept: Int[np.ndarray, " glyphs"]) -> Float[np.ndarray, " concepts"]:
    """Gives the number of glyphs of each concept that would weigh the same (L. Kish, 1965, "Survey Sampling")."""
    squared = np.bincount(concept, weight**2)
    return np.bincount(concept, weight) ** 2 / np.where(squared > 0, squared, 1.0)


def corrections(number: Float[np.ndarray, " concepts"]) -> Float[np.ndarray, " concepts"]:
    """Gives n / (n - 1), by which squares around a mean are too small; 1 where there is but one."""
    return np.where(number > 1 + 1e-9, number / np.maximum(number - 1, 1e-9), 1.0)
