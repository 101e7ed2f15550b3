"""What others wrote: networks, made by a function of theirs, filled with their weights, tried on an image; and metrics."""

import functools
import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mixmnist.core.readout import Readout
from mixmnist.core.records import Metric, require
from mixmnist.core.registry import collect
from mixmnist.probing import Caution
from mixmnist.probing.running import Transform

MOST = 3  # names listed of each kind
WRAPPERS = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before every name


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
        except (Exception, SystemExit) as error:  # whatever a stranger's function may raise
            way_out = "Write a function without arguments that makes the network, and name that."
            raise ValueError(f"factory must run without arguments, got {_of(error)} from {name}. {way_out}") from error
    if not isinstance(made, nn.Module):
        raise ValueError(f"factory must give a torch.nn.Module, got {type(made).__name__} from {name}. Return the network.")
    return made.eval()


def load_weights(net: nn.Module, path: str | Path) -> nn.Module:
    """Fills a network with weights, from `save_file` or, where tensors are tied, from `save_model`.

    Names that all begin with what a wrapper puts before them (`module.`, `_orig_mod.`) are taken without it, if they then fit.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no safetensors file, or its tensors do not fit; the message names them.
    """
    path = Path(path)
    way_out = "Save them with safetensors.torch.save_file(net.state_dict(), path), or save_model(net, path) if tensors are tied."
    if not path.is_file():
        raise FileNotFoundError(f"the file of weights must exist, got {path}. {way_out}")
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"weights must be a safetensors file, got {error} in {path}. {way_out}") from error
    said = _misfits(net, stored)
    for wrapper in (prefix for prefix in WRAPPERS if said and all(name.startswith(prefix) for name in stored)):
        bare = {name.removeprefix(wrapper): tensor for name, tensor in stored.items()}
        if not _misfits(net, bare):
            told = f"the names of the weights in {path} begin with {wrapper!r}, put there by a wrapper: they are taken without it"
            warnings.warn(told, Caution, stacklevel=2)
            stored, said = bare, ""
    hint = _hint(stored) if said else ""
    require(not said, f"weights must fit the network, got {said} ({path}). {hint}Name the network that they were saved from.")
    net.load_state_dict(_untied(net, stored))
    return net


def _misfits(net: nn.Module, stored: Mapping[str, Tensor]) -> str:
    """Says what is missing, unknown, or of another shape or value than the network has it; nothing if all fits."""
    wanted, given = net.state_dict(), _untied(net, stored)
    shared = given.keys() & wanted.keys()
    unlike = [name for name in sorted(shared) if given[name].shape != wanted[name].shape]
    tied = [(one, other) for group in _tied(net) for one, other in pairwise(name for name in group if name in given)]
    problems = {
        "missing": sorted(wanted.keys() - given.keys()),
        "unknown": sorted(given.keys() - wanted.keys()),
        "of another shape": [f"{name} {list(given[name].shape)} for {list(wanted[name].shape)}" for name in unlike],
        "different, but tied in the network": [f"{a} and {b}" for a, b in tied if not torch.equal(given[a], given[b])],
    }
    return "; ".join(f"{kind}: {_some(names)}" for kind, names in problems.items() if names)


def _tied(net: nn.Module) -> list[list[str]]:
    """Lists the names that a network has for one tensor, where it has several."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for name, tensor in net.state_dict(keep_vars=True).items():
        if not isinstance(tensor, nn.UninitializedParameter | nn.UninitializedBuffer) and tensor.numel():
            place = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
            groups.setdefault(place, []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def _untied(net: nn.Module, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Gives a tensor that is stored once under each of the names that the network has for it."""
    found = dict(stored)
    for group in _tied(net):
        here = [name for name in group if name in stored]
        found |= {name: stored[here[0]] for name in group if here and name not in stored}
    return found


def _hint(stored: Mapping[str, Tensor]) -> str:
    """Says how to take a wrapper's prefix away, where all names begin with one."""
    wrapper = next((prefix for prefix in WRAPPERS if stored and all(name.startswith(prefix) for name in stored)), None)
    way_out = f"save {{name.removeprefix({wrapper!r}): tensor for name, tensor in net.state_dict().items()}}"
    return "" if wrapper is None else f"All names begin with {wrapper!r}, which a wrapper puts there: {way_out}. "


def try_net(net: nn.Module, channels: int, size: int, transform: Transform | None = None) -> None:
    """Runs a network on two black images, so that a wrong size is told before anything is drawn.

    Raises:
        ValueError: If the network or the transform does not take them.
    """
    x = black(net, 2, channels, size)

    def run() -> None:
        with torch.no_grad():  # no inference mode: parameters that come about now must take gradients
            net(x if transform is None else transform(x))

    explained(run, x.shape)


def black(net: nn.Module, n: int, channels: int, size: int) -> Float[Tensor, "n channels rows cols"]:
    """Gives black images on the device and in the precision of a network's parameters.

    Raises:
        ValueError: If there are no such images, or the precision is below what scores need.
    """
    require(size >= 1 and channels >= 1, f"size and channels must be 1 or more, got size={size}, channels={channels}.")
    parameter = next((p for p in net.parameters() if not isinstance(p, nn.UninitializedParameter)), torch.zeros(()))
    way_out = "Call net.float()."
    fits = parameter.dtype in (torch.float32, torch.float64)
    require(fits, f"the net's parameters must be float32 or float64, got {parameter.dtype}. {way_out}")
    return torch.zeros(n, channels, size, size, device=parameter.device, dtype=parameter.dtype)


def explained(run: Callable[[], Any], shape: Sequence[int]) -> Any:  # noqa: ANN401 -- whatever it gives
    """Runs a network; what it raises becomes a sentence that names the images' shape and the way out."""
    try:
        return run()
    except Exception as error:  # whatever a stranger's network may raise
        way_out = "Try --size or --channels, or mend its forward or the transform."
        raise ValueError(f"the net must take images {list(shape)}, got {_of(error)}. {way_out}") from error


def guarded(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Gives metrics that somebody wrote, whose faults become sentences that name them.

    Raises:
        ValueError: If one asks for what there is not.
    """
    known = {field.name for field in fields(Readout)} | {c for m in collect("metrics").values() for c in m.columns}
    found = {}
    for name, metric in metrics.items():
        own = known | set(metric.columns)
        for column in metric.columns:
            lacking = [need for need in metric.needs(column) if need not in own and need.removeprefix("rank_") not in own]
            way_out = "Its parameters name fields of a readout or columns; `mixmnist list metrics` shows those."
            require(not lacking, f"the metric {name} must ask for what there is, got {', '.join(lacking)}. {way_out}")
        columns = {column: _guarded(function, name, metric.axes) for column, function in metric.columns.items()}
        found[name] = replace(metric, columns=columns)
    return found


def _guarded(function: Callable[..., Any], name: str, axes: tuple[str, ...]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*given: Any, **named: Any) -> Any:  # noqa: ANN401 -- as the function's
        try:
            value = function(*given, **named)
        except Exception as error:  # whatever a stranger's metric may raise
            raise ValueError(f"the metric {name} must run, got {_of(error)}. Mend its file.") from error
        ndim = len(axes)
        if ndim and (not isinstance(value, Tensor) or value.ndim != ndim):
            got = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"the metric {name} must give a tensor of {' x '.join(axes)}, got {got}. Mend its file.")
        return value

    return run


def _of(error: BaseException) -> str:
    """Says an error's kind and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no word'}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
