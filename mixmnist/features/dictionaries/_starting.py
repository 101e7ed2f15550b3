"""Where dictionaries that are trained start from, and the batches that they see: several seeds side by side."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import trange

from mixmnist.core.seeding import derive
from mixmnist.features.cells import Cells
from mixmnist.features.fitted import unit_rows


def some_cells(cells: Cells, atoms: int, seeds: Sequence[int]) -> Float[Tensor, "seeds atoms units"]:
    """Gives as many cells, drawn for each seed and none of them twice, as directions to start from."""
    generators = [torch.Generator().manual_seed(derive(seed, "dictionary", "start")) for seed in seeds]
    drawn = torch.stack([torch.randperm(len(cells), generator=g)[:atoms] for g in generators]).to(cells.values.device)
    return unit_rows(cells.values[drawn])


def batches(
    cells: Cells, seeds: Sequence[int], batch: int, steps: int, title: str
) -> Iterator[Float[Tensor, "seeds batch units"]]:
    """Gives a batch of cells for each seed, drawn with replacement, so many times; under a progress bar past two seconds."""
    generators = [torch.Generator().manual_seed(derive(seed, "dictionary", "batches")) for seed in seeds]
    for _ in trange(steps, desc=title, leave=False, delay=2, disable=None):
        drawn = torch.stack([torch.randint(len(cells), (batch,), generator=g) for g in generators])
        yield cells.values[drawn.to(cells.values.device)]
