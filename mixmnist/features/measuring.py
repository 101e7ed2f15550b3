"""Measuring: dictionaries fitted on a layer, their atoms scored as units on other images, beside nulls and ceilings."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from scipy.stats import special_ortho_group
from torch import Tensor, nn

from mixmnist.core import registry
from mixmnist.core.records import Dictionary, require
from mixmnist.core.seeding import derive
from mixmnist.features.atoms import AT_ONCE
from mixmnist.features.cells import CELLS, IMAGES, Cells, read_cells
from mixmnist.features.comparing import gap_closed, share_recovered, stability
from mixmnist.features.facts import Facts, score_facts
from mixmnist.features.fitted import Fitted
from mixmnist.features.fitting import fit_dictionary, most_atoms, named
from mixmnist.features.scores import explained_variance, l0
from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.detectors import best, coverage, detectors, unique_concepts
from mixmnist.probing import Drawn
from mixmnist.probing.running import Transform

UNITS, RANDOM, CEILING, ONE_CODE = "units", "random", "probe_max", "topk:k=1"  # what stands beside every dictionary
RANDOM_DRAWS = 20  # of as many directions
RANDOM_SCORED = 3  # of them by the scores that take seconds
TURNS = 5  # of a fitted dictionary as a whole
QUICK = {"explained_variance": explained_variance.SCORE, "l0": l0.SCORE}
SCORED = 10_000  # cells that codes are looked at on
MINIMUM = 1e-6  # of a code's scale: what is smaller is rounding


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer's cells on the images that everything is fitted on, and on those that are scored, with what both show."""

    name: str
    concepts: tuple[str, ...]
    rank: Cells
    test: Cells


@dataclass(frozen=True)
class Plan:
    """What is fitted and scored."""

    dictionaries: tuple[str, ...] = ()
    """By name or path, with settings, as `topk:k=1`; by default the whole shelf, and topk with one code besides."""
    atoms: tuple[int, ...] = (20,)
    """Numbers of atoms."""
    seeds: tuple[int, ...] = (0,)
    """Of dictionaries."""
    cells: int = CELLS
    """That a dictionary is fitted on."""
    thorough: bool = True
    """Whether, of the first seed, all scores of the shelf and the nulls are made; else explained variance and L0 alone."""
    nulls: tuple[str, ...] = ()
    """Dictionaries whose nulls are made in any case."""
    rotate: int | None = None
    """Seed of a rotation of the units that comes before all else."""
    draws: int = 0
    """Seed of the first draw of random directions; other nets are to have others."""


def read_layer(
    net: nn.Module,
    rank: Drawn,
    test: Drawn,
    layer: str,
    images: int = IMAGES,
    transform: Transform | None = None,
    axis: int = 1,
) -> Layer:
    """Reads a layer's cells on the first images of two mixtures."""
    one, other = (read_cells(net, mixture, layer, images, transform, axis) for mixture in (rank, test))
    return Layer(layer, tuple(rank.concepts), one, other)


def layer_of_rows(
    rows: Float[Tensor, "cells units"], present: Bool[Tensor, "cells concepts"], concepts: Sequence[str], name: str = "rows"
) -> Layer:
    """Takes activations as they are, a row a cell and an image: the first half is fitted on, the second is scored.

    Raises:
        ValueError: If rows and truth do not belong together, or there are fewer than 4.
    """
    require(len(rows) == len(present), f"rows and truth must be as many, got {len(rows)} and {len(present)}.")
    require(len(rows) >= 4, f"rows must be 4 or more, got {len(rows)}. Half of them are fitted on, half are scored.")
    require(len(concepts) == present.shape[1], f"concepts must be as many as columns of the truth, got {len(concepts)}.")
    half = len(rows) // 2
    parts = [(rows[:half], present[:half]), (rows[half:], present[half:])]
    one, other = (Cells(values.float(), torch.arange(len(values)), shown) for values, shown in parts)
    return Layer(name, tuple(concepts), one, other)


def rotated(layer: Layer, q: Float[Tensor, "units units"]) -> Layer:
    """Gives the layer in other units: each cell turned by the same rotation."""

    def turned(cells: Cells) -> Cells:
        return replace(cells, values=(cells.values.double() @ q.double().T).to(cells.values.dtype))

    return replace(layer, rank=turned(layer.rank), test=turned(layer.test))


def read_codes(fitted: Fitted, cells: Cells) -> tuple[Float[Tensor, "images atoms"], Float[Tensor, "images atoms"]]:
    """Gives the highest code and the mean code over each image's cells, those that do not fire among them.

    Raises:
        ValueError: If a code is no finite number.
    """
    assert cells.present is not None
    n, silent = len(cells.present), fitted.encode(torch.zeros_like(cells.values[:1]))
    counts = torch.bincount(cells.image, minlength=n).to(silent)
    left = (cells.places - counts)[:, None]
    highest = torch.where(left > 0, silent, -torch.inf)
    total = left.double() * silent.double()
    for rows, image in zip(cells.values.split(AT_ONCE), cells.image.split(AT_ONCE), strict=True):
        codes = fitted.encode(rows)
        require(codes.isfinite().all(), "codes must be finite on every cell, got nan or infinite ones. Mend encode, or the fit.")
        highest = highest.scatter_reduce(0, image[:, None].expand_as(codes), codes, "amax")
        total.index_add_(0, image, codes.double())
    return highest, (total / cells.places).to(silent)


def measure(layer: Layer, plan: Plan) -> pd.DataFrame:
    """Fits and scores dictionaries, one after another.

    Returns:
        A row a dictionary, number of atoms and seed, and rows for `units`, `random` and the ceilings: `dictionary`, `asked` and
        `atoms` (as read), `seed`, scores of the atoms as units (`coverage`, `unique_concepts`, `detectors`, `mean_alignment` by
        the highest code; `coverage_mean` by the mean code), scores of the shelf, `gap_closed`, `seconds` (of the fit), `said`,
        `copies` (it can copy every cell, so that what it explains proves nothing).
        Of several seeds `stability` (mean cosine of matched atoms) and `recovered` (share of atoms found again), those of random
        directions beside. Where the plan asks for them two nulls: `coverage_scrambled`, of the dictionary fitted on cells whose
        units are permuted each by itself, and `coverage_turned`, of its atoms turned as a whole (mean of 5 turns).
    """
    rows = pd.DataFrame(measured(layer, plan))
    return with_gaps(rows)


def measured(layer: Layer, plan: Plan) -> Iterator[dict[str, object]]:
    """Gives the rows of `measure` as they come, without `gap_closed`."""
    fit_on = layer.rank.some(plan.cells, seed=0)
    chosen = dict.fromkeys((CEILING, *(plan.dictionaries or (*registry.names("dictionaries"), ONE_CODE))))
    chosen.pop(RANDOM, None)  # comes last, with as many directions as the others
    yield _row(layer, UNITS, _as_they_are(fit_on), plan.thorough) | {"seed": 0, "asked": fit_on.n_units, "seconds": 0.0}
    counts: dict[int, None] = {}
    for spec in chosen:
        dictionary: Dictionary = registry.choose("dictionaries", named(spec)[0])
        for asked in plan.atoms[:1] if dictionary.supervised else plan.atoms:
            cells = layer.rank if dictionary.supervised else fit_on
            most = most_atoms(dictionary, cells, asked)
            start = time.perf_counter()
            fits = fit_dictionary(spec, cells, most, plan.seeds)
            shared = {"asked": asked, "seconds": (time.perf_counter() - start) / len(plan.seeds), **_alike(fits, dictionary)}
            for place, (seed, fitted) in enumerate(zip(plan.seeds, fits, strict=True)):
                counts[fitted.n_atoms] = None
                thorough = plan.thorough and place == 0
                row = _row(layer, spec, fitted, thorough, dictionary) | {"seed": seed, **shared}
                if place == 0 and not dictionary.supervised and (plan.thorough or spec in plan.nulls):
                    again = fit_dictionary(spec, cells.scrambled(seed), most, (seed,))
                    row |= {"coverage_scrambled": _coverage(layer, again[0]), "coverage_turned": _turned(layer, fitted)}
                yield row
    yield from _random(layer, fit_on, plan, sorted({*counts, fit_on.n_units}))


def _random(layer: Layer, fit_on: Cells, plan: Plan, numbers: Sequence[int]) -> Iterator[dict[str, object]]:
    """Scores random directions, as many as the dictionaries have atoms."""
    random: Dictionary = registry.choose("dictionaries", RANDOM)
    for n in numbers:
        drawn = fit_dictionary(random, fit_on, n, range(plan.draws, plan.draws + RANDOM_DRAWS))
        alike = _alike(drawn[:RANDOM_SCORED], random) if len(plan.seeds) > 1 else {}
        for draw, fitted in enumerate(drawn):
            row = _row(layer, RANDOM, fitted, plan.thorough and draw < RANDOM_SCORED, random)
            yield row | {"seed": draw, "asked": n, "seconds": 0.0, **alike}


def _alike(fits: Sequence[Fitted], dictionary: Dictionary) -> dict[str, object]:
    """Says how alike the atoms of different seeds are; nothing of one seed, or of a ceiling, some of which have no directions."""
    if len(fits) < 2 or dictionary.supervised:
        return {}
    atoms = [one.atoms for one in fits]
    return {"stability": stability(atoms), "recovered": share_recovered(atoms)}


def _coverage(layer: Layer, fitted: Fitted) -> float:
    assert layer.test.present is not None
    return float(coverage(average_precision(read_codes(fitted, layer.test)[0], layer.test.present)))


def _turned(layer: Layer, fitted: Fitted) -> float:
    """Gives the coverage of atoms that have their angles to each other and other directions, mean over turns."""
    n_units = fitted.atoms.shape[1]
    if n_units == 1:
        return _coverage(layer, fitted)  # there is but one direction

    def turned(turn: int) -> Fitted:
        drawn = special_ortho_group.rvs(n_units, random_state=np.random.default_rng(derive(turn, "atoms", "turned")))
        q = torch.from_numpy(drawn).to(fitted.atoms)
        return replace(fitted, atoms=fitted.atoms @ q.T, encode=lambda cells: fitted.encode(cells @ q))

    return sum(_coverage(layer, turned(turn)) for turn in range(TURNS)) / TURNS


def _as_they_are(cells: Cells) -> Fitted:
    """The layer's own units as atoms."""
    own = torch.eye(cells.n_units).to(cells.values)
    return Fitted(own, lambda rows: rows, torch.zeros_like(own[0]))


def _row(layer: Layer, name: str, fitted: Fitted, thorough: bool, dictionary: Dictionary | None = None) -> dict[str, object]:
    """Scores one fitted dictionary."""
    response, mean = read_codes(fitted, layer.test)
    present = layer.test.present
    assert present is not None
    learned = dictionary is not None and not dictionary.supervised
    least = float(response.min())
    require(not learned or least >= 0, f"{name} must give codes that are not negative, got {least:.3g}. Mend its encode.")
    alignment, by_mean = average_precision(response, present), average_precision(mean, present)
    if dictionary is not None and dictionary.read == "mean":
        alignment, by_mean = by_mean, alignment
    supervised = dictionary is not None and dictionary.supervised
    row: dict[str, object] = {"dictionary": name, "atoms": fitted.n_atoms, "supervised": supervised}
    row |= {"coverage": float(coverage(alignment)), "coverage_mean": float(coverage(by_mean))}
    row |= {"unique_concepts": int(unique_concepts(alignment)), "detectors": int(detectors(alignment))}
    row |= {"mean_alignment": float(best(alignment).mean()), "chance": float(present.float().mean(dim=0).mean())}
    if not supervised:
        row |= _scores(layer, fitted, response, thorough)
    return row | {"said": fitted.said, "copies": fitted.copies}


def _scores(layer: Layer, fitted: Fitted, response: Float[Tensor, "images atoms"], thorough: bool) -> dict[str, float]:
    """Scores a dictionary by the shelf, or by what is quick."""
    present, rank_present = layer.test.present, layer.rank.present
    assert present is not None
    assert rank_present is not None
    cells = layer.test.some(SCORED, seed=0)
    codes = fitted.encode(cells.values)
    codes = torch.where(codes.abs() > MINIMUM * codes.abs().amax(dim=0), codes, 0)
    rank = read_codes(fitted, layer.rank)[0] if thorough else response[:0]  # what is quick asks for cells alone
    known = rank_present if thorough else rank_present[:0]
    facts = Facts(fitted.atoms, cells.values, codes, fitted.decode(codes), response, present, rank, known)
    return score_facts(facts, None if thorough else QUICK)


def with_gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds `gap_closed`: how far each goes from as many random directions to the ceiling, 0 to 1."""
    ceiling = rows["coverage"][rows["dictionary"] == CEILING].mean()
    of_random = rows[rows["dictionary"] == RANDOM].groupby("atoms")["coverage"].mean()
    found_by = rows["coverage"].where(rows["dictionary"] != RANDOM)  # which is where the gap begins
    known = zip(found_by.tolist(), rows["atoms"].map(of_random).tolist(), strict=True)
    gaps = [gap_closed(found, by_chance, ceiling) for found, by_chance in known]
    return rows.assign(gap_closed=gaps)
