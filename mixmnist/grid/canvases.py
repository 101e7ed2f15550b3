"""Canvases: drawn once for all that ask."""

from functools import lru_cache
from typing import Any

from mixmnist.core.records import Canvas
from mixmnist.data.mixture import Mixture, draw


def forget() -> None:
    """Gives back the memory of all that was drawn."""
    drawn.cache_clear()


@lru_cache(maxsize=16)
def drawn(
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
    """Draws a mixture onto a device."""
    mixture = draw(task, source, split, n, canvas=canvas, settings=dict(settings), root=root, seed=seed)
    return mixture.to(device)
