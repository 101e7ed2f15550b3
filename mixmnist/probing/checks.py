"""What a network must be before its units are read: plain, filled, the same twice; and whether each image is answered alone."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from mixmnist.probing.running import BATCH, Images, editing, forward

TRIED = 32  # images, the first ones, that are run more than once
SAME = 1e-5  # largest difference, relative to the largest value, at which answers count as the same
APART = 1e-4  # the same between batches of different size, in which a deep network's sums are rounded otherwise
QUANTISED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.nn.quantized", "torch.nn.intrinsic.quantized")


def refuse_kinds(net: nn.Module, layers: Sequence[str]) -> None:
    """Raises a ValueError if the net has no weights yet, is quantised, or holds a layer inside a scripted or traced module."""
    way_out = "Evaluate the network that it was made from."
    empty = [name for name, tensor in [*net.named_parameters(), *net.named_buffers()] if tensor.is_meta]
    if empty:
        raise ValueError(
            f"the net must have weights, got none for {empty[0]}, which lies on the device meta. "
            "Call net.to_empty(device='cpu') and load its weights."
        )
    for name, module in net.named_modules():
        top = name or "its top"
        if type(module).__module__.startswith(QUANTISED):
            raise ValueError(
                f"the net must compute in floating-point numbers, got a quantised {type(module).__name__} at {top}. {way_out}"
            )
        inside = [layer for layer in layers if layer != name and layer.startswith(f"{name}." if name else "")]
        if isinstance(module, torch.jit.ScriptModule) and inside:
            raise ValueError(
                f"the net must be plain Python where its layers are read, got a scripted or traced module at {top}, "
                f"into which no one sees, around layer={inside[0]!r}. {way_out}"
            )


def check_answers(net: nn.Module, modules: Sequence[nn.Module], images: Images) -> bool:
    """Runs a few images again: twice alike, in a smaller batch, and in another order.

    Args:
        net: In eval mode.
        modules: Its layers that are read.
        images: Of which the first ones are tried.

    Returns:
        Whether the answers to an image do not depend on the others of its batch.

    Raises:
        ValueError: If two equal passes give different answers.
    """
    some = images.first(TRIED)
    once, again = (_answers(net, modules, some) for _ in range(2))
    largest = max((_difference(one, other) for one, other in zip(once, again, strict=True)), default=0.0)
    if len(once) != len(again) or largest > SAME:
        raise ValueError(
            f"the net must give the same answer twice, got a difference of {largest:.2g} of the largest value between two equal "
            "passes in eval mode. Take out what is random in its forward or transform: F.dropout without training=self.training."
        )
    half = len(some) // 2
    if half == 0:
        return True
    order = torch.randperm(len(some), generator=torch.Generator().manual_seed(0))  # neighbours and the first are others
    return all(_alone(net, modules, some, once, chosen) for chosen in (torch.arange(half), order))


def _alone(net: nn.Module, modules: Sequence[nn.Module], images: Images, known: list[Tensor], chosen: Tensor) -> bool:
    """Says whether some images, in the order asked for, are answered as they were among all of them."""
    try:
        found = _answers(net, modules, replace(images, pixels=images.pixels[chosen.to(images.pixels.device)]))
    except (RuntimeError, TypeError, ValueError):
        return False  # it takes no other batch
    pairs = [(one[chosen.to(one.device)], other) for one, other in zip(known, found, strict=True) if len(one) == len(images)]
    return all(_difference(one, other) <= APART for one, other in pairs)


def said_of_company() -> str:
    """Says what was done with a network whose answer to an image depends on the others of its batch."""
    return (
        "an image's answer depends on the others of its batch (batch norm without running statistics?): the net is read in "
        f"batches of {BATCH}, units are silenced set by set in the same batches, and its maps are left out"
    )


def _answers(net: nn.Module, modules: Sequence[nn.Module], images: Images) -> list[Tensor]:
    """Gives every tensor that some layers and the network give on the first batch."""
    found: list[Tensor] = []

    def keep(output: object) -> object:
        found.extend(one.clone() for one in _tensors(output))
        return output

    with contextlib.ExitStack() as hooks:
        for module in modules:
            hooks.enter_context(editing(module, keep))
        found.extend(_tensors(forward(net, next(iter(images)))))
    return found


def _tensors(output: object) -> Iterator[Tensor]:
    """Gives the tensors of numbers within an answer, however it is nested."""
    if isinstance(output, Tensor):
        if output.ndim and output.layout == torch.strided and not output.is_quantized:
            yield output
    elif isinstance(output, dict | list | tuple):
        for one in output.values() if isinstance(output, dict) else output:
            yield from _tensors(one)


def _difference(one: Tensor, other: Tensor) -> float:
    """Gives the largest difference relative to the largest value, infinite if the shapes differ; nan is equal to nan."""
    if one.shape != other.shape:
        return float("inf")
    wide = torch.complex128 if one.is_complex() else torch.float64
    first, second = (x.to(wide).nan_to_num(0) for x in (one, other))
    if torch.equal(first, second) or first.numel() == 0:
        return 0.0
    largest = float((first - second).abs().max())
    return largest / max(float(first.abs().max()), torch.finfo(torch.float64).tiny)
