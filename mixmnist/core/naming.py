"""What the shelf of labellers holds, as plain data, free of torch: what a way of naming units is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mixmnist.core import checks
from mixmnist.core.entries import Number, Settings, merged, require

SEES = ("nothing", "reader", "truth", "file")


@dataclass(frozen=True)
class Labeller:
    """A way of saying what units detect: for each unit a label, a set of concepts that may be empty.

    `run(sight, **settings)` takes what it may look at (`mixmnist.labellers.sight.Sight`) and gives weights [units, concepts] in
    [0, 1]: above 0 where the concept is named, the largest first; a row of zeros says "nothing in common", a row of nan that the
    unit has no label.
    """

    title: str
    run: Callable[..., Any]
    sees: str = "reader"  # what it knows of the images besides responses: nothing, reader, truth (a ceiling), file
    settings: Settings = field(default_factory=dict)  # what a call may override, with the defaults

    def __post_init__(self) -> None:
        checks.check_fields(self)
        require(self.sees in SEES, f"sees must be one of {', '.join(SEES)}, got sees={self.sees!r}.")

    def with_settings(self, settings: Settings) -> dict[str, Number]:
        """Merges the labeller's own settings with others; unknown names and other types are refused, 1 is taken for 1.0."""
        found = merged("labeller", self.settings, settings)
        checks.check_settings("labeller", settings, self.settings)
        return {name: float(value) if isinstance(self.settings[name], float) else value for name, value in found.items()}
