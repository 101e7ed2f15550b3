"""Tensors whose axes are known from each other: what functions keep, turn or reshape on their way through a network."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

KEEP = frozenset(  # functions that leave every axis where it is
    "add sub mul div neg relu gelu silu sigmoid tanh hardswish leaky_relu elu softmax dropout dropout2d dropout3d "
    "feature_dropout clone contiguous to float type_as roll pad cat concat layer_norm batch_norm group_norm instance_norm "
    "rms_norm addcmul lerp max_pool2d avg_pool2d adaptive_avg_pool2d adaptive_max_pool2d interpolate clamp where minimum "
    "maximum expand expand_as".split()
)
OPERATORS = {f"__{way}{name}__": name for way in ("", "r", "i") for name in ("add", "sub", "mul")} | {"__getitem__": "getitem"}
RESHAPE = frozenset("flatten view reshape unflatten squeeze unsqueeze view_as reshape_as".split())
Moved = Mapping[int, int]  # where each axis of one tensor lies in another


class Links(TorchFunctionMode):
    """Notes, while it lasts, which tensors' axes follow from which others'; keeps them all, so that each has its own identity."""

    def __init__(self) -> None:
        super().__init__()
        self.to: dict[int, list[tuple[int, Moved]]] = {}
        self.kept: list[Tensor] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> object:
        """Runs a function and notes what it did with axes."""
        given = kwargs or {}
        output = func(*args, **given)
        if isinstance(output, Tensor):
            name = OPERATORS.get(func.__name__, func.__name__.rstrip("_")) if hasattr(func, "__name__") else ""
            for tensor in _tensors(args):
                moved = _moved(name, tensor, output, args, given)
                if moved:
                    self.join(tensor, output, moved)
        return output

    def join(self, one: Tensor, other: Tensor, moved: Moved | None = None) -> None:
        """Notes that the axes of one tensor lie in another where they lay, or where it is said."""
        if one is other:
            return
        places = dict(moved) if moved is not None else {axis: axis for axis in range(one.ndim)}
        self.kept += [one, other]
        self.to.setdefault(id(one), []).append((id(other), places))
        self.to.setdefault(id(other), []).append((id(one), {b: a for a, b in places.items()}))

    def nearest(self, tensor: Tensor, claims: Mapping[int, Any]) -> Iterator[tuple[Any, Moved]]:
        """Gives the claims on the tensors nearest to one, with where their axes lie in it; nothing if none is reached."""
        level = [(id(tensor), {axis: axis for axis in range(tensor.ndim)})]
        seen = {_key(*level[0])}
        while level:
            found = [(claims[one], moved) for one, moved in level if one in claims]
            if found:
                yield from found
                return
            further = []
            for one, moved in level:
                for other, places in self.to.get(one, ()):
                    way = (other, {b: moved[a] for a, b in places.items() if a in moved})
                    if _key(*way) not in seen:
                        seen.add(_key(*way))
                        further.append(way)
            level = further


def _key(one: int, moved: Moved) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Tells one way to a tensor from another that moves its axes otherwise."""
    return one, tuple(sorted(moved.items()))


def _tensors(args: Sequence[Any]) -> Iterator[Tensor]:
    for one in args:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, list | tuple):
            yield from (each for each in one if isinstance(each, Tensor))


def _moved(name: str, one: Tensor, output: Tensor, args: Sequence[Any], given: Mapping[str, Any]) -> Moved:
    """Says where a function put the axes of a tensor; nothing if that is not known."""
    if name in KEEP or (name == "getitem" and _slices(args[1])):
        return {axis: axis for axis in range(one.ndim)} if one.ndim == output.ndim else {}
    if name in ("transpose", "swapaxes", "permute"):
        rest = list(args[1:]) + list(given.values())
        dims = list(rest[0]) if rest and isinstance(rest[0], list | tuple) else rest
        dims = [dim % one.ndim for dim in dims if isinstance(dim, int)]
        if name == "permute":
            return {dim: place for place, dim in enumerate(dims)}
        swapped = {dims[0]: dims[1], dims[1]: dims[0]}
        return {axis: swapped.get(axis, axis) for axis in range(one.ndim)}
    return _reshaped(one.shape, output.shape) if name in RESHAPE else {}


def _slices(index: object) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(part, slice) or part is Ellipsis for part in parts)


def _reshaped(old: torch.Size, new: torch.Size) -> Moved:
    """Says which axes a reshaping left whole: those as long, and with as many numbers before them, if only one is so."""
    before, after = _by_place(old), _by_place(new)
    return {axes[0]: after[key][0] for key, axes in before.items() if len(axes) == len(after.get(key, ())) == 1}


def _by_place(shape: torch.Size) -> dict[tuple[int, int], list[int]]:
    """Gives the axes by the numbers before them and their length."""
    found: dict[tuple[int, int], list[int]] = {}
    for axis, n in enumerate(shape):
        found.setdefault((math.prod(shape[:axis]), n), []).append(axis)
    return found
