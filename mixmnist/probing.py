"""Probing: one pass of a network over a mixture, a layer into a Readout; and silencing units, by algebra or by replay."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from mixmnist.core.readout import Readout
from mixmnist.core.registry import nearest

BATCH = 250  # images per forward pass
SAME = 1e-5  # largest difference of logits, relative to the largest logit, at which the head's algebra counts as exact

Edit = Callable[[Tensor], Tensor]
Transform = Callable[[Tensor], Tensor]


@runtime_checkable
class Drawn(Protocol):
    """What probing needs of a mixture."""

    @property
    def concepts(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def images(self) -> UInt8[Tensor, "images rows cols"]: ...  # noqa: D102
    @property
    def labels(self) -> Int[Tensor, "images *classes"]: ...  # noqa: D102
    @property
    def present(self) -> Bool[Tensor, "images concepts"]: ...  # noqa: D102
    @property
    def glyphs(self) -> Int[Tensor, "images slots"]: ...  # noqa: D102


def probe(net: nn.Module, mixture: Drawn, layer: str, transform: Transform | None = None) -> Readout:
    """Reads a layer of a network on every image of a mixture, in the precision of its parameters, without TF32.

    Args:
        net: Any module in eval mode that maps [n, 1, rows, cols] in [0, 1] to logits or to anything else.
        mixture: The images and the truth about them; they go to the net's device in batches.
        layer: A module's name as in `net.named_modules()`. It gives maps [n, units, rows, cols] or vectors [n, units].
        transform: Applied to each batch of images before the net sees it, e.g. a normalisation.

    Returns:
        A Readout on the net's device. It holds logits only if the net gives [n, classes] for the mixture's classes.

    Raises:
        ValueError: If the net is in train mode, or the layer is unknown, does not run, runs twice or gives another shape.

    Example:
        >>> from mixmnist import draw
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 45))
        >>> readout = probe(net.eval(), draw(source="digits", n=8), layer="1")
        >>> readout.response.shape, readout.logits.shape
        (torch.Size([8, 2]), torch.Size([8, 45]))
    """
    module = find_layer(net, layer)
    _refuse_training(net)
    images = _Images(mixture.images, next(net.parameters(), torch.zeros(())), transform)
    peaks, means, outputs = [], [], []

    def read(output: Tensor) -> Tensor:
        maps = _as_maps(output, layer)
        peaks.append(maps.amax(2))
        means.append(maps.mean(2))
        return output

    with _editing(module, read) as runs:
        for batch in images:
            before = runs[0]
            outputs.append(_forward(net, batch))
            if runs[0] != before + 1:
                times = runs[0] - before
                raise ValueError(
                    f"layer must run once in a forward pass, got {times} runs of layer={layer!r}. Name a layer that runs once."
                )
    response, mean = torch.cat(peaks), torch.cat(means)
    logits = _as_logits(outputs, len(mixture.classes))
    head, without = None, None
    if logits is not None:
        found = _find_head(net, mean, logits)
        head = None if found is None else found[0]
        without = Replay(net, module, layer, images) if found is None else HeadAlgebra(mean, *found)
    device = response.device
    return Readout(
        layer=layer,
        concepts=mixture.concepts,
        classes=mixture.classes,
        response=response,
        mean=mean,
        present=mixture.present.to(device),
        labels=mixture.labels.to(device),
        glyphs=mixture.glyphs.to(device),
        logits=logits,
        head=head,
        without=without,
    )


def find_layer(net: nn.Module, layer: str) -> nn.Module:
    """Finds a module by its name.

    Raises:
        ValueError: If there is none; the message names the nearest ones.
    """
    modules = {name: module for name, module in net.named_modules() if name}
    if layer not in modules:
        raise nearest("layer", layer, modules)
    module: nn.Module = modules[layer]
    return module


def describe_layers(net: nn.Module, example: Float[Tensor, "1 1 rows cols"]) -> list[tuple[str, str, tuple[int, ...]]]:
    """Lists name, kind and output shape (without the batch) of every layer that gives a tensor, in running order."""
    _refuse_training(net)
    found: list[tuple[str, str, tuple[int, ...]]] = []

    def watch(name: str, module: nn.Module) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor):
                found.append((name, type(module).__name__, tuple(output.shape[1:])))

        return hook

    with contextlib.ExitStack() as hooks:
        for name, module in net.named_modules():
            if name:
                hooks.callback(module.register_forward_hook(watch(name, module)).remove)
        _forward(net, example)
    return found


@dataclass(frozen=True)
class HeadAlgebra:
    """Silences units where the layer feeds a linear head through its spatial mean: logits = head (mean) + bias, exactly."""

    mean: Float[Tensor, "images units"]
    weight: Float[Tensor, "classes units"]
    bias: Float[Tensor, " classes"]

    def __call__(self, sets: Bool[Tensor, "sets units"], values: Float[Tensor, " units"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set of units silenced to the given values of their maps."""
        silenced = torch.where(sets[:, None], values.to(self.mean), self.mean)  # sets images units
        return F.linear(silenced, self.weight, self.bias)

    def returning(
        self, order: Int[Tensor, " units"], values: Float[Tensor, " units"]
    ) -> Iterator[Float[Tensor, "images classes"]]:
        """Brings the units back one by one, the last of the order first; each adds its share to the logits of before.

        It starts from all units silenced, where equal logits are equal to the last bit, so that rounding decides no tie. Each
        tensor is changed by the next step.
        """
        values = values.to(self.mean)
        logits = (self.weight @ values + self.bias)[:, None].repeat(1, len(self.mean))  # classes images
        yield logits.T
        for unit in order.flip(0).tolist():
            yield logits.addr_(self.weight[:, unit], self.mean[:, unit] - values[unit]).T


@dataclass(frozen=True)
class Replay:
    """Silences units in any network: runs it again, with their maps set to constants on the way."""

    net: nn.Module
    module: nn.Module
    layer: str
    images: "_Images"

    def __call__(self, sets: Bool[Tensor, "sets units"], values: Float[Tensor, " units"]) -> Float[Tensor, "sets images classes"]:
        """Gives the logits with each set of units silenced to the given values of their maps."""
        _refuse_training(self.net)
        logits = []
        for chosen in sets:

            def silence(output: Tensor, chosen: Tensor = chosen) -> Tensor:
                _as_maps(output, self.layer)
                shape = (1, -1) + (1,) * (output.ndim - 2)
                return torch.where(chosen.view(shape), values.to(output).view(shape), output)

            with _editing(self.module, silence):
                logits.append(torch.cat([_forward(self.net, batch) for batch in self.images]))
        return torch.stack(logits)

    def returning(
        self, order: Int[Tensor, " units"], values: Float[Tensor, " units"]
    ) -> Iterator[Float[Tensor, "images classes"]]:
        """Brings the units back one by one, the last of the order first."""
        gone = torch.ones_like(order, dtype=torch.bool)
        yield self(gone[None], values)[0]
        for unit in order.flip(0):
            gone[unit] = False
            yield self(gone[None], values)[0]


@dataclass(frozen=True)
class _Images:
    """The images as batches in [0, 1], on the device and in the precision of the net's parameters."""

    pixels: UInt8[Tensor, "images rows cols"]
    like: Tensor
    transform: Transform | None

    def __iter__(self) -> Iterator[Tensor]:
        for batch in self.pixels.split(BATCH):
            x = batch[:, None].to(self.like.device, self.like.dtype) / 255
            yield x if self.transform is None else self.transform(x)


def _refuse_training(net: nn.Module) -> None:
    training = next((name or "the net itself" for name, module in net.named_modules() if module.training), None)
    if training is not None:
        raise ValueError(f"the net must be in eval mode, got train mode in {training}. Call net.eval() first.")


def _forward(net: nn.Module, x: Tensor) -> Tensor:
    """Runs the net without gradients and without TF32."""
    with torch.inference_mode(), _without_tf32(x.device):
        output = net(x)
        return output.clone() if isinstance(output, Tensor) else output


@contextlib.contextmanager
def _without_tf32(device: torch.device) -> Iterator[None]:
    """Makes a GPU compute float32 in full; torch has two ways to say so, and those who use one must not use the other."""
    if device.type != "cuda":
        yield
        return
    backends = (torch.backends.cuda.matmul, getattr(torch.backends.cudnn, "conv", torch.backends.cudnn))
    flags = [(b, "fp32_precision", "ieee") if hasattr(b, "fp32_precision") else (b, "allow_tf32", False) for b in backends]
    before = [getattr(backend, name) for backend, name, _ in flags]
    try:
        for backend, name, value in flags:
            setattr(backend, name, value)
        yield
    finally:
        for (backend, name, _), value in zip(flags, before, strict=True):
            setattr(backend, name, value)


@contextlib.contextmanager
def _editing(module: nn.Module, edit: Edit) -> Iterator[list[int]]:
    """Passes a module's output through a function while the context lasts; counts how often it ran."""
    runs = [0]

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        runs[0] += 1
        return edit(output)

    handle = module.register_forward_hook(hook)
    try:
        yield runs
    finally:
        handle.remove()


def _as_maps(output: object, layer: str) -> Float[Tensor, "images units places"]:
    if not isinstance(output, Tensor) or output.ndim not in (2, 4):
        got = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(
            f"layer must give maps [n, units, rows, cols] or vectors [n, units], got {got} from layer={layer!r}. "
            "Name another layer; `mixmnist layers` lists them."
        )
    return output.flatten(2) if output.ndim == 4 else output[:, :, None]


def _as_logits(outputs: list[Tensor], n_classes: int) -> Tensor | None:
    fits = all(isinstance(o, Tensor) and o.ndim == 2 and o.shape[1] == n_classes for o in outputs)
    return torch.cat(outputs) if fits else None


def _find_head(net: nn.Module, mean: Tensor, logits: Tensor) -> tuple[Tensor, Tensor] | None:
    """Finds the linear layer that reproduces the logits of every image from the layer's means; None if there is none."""
    for module in net.modules():
        if isinstance(module, nn.Linear) and (module.in_features, module.out_features) == (
            mean.shape[1],
            logits.shape[1],
        ):
            weight = module.weight.detach()
            bias = torch.zeros_like(logits[0]) if module.bias is None else module.bias.detach()
            if (F.linear(mean, weight, bias) - logits).abs().max() <= SAME * logits.abs().max():
                return weight, bias
    return None
