"""What the analyses share: the recorded nets of a study, and the mixtures they were scored on."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import nn

from mixmnist.core import storage, sums
from mixmnist.core.records import Variant
from mixmnist.data.mixture import Mixture, draw
from mixmnist.grid.block import WEIGHTS
from mixmnist.grid.recording import load_net
from mixmnist.report.reading import run_folders

SPLITS = ("test", "rank")


@dataclass(frozen=True)
class Recorded:
    """One recorded net of a study."""

    variant: str  # as the study calls it
    seed: int
    place: Path  # its record's folder
    source: str
    settings: Variant
    layer: str  # that feeds the head
    fingerprint: str  # of its weights and scores

    def net(self) -> nn.Module:
        """Loads it, on the processor and in eval mode."""
        return load_net(self.place)

    def mixture(self, split: str, root: str | None) -> Mixture:
        """Gives the mixture that it was scored on ("test") or that thresholds were fitted on ("rank")."""
        settings = tuple(sorted(self.settings.task_settings.items()))
        known = (self.settings.task, self.source, split, self.settings.probe_images, self.settings.canvas, settings, root)
        return _drawn(*known)


@lru_cache(maxsize=4)
def _drawn(task: str, source: str, split: str, n: int, canvas: Any, settings: Any, root: str | None) -> Mixture:  # noqa: ANN401 -- as in Variant
    return draw(task, source, split, n, canvas=canvas, settings=dict(settings), root=root, seed=0)


def recorded(folder: Path) -> list[Recorded]:
    """Lists the recorded nets of a study and source that did not fail, by variant and seed; of a seed in two blocks the last.

    What is damaged is left out; a report names it.
    """
    found = {}
    for home in sorted((folder / "runs").glob("*/s*-*")):
        try:
            place = storage.follow(home)
        except ValueError:
            continue
        for one in (_recorded(home.parent.name, path) for path in run_folders(home.name, place)):
            if one is not None:
                found[one.variant, one.seed] = one
    return [found[key] for key in sorted(found)]


def _recorded(variant: str, place: Path) -> Recorded | None:
    """Reads a recorded net; None if it failed, or if its record or any of its files is damaged."""
    try:
        record = sums.read_sealed(place / "record.json")
        if record["failure"] is not None or set(sums.altered(place, record)) - {WEIGHTS}:
            return None
        return Recorded(
            variant=variant,
            seed=record["seed"],
            place=place,
            source=record["source"],
            settings=Variant.from_dict(record["config"]["variant"]),
            layer=record["layers"][-1]["layer"],
            fingerprint=storage.fingerprint([record["fingerprints"], record["weights_sha256"]]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
