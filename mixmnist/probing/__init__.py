"""Probing: one pass of a network over a mixture, layers into Readouts."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from mixmnist.core.readout import Readout
from mixmnist.core.registry import nearest
from mixmnist.probing.fields import Pixels, box_mask, side_of_grid
from mixmnist.probing.running import Images, Transform, as_maps, editing, forward, refuse_training
from mixmnist.probing.silencing import HeadAlgebra, Replay

__all__ = ["Drawn", "HeadAlgebra", "Replay", "describe_layers", "find_layer", "probe", "probe_layers"]
SAME = 1e-5  # largest difference of logits, relative to the largest logit, at which the head's algebra counts as exact


@runtime_checkable
class Drawn(Protocol):
    """What probing needs of a mixture."""

    @property
    def concepts(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def images(self) -> UInt8[Tensor, "images *channels rows cols"]: ...  # noqa: D102
    @property
    def labels(self) -> Int[Tensor, "images *classes"]: ...  # noqa: D102
    @property
    def present(self) -> Bool[Tensor, "images concepts"]: ...  # noqa: D102
    @property
    def glyphs(self) -> Int[Tensor, "images slots"]: ...  # noqa: D102


@runtime_checkable
class Masked(Protocol):
    """What comparing maps with masks needs of a mixture besides."""

    @property
    def shown(self) -> Int[Tensor, "images slots"]: ...
    @property
    def boxes(self) -> Int[Tensor, "images slots 4"]: ...
    def mask(self, concept: int, indices: Int[Tensor, " some"]) -> Bool[Tensor, "some rows cols"]: ...


def probe(net: nn.Module, mixture: Drawn, layer: str, transform: Transform | None = None, few: int | None = None) -> Readout:
    """Reads a layer of a network on every image of a mixture, in the precision of its parameters, without TF32.

    Args:
        net: Any module in eval mode that maps [n, channels, rows, cols] in [0, 1] to logits or to anything else; grey images have
            one channel.
        mixture: The images and the truth about them; they go to the net's device in batches.
        layer: A module's name as in `net.named_modules()`. It gives maps [n, units, rows, cols], vectors [n, units] or tokens
            [n, tokens, units], whose last ones are patches of the image in reading order if their number is a square.
        transform: Applied to each batch of images before the net sees it, e.g. a normalisation.
        few: How many of the images, the first ones, are used where the net must be run again (maps, silencing by replay); all
            by default.

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
    return probe_layers(net, mixture, (layer,), transform, few)[0]


def probe_layers(
    net: nn.Module, mixture: Drawn, layers: Sequence[str], transform: Transform | None = None, few: int | None = None
) -> list[Readout]:
    """Reads several layers in one pass; all else as in `probe`."""
    modules = [find_layer(net, layer) for layer in layers]
    refuse_training(net)
    images = Images(mixture.images, next(net.parameters(), torch.zeros(())), transform)
    outputs, read = _read(net, modules, layers, images)
    logits = _as_logits(outputs, len(mixture.classes))
    some = images if few is None else images.first(few)
    masks = _masks(mixture, some)
    readouts = []
    for layer, module, (response, mean, has_maps) in zip(layers, modules, read, strict=True):
        found = None if logits is None else _find_head(net, mean, logits)
        replay = None if logits is None else Replay(net, module, layer, some)
        readouts.append(
            Readout(
                layer=layer,
                concepts=mixture.concepts,
                classes=mixture.classes,
                response=response,
                mean=mean,
                present=mixture.present.to(response.device),
                labels=mixture.labels.to(response.device),
                glyphs=mixture.glyphs.to(response.device),
                logits=logits,
                head=None if found is None else found[0],
                without=replay if found is None else HeadAlgebra(mean, *found),
                pixels=Pixels(net, module, images, some, masks, len(mixture.concepts)) if has_maps and masks else None,
            )
        )
    return readouts


def _read(
    net: nn.Module, modules: Sequence[nn.Module], layers: Sequence[str], images: Images
) -> tuple[list[Tensor], list[tuple[Tensor, Tensor, bool]]]:
    """Runs the net on every image; gives its outputs and each layer's peaks and means, and whether it has maps."""
    outputs: list[Tensor] = []
    peaks: list[list[Tensor]] = [[] for _ in layers]
    means: list[list[Tensor]] = [[] for _ in layers]
    has_maps = [False for _ in layers]

    def reader(number: int) -> Callable[[Tensor], Tensor]:
        def read(output: Tensor) -> Tensor:
            places = as_maps(output, layers[number])  # refuses what is none
            has_maps[number] = output.ndim == 4 or (output.ndim == 3 and side_of_grid(output.shape[1]) is not None)
            peaks[number].append(F.adaptive_max_pool2d(output, 1).flatten(1) if output.ndim == 4 else places.amax(2))
            means[number].append(output.mean((2, 3)) if output.ndim == 4 else places.mean(2))
            return output

        return read

    with contextlib.ExitStack() as hooks:
        runs = [hooks.enter_context(editing(module, reader(number))) for number, module in enumerate(modules)]
        for number, batch in enumerate(images.with_bar("reading"), start=1):
            outputs.append(forward(net, batch))
            _check_batch(layers, peaks, len(batch))
            for layer, count in zip(layers, runs, strict=True):
                if count[0] != number:
                    times = count[0] - number + 1
                    raise ValueError(
                        f"layer must run once in a forward pass, got {times} runs of layer={layer!r}. "
                        "Name a layer that runs once."
                    )
    found = [(torch.cat(p), torch.cat(m), maps) for p, m, maps in zip(peaks, means, has_maps, strict=True)]
    for layer, (response, mean, _) in zip(layers, found, strict=True):
        bad = int((~(response + mean).isfinite()).any(dim=1).sum())
        if bad:
            raise ValueError(
                f"layer must give finite numbers, got nan or infinite ones on {bad} of {len(response)} images from "
                f"layer={layer!r}. Look at the network's weights and the transform."
            )
    return outputs, found


def _check_batch(layers: Sequence[str], peaks: Sequence[Sequence[Tensor]], n: int) -> None:
    """Refuses a layer whose first axis does not count the images."""
    for layer, found in zip(layers, peaks, strict=True):
        if found and len(found[-1]) != n:
            raise ValueError(
                f"layer must give an answer for each image, got {len(found[-1])} for {n} images from layer={layer!r}. "
                "Name a layer whose first axis is that of the images."
            )


def _masks(mixture: Drawn, images: Images) -> dict[str, Callable[[int], Tensor]] | None:
    """Gives functions for the masks of one concept on all images, each mask made once; None where the mixture has none."""
    if not isinstance(mixture, Masked):
        return None
    every, (rows, cols) = images.every(), mixture.images.shape[-2:]

    @functools.cache
    def ink(concept: int) -> Tensor:
        return mixture.mask(concept, every)

    @functools.cache
    def box(concept: int) -> Tensor:
        return box_mask(mixture.boxes[every], mixture.shown[every] == concept, rows, cols)

    return {"ink": ink, "box": box}


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


def describe_layers(net: nn.Module, example: Float[Tensor, "1 channels rows cols"]) -> list[tuple[str, str, tuple[int, ...]]]:
    """Lists name, kind and output shape (without the batch) of every layer that gives a tensor, in running order."""
    refuse_training(net)
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
        forward(net, example)
    return found


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
