"""Trying: what is asked of a layer is tried on a few of its cells, so that a slip is told before minutes are gone."""

from collections.abc import Mapping
from dataclasses import replace

from mixmnist.core import registry
from mixmnist.core.records import Dictionary, require
from mixmnist.features.cells import Cells
from mixmnist.features.fitting import fit_dictionary, most_atoms, named
from mixmnist.features.measuring import ONE_CODE, Layer, Plan

CELLS = 500  # that dictionaries are tried on
QUICK: Mapping[str, int] = {"steps": 1, "starts": 1}  # settings that are least where a dictionary has them


def tried(layer: Layer, plan: Plan) -> tuple[Plan, list[str]]:
    """Tries a plan on a few cells of a layer.

    Returns:
        The plan that can be carried out, and a sentence for each dictionary that is left out of it. Only what was not asked for
        by name is left out: where the whole shelf is meant and cells have both signs, dictionaries that need others.

    Raises:
        ValueError: If a dictionary is unknown, or does not take the cells, the numbers of atoms or the settings; if there are
            more atoms than cells; if a concept is shown by no image, or by all.
    """
    check_truth(layer)
    n = min(len(layer.rank), plan.cells)
    for atoms in plan.atoms:
        require(1 <= atoms <= n, f"atoms must lie between 1 and the number of cells, got atoms={atoms} of {n} cells.")
    cells = layer.rank.some(max(CELLS, 2 * max(plan.atoms)), seed=0)
    signed = plan.rotate is not None or bool((layer.rank.values < 0).any())
    if plan.dictionaries:
        for spec in dict.fromkeys(plan.dictionaries):
            _try(spec, cells, plan, signed)
        return plan, []
    if not signed:
        return plan, []
    shelf: Mapping[str, Dictionary] = registry.collect("dictionaries")
    left = [name for name, one in shelf.items() if one.needs == "non-negative"]
    chosen = tuple(name for name in (*shelf, ONE_CODE) if name not in left)
    why = "is left out: it needs cells that are not negative, and these have both signs."
    return replace(plan, dictionaries=chosen), [f"{name} {why}" for name in left]


def check_truth(layer: Layer) -> None:
    """Refuses a layer of which some concept cannot be scored.

    Raises:
        ValueError: If a concept is shown by none or by all of the images that are fitted on, or of those that are scored.
    """
    for cells, part in ((layer.rank, "fitted on"), (layer.test, "scored")):
        present = cells.present
        require(present is not None, "the truth must be known of the images that are scored, got none. Give present.")
        assert present is not None
        for concept, share in zip(layer.concepts, present.double().mean(dim=0).tolist(), strict=True):
            got = f"{concept!r} in {'none' if share == 0 else 'all'} of the {len(present)} that are {part}"
            way_out = "Give more of them, in another order, or leave the concept out."
            require(0 < share < 1, f"each concept must be shown by some images and not by others, got {got}. {way_out}")


def _try(spec: str, cells: Cells, plan: Plan, signed: bool) -> None:
    """Fits a dictionary on few cells, in as few steps as it can; of ceilings, which take seconds, only those of one's own."""
    name, settings = named(spec)
    dictionary: Dictionary = registry.choose("dictionaries", name)
    dictionary.with_settings(settings)
    lacking = dictionary.needs == "non-negative" and signed
    got = f"both signs{' after a rotation' if plan.rotate is not None else ''}"
    way_out = "Leave it out, or name a layer after a ReLU."
    require(not lacking, f"{name} needs cells that are not negative, got {got}. {way_out}")
    if dictionary.supervised and not name.endswith(".py"):
        return
    quick = {key: least for key, least in QUICK.items() if key in dictionary.settings}
    for atoms in plan.atoms:
        fit_dictionary(spec, cells, most_atoms(dictionary, cells, atoms), plan.seeds[:1], quick)
