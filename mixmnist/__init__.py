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
    from mixmnist.guests.seeing import Wish, see
    from mixmnist.probing import probe
    from mixmnist.scoring import score
    from mixmnist.trust._dictionaries_grading import grade_dictionary
    from mixmnist.visualize._generating import train_generator
    from mixmnist.visualize._generator import Encoder
    from mixmnist.visualize._targets import logit_target, unit_target
    from mixmnist.visualize.imaging import Supplies, make_images
    from mixmnist.visualize.mapping import make_maps
    from mixmnist.visualize.measuring import measure_maps
    from mixmnist.visualize.measuring_images import measure_images
    from mixmnist.visualize.reader import train_reader

__version__ = "0.1.0"
__all__ = [
    "Arrays",
    "Canvas",
    "Encoder",
    "Options",
    "Setting",
    "Study",
    "Supplies",
    "Training",
    "Variant",
    "Wish",
    "draw",
    "evaluate",
    "fit_dictionary",
    "grade_dictionary",
    "load_net",
    "logit_target",
    "make_images",
    "make_maps",
    "measure_dictionaries",
    "measure_dictionaries_on_rows",
    "measure_images",
    "measure_maps",
    "probe",
    "read_atoms",
    "read_cells",
    "run",
    "score",
    "score_arrays",
    "see",
    "train_generator",
    "train_reader",
    "unit_target",
]

_HOMES = {
    "Arrays": "guests.arrays",
    "Canvas": "core.records",
    "Encoder": "visualize._generator",
    "Options": "core.records",
    "Setting": "guests.evaluating",
    "Study": "core.records",
    "Supplies": "visualize.imaging",
    "Training": "core.records",
    "Variant": "core.records",
    "Wish": "guests.seeing",
    "draw": "data.drawing",
    "evaluate": "guests.evaluating",
    "fit_dictionary": "features.fitting",
    "grade_dictionary": "trust._dictionaries_grading",
    "load_net": "grid.recording",
    "logit_target": "visualize._targets",
    "make_images": "visualize.imaging",
    "make_maps": "visualize.mapping",
    "measure_dictionaries": "guests.dictionaries",
    "measure_dictionaries_on_rows": "guests.dictionaries",
    "measure_images": "visualize.measuring_images",
    "measure_maps": "visualize.measuring",
    "probe": "probing",
    "read_atoms": "features.atoms",
    "read_cells": "features.cells",
    "run": "grid.sweep",
    "score": "scoring",
    "score_arrays": "guests.evaluating",
    "see": "guests.seeing",
    "train_generator": "visualize._generating",
    "train_reader": "visualize.reader",
    "unit_target": "visualize._targets",
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
