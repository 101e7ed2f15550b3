"""mixmnist: a controlled bench for claims about units, on images whose concepts, masks and causal effect are known."""

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mixmnist.core.former import FORMER

if TYPE_CHECKING:
    from mixmnist.core.records import Canvas, Options, Study, Training, Variant
    from mixmnist.data.drawing import draw
    from mixmnist.features.atoms import read_atoms
    from mixmnist.features.cells import read_cells
    from mixmnist.features.fitting import fit_dictionary
    from mixmnist.grid.recording import load_net
    from mixmnist.grid.sweep import run
    from mixmnist.guests.arrays import Arrays
    from mixmnist.guests.dictionaries import measure_dictionaries, measure_dictionaries_on_rows
    from mixmnist.guests.evaluating import Setting, evaluate, score_arrays
    from mixmnist.probing import probe
    from mixmnist.scoring import score
    from mixmnist.trust._dictionaries_grading import grade_dictionary

__version__ = "0.1.0"
__all__ = [
    "Arrays",
    "Canvas",
    "Options",
    "Setting",
    "Study",
    "Training",
    "Variant",
    "draw",
    "evaluate",
    "fit_dictionary",
    "grade_dictionary",
    "load_net",
    "measure_dictionaries",
    "measure_dictionaries_on_rows",
    "probe",
    "read_atoms",
    "read_cells",
    "run",
    "score",
    "score_arrays",
]

_HOMES = {
    "Arrays": "guests.arrays",
    "Canvas": "core.records",
    "Options": "core.records",
    "Setting": "guests.evaluating",
    "Study": "core.records",
    "Training": "core.records",
    "Variant": "core.records",
    "draw": "data.drawing",
    "evaluate": "guests.evaluating",
    "fit_dictionary": "features.fitting",
    "grade_dictionary": "trust._dictionaries_grading",
    "load_net": "grid.recording",
    "measure_dictionaries": "guests.dictionaries",
    "measure_dictionaries_on_rows": "guests.dictionaries",
    "probe": "probing",
    "read_atoms": "features.atoms",
    "read_cells": "features.cells",
    "run": "grid.sweep",
    "score": "scoring",
    "score_arrays": "guests.evaluating",
}


class _Former:
    """Finds the modules that public names could be imported from before there were rooms."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Answers for those modules alone."""
        return importlib.util.spec_from_loader(name, _Former) if name in FORMER else None  # type: ignore[arg-type]

    @staticmethod
    def create_module(_spec: ModuleSpec) -> None:
        """Leaves it to the import system."""

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Puts the module in its place that has the names now."""
        sys.modules[module.__name__] = importlib.import_module(FORMER[module.__name__])


sys.meta_path.append(_Former)


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- the public names are of many types
    """Loads a public name when it is first used, so that importing the package imports no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mixmnist' has no attribute {name!r}. Public names: {', '.join(__all__)}.")
    value = getattr(importlib.import_module(f"mixmnist.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
