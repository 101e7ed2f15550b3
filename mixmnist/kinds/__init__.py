"""Shelf of kinds: how a kind of network is trained and how its layers become readouts, one file each, ending in `KIND`."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from mixmnist.core.records import Variant
from mixmnist.data.mixture import Mixture
from mixmnist.training import Outcome, Watch

Draw = Callable[[str, int, int], Mixture]  # split, number of canvases, seed -> the mixture of a variant, on its device


@dataclass(frozen=True)
class Lesson:
    """What a kind is asked for: a variant's networks, one a seed, side by side."""

    variant: Variant
    seeds: tuple[int, ...]
    draw: Draw
    device: str
    precision: str
    watch: Watch = Watch()  # noqa: RUF009 -- it is frozen
    source: str = ""  # where the glyphs come from, for a kind that lays out canvases of its own
    root: str | None = None  # folder that holds the source's files


@dataclass(frozen=True, eq=False)
class Trained:
    """One network after its training."""

    net: nn.Module | None  # in eval mode; None if it failed for want of memory
    outcome: Outcome
    together: tuple[int, ...]  # the seeds that were trained side by side
