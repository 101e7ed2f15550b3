"""What the shelves of generators and of rankings hold, as plain data, free of torch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mixmnist.core import checks
from mixmnist.core.entries import Number, Settings, merged, require

SEES = ("nothing", "masks", "edits", "gradients", "truth")


@dataclass(frozen=True)
class Generator:
    """A way to draw canvases of codes, trained or planted.

    `build(canvas, seed, **settings)` gives a module in eval mode that maps codes [n, latent] to images [n, 1, rows, cols] in
    [0, 1]. It has an attribute `latent` and a method `codes(n, seed)`, which draws codes as it was trained on. Of a trained one
    `train(lesson, **settings)` gives a module and what became of its training for each seed; a planted one has none. Its
    `truth(seed)` says which units draw each digit.
    """

    title: str
    build: Callable[..., Any]
    layers: tuple[str, ...]  # whose units may be looked at, in their order; each gives maps [n, units, high, wide]
    layer: str  # that is looked at where none is named
    train: Callable[..., Any] | None = None  # None: planted
    truth: Callable[..., Any] | None = None  # None: not known
    source: str = ""  # the only one that it draws; empty: any
    settings: Settings = field(default_factory=dict)  # what a variant may override, with the defaults

    def __post_init__(self) -> None:
        checks.check_fields(self)
        require(self.layer in self.layers, f"layer must be one of {', '.join(self.layers)}, got layer={self.layer!r}.")

    def with_settings(self, settings: Settings) -> dict[str, Number]:
        """Merges the generator's own settings with others; unknown names are refused."""
        return merged("generator", self.settings, settings)


@dataclass(frozen=True)
class Ranking:
    """An order of a layer's units for each digit: which would one switch off first?

    `run(sample, judge, **settings)` takes a `mixmnist.dissect.sampling.Sample` and who reads it, and gives [units, digits]: the
    larger, the earlier.
    """

    title: str
    run: Callable[..., Any]
    sees: str = "masks"  # what it knows: nothing, masks, edits, gradients, truth (a ceiling)
    settings: Settings = field(default_factory=dict)  # what a call may override, with the defaults

    def __post_init__(self) -> None:
        checks.check_fields(self)
        require(self.sees in SEES, f"sees must be one of {', '.join(SEES)}, got sees={self.sees!r}.")

    def with_settings(self, settings: Settings) -> dict[str, Number]:
        """Merges the ranking's own settings with others; unknown names are refused."""
        return merged("ranking", self.settings, settings)
