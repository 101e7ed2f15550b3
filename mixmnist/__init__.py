"""mixmnist: a controlled bench for claims about units, on images whose concepts, masks and causal effect are known."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixmnist.arrays import Arrays
    from mixmnist.core.records import Canvas, Options, Study, Training, Variant
    from mixmnist.data.mixture import draw
    from mixmnist.evaluating import Setting, evaluate, score_arrays
    from mixmnist.pipeline import load_net
    from mixmnist.probing import probe
    from mixmnist.scoring import score
    from mixmnist.sweep import run

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
    "load_net",
    "probe",
    "run",
    "score",
    "score_arrays",
]

_HOMES = {
    "Arrays": "arrays",
    "Canvas": "core.records",
    "Options": "core.records",
    "Setting": "evaluating",
    "Study": "core.records",
    "Training": "core.records",
    "Variant": "core.records",
    "draw": "data.mixture",
    "evaluate": "evaluating",
    "load_net": "pipeline",
    "probe": "probing",
    "run": "sweep",
    "score": "scoring",
    "score_arrays": "evaluating",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- the public names are of many types
    """Loads a public name when it is first used, so that importing the package imports no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mixmnist' has no attribute {name!r}. Public names: {', '.join(__all__)}.")
    value = getattr(importlib.import_module(f"mixmnist.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
