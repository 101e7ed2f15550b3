"""Measuring: a dictionary fitted on planted cells of many kinds, held against the directions and codes that made them.

Every number stands beside what as many random directions reach and what the true directions reach on the same cells.
"""

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from mixmnist.core import registry
from mixmnist.core.records import Dictionary, Score, Settings
from mixmnist.features.cells import Cells
from mixmnist.features.dictionaries._nonnegative import best_codes
from mixmnist.features.facts import Facts, score_facts
from mixmnist.features.fitted import Fitted, unit_rows
from mixmnist.features.fitting import fit_dictionary, most_atoms
from mixmnist.features.matching import cosines, matched
from mixmnist.features.planted import Planted, Superposition, plant_cells
from mixmnist.features.scores import absorption, explained_variance, l0, mcc
from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.detectors import coverage, unique_concepts
from mixmnist.plants._rotation import random_rotation

DIALS: Mapping[str, tuple[int | float, ...]] = {
    "dimensions": (3, 5, 10, 30),
    "atoms": (5, 10, 20, 40),
    "shown": (1, 2, 3),
    "noise": (0.05, 0.2),
    "weakest": (0.1, 0.5),
    "together": (0.0, 0.8),
    "frequent": (1.0, 20.0),
}
ATOMS = 20
SCORES = {"mcc": mcc.SCORE, "l0": l0.SCORE, "explained_variance": explained_variance.SCORE}
OF_ABSORPTION = {"absorption": absorption.SCORE}  # takes long, and is asked for where absorption is planted
TWO_OF_TEN = Superposition()  # orthogonal directions, two concepts in a cell
ROUNDING = 1e-6  # of an atom's highest code: what is smaller is none
Row = dict[str, object]


@dataclass(frozen=True)
class Sizes:
    """How much is drawn for a card."""

    cells: int = 10_000  # that dictionaries are fitted on
    scored: int = 4_000  # other ones
    seeds: int = 3  # of dictionaries
    draws: int = 5  # of as many random directions


@dataclass(frozen=True)
class Condition:
    """What a dictionary is fitted on, and how many atoms it is asked for."""

    how: Superposition = TWO_OF_TEN
    atoms: int = ATOMS
    rotated: bool = False


USUAL = Condition()


def at(dial: str, level: int | float) -> Condition:
    """Gives the usual condition with one dial set.

    Example:
        >>> at("noise", 0.05) == USUAL, at("atoms", 5).atoms
        (True, 5)
    """
    if dial == "atoms":
        return replace(USUAL, atoms=int(level))
    dialled: dict[str, Any] = {dial: level}
    return replace(USUAL, how=replace(USUAL.how, **dialled))


def conditions() -> list[Condition]:
    """Lists all conditions, each once; the usual one is the first."""
    dialled = [at(dial, level) for dial, levels in DIALS.items() for level in levels]
    return list(dict.fromkeys([USUAL, *dialled, replace(USUAL, rotated=True)]))


def measure(dictionary: str | Dictionary, condition: Condition, sizes: Sizes, settings: Settings | None = None) -> list[Row]:
    """Fits a dictionary in one condition, on cells that it takes.

    Returns:
        A row a seed: scores of directions and codes, those of random directions and of the true ones (`random_coverage`,
        `random_mcc`, `true_coverage`), `stability` over seeds, `seconds` of a processor, and what the fit `said`.
    """
    chosen: Dictionary = registry.choose("dictionaries", dictionary) if isinstance(dictionary, str) else dictionary
    how = replace(condition.how, positive=chosen.needs == "non-negative")
    planted, others = (_planted(how, n, seed, condition.rotated) for seed, n in enumerate((sizes.cells, sizes.scored)))
    atoms = most_atoms(chosen, planted.cells, condition.atoms)
    start = time.process_time()
    fits = fit_dictionary(dictionary, planted.cells, atoms, range(sizes.seeds), settings)
    seconds = (time.process_time() - start) / sizes.seeds
    shared: Row = {"condition": condition, "atoms": atoms, "seconds": seconds, "stability": _stability(fits, others.cells)}
    shared |= _nulls(how, atoms, sizes, condition.rotated)
    shelf = SCORES | OF_ABSORPTION if how.frequent > 1 else SCORES
    return [
        {**shared, "seed": seed, **_scores(one, planted, others, shelf), "said": one.said, "copies": one.copies}
        for seed, one in enumerate(fits)
    ]


@cache
def _planted(how: Superposition, n: int, seed: int, rotated: bool) -> Planted:
    planted = plant_cells(how, n, seed)
    if not rotated:
        return planted
    q = random_rotation(how.dimensions, 0).float()
    turned = planted.cells.values @ q.T
    cells = replace(planted.cells, values=turned)
    return replace(planted, cells=cells, directions=planted.directions @ q.T)


@cache
def _nulls(how: Superposition, atoms: int, sizes: Sizes, rotated: bool) -> Row:
    """Scores as many random directions, and the true directions: read as they are, or by the best codes, whichever is better."""
    planted, others = (_planted(how, n, seed, rotated) for seed, n in enumerate((sizes.cells, sizes.scored)))
    drawn = fit_dictionary("random", planted.cells, atoms, range(sizes.draws))
    values, directions = others.cells.values, others.directions
    reached = [_coverage(one.encode(values), others.cells)[0] for one in drawn]
    near = [float(mcc.mcc(one.atoms, directions)) for one in drawn]
    true = max(_coverage(codes, others.cells)[0] for codes in (values @ directions.T, best_codes(values, directions)))
    random: Row = {"random_coverage": sum(reached) / len(reached), "random_highest": max(reached)}
    return random | {
        "random_mcc": sum(near) / len(near),
        "random_stability": _stability(drawn, others.cells),
        "true_coverage": true,
    }


def _scores(fitted: Fitted, planted: Planted, others: Planted, shelf: Mapping[str, Score]) -> Row:
    """Scores a fitted dictionary on other cells; of absorption, atoms are chosen on those that it was fitted on."""
    n = len(others.cells)
    codes, rank = (_codes(fitted, one.cells, n) for one in (others, planted))
    present, known = others.cells.present, planted.cells.present
    assert present is not None
    assert known is not None
    facts = Facts(
        fitted.atoms,
        others.cells.values,
        codes,
        fitted.decode(codes),
        response=codes,
        present=present,
        rank_response=rank,
        rank_present=known[:n],
        directions=others.directions,
        true_codes=others.codes,
    )
    found, unique = _coverage(codes, others.cells)
    pure = cosines(fitted.atoms, others.directions).amax(dim=1)[unit_rows(fitted.atoms).norm(dim=1) > 0]
    return {"coverage": found, "unique_concepts": unique, "purity": float(pure.mean()), **score_facts(facts, shelf)}


def _codes(fitted: Fitted, cells: Cells, n: int) -> Float[Tensor, "cells atoms"]:
    codes = fitted.encode(cells.values[:n])
    return torch.where(codes > ROUNDING * codes.amax(dim=0), codes, 0)


def _coverage(codes: Float[Tensor, "cells atoms"], cells: Cells) -> tuple[float, int]:
    assert cells.present is not None
    alignment = average_precision(codes, cells.present)
    return float(coverage(alignment)), int(unique_concepts(alignment))


def _stability(fits: Sequence[Fitted], cells: Cells) -> float:
    """Gives the mean cosine of atoms in use, matched between two seeds, over all pairs of seeds; nan of one seed."""
    used = [one.atoms[(_codes(one, cells, len(cells)) > 0).any(dim=0) & (one.atoms.norm(dim=1) > 0)] for one in fits]
    pairs = [float(matched(cosines(a, b)).mean()) for a, b in itertools.combinations(used, 2)]
    return sum(pairs) / len(pairs) if pairs else float("nan")


def as_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Gives measured rows with how far each is from random directions to the best there is: 0 as random, 1 as the best.

    `codes_found` is of coverage, the best being the true directions; `directions_found` of the likeness to the true directions;
    `stable` of atoms over seeds. A number is missing where random directions reach the best, to .05.
    """
    table = pd.DataFrame(rows)
    for name, value, low, high in (
        ("codes_found", "coverage", "random_coverage", table["true_coverage"]),
        ("directions_found", "mcc", "random_mcc", 1.0),
        ("stable", "stability", "random_stability", 1.0),
    ):
        gap = high - table[low]
        table[name] = ((table[value] - table[low]) / gap).where(gap >= 0.05)
    return table
