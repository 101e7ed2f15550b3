"""Measuring pictures: every way that makes images, with settings side by side, on the detectors of a net."""

import time
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from jaxtyping import Float, Int
from torch import Tensor

from mixmnist.core.records import Settings, require
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.visualize._targets import Target
from mixmnist.visualize.imaging import Supplies, make_images
from mixmnist.visualize.judging_images import Beside, judge_images, look_beside
from mixmnist.visualize.reader import Reader

PRIORS: Mapping[str, tuple[str, Settings]] = {
    "natural, top": ("top", {}),
    "natural, one digit alone": ("single", {}),
    "none": ("pixels", {}),
    "total variation": ("variation", {}),
    "L2": ("variation", {"total": 0.0, "square": 1.0}),
    "Fourier": ("fourier", {"jitter": 0}),
    "Fourier, jitter": ("fourier", {}),
    "MACO": ("maco", {"jitter": 0}),
    "MACO, jitter": ("maco", {}),
    "learned": ("dgn", {}),
    "learned, from natural codes": ("dgn", {"start": "natural"}),
}


def detectors(alignment: Float[Tensor, "units concepts"]) -> tuple[Int[Tensor, " detectors"], Int[Tensor, " detectors"]]:
    """Gives the units that are detectors, and the digit of each.

    Args:
        alignment: Average precision of units and concepts.

    Raises:
        ValueError: If no unit is one.

    Example:
        >>> import torch
        >>> detectors(torch.tensor([[0.2, 0.9], [0.5, 0.4], [0.8, 0.1]]))
        (tensor([0, 2]), tensor([1, 0]))
    """
    best, concept = alignment.nan_to_num(0).max(dim=1)
    chosen = (best >= THRESHOLD).nonzero()[:, 0]
    require(len(chosen), f"a unit must be a detector, got none with an alignment of {THRESHOLD}. Train the net for longer.")
    return chosen, concept[chosen]


def measure_images(
    target: Target,
    own: Int[Tensor, " n"],
    seeds: Sequence[int],
    reader: Reader,
    supplies: Supplies,
    priors: Mapping[str, tuple[str, Settings]] = PRIORS,
    beside: Beside | None = None,
    show: Callable[[str, Float[Tensor, "n channels rows cols"]], None] = lambda _name, _images: None,
) -> pd.DataFrame:
    """Makes and judges pictures by each prior.

    Args:
        target: One unit for each picture.
        own: The digit of each.
        seeds: Of the pictures.
        reader: Above its bar.
        supplies: Natural canvases, and a generator; without one, ways that need it are left out with a sentence.
        priors: A way and its settings, by what they are called.
        beside: What `look_beside` gave of the same target and seeds, if it is at hand.
        show: Called with the pictures of each prior.

    Returns:
        A row a prior and measure as in `judge_images`, with `prior`, `way`, `seconds` (of the pictures) and `said`: why there are
        none, the measures then being left out.

    Raises:
        ValueError: If the reader is below its bar: then there is no table.
    """
    reader.check()
    beside = beside or look_beside(target, own, seeds, reader, supplies)
    tables = []
    for name, (way, settings) in priors.items():
        start = time.perf_counter()
        try:
            images = make_images(way, target, seeds, supplies, settings)
        except ValueError as error:
            tables.append(pd.DataFrame([{"prior": name, "way": way, "said": str(error)}]))
            continue
        seconds = time.perf_counter() - start
        show(name, images)
        table = judge_images(images, target, own, seeds, reader, supplies, beside)
        tables.append(table.assign(prior=name, way=way, seconds=seconds, said=""))
    return pd.concat(tables, ignore_index=True)
