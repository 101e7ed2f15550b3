"""Networks that others wrote: made by a function of theirs, filled with their weights, tried on one image."""

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from mixmnist.core.records import require
from mixmnist.probing.running import Transform, forward

MOST = 3  # names listed of each kind


def find(name: str, kind: str = "factory") -> Any:  # noqa: ANN401 -- whatever lies there
    """Finds what is written pkg.module:name, the working folder included.

    Raises:
        ValueError: If there is no such module or name.
    """
    module, _, attribute = name.partition(":")
    require(module and attribute, f"{kind} must be written pkg.module:function, got {name!r}. Add the function's name.")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # whatever a stranger's module may raise
        way_out = "Run from the folder that holds it, or install it."
        raise ValueError(
            f"{kind} must lie in a module that can be imported, got {_of(error)} from {module}. {way_out}"
        ) from error
    for part in attribute.split("."):
        require(hasattr(found, part), f"{kind} must be in its module, got no {part!r} in {module}. Mend the name.")
        found = getattr(found, part)
    return found


def make_net(name: str) -> nn.Module:
    """Calls a factory, written pkg.module:function, without arguments and gives its network in eval mode.

    A network that stands there itself is taken as it is.

    Raises:
        ValueError: If there is no such function, or it raises, needs arguments or gives no torch.nn.Module.
    """
    made = find(name)
    if not isinstance(made, nn.Module):
        require(callable(made), f"factory must be a function, got {type(made).__name__} at {name}.")
        try:
            made = made()
        except Exception as error:  # whatever a stranger's function may raise
            way_out = "Write a function without arguments that makes the network, and name that."
            raise ValueError(f"factory must run without arguments, got {_of(error)} from {name}. {way_out}") from error
    if not isinstance(made, nn.Module):
        raise ValueError(f"factory must give a torch.nn.Module, got {type(made).__name__} from {name}. Return the network.")
    return made.eval()


def load_weights(net: nn.Module, path: str | Path) -> nn.Module:
    """Fills a network with weights.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no safetensors file, or its tensors do not fit; the message names them.
    """
    path = Path(path)
    way_out = "Save them with safetensors.torch.save_file(net.state_dict(), path)."
    if not path.is_file():
        raise FileNotFoundError(f"the file of weights must exist, got {path}. {way_out}")
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"weights must be a safetensors file, got {error} in {path}. {way_out}") from error
    wanted = net.state_dict()
    different = [
        f"{name} {list(stored[name].shape)} for {list(wanted[name].shape)}"
        for name in sorted(stored.keys() & wanted.keys())
        if stored[name].shape != wanted[name].shape
    ]
    problems = {
        "missing": sorted(wanted.keys() - stored.keys()),
        "unknown": sorted(stored.keys() - wanted.keys()),
        "of another shape": different,
    }
    said = "; ".join(f"{kind}: {_some(names)}" for kind, names in problems.items() if names)
    require(not said, f"weights must fit the network, got {said} ({path}). Name the network that they were saved from.")
    net.load_state_dict(stored)
    return net


def try_net(net: nn.Module, channels: int, size: int, transform: Transform | None = None) -> None:
    """Runs a network on two black images, so that a wrong size is told before anything is drawn.

    Raises:
        ValueError: If the network or the transform does not take them.
    """
    parameter = next(net.parameters(), torch.zeros(()))
    x = torch.zeros(2, channels, size, size, device=parameter.device, dtype=parameter.dtype)
    explained(lambda: forward(net, x if transform is None else transform(x)), x.shape)


def explained(run: Callable[[], Any], shape: Sequence[int]) -> Any:  # noqa: ANN401 -- whatever it gives
    """Runs a network; what it raises becomes a sentence that names the images' shape and the way out."""
    try:
        return run()
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        way_out = "Try --size or --channels, or give a transform."
        raise ValueError(f"the net must take images {list(shape)}, got {_of(error)}. {way_out}") from error


def _of(error: Exception) -> str:
    """Says an error's kind and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no word'}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
