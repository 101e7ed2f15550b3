"""Copies of a net side by side: an ordinary net a seed, in one module that trains them together.

Grouped convolutions of so few channels take longer than one after another, and so does `torch.func.vmap` over stacked weights
(results/speed/nets-*.md); so each copy is run by itself.
"""

import copy
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.seeding import derive
from mixmnist.nets._layers import END


class SideBySide(nn.Module):
    """Several nets of one architecture, one copy a seed; copies never mix.

    Each copy starts as torch's own modules do under its seed, and is dropped from by a generator of its own seed, so it becomes
    the net that it would have become alone. Torch's global generator is left as it was.
    """

    def __init__(self, make: Callable[[], nn.Sequential], seeds: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.copies, self.dropout = len(seeds), dropout
        self.nets = nn.ModuleList(_started(make, derive(seed, "initialisation")) for seed in seeds)
        self._dropout_seeds = [derive(seed, "dropout") for seed in seeds]
        self.generators: list[torch.Generator] = []  # of the dropout, on the device of the first batch

    def forward(self, x: Float[Tensor, "images copies rows cols"]) -> Float[Tensor, "images copies classes"]:
        """Gives each copy's logits of its own images, with values in [0, 1]."""
        means = self.maps(x).mean(1).chunk(self.copies, dim=1)
        return torch.stack([net.get_submodule("head")(mean) for net, mean in zip(self.nets, means, strict=True)], dim=1)

    def maps(self, x: Float[Tensor, "images copies rows cols"]) -> Float[Tensor, "images places channels"]:
        """Gives the maps of the last layer, those of all copies one after another, after its dropout.

        Args:
            x: Each copy's own images.

        Returns:
            Places in reading order; as channels the units of the first copy, then those of the second, and so on.
        """
        found = [_maps(net, x[:, number, None]) for number, net in enumerate(self.nets)]
        return self._drop(torch.cat([maps.flatten(2).transpose(1, 2) for maps in found], dim=2))

    def _drop(self, x: Float[Tensor, "images places channels"]) -> Float[Tensor, "images places channels"]:
        """Drops whole units in training, each copy's by its own generator, and scales up what is kept."""
        if not self.training or self.dropout == 0:
            return x
        if not self.generators:
            self.generators = [torch.Generator(x.device).manual_seed(seed) for seed in self._dropout_seeds]
        shape = (len(x), 1, x.shape[2] // self.copies)
        kept = torch.cat([torch.rand(shape, generator=g, device=x.device) >= self.dropout for g in self.generators], dim=2)
        return x * (kept.to(x.dtype) / (1 - self.dropout))


def _started(make: Callable[[], nn.Sequential], seed: int) -> nn.Sequential:
    """Makes a net whose weights are drawn under a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make()


def _maps(net: nn.Module, x: Float[Tensor, "images 1 rows cols"]) -> Float[Tensor, "images units high wide"]:
    """Takes images through a net's layers, up to the last one."""
    for module in list(net.children())[: -len(END)]:
        x = module(x)
    return x


def split(stack: SideBySide) -> list[nn.Module]:
    """Gives each copy as an ordinary net, in eval mode on the stack's device; what is done to it leaves the stack as it is."""
    return [copy.deepcopy(net).eval() for net in stack.nets]
