"""Fitting: a dictionary of the shelf, or of one's own, on cells, with what it gives checked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mixmnist.core import registry
from mixmnist.core.entries import Number
from mixmnist.core.records import Dictionary, Settings, require
from mixmnist.features.cells import Cells
from mixmnist.features.fitted import Fitted
from mixmnist.features.rows import as_cells

TRIED = 100  # cells that a dictionary must write, before it is believed; the last of them is silent
SAME = 1e-3  # of the largest code: what a cell's code may change by in other company


def named(spec: str) -> tuple[str, dict[str, Number]]:
    """Parts what names a dictionary with settings, as `topk:k=1` or `mine.py:price=.1:steps=400`.

    Raises:
        ValueError: If a setting is no name=number.

    Example:
        >>> named("topk:k=1"), named("ica")
        (('topk', {'k': 1}), ('ica', {}))
    """
    name, *given = spec.split(":")
    settings: dict[str, Number] = {}
    for one in given:
        key, _, value = one.partition("=")
        try:
            number = float(value)
        except ValueError as error:
            raise ValueError(f"settings must be written name:key=number, got {spec!r}. For example topk:k=1.") from error
        settings[key] = int(number) if number.is_integer() and "." not in value else number
    return name, settings


def fit_dictionary(
    dictionary: str | Dictionary,
    cells: Any,  # noqa: ANN401 -- cells, or an array of any library
    atoms: int = 20,
    seeds: Sequence[int] = (0,),
    settings: Settings | None = None,
) -> list[Fitted]:
    """Fits a dictionary on cells, from another start for each seed.

    Args:
        dictionary: A name of the shelf, a file that ends in `DICTIONARY`, either with settings as `topk:k=1`; or a dictionary.
        cells: `Cells`, or rows [n, units] of numpy, torch or lists. Of any scale: they are fitted on with mean length 1, and
            atoms are given on the scale of the cells.
        atoms: Directions, 1 or more and no more than there are cells; of signed codes each counts twice, once for each sign.
        seeds: Of starts and of batches.
        settings: Overrides of the dictionary's settings, and of those in its name.

    Returns:
        A dictionary a seed, whose codes are not negative: `atoms` [atoms, units], `encode(rows)` [n, atoms], `decode(codes)`,
        and `said`, which is empty where the fit converged.

    Raises:
        ValueError: If atoms or settings are out of range, the cells are not what it takes, or a dictionary of one's own raises,
            or gives something else than it says.

    Example:
        >>> from mixmnist.features.planted import Superposition, plant_cells
        >>> rows = plant_cells(Superposition(dimensions=10), n=2_000).cells.values  # ten concepts, two in each row
        >>> (found,) = fit_dictionary("ica", rows.numpy(), atoms=20)
        >>> found.atoms.shape, found.encode(rows).shape, bool((found.encode(rows) >= 0).all()), found.said
        (torch.Size([20, 10]), torch.Size([2000, 20]), True, '')
    """
    spec = dictionary if isinstance(dictionary, str) else ""
    name, own = named(spec)
    title = name or getattr(dictionary, "title", "")
    chosen: Dictionary = registry.choose("dictionaries", name) if isinstance(dictionary, str) else dictionary
    cells = as_cells(cells)
    require(len(seeds), "seeds must be one or more, got none. Give (0,), say.")
    _check_atoms(title, chosen, cells, atoms)
    asked, scale, seeds = _asked(chosen, cells, atoms), cells.length, tuple(seeds)
    settings = chosen.with_settings({**own, **(settings or {})})
    try:
        found = chosen.fit(cells.divided(scale), asked, seeds, **settings)
    except Exception as error:  # whatever a stranger's may raise
        if not name.endswith(".py"):
            raise
        got = registry.raised(error, Path(name))
        what = f"{asked} atoms to {len(cells):,} cells of {cells.n_units} units"
        raise ValueError(f"{title} must fit {what}, got {got}. Mend its fit.") from error
    require(
        isinstance(found, list) and len(found) == len(seeds),
        f"{title} must give a list with a Fitted for each seed, got {_length(found)} for {len(seeds)}.",
    )
    some = cells.values[: TRIED - 1] / scale
    for one in found:
        _check(title, one, some, asked, chosen.codes == "positive")
    return [(one.in_half_waves() if _splits(chosen) else one).stretched(scale) for one in found]


def _splits(dictionary: Dictionary) -> bool:
    """Says whether each direction is read as two half-waves; a ceiling's atoms stand for concepts, whatever their signs."""
    return dictionary.codes == "signed" and not dictionary.supervised


def _check_atoms(title: str, dictionary: Dictionary, cells: Cells, atoms: int) -> None:
    """Refuses numbers of atoms, and cells, that a dictionary cannot have."""
    n = len(cells)
    require(isinstance(atoms, int), f"atoms must be a whole number, got atoms={atoms!r}.")
    require(1 <= atoms <= n, f"atoms must lie between 1 and the number of cells, got atoms={atoms} of {n} cells.")
    least = float(cells.values.min()) if dictionary.needs == "non-negative" else 0.0
    way_out = "Choose another dictionary, or a layer after a ReLU."
    require(least >= 0, f"{title} needs cells that are not negative, got {least:.3g}. {way_out}")
    require(
        not _splits(dictionary) or atoms % 2 == 0,
        f"atoms must be even where codes are signed, as in {title}, got atoms={atoms}. Ask for {atoms + 1}.",
    )


def _length(found: object) -> str:
    return f"a list of {len(found)}" if isinstance(found, list) else f"one {type(found).__name__}"


def most_atoms(dictionary: str | Dictionary, cells: Cells, atoms: int) -> int:
    """Gives how many atoms a dictionary can be asked for, where one wishes for so many.

    Returns:
        As many, or fewer: no more than cells; an even number where codes are signed; and where a dictionary finds no more
        directions than there are independent units, one for each, or two where codes are signed. Never fewer than 1 or 2.

    Example:
        >>> most_atoms("ica", Cells(torch.eye(30)[:, :5], torch.arange(30)), atoms=20)
        10
    """
    chosen: Dictionary = registry.choose("dictionaries", dictionary) if isinstance(dictionary, str) else dictionary
    a_direction = 2 if _splits(chosen) else 1
    most = cells.independent if chosen.most == "units" else len(cells) // a_direction
    return a_direction * max(1, min(atoms // a_direction, most))


def _asked(dictionary: Dictionary, cells: Cells, atoms: int) -> int:
    """Says how many directions a dictionary is asked for."""
    if dictionary.supervised:
        require(
            cells.present is not None,
            f"{dictionary.title} needs what the images show, got none. Leave it out, or give the truth.",
        )
        assert cells.present is not None
        return cells.present.shape[1]
    return atoms // 2 if dictionary.codes == "signed" else atoms


def _check(title: str, fitted: object, cells: Tensor, atoms: int, positive: bool) -> None:
    """Refuses what is no dictionary.

    Raises:
        ValueError: If shapes, signs or numbers are not what they must be.
    """
    require(isinstance(fitted, Fitted), f"{title} must give mixmnist.features.fitted.Fitted, got {type(fitted).__name__}.")
    assert isinstance(fitted, Fitted)
    n, units = cells.shape
    _check_numbers(title, "atoms", fitted.atoms, (atoms, units))
    _check_numbers(title, "offset", fitted.offset, (units,))
    silent = torch.cat([cells, torch.zeros_like(cells[:1])])  # a cell that does not fire must have codes, too
    try:
        with torch.no_grad():
            codes, alone = fitted.encode(silent), fitted.encode(cells[:1])
    except Exception as error:  # whatever a stranger's may raise
        got = f"{type(error).__name__}: {error}".removesuffix(".")
        raise ValueError(f"{title} must encode cells of shape {[n + 1, units]}, got {got}. Mend its encode.") from error
    _check_numbers(title, "codes", codes, (n + 1, atoms))
    _check_numbers(title, "codes of one cell", alone, (1, atoms))
    least, far = float(codes.min()), float((codes[:1] - alone).abs().max())
    require(not positive or least >= 0, f'{title} must give codes that are not negative, got {least:.3g}. Say codes="signed".')
    require(
        far <= SAME * float(codes.abs().max()),
        f"{title} must encode each cell by itself, got codes that change by {far:.3g} with the others. Mend its encode.",
    )


def _check_numbers(title: str, what: str, values: object, shape: tuple[int, ...]) -> None:
    require(isinstance(values, Tensor), f"{title} must give {what} as a tensor, got {type(values).__name__}.")
    assert isinstance(values, Tensor)
    require(values.shape == shape, f"{title} must give {what} of shape {list(shape)}, got {list(values.shape)}.")
    finite = bool(values.isfinite().all())
    hint = " A cell of zeros must have codes, too." if what == "codes" else ""
    require(finite, f"{title} must give finite {what}, got nan or infinite ones.{hint}")
