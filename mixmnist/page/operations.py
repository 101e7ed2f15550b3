"""Operations: the list that a network is written down as, while it grows.

A value is an array of numbers in their natural order, known by its number; an operation takes some and makes one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mixmnist.core.records import require


class Step(NamedTuple):
    """What torch did."""

    target: Any
    args: Any
    kwargs: Any
    result: Any


Way = Callable[["Lowered", Step], Any]  # gives the number of what was made, or several where torch gives several


@dataclass(eq=False)
class Lowered:
    """The list so far; it grows."""

    shapes: list[tuple[int, ...]] = field(default_factory=list)
    constants: dict[int, Tensor] = field(default_factory=dict)
    ops: list[dict[str, Any]] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)  # the value that a tensor is, by the tensor's own number; -1: lost
    kept: list[Tensor] = field(default_factory=list)  # so that no other tensor gets its number

    def know(self, tensor: Tensor, number: int) -> int:
        """Notes which value a tensor is. Others that look at the same memory, if they were changed thereby, are lost."""
        if id(tensor) in self.numbers:
            for other in self.kept:
                if other is not tensor and other.untyped_storage().data_ptr() == tensor.untyped_storage().data_ptr():
                    self.lose(other)
        self.numbers[id(tensor)] = number
        self.kept.append(tensor)
        return number

    def lose(self, tensor: Tensor) -> None:
        """Notes that a tensor depends on the sample, in a way that is not known."""
        self.numbers[id(tensor)] = -1
        self.kept.append(tensor)

    def knows(self, tensor: Tensor) -> bool:
        """Says whether a tensor depends on the sample."""
        return id(tensor) in self.numbers

    def fresh(self, shape: Sequence[int]) -> int:
        """Gives a number for a value of a shape."""
        self.shapes.append(tuple(shape))
        return len(self.shapes) - 1

    def value(self, what: Any) -> int:  # noqa: ANN401 -- a tensor or a number
        """Gives the number of an argument; a constant gets one when it is first asked for."""
        if isinstance(what, Tensor) and self.knows(what):
            number = self.numbers[id(what)]
            require(
                number >= 0,
                "network must not use where a maximum lies, nor change views in place, got one that does. Copy first.",
            )
            return number
        return self.constant(what if isinstance(what, Tensor) else torch.tensor(what))

    def constant(self, tensor: Tensor) -> int:
        """Gives the number of a constant; constants that are alike share one."""
        tensor = tensor.detach().float().cpu().contiguous()
        for number, one in self.constants.items():
            if one.shape == tensor.shape and torch.equal(one, tensor):
                return number
        number = self.fresh(tensor.shape)
        self.constants[number] = tensor
        return number

    def add(self, kind: str, takes: Sequence[int], shape: Sequence[int], **settings: Any) -> int:  # noqa: ANN401 -- plain data
        """Appends an operation and gives the number of what it makes."""
        made = self.fresh(shape)
        self.ops.append({"kind": kind, "takes": list(takes), "makes": made, **settings})
        return made

    def binary(self, name: str, first: int, second: int, shape: Sequence[int]) -> int:
        """Appends a function of two values, each spread over a shape as torch does."""
        return self.add("binary", (first, second), shape, name=name, **self.over(shape, first, second))

    def over(self, shape: Sequence[int], *numbers: int) -> dict[str, Any]:
        """Says how values are gone through that are spread over a shape: its axes, and each value's steps along them."""
        seen = [torch.empty(self.shapes[one]).expand(tuple(shape)).stride() for one in numbers]
        return merged(shape, *seen)


def strided(lowered: Lowered, number: int, seen: Tensor) -> int:
    """Copies numbers as a view shows them that was made of a tensor in natural order."""
    shape, strides = tuple(seen.shape), seen.stride()
    if seen.is_contiguous() and seen.storage_offset() == 0 and seen.numel() == math.prod(lowered.shapes[number]):
        return lowered.add("same", (number,), shape)
    return lowered.add("take", (number,), shape, **merged(shape, strides), offset=seen.storage_offset())


def merged(shape: Sequence[int], *strides: Sequence[int]) -> dict[str, Any]:
    """Merges axes that all values go through in one line.

    Example:
        >>> merged((1, 2, 3, 4), (24, 12, 4, 1), (0, 1, 0, 0))
        {'axes': [2, 12], 'strides': [[12, 1], [1, 0]]}
    """
    axes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis, length in enumerate(shape):
        if length == 1:
            continue
        here = [one[axis] for one in strides]
        if axes and all(step[-1] == one * length for step, one in zip(steps, here, strict=True)):
            axes[-1] *= length
            for step, one in zip(steps, here, strict=True):
                step[-1] = one
        else:
            axes.append(length)
            for step, one in zip(steps, here, strict=True):
                step.append(one)
    return {"axes": axes, "strides": steps}


def pair(size: Any) -> list[int]:  # noqa: ANN401 -- one or two numbers
    """Gives two numbers of one or two."""
    found = list(size) if isinstance(size, (tuple, list)) else [size]
    return found * 2 if len(found) == 1 else found
