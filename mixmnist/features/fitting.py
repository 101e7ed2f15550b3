"""Fitting: a dictionary of the shelf, or of one's own, on cells, with what it gives checked."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mixmnist.core import registry
from mixmnist.core.entries import Number
from mixmnist.core.records import Dictionary, Settings, require
from mixmnist.features.cells import Cells, check_cells
from mixmnist.features.fitted import Fitted

TRIED = 100  # cells that a dictionary must write, before it is believed


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
    dictionary: str | Dictionary, cells: Cells, atoms: int = 20, seeds: Sequence[int] = (0,), settings: Settings | None = None
) -> list[Fitted]:
    """Fits a dictionary on cells, from another start for each seed.

    Args:
        dictionary: A name of the shelf, a file that ends in `DICTIONARY`, or a dictionary.
        cells: Of any scale: they are fitted on with mean length 1, and atoms are given on the scale of the cells.
        atoms: Directions, 1 or more and no more than there are cells; of signed codes each counts twice, once for each sign.
        seeds: Of starts and of batches.
        settings: Overrides of the dictionary's settings.

    Returns:
        A dictionary a seed, whose codes are not negative.

    Raises:
        ValueError: If atoms or settings are out of range, the cells are not what it takes, or a dictionary of one's own gives
            something else than it says.
    """
    title = dictionary if isinstance(dictionary, str) else dictionary.title
    chosen: Dictionary = registry.choose("dictionaries", dictionary) if isinstance(dictionary, str) else dictionary
    check_cells(cells)
    require(
        1 <= atoms <= len(cells), f"atoms must lie between 1 and the number of cells, got atoms={atoms} of {len(cells)} cells."
    )
    if chosen.needs == "non-negative":
        least = float(cells.values.min())
        require(
            least >= 0,
            f"{title} needs cells that are not negative, got {least:.3g}. Choose another dictionary, or a layer after a ReLU.",
        )
    signed = chosen.codes == "signed" and not chosen.supervised  # a ceiling's atoms stand for concepts, whatever their signs
    require(
        not signed or atoms % 2 == 0,
        f"atoms must be even where codes are signed, as in {title}, got atoms={atoms}. Ask for {atoms + 1}.",
    )
    scale = cells.length
    asked = _asked(chosen, cells, atoms)
    found = chosen.fit(cells.divided(scale), asked, tuple(seeds), **chosen.with_settings(settings or {}))
    require(
        isinstance(found, list) and len(found) == len(seeds),
        f"{title} must give a list with a Fitted for each seed, got {type(found).__name__}.",
    )
    some = cells.values[:TRIED] / scale
    sure = chosen.codes == "positive"
    for one in found:
        _check(title, one, some, asked, sure)
    return [(one.in_half_waves() if signed else one).stretched(scale) for one in found]


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
    a_direction = 2 if chosen.codes == "signed" and not chosen.supervised else 1
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
    try:
        with torch.no_grad():
            codes = fitted.encode(cells)
    except Exception as error:  # whatever a stranger's may raise
        got = f"{type(error).__name__}: {error}".removesuffix(".")
        raise ValueError(f"{title} must encode cells of shape {[n, units]}, got {got}. Mend its encode.") from error
    _check_numbers(title, "codes", codes, (n, atoms))
    least = float(codes.min())
    require(not positive or least >= 0, f'{title} must give codes that are not negative, got {least:.3g}. Say codes="signed".')


def _check_numbers(title: str, what: str, values: object, shape: tuple[int, ...]) -> None:
    require(isinstance(values, Tensor), f"{title} must give {what} as a tensor, got {type(values).__name__}.")
    assert isinstance(values, Tensor)
    require(values.shape == shape, f"{title} must give {what} of shape {list(shape)}, got {list(values.shape)}.")
    require(values.isfinite().all(), f"{title} must give finite {what}, got nan or infinite ones.")
