"""Probing: one pass of a network over a mixture, layers into Readouts."""

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from mixmnist.core.readout import Readout
from mixmnist.core.registry import nearest
from mixmnist.probing.axes import Caution, named_axis
from mixmnist.probing.checks import SAME, check_answers, refuse_kinds, said_of_company
from mixmnist.probing.fields import Pixels, box_mask
from mixmnist.probing.patches import Patches, find_patches, lies_straight
from mixmnist.probing.reading import Read, as_logits, read_layers
from mixmnist.probing.running import BATCH, Images, Transform, refuse_training
from mixmnist.probing.silencing import HeadAlgebra, Replay
from mixmnist.probing.tracing import Traced, trace

__all__ = [
    "SAME",
    "Caution",
    "Drawn",
    "HeadAlgebra",
    "Replay",
    "check_layers",
    "describe_layers",
    "find_layer",
    "probe",
    "probe_layers",
]


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


def probe(
    net: nn.Module,
    mixture: Drawn,
    layer: str,
    transform: Transform | None = None,
    few: int | None = None,
    axis: int | None = None,
) -> Readout:
    """Reads a layer of a network on every image of a mixture, in the precision of its parameters, without TF32.

    Args:
        net: Any module in eval mode that maps [n, channels, rows, cols] in [0, 1] to logits or to anything else; grey images have
            one channel.
        mixture: The images and the truth about them; they go to the net's device in batches.
        layer: A module's name as in `net.named_modules()`. It gives maps [n, units, rows, cols], vectors [n, units] or tokens
            [n, tokens, units], or the same with its axes in another order. Tokens have places on the image if their gradients
            show that they stand for a grid of patches.
        transform: Applied to each batch of images before the net sees it, e.g. a normalisation.
        few: How many of the images, the first ones, are used where the net must be run again (maps, silencing by replay); all
            by default. Whole batches, where an image's answer depends on the others of its batch.
        axis: Which axis of the layer's output counts its units, from 1 or from the end from -1; 0 is that of the images. By
            default it is told by the layer's kind, its neighbours or what another size of the images changes.

    Returns:
        A Readout on the net's device. It holds logits only if the net gives [n, classes] for the mixture's classes.

    Raises:
        ValueError: If the net is in train mode, random, empty, quantised or gives no finite numbers, or the layer is unknown,
            does not run, runs twice, gives another shape, or one in which the axis of the units is not certain.

    Example:
        >>> from mixmnist import draw
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 45))
        >>> readout = probe(net.eval(), draw(source="digits", n=8), layer="1")
        >>> readout.response.shape, readout.logits.shape
        (torch.Size([8, 2]), torch.Size([8, 45]))
    """
    return probe_layers(net, mixture, (layer,), transform, few, axis)[0]


def probe_layers(
    net: nn.Module,
    mixture: Drawn,
    layers: Sequence[str],
    transform: Transform | None = None,
    few: int | None = None,
    axis: int | None = None,
) -> list[Readout]:
    """Reads several layers in one pass; all else as in `probe`."""
    modules = check_layers(net, layers)
    images = Images(mixture.images, next(net.parameters(), torch.zeros(())), transform)
    axes = _axes(net, layers, images, axis)
    alone = check_answers(net, list(modules.values()), images)
    if not alone:
        warnings.warn(said_of_company(), Caution, stacklevel=3)
    images = images.in_large_batches() if alone else images
    outputs, read = read_layers(net, modules, {layer: axes[layer][0] for layer in layers}, images)
    logits = as_logits(outputs, len(mixture.classes))
    some = images if few is None else images.first(few)
    again = some if alone else images.first(-(-len(some) // BATCH) * BATCH)
    masks = _masks(mixture, some) if alone else None
    readouts = []
    for (layer, module), one in zip(modules.items(), read, strict=True):
        found = None if logits is None else _find_head(net, one.mean, logits)
        units, plain = axes[layer]
        assert units is not None
        replay = None if logits is None else Replay(net, module, layer, again, units, not alone)
        places = _places(net, module, one, (layer, units, plain), some) if masks and one.ndim > 2 else False
        patches = places if isinstance(places, Patches) else None
        readouts.append(
            Readout(
                layer=layer,
                concepts=mixture.concepts,
                classes=mixture.classes,
                response=one.response,
                mean=one.mean,
                present=mixture.present.to(one.response.device),
                labels=mixture.labels.to(one.response.device),
                glyphs=mixture.glyphs.to(one.response.device),
                logits=logits,
                head=None if found is None else found[0],
                without=replay if found is None else HeadAlgebra(one.mean, *found),
                pixels=Pixels(net, module, images, some, masks, len(mixture.concepts), units, patches)
                if masks and places
                else None,
            )
        )
    return readouts


def _axes(net: nn.Module, layers: Sequence[str], images: Images, axis: int | None) -> dict[str, tuple[int | None, bool]]:
    """Tells the axis of each layer's units, and whether it is certain by a kind; None where a layer gives none that count.

    Raises:
        ValueError: If an axis is neither named nor certain, or there is none as it is named.
    """
    few = next(iter(images.first(2)))
    found: dict[str, tuple[int | None, bool]] = dict.fromkeys(layers, (None, False))
    for one in reversed([one for one in trace(net, few, layers) if one.name in found]):
        if axis is not None and one.each:
            named = named_axis(axis, one.shape, one.name)
            if one.axis not in (None, named):
                told = f"layer {one.name!r} is read along axis {named}, as named; by all signs its units lie on axis {one.axis}"
                warnings.warn(told, Caution, stacklevel=4)
            one = replace(one, axis=named, plain=one.plain and one.axis == named)
        if one.axis is None and one.each:
            raise one.refusal()
        found[one.name] = (one.axis, one.plain)
    return found


def _places(net: nn.Module, module: nn.Module, read: Read, at: tuple[str, int, bool], images: Images) -> Patches | bool:
    """Finds where on the image a layer's cells lie: True for maps, a grid for tokens, False if that is not certain."""
    layer, axis, plain = at
    sure: Patches | bool
    if read.ndim == 3:
        sure, way = find_patches(net, module, images, axis) or False, "of patches by the gradient of its tokens"
    else:
        sure, way = plain or lies_straight(net, module, images, axis), "along the image"
    if sure is False:
        told = f"the places of layer {layer!r} are no grid {way}: its maps, and IoU with them, are left out"
        warnings.warn(told, Caution, stacklevel=4)
    return sure


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


def check_layers(net: nn.Module, layers: Sequence[str]) -> dict[str, nn.Module]:
    """Gives the modules of some layers by name, if the network can be read there as far as is known before it runs.

    Raises:
        ValueError: If it is in train mode, empty, quantised, or scripted around a layer; or has no such layer.
    """
    refuse_training(net)
    modules = {layer: find_layer(net, layer) for layer in layers}
    refuse_kinds(net, layers)
    return modules


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


def describe_layers(net: nn.Module, example: Float[Tensor, "n channels rows cols"]) -> list[Traced]:
    """Lists every layer that gives a tensor, in running order: name, kind, shape, and the axis of its units where it is certain.

    Args:
        net: In eval mode.
        example: Two images or more: of one alone it cannot be told which axis is theirs.
    """
    refuse_training(net)
    refuse_kinds(net, ())
    return trace(net, example)


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
