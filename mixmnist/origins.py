"""Origins: how a variant's network comes about, apart from training: with nothing learned, on shuffled labels, or planted."""

from collections.abc import Sequence

import torch
from jaxtyping import Int, UInt8
from torch import Tensor, nn

from mixmnist.core import registry
from mixmnist.core.records import Net, Plant, Variant, require
from mixmnist.core.seeding import derive


def layers_of(variant: Variant) -> tuple[str, ...]:
    """Names the layers that are scored, the one that feeds the head last."""
    if variant.plant is not None:
        plant: Plant = registry.choose("plants", variant.plant)
        return plant.layers
    net: Net = registry.choose("nets", variant.net)
    return net.layers


def load(variant: Variant, seed: int) -> nn.Module:
    """Gives one ordinary module of a variant, to be filled with the weights of a seed."""
    if variant.plant is not None:
        return plant(variant.plant, seed)
    net: Net = registry.choose("nets", variant.net)
    module: nn.Module = net.load(net.settings(**variant.net_settings), len(registry.choose("tasks", variant.task).classes))
    return module


def plant(name: str, seed: int) -> nn.Module:
    """Builds a planted network, in eval mode."""
    entry: Plant = registry.choose("plants", name)
    module: nn.Module = entry.build(seed)
    return module


def check_plant(variant: Variant, source: str) -> None:
    """Makes sure that a planted network is asked for where it is exact, and with nothing that could be thought to change it.

    Raises:
        ValueError: If source, task or canvas are others, or if there are settings.
    """
    entry: Plant = registry.choose("plants", variant.plant or "")
    made_for = f"{variant.origin} is made for source={entry.source!r} and task={entry.task!r} on its default canvas"
    require(source == entry.source, f"{made_for}, got source={source!r}. Use --source {entry.source}.")
    for name, right in (("task", entry.task), ("canvas", entry.canvas), ("net", Variant.net)):
        got = getattr(variant, name)
        require(got == right, f"{made_for}, got {name}={got!r}. Leave {name} out of the variant.")
    for name in ("task_settings", "net_settings"):
        got = dict(getattr(variant, name))
        require(not got, f"{made_for} and has no settings, got {name}={got}. Leave {name} out of the variant.")


def shuffle(labels: Int[Tensor, "copies images *classes"], seeds: Sequence[int]) -> Int[Tensor, "copies images *classes"]:
    """Permutes each copy's labels over its images, by a permutation from its seed: as many of each class, none learnable.

    Example:
        >>> shuffle(torch.arange(4).repeat(2, 1), seeds=(0, 1)).sort(dim=1).values
        tensor([[0, 1, 2, 3],
                [0, 1, 2, 3]])
    """
    permuted = []
    for own, seed in zip(labels, seeds, strict=True):
        order = torch.randperm(len(own), generator=torch.Generator().manual_seed(derive(seed, "shuffle")))
        permuted.append(own[order.to(own.device)])
    return torch.stack(permuted)


def settle(module: nn.Module, images: UInt8[Tensor, "copies images rows cols"], batch: int) -> None:
    """Estimates a module's batch norm statistics in place, in one pass over its images; leaves all else, in eval mode.

    Without it the maps of an initialised net are not normalised at all, and many of its units are dead. Each statistic becomes
    the mean over the batches.

    Args:
        module: One copy of a net per seed.
        images: Each copy's canvases.
        batch: Images a batch; the last partial one is dropped.
    """
    norms = [norm for norm in module.modules() if isinstance(norm, nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    module.train()
    with torch.no_grad():
        for number, part in enumerate(images.split(batch, dim=1)[: images.shape[1] // batch], start=1):
            for norm in norms:
                norm.momentum = 1 / number  # of a running mean over all batches so far
            module(part.float().div_(255).transpose(0, 1))
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    module.eval()
