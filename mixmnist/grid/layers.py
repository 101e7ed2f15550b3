"""Layers of a network, read on two mixtures and scored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from mixmnist.core.readout import Readout
from mixmnist.core.records import Metric, Variant
from mixmnist.grid.origins import kind_of, layers_of
from mixmnist.kinds import Draw
from mixmnist.probing import Drawn, HeadAlgebra, probe_layers
from mixmnist.probing.running import Transform
from mixmnist.scoring import Scores, score

FEW, LEAST = 5, 50  # one canvas of 5, but 50 at least, is used where the net must be run again: maps, silencing below the head


@dataclass(frozen=True, eq=False)
class Scored:
    """One layer, read on both mixtures, and its scores."""

    readout: Readout
    rank: Readout
    scores: Scores


def few_of(n: int) -> int:
    """Says on how many of n canvases a net is run again, where nothing else is asked for."""
    return max(n // FEW, LEAST)


def score_layers(
    net: nn.Module,
    mixtures: tuple[Drawn, Drawn],
    layers: Sequence[str],
    transform: Transform | None = None,
    few: int | None = None,
    more: Mapping[str, Metric] | None = None,
    read: Callable[..., list[Readout]] = probe_layers,
) -> list[Scored]:
    """Reads and scores layers on a test mixture, thresholds and orders fitted on a rank mixture.

    Groups and curves, which silence several units at a time, are computed where the head's algebra gives them at once.

    Args:
        net: In eval mode.
        mixtures: The test and the rank mixture.
        layers: Names of modules.
        transform: As for `probe`.
        few: As for `probe`.
        more: Metrics that are not on the shelf, by name.
        read: How a kind of network is read; as `probe_layers`.
    """
    readouts, ranks = (read(net, mixture, layers, transform, few) for mixture in mixtures)
    return [
        Scored(one, other, score(one, rank=other, sets=isinstance(one.without, HeadAlgebra), more=more))
        for one, other in zip(readouts, ranks, strict=True)
    ]


def score_variant(variant: Variant, net: nn.Module, draw: Draw) -> list[Scored]:
    """Reads and scores every layer of a variant's net on the mixtures that all its seeds are scored on."""
    n, read = variant.probe_images, kind_of(variant).read
    test, rank = (draw(split, n, 0) for split in ("test", "rank"))
    return score_layers(net, (test, rank), layers_of(variant), few=few_of(n), read=read)  # type: ignore[arg-type]  # its kind is scored


def join(scored: Sequence[Scored]) -> tuple[Scores, list[dict[str, Any]]]:
    """Joins the tables of several layers, the layer told by a column (curves of the last one); and gives a row a layer."""
    every = {
        table: pd.concat([getattr(one.scores, table).assign(layer=one.readout.layer) for one in scored])
        for table in ("units", "concepts")
    }
    rows = [{str(name): value for name, value in row.items()} for one in scored for row in one.scores.layer.to_dict("records")]
    last = scored[-1]
    curves = last.scores.curves.assign(layer=last.readout.layer)
    return Scores(**every, layer=last.scores.layer, curves=curves), rows


def write_scores(folder: Path, scores: Scores) -> None:
    """Writes the tables of one run beside its record."""
    for table in ("units", "concepts", "curves"):
        getattr(scores, table).to_csv(folder / f"{table}.csv", index=False)
