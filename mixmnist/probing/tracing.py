"""Telling on which axis of a layer's output its units lie: by its kind, by its neighbours, or by what another image size changes.

One pass of a few images follows every tensor through the network. A layer's axis is certain

1. by its kind: a convolution, a batch norm and the like count units on axis 1, a linear layer or a layer norm on the last axis;
   any other module that declares a number of units, if one axis only has that length;
2. by its neighbours: an activation and a sum keep the axes of what comes in, a permutation moves them, a container has its last
   child's, and what enters a module of a known kind has the axis that this one takes; the nearest ones must agree;
3. by its shape: if all other axes have length 1; or if all others change with the image's size.

Otherwise it is not certain, and has to be named.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.probing.axes import as_text, choices, fault_of
from mixmnist.probing.links import Links
from mixmnist.probing.running import forward

FIRST = (  # kinds that count units, or channels, on axis 1
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, nn.GroupNorm, nn.LocalResponseNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.LPPool1d, nn.LPPool2d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d),
    *(nn.Upsample, nn.PixelShuffle, nn.PixelUnshuffle, nn.ZeroPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.Softmax2d),
)
LAST = (nn.Linear, nn.LayerNorm, nn.RMSNorm, nn.Embedding, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
TUPLES = (nn.MultiheadAttention, nn.RNN, nn.LSTM, nn.GRU)  # kinds whose first answer has its units on the last axis
SAME = (  # kinds that do the same at each place
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Hardsigmoid),
    *(nn.Hardtanh, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Softsign, nn.Softshrink, nn.Hardshrink, nn.Tanhshrink, nn.LogSigmoid),
    *(nn.RReLU, nn.Threshold, nn.PReLU, nn.Softmax, nn.LogSoftmax, nn.Dropout, nn.AlphaDropout, nn.Identity),
)
GIVEN = ("out_channels", "out_features", "num_features", "num_channels", "normalized_shape")  # numbers of units that come out
TAKEN = ("in_channels", "in_features", *GIVEN[2:])  # and that go in


@dataclass(frozen=True)
class Traced:
    """A layer as it ran."""

    name: str
    kind: str
    shape: tuple[int, ...]
    """Of its output, the axis of images first."""
    axis: int | None
    """That of the units; None if it is not certain."""
    plain: bool = False
    """Whether the axis is certain by a kind, so that other axes are those of the image."""
    possible: tuple[int, ...] = ()
    """Axes that may be it, if it is not certain."""
    each: bool = True
    """Whether there is an answer for each image, of floating-point numbers."""

    @property
    def units(self) -> int | None:
        """How many units the layer has; None if that is not certain."""
        return None if self.axis is None else self.shape[self.axis]

    @property
    def said(self) -> str:
        """Says the units and their axis, or what may be chosen."""
        if not self.each:
            return ""
        return f"? {choices(self.shape, self.possible)}" if self.axis is None else f"{self.units} units (axis {self.axis})"

    def refusal(self) -> ValueError:
        """Gives the sentence for a layer whose axis is not certain."""
        asked = choices(self.shape, self.possible)
        return ValueError(
            f"the axis of the units must be certain, got {as_text(self.shape)} from layer={self.name!r}, in which several may be "
            f"it. Name it (axis=1 in Python): {asked}."
        )


def trace(net: nn.Module, x: Float[Tensor, "n *axes"], asked: Sequence[str] | None = None) -> list[Traced]:
    """Follows a few images through a network and tells, of each run of each layer that gives a tensor, the axis of its units.

    Args:
        net: In eval mode.
        x: As the network sees them.
        asked: Layers that matter; by default all. For the others another size of the image is not tried.
    """
    known = _Pass(net, x)
    found = [
        Traced(name, type(module).__name__, tuple(output.shape), *known.axis_of(output), each=_counts(output, len(x)))
        for name, module, output in known.ran
    ]
    unsure = {one.name for one in found if one.axis is None and one.each and (asked is None or one.name in asked)}
    if not unsure:
        return found
    other = _shapes(net, F.interpolate(x, scale_factor=2.0), unsure) if x.ndim == 4 else {}
    return [_by_size(one, other.get(one.name)) for one in found]


def _counts(output: Tensor, n: int) -> bool:
    return output.ndim in (2, 3, 4) and len(output) == n and fault_of(output) is None


def _by_size(one: Traced, other: tuple[int, ...] | None) -> Traced:
    """Tells the axis by what another size of the image changed; or which ones it may be."""
    if one.axis is not None or not one.each:
        return one
    every = tuple(range(1, len(one.shape)))
    kept = every if other is None or len(other) != len(one.shape) else tuple(a for a in every if one.shape[a] == other[a])
    return replace(one, axis=kept[0]) if len(kept) == 1 else replace(one, possible=kept or every)


def _shapes(net: nn.Module, x: Tensor, names: set[str]) -> dict[str, tuple[int, ...]]:
    """Gives the shapes of some layers' outputs, of as many as run before the network refuses the images."""
    found: dict[str, tuple[int, ...]] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                found[name] = tuple(output.shape)

        return hook

    with contextlib.ExitStack() as hooks:
        for name, module in net.named_modules():
            if name in names:
                hooks.callback(module.register_forward_hook(watch(name)).remove)
        with contextlib.suppress(Exception):  # a network may take one size of images only
            forward(net, x)
    return found


@dataclass(frozen=True)
class _Pass:
    """One pass, with every tensor that entered or left a module kept, so that each is told by its identity."""

    net: nn.Module
    x: Tensor
    ran: list[tuple[str, nn.Module, Tensor]] = field(default_factory=list)
    made: dict[int, tuple[int, bool]] = field(default_factory=dict)  # a tensor's axis by what made it; whether by a kind
    taken: dict[int, tuple[int, bool]] = field(default_factory=dict)  # and by what it entered first
    links: Links = field(default_factory=Links)

    def __post_init__(self) -> None:
        if self.x.ndim == 4:
            self.made[id(self.x)] = (1, True)  # its channels

        def take(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            if not inputs or not isinstance(inputs[0], Tensor):
                return
            axis, number = _by_kind(module, inputs[0]), _by_number(module, inputs[0], TAKEN)
            if axis or number:
                self.taken.setdefault(id(inputs[0]), (axis or number or 0, axis is not None))
                self.links.kept.append(inputs[0])

        def watch(name: str) -> Callable[..., None]:
            def hook(module: nn.Module, inputs: tuple[Any, ...], output: object) -> None:
                if isinstance(output, Tensor):
                    self._left(name, module, inputs[0] if inputs else None, output)
                elif isinstance(output, tuple) and _kind(module, TUPLES) and isinstance(output[0], Tensor):
                    self.links.kept.append(output[0])  # which an activation may take
                    self.made[id(output[0])] = (output[0].ndim - 1, True)

            return hook

        with contextlib.ExitStack() as hooks:
            for name, module in self.net.named_modules():
                hooks.callback(module.register_forward_pre_hook(take).remove)
                hooks.callback(module.register_forward_hook(watch(name)).remove)
            with self.links:
                forward(self.net, self.x)

    def _left(self, name: str, module: nn.Module, entered: object, output: Tensor) -> None:
        """Notes what a module gave."""
        self.links.kept.append(output)
        if name:
            self.ran.append((name, module, output))
        if isinstance(entered, Tensor) and output.shape == entered.shape and (_kind(module, SAME) or _spans_all(module)):
            self.links.join(entered, output)
        elif id(output) not in self.made:
            axis, number = _by_kind(module, output), _by_number(module, output, GIVEN)
            if axis or number:
                self.made[id(output)] = (axis or number or 0, axis is not None)

    def axis_of(self, output: Tensor) -> tuple[int | None, bool]:
        """Gives a tensor's axis and whether it is certain by a kind; None where neither kinds nor neighbours tell it."""
        if output.ndim == 2:
            return 1, True
        every = {axis: axis for axis in range(output.ndim)}
        told = [
            (moved[axis], plain and moved == every)
            for claims in (self.made, self.taken)
            for (axis, plain), moved in self.links.nearest(output, claims)
            if axis in moved
        ]
        axes = {axis for axis, _ in told}
        if len(axes) == 1:
            return axes.pop(), any(plain for _, plain in told)
        longer = [axis for axis in range(1, output.ndim) if output.shape[axis] > 1]
        return (longer[0], False) if not axes and len(longer) == 1 else (None, False)


def _kind(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> type[nn.Module] | None:
    """Gives the kind that a module is of and runs as: a subclass with a forward of its own may turn the axes first."""
    return next((kind for kind in kinds if isinstance(module, kind) and type(module).forward is kind.forward), None)


def _spans_all(module: nn.Module) -> bool:
    """Says whether a module is a layer norm over several axes, which tells none of them."""
    return isinstance(module, nn.LayerNorm) and len(module.normalized_shape) > 1


def _by_kind(module: nn.Module, tensor: Tensor) -> int | None:
    """Gives the axis on which a kind of module counts the units of what it takes or gives."""
    if tensor.ndim < 3 or _spans_all(module):
        return None
    first = _kind(module, FIRST)
    if first is not None:
        name = first.__name__  # ends in 1d, 2d or 3d where the number of axes is fixed
        return 1 if not name.endswith("d") or tensor.ndim == int(name[-2]) + 2 else None
    return None if _kind(module, LAST) is None else tensor.ndim - 1


def _by_number(module: nn.Module, tensor: Tensor, names: Sequence[str]) -> int | None:
    """Gives the one axis that is as long as a number of units that a module of any kind declares; None of vectors."""
    if tensor.ndim < 3 or _spans_all(module) or _kind(module, (*FIRST, *LAST)):
        return None
    for name in names:
        number = getattr(module, name, None)
        number = number[0] if isinstance(number, tuple | torch.Size) and len(number) == 1 else number
        if isinstance(number, int):
            fits = [axis for axis in range(1, tensor.ndim) if tensor.shape[axis] == number]
            return fits[0] if len(fits) == 1 else None
    return None
