"""Shuffling: a net whose layer has its own weights in random order, so that maps have nothing to tell of what was learnt.

Source:
    J. Adebayo et al. (2018), "Sanity Checks for Saliency Maps", arXiv:1810.03292. Differs: weights are permuted, not drawn anew.
"""

import copy
from dataclasses import replace

import torch

from mixmnist.core.records import require
from mixmnist.core.seeding import derive
from mixmnist.probing import find_layer
from mixmnist.visualize._targets import Target


def shuffled(target: Target, layer: str, seed: int = 0) -> Target:
    """Gives the same target of a copy of the net in which each weight tensor of a layer is permuted; biases and norms stay.

    Raises:
        ValueError: If there is no such layer, or it has no weights of two axes or more.
    """
    find_layer(target.net, layer)
    net = copy.deepcopy(target.net)
    generator = torch.Generator().manual_seed(derive(seed, "visualize", "shuffled"))
    weights = [one for one in net.get_submodule(layer).parameters() if one.ndim > 1]
    require(weights, f"the layer must have weights, got none in layer={layer!r}. Name one that has.")
    with torch.no_grad():
        for weight in weights:
            order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
            weight.copy_(weight.flatten()[order].view(weight.shape))
    return replace(target, net=net)
