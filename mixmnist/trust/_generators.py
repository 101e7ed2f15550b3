"""The recorded generators of a study, as subjects that can be dissected, edited and inverted."""

from pathlib import Path

from mixmnist.core.dissecting import Generator
from mixmnist.core.records import require
from mixmnist.dissect.subject import Subject, subject_of
from mixmnist.kinds.generator import entry_of
from mixmnist.trust._networks import Recorded, recorded

KIND = "generator"


def generators_of(folder: Path) -> list[Recorded]:
    """Lists the recorded generators of a study and source, by variant and seed.

    Raises:
        FileNotFoundError: If there are none.
    """
    found = [net for net in recorded(folder) if net.settings.kind == KIND]
    if not found:
        raise FileNotFoundError(
            f"a study's folder must hold recorded generators, got none in {folder}. Run: mixmnist run generators."
        )
    return found


def subject_of_net(net: Recorded, layer: str | None = None) -> Subject:
    """Makes a subject of a recorded generator.

    Args:
        net: As it is recorded.
        layer: That is looked at; by default the one that its shelf names.

    Raises:
        ValueError: If it is no generator, or cannot be dissected at that layer, as one that collapsed.
    """
    require(net.settings.kind == KIND, f"kind must be generator, got kind={net.settings.kind!r} of {net.variant}. Name another.")
    entry: Generator = entry_of(net.settings)
    found = subject_of(net.net(), layer or entry.layer, net.settings.canvas, name=f"{net.variant}, seed {net.seed}")
    own = entry.truth is not None and found.layer == entry.layer
    truth = entry.truth(net.seed) if own and entry.truth is not None else None
    return Subject(found.net, found.layer, found.canvas, found.name, truth, found.latent)
