"""What the tests of the controls share: a study's recorded nets, without a study."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from mixmnist import Variant
from mixmnist.trust._networks import Recorded


@dataclass(frozen=True)
class Held(Recorded):
    """A recorded net that was never written."""

    module: Any = None
    drawn: Any = None

    def net(self):
        return self.module

    def mixture(self, split, root):
        return self.drawn


@pytest.fixture(scope="session")
def recorded_nets():
    """Gives a function that makes two seeds of each variant, of the given origins: each a net from `build` with other weights."""

    def make(build, layer, mixture, origins, seeds=2):
        nets = []
        for variant, origin in origins.items():
            for seed in range(seeds):
                module = build().float()
                g = torch.Generator().manual_seed(seed)
                for weight in module.parameters():
                    weight.data += 0.01 * torch.randn(weight.shape, generator=g)
                settings = Variant(origin=origin, probe_images=len(mixture))
                place = Path(f"{variant}{seed}")
                nets.append(Held(variant, seed, place, "digits", settings, layer, place.name, module, mixture))
        return nets

    return make
