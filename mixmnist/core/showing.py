"""What the shelf of ways holds, as plain data, free of torch: what a way of showing what a unit wants is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mixmnist.core import checks
from mixmnist.core.entries import Number, Settings, merged, require

KINDS = ("map", "image")
NEEDS = ("gradient", "relus", "maps", "unit", "canvases", "reader", "generator")


@dataclass(frozen=True)
class Way:
    """A way of showing what a unit wants: a map of each of some canvases, or images of its own making.

    A map's `run(target, images, **settings)` gives maps [n, rows, cols] of images [n, channels, rows, cols] in [0, 1], one signed
    number a pixel; an image's `run(target, supplies, seeds, **settings)` gives images [n, channels, rows, cols] in [0, 1], one a
    seed. `mixmnist.visualize._targets` has the targets, `mixmnist.visualize.imaging` the supplies.
    """

    title: str
    kind: str  # map or image
    run: Callable[..., Any]
    needs: tuple[str, ...] = ()  # a gradient, modules that are ReLUs, a layer with maps, a unit, canvases, a reader, a generator
    settings: Settings = field(default_factory=dict)  # what a call may override, with the defaults

    def __post_init__(self) -> None:
        checks.check_fields(self)
        require(self.kind in KINDS, f"kind must be one of {', '.join(KINDS)}, got kind={self.kind!r}.")
        unknown = [need for need in self.needs if need not in NEEDS]
        require(not unknown, f"needs must be among {', '.join(NEEDS)}, got {unknown[:1]}. Mend the word.")

    def with_settings(self, settings: Settings) -> dict[str, Number]:
        """Merges the way's own settings with others; unknown names are refused."""
        return merged("way", self.settings, settings)
