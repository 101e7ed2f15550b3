"""Measuring labellers on a layer: every one looks at rank canvases, and what it says is judged on test canvases."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.records import Settings
from mixmnist.data.mixture import Mixture
from mixmnist.labellers.judging import Scene, judge_labels, of_kinds, scene_of
from mixmnist.labellers.labelling import label_units
from mixmnist.labellers.sight import Sight, shuffled, sight_of
from mixmnist.probing import probe
from mixmnist.probing.running import BATCH, plainly
from mixmnist.visualize._targets import unit_target
from mixmnist.visualize.mapping import as_pixels
from mixmnist.visualize.reader import Reader, load_reader
from mixmnist.visualize.ways.single import alone
from mixmnist.visualize.worth import some_canvases

IMAGES = 4_000  # canvases that labellers see, and as many that labels are judged on
ALONE = 1_000  # of the latter, whose digits are rendered each alone
SHUFFLED = "shuffled"  # what the name of a labeller ends in that sees responses permuted over the images: the null


@dataclass(frozen=True, eq=False)
class Labelled:
    """A layer that is labelled: what labellers see of it, and what their labels are held against."""

    sight: Sight
    scene: Scene


@dataclass(frozen=True, eq=False)
class Canvases:
    """The canvases of a study, with what a reader says of those that labellers see."""

    rank: Mixture
    test: Mixture
    logits: Float[Tensor, "images digits"]  # of the rank canvases
    threshold: float
    singles: Mixture  # digits of test canvases, each alone


def canvases_of(rank: Mixture, test: Mixture, reader: Reader) -> Canvases:
    """Reads the first canvases, and renders the digits of some each alone.

    Raises:
        ValueError: If the reader is below its bar, or does not fit the canvases.
    """
    reader.check()
    few = [some_canvases(one, torch.arange(min(n, len(one)))) for one, n in ((rank, IMAGES), (test, IMAGES), (test, ALONE))]
    seen, judged, rendered = (one for one in few if isinstance(one, Mixture))
    return Canvases(seen, judged, reader.logits(as_pixels(seen.images)), reader.threshold, alone(rendered))


@functools.lru_cache(maxsize=2)
def kept_canvases(path: Path, rank: Mixture, test: Mixture) -> Canvases:
    """Gives the same by the reader of a file, once for all nets that share the mixtures."""
    return canvases_of(rank, test, load_reader(path))


def labelled(net: nn.Module, layer: str, canvases: Canvases, fingerprint: str = "", seed: int = 0) -> Labelled:
    """Probes a layer on the canvases.

    Args:
        net: In eval mode.
        layer: Of the units.
        canvases: As `canvases_of` gives them.
        fingerprint: By which annotations know the layer.
        seed: Of whatever labellers draw.
    """
    seen, judged = (probe(net, one, layer) for one in (canvases.rank, canvases.test))
    known = (canvases.logits, canvases.threshold, canvases.rank.present, seen.concepts)
    sight = sight_of(seen.response, *known, layer=layer, fingerprint=fingerprint, seed=seed)
    single, shows = _responses(net, layer, canvases.singles), canvases.singles.present
    scene = scene_of(judged.response, judged.present, seen.response, seen.present, single, shows, seen.concepts)
    return Labelled(sight, scene)


def _responses(net: nn.Module, layer: str, canvases: Mixture) -> Float[Tensor, "images units"]:
    """Gives each unit's peak on canvases, whatever these show."""
    target = unit_target(net, layer, 0)
    with torch.no_grad(), plainly(net, torch.device("cpu")):
        return torch.cat([target.maps(as_pixels(part)).amax(dim=2) for part in canvases.images.split(BATCH)])


def measure_labellers(
    one: Labelled, labellers: Sequence[str], settings: Mapping[str, Settings] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labels the units of a layer by each labeller, and judges the labels.

    Args:
        one: The layer.
        labellers: Names or files, with settings as `ridge:known=1`; ending in ` shuffled` on responses permuted over the images.
        settings: Further settings by labeller.

    Returns:
        A row a labeller and kind of unit, as `of_kinds` gives it; and a row a labeller and unit, as `judge_labels` does.
    """
    means, units = [], []
    for spec in labellers:
        name, _, null = spec.partition(" ")
        sight = shuffled(one.sight) if null == SHUFFLED else one.sight
        found = judge_labels(label_units(name, sight, (settings or {}).get(spec)), one.scene)
        means.append(of_kinds(found).assign(labeller=spec))
        units.append(found.assign(labeller=spec))
    return pd.concat(means, ignore_index=True), pd.concat(units, ignore_index=True)
