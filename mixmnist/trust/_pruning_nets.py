"""Nets made smaller after training: weights cut by magnitude, weights rounded to few bits, and random changes as large."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import prune

from mixmnist.core.records import require


def layers_of(net: nn.Module) -> list[nn.Module]:
    """Lists the convolutions and linear layers, whose weights are cut or rounded; biases and batch norm stay as they are."""
    return [part for part in net.modules() if isinstance(part, nn.Conv2d | nn.Linear)]


def pruned(net: nn.Module, share: float, generator: torch.Generator | None = None) -> nn.Module:
    """Gives a copy of a net without a share of its weights, the smallest of all layers together.

    Args:
        net: With convolutions or linear layers.
        share: Of their weights, at least 0 and below 1.
        generator: Where weights are chosen at random, whatever their size: what draws them.

    Raises:
        ValueError: If the share is out of range.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> net[0].weight.data = torch.tensor([[0.1, -3.0], [2.0, -0.2]])
        >>> pruned(net, 0.5)[0].weight.data.eq(0).tolist()
        [[True, False], [False, True]]
    """
    require(0 <= share < 1, f"share must be at least 0 and below 1, got share={share}. Use 0.5, say.")
    found = copy.deepcopy(net).to(memory_format=torch.contiguous_format)  # torch joins all weights into one vector
    weights = [(part, "weight") for part in layers_of(found)]
    scores = None
    if generator is not None:
        scores = {(part, name): torch.rand(part.get_parameter(name).shape, generator=generator) for part, name in weights}
    prune.global_unstructured(weights, prune.L1Unstructured, importance_scores=scores, amount=share)
    for part, name in weights:
        prune.remove(part, name)
    return found


def rounded(net: nn.Module, bits: int, generator: torch.Generator | None = None) -> nn.Module:
    """Gives a copy of a net whose weights have few bits, evenly spaced from minus to plus the largest of each output unit.

    Batch norm after a convolution scales whole units, so that folding it into the weights first would change nothing.

    Args:
        net: With convolutions or linear layers.
        bits: Of a weight, its sign among them, 2 to 16.
        generator: Where each weight is moved evenly by at most half a space, instead of being rounded: what draws that.

    Raises:
        ValueError: If bits are out of range.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 1, bias=False))
        >>> net[0].weight.data = torch.tensor([[0.4, -0.7]])
        >>> torch.cat([rounded(net, bits)[0].weight.detach() for bits in (2, 4)])
        tensor([[ 0.7000, -0.7000],
                [ 0.4000, -0.7000]])
    """
    require(2 <= bits <= 16, f"bits must lie between 2 and 16, got bits={bits}. Use 8, say.")
    found, most = copy.deepcopy(net), 2 ** (bits - 1) - 1
    for part in layers_of(found):
        weight = part.get_parameter("weight").data
        scale = weight.abs().flatten(1).amax(dim=1).clamp_min(1e-12) / most  # a space of each output unit
        part.get_parameter("weight").data = _changed(weight, scale, most, generator)
    return found


def _changed(weight: Tensor, scale: Float[Tensor, " units"], most: int, generator: torch.Generator | None) -> Tensor:
    if generator is None:
        zeros = torch.zeros(len(scale), dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(weight.contiguous(), scale, zeros, 0, -most, most)
    drawn = torch.rand(weight.shape, generator=generator) - 0.5
    return weight + drawn * scale.view(-1, *[1] * (weight.ndim - 1))
