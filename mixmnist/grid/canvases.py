"""Canvases of a block: drawn once for all that ask."""

from functools import lru_cache
from typing import Any

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import Mixture, draw
from mixmnist.grid.block import Block


def canvases(block: Block, split: str, n: int, seed: int) -> Mixture:
    """Gives the mixture of a block's variant, on its device."""
    v = block.variant
    settings = tuple(sorted(v.task_settings.items()))
    return _drawn(v.task, block.source, split, n, v.canvas, settings, block.root, seed, block.device)


def forget() -> None:
    """Gives back the memory of all that was drawn."""
    _drawn.cache_clear()


@lru_cache(maxsize=16)
def _drawn(
    task: str,
    source: str,
    split: str,
    n: int,
    canvas: Canvas,
    settings: tuple[tuple[str, Any], ...],
    root: str | None,
    seed: int,
    device: str,
) -> Mixture:
    mixture = draw(task, source, split, n, canvas=canvas, settings=dict(settings), root=root, seed=seed)
    return mixture.to(device)
