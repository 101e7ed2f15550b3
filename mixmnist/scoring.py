"""Scoring: every metric of the shelf on one readout, into tables of units, concepts and the layer.

A metric's column is computed from what its parameters name: fields of the readout or other columns, or either of them taken from
the rank readout, on which every threshold and every order is fitted. Each is computed once, when it is first needed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mixmnist.core.readout import Readout
from mixmnist.core.records import Metric, require
from mixmnist.core.registry import collect
from mixmnist.metrics._decisions import correct
from mixmnist.metrics._ranking import sorting_once
from mixmnist.metrics._strangers import check_metrics, guarded

TABLE_OF_AXES = {
    ("units", "concepts"): "both",
    ("units",): "units",
    ("concepts",): "concepts",
    ("curve",): "curves",
    (): "layer",
}


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of one layer."""

    units: pd.DataFrame  # a row a unit; scores of a unit and a concept are those of the unit's own concept
    concepts: pd.DataFrame  # a row a concept, with its best unit and that unit's scores
    layer: pd.DataFrame  # one row; n_silenced, n_mapped: on how many of the n_images units were silenced, maps held beside masks
    curves: pd.DataFrame  # a row for each number of silenced units


def score(readout: Readout, *, rank: Readout, sets: bool = True, more: Mapping[str, Metric] | None = None) -> Scores:
    """Scores a readout by every metric of the shelf.

    Args:
        readout: The layer on the images to be scored.
        rank: The same layer on other images; thresholds, orders and mean activations are fitted there.
        sets: Whether groups and curves are computed, too, which silence several units at a time.
        more: Metrics that are not on the shelf, by name. They get copies, and what they give is checked.

    Returns:
        Tables. A unit's own concept is the one with its largest alignment. Columns that need what the readout lacks (logits,
        a head) are left out.

    Raises:
        ValueError: If the two readouts are not of the same layer, units and concepts, a column is there twice, or a metric that
            is not on the shelf does not run or gives what its axes do not say.

    Example:
        >>> from mixmnist import draw, probe
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 5), torch.nn.ReLU()).eval()
        >>> rank, test = (probe(net, draw(source="digits", split=split, n=800), "1") for split in ("rank", "test"))
        >>> list(score(test, rank=rank).units.columns[:4])
        ['unit', 'dead', 'concept', 'alignment']
    """
    same = all(getattr(readout, name) == getattr(rank, name) for name in ("layer", "n_units", "concepts", "classes"))
    require(same, "readout and rank must be of the same layer, units, concepts and classes. Probe one net twice.")
    sheet = Sheet(readout, Sheet(rank, sets=sets, more=more), sets, more)
    with sorting_once():
        return Scores(_units(sheet), _concepts(sheet), _layer(sheet), _curves(sheet))


class Sheet:
    """All columns of one readout, each computed when it is first asked for; None where something it needs is missing.

    Without another readout to fit thresholds and orders on, they are fitted on this one.
    """

    def __init__(
        self, readout: Readout, rank: "Sheet | None" = None, sets: bool = True, more: Mapping[str, Metric] | None = None
    ) -> None:
        self.readout, self.rank, self.sets = readout, rank or self, sets
        self.metrics = with_more(more)
        self.metrics |= {name: guarded(name, metric, readout) for name, metric in (more or {}).items()}
        self._columns: dict[str, Callable[[], Any]] = {}
        self._values: dict[str, Any] = {}
        for metric in self.metrics.values():
            if metric.axes != ():  # the layer's scores are no one's input; they may share a name with a unit's
                for column in metric.columns:
                    self._columns[column] = partial(self.compute, metric, column)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 -- tensors, callables, tuples of names
        if name not in self._values:
            if name.startswith("rank_"):
                self._values[name] = self.rank[name.removeprefix("rank_")]
            elif name in self._columns:
                self._values[name] = self._columns[name]()
            else:
                self._values[name] = getattr(self.readout, name)
        return self._values[name]

    def compute(self, metric: Metric, column: str) -> Any:  # noqa: ANN401 -- a tensor or None
        """Computes one column of a metric; None where something it needs is missing."""
        if metric.sets and not self.sets:
            return None
        needs = {name: self[name] for name in metric.needs(column)}
        return None if any(value is None for value in needs.values()) else metric.columns[column](**needs)

    def columns(self, table: str) -> dict[str, Tensor]:
        """Gives every column of one kind, those that cannot be computed left out."""
        found = {}
        for metric in self.metrics.values():
            if TABLE_OF_AXES.get(metric.axes) == table:
                for column in metric.columns:
                    value = self.compute(metric, column) if table == "layer" else self[column]
                    if value is not None:
                        found[column] = value
        return found

    def series(self, column: str, values: Tensor) -> list[Any]:
        """Turns a column's values into numbers, or into names where the metric says that they are names."""
        names = next((m.names[column] for m in self.metrics.values() if column in m.names), None)
        if names is None:
            return values.tolist()  # python numbers
        entries = self[names]
        return [entries[i] if i >= 0 else "" for i in values.tolist()]


def with_more(more: Mapping[str, Metric] | None) -> dict[str, Metric]:
    """Gives the metrics of the shelf and others, which are checked.

    Raises:
        ValueError: If another one is none, has a name or a column that is taken, or asks for what there is not.
    """
    shelf: dict[str, Metric] = collect("metrics")
    if more:
        check_metrics(more, shelf)
    return {**shelf, **(more or {})}


def _units(sheet: Sheet) -> pd.DataFrame:
    alignment = sheet["alignment"]
    own = alignment.nan_to_num(-1).argmax(dim=1)
    named = ~alignment.isnan().all(dim=1)
    concepts = [sheet["concepts"][c] if known else "" for c, known in zip(own.tolist(), named.tolist(), strict=True)]
    table: dict[str, Any] = {"unit": range(len(own)), "dead": sheet["dead"].cpu().numpy(), "concept": concepts}
    for column, values in sheet.columns("both").items():
        picked = values.gather(1, own[:, None])[:, 0]
        table[column] = torch.where(named, picked, torch.nan).cpu().numpy()
    for column, values in sheet.columns("concepts").items():
        table[column] = torch.where(named, values[own], torch.nan).cpu().numpy()
    for column, values in sheet.columns("units").items():
        table[column] = sheet.series(column, values)
    return pd.DataFrame(table)


def _concepts(sheet: Sheet) -> pd.DataFrame:
    alignment = sheet["alignment"]
    best = alignment.nan_to_num(-1).argmax(dim=0)
    each = torch.arange(alignment.shape[1], device=best.device)
    known = ~alignment.isnan().all(dim=0)
    table: dict[str, Any] = {"concept": list(sheet["concepts"])}
    for column, values in sheet.columns("concepts").items():
        table[column] = values.cpu().numpy()
    table["unit"] = torch.where(known, best, -1).cpu().numpy()
    for column, values in sheet.columns("both").items():
        table[column] = values[best, each].cpu().numpy()
    for column, values in sheet.columns("units").items():
        table[column] = sheet.series(column, values[best])
    return pd.DataFrame(table)


def _layer(sheet: Sheet) -> pd.DataFrame:
    readout = sheet.readout
    row: dict[str, Any] = {"layer": readout.layer, "n_units": readout.n_units, "n_images": len(readout.response)}
    row |= {} if readout.without is None else {"n_silenced": readout.without.n_images}
    row |= {} if readout.pixels is None else {"n_mapped": readout.pixels.n_images}
    if readout.logits is not None:
        row["accuracy"] = float(correct(readout.logits, readout.labels).double().mean())
    row |= {column: float(value) for column, value in sheet.columns("layer").items()}
    return pd.DataFrame([row])


def _curves(sheet: Sheet) -> pd.DataFrame:
    steps = np.arange(sheet.readout.n_units + 1)
    return pd.DataFrame({"n": steps} | {c: v.cpu().numpy() for c, v in sheet.columns("curves").items()})
