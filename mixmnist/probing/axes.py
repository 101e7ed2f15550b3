"""Where the units of a layer lie: which axis of its output counts them, all others but that of the images being places.

An axis is named, or told with certainty; it is never assumed. See `tracing` for how it is told.
"""

import contextlib
import warnings
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

LISTED = "`mixmnist layers` lists them."


class Caution(UserWarning):
    """What a reader of a layer's scores must know of how it was read."""


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Collects cautions while the context lasts, each once, and tells them at its end; other warnings are left out."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", Caution)
        yield said
    said += dict.fromkeys(str(one.message) for one in caught)
    for caution in said:
        warnings.warn(caution, Caution, stacklevel=4)


def checked(output: object, layer: str, n: int | None = None) -> Tensor:
    """Gives a layer's output if units can be read from it.

    Args:
        output: Whatever the layer gave.
        layer: Its name, for the message.
        n: The number of images that went in; None where it does not matter.

    Raises:
        ValueError: If it is no dense tensor of floating-point numbers with two to four axes, the first that of the images.
    """
    if not isinstance(output, Tensor) or output.ndim not in (2, 3, 4):
        got = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(
            f"layer must give maps [n, units, rows, cols], tokens [n, tokens, units] or vectors [n, units], got {got} from "
            f"layer={layer!r}. Name another layer; {LISTED}"
        )
    fault = fault_of(output)
    if fault:
        raise ValueError(
            f"layer must give floating-point numbers, got {fault} from layer={layer!r}. Name another layer; {LISTED}"
        )
    if n is not None and len(output) != n:
        raise ValueError(
            f"layer must give an answer for each image, got {len(output)} for {n} images from layer={layer!r}. "
            "Name a layer whose first axis is that of the images."
        )
    return output


def fault_of(output: Tensor) -> str | None:
    """Says what is wrong with a tensor's kind of numbers; None if they are dense and floating-point."""
    if output.layout != torch.strided:
        return "a sparse tensor"
    if output.is_quantized:
        return "quantised numbers"
    return None if output.is_floating_point() else f"{str(output.dtype).removeprefix('torch.')} numbers"


def as_maps(output: Tensor, axis: int) -> Float[Tensor, "images units places"]:
    """Gives a layer's output as maps with one axis of places; `axis` counts the units."""
    return output.movedim(axis, 1).flatten(2) if output.ndim > 2 else output[:, :, None]


def like(maps: Float[Tensor, "images units places"], output: Tensor, axis: int) -> Tensor:
    """Gives maps with one axis of places the layer's own shape again, for any number of images."""
    if output.ndim == 2:
        return maps[:, :, 0]
    shape = output.movedim(axis, 1).shape[1:]
    return maps.reshape(-1, *shape).movedim(1, axis)


def named_axis(axis: int, shape: Sequence[int], layer: str) -> int:
    """Gives the position of an axis that somebody named, counted from the first, that of the images.

    Args:
        axis: From 1, or from the end from -1.
        shape: Of the layer's output.
        layer: Its name, for the message.

    Raises:
        ValueError: If the layer has no such axis, or it is that of the images.
    """
    whole = isinstance(axis, int) and not isinstance(axis, bool)
    found = axis + len(shape) if whole and axis < 0 else axis
    if not whole or not 1 <= found < len(shape):
        last = len(shape) - 1
        raise ValueError(
            f"axis must lie between 1 and {last}, or between -1 and -{last}, got axis={axis!r} for layer={layer!r} with output "
            f"{as_text(shape)}. Axis 0 is that of the images."
        )
    return found


def choices(shape: Sequence[int], axes: Sequence[int] | None = None) -> str:
    """Spells out what each axis of an output would mean, as `--axis 1: 16 units of 12 x 96 places; --axis 3: ...`."""
    said = []
    for axis in axes or range(1, len(shape)):
        places = " x ".join(str(n) for place, n in enumerate(shape[1:], start=1) if place != axis)
        said.append(f"--axis {axis}: {shape[axis]} units of {places} places")
    return "; ".join(said)


def as_text(shape: Sequence[int]) -> str:
    """Writes a shape with n for the images."""
    return f"[{', '.join(['n', *map(str, shape[1:])])}]"
