"""Reading: one pass of a network over all images, and of each layer the units' peaks and means."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.probing.axes import LISTED, as_maps, checked, fault_of
from mixmnist.probing.running import Images, editing, forward


@dataclass(frozen=True)
class Read:
    """What a layer said about every image."""

    response: Float[Tensor, "images units"]
    mean: Float[Tensor, "images units"]
    ndim: int  # of the layer's output: 2 vectors, 3 tokens, 4 maps


def read_layers(
    net: nn.Module, modules: Mapping[str, nn.Module], axes: Mapping[str, int | None], images: Images
) -> tuple[list[object], list[Read]]:
    """Runs the net on every image; gives what it answered to each batch, and what each layer said.

    Args:
        net: In eval mode.
        modules: The layers by name.
        axes: Of their units, in each layer's output; None where it is not known, because the layer gives none.
        images: All of them.

    Raises:
        ValueError: If a layer does not run once a pass, or gives what is none, or numbers that are not finite.
    """
    outputs: list[object] = []
    peaks: dict[str, list[Tensor]] = {layer: [] for layer in modules}
    means: dict[str, list[Tensor]] = {layer: [] for layer in modules}
    ndim = dict.fromkeys(modules, 2)
    batch = [0]  # images in the present one

    def reader(layer: str) -> Callable[[object], object]:
        def read(output: object) -> object:
            given = checked(output, layer, batch[0])
            axis = axes[layer]
            assert axis is not None
            ndim[layer] = given.ndim
            peak, mean = _peak_and_mean(given, axis)
            peaks[layer].append(peak)
            means[layer].append(mean)
            return output

        return read

    with contextlib.ExitStack() as hooks:
        runs = {layer: hooks.enter_context(editing(module, reader(layer))) for layer, module in modules.items()}
        for number, x in enumerate(images.with_bar("reading"), start=1):
            batch[0] = len(x)
            outputs.append(forward(net, x))
            _check_runs(runs, number)
    found = [Read(torch.cat(peaks[layer]), torch.cat(means[layer]), ndim[layer]) for layer in modules]
    for layer, read in zip(modules, found, strict=True):
        bad = int((~(read.response + read.mean).isfinite()).any(dim=1).sum())
        if bad:
            raise ValueError(
                f"layer must give finite numbers, got nan or infinite ones on {bad} of {len(read.response)} images from "
                f"layer={layer!r}. Look at the network's weights and the transform."
            )
    return outputs, found


def _peak_and_mean(output: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Gives each unit's largest value and its mean over the places, [images, units]."""
    if output.ndim == 4 and axis == 1:
        return F.adaptive_max_pool2d(output, 1).flatten(1), output.mean((2, 3))
    places = as_maps(output, axis)
    return places.amax(2), places.mean(2)


def _check_runs(runs: Mapping[str, Sequence[int]], number: int) -> None:
    """Refuses a layer that did not run once in each of some passes."""
    for layer, count in runs.items():
        if count[0] != number:
            times = count[0] - number + 1
            raise ValueError(
                f"layer must run once in a forward pass, got {times} runs of layer={layer!r}. "
                f"Name a layer that runs once; {LISTED}"
            )


def as_logits(outputs: Sequence[object], n_classes: int) -> Float[Tensor, "images classes"] | None:
    """Joins what a network answered to all batches, if that is [n, classes].

    Raises:
        ValueError: If it has that shape, but is no dense tensor of finite floating-point numbers.
    """
    given = [one for one in outputs if isinstance(one, Tensor) and one.ndim == 2 and one.shape[1] == n_classes]
    if len(given) < len(outputs) or not given:
        return None
    fault = next(filter(None, map(fault_of, given)), None)
    if fault:
        raise ValueError(
            f"logits must be floating-point numbers, got {fault} [n, {n_classes}] from the net. Give what it decides by."
        )
    logits = torch.cat(given)
    bad = int((~logits.isfinite()).any(dim=1).sum())
    if bad:
        raise ValueError(
            f"the net must give finite logits, got nan or infinite ones on {bad} of {len(logits)} images. "
            "Look at its weights and the transform."
        )
    return logits
