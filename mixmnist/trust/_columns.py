"""What the report card must know of the columns of the shelf: what each is computed from, so which truth it is held against."""

from dataclasses import dataclass
from functools import cache

import torch

from mixmnist.core.records import Metric
from mixmnist.core.registry import collect
from mixmnist.scoring import TABLE_OF_AXES, Sheet

DETECTS, PLACES, ACTS = "detects", "places", "acts"
KINDS = {
    DETECTS: "whether the unit's answer tells the digit",
    PLACES: "whether it does, and its map lies where the digit is",
    ACTS: "what the unit is worth to the network",
}


@dataclass(frozen=True)
class Column:
    """One column of a metric of the shelf."""

    metric: str
    name: str
    of: str  # both (unit and concept), units, concepts, layer, curves
    needs: frozenset[str]  # all that it is computed from, other columns and fields of the readout

    @property
    def kind(self) -> str:
        """Says which truth it is held against."""
        if self.needs & {"without", "logits", "head"}:
            return ACTS
        return PLACES if "pixels" in self.needs else DETECTS

    @property
    def uses_presence(self) -> bool:
        """Says whether what is on the images enters."""
        return bool(self.needs & {"present", "pixels"})

    @property
    def summary(self) -> bool:
        """Says whether it is about the layer, not about one unit or one concept."""
        return self.of in ("layer", "curves")

    @property
    def part(self) -> str:
        """Says what it is measured with: summaries; maps, which are dear; or units, which can be drawn hundreds of times."""
        return "summaries" if self.summary else "maps" if "pixels" in self.needs else "units"

    def value(self, sheet: Sheet, unit: int, concept: int) -> float:
        """Picks the number that is about one unit and its concept; of a curve its mean."""
        metric: Metric = sheet.metrics[self.metric]
        found = sheet.compute(metric, self.name) if self.of == "layer" else sheet[self.name]
        if found is None:
            return float("nan")
        if self.of in ("layer", "curves"):
            return float(torch.as_tensor(found).double().mean())
        return float(found[unit, concept] if self.of == "both" else found[unit if self.of == "units" else concept])


@cache
def columns() -> tuple[Column, ...]:
    """Lists every column of the shelf that scores units, concepts, the layer or its curves; what stands aside does not count."""
    shelf: dict[str, Metric] = collect("metrics")
    makers = {column: metric for metric in shelf.values() if metric.axes != () for column in metric.columns}
    found = []
    for name, metric in shelf.items():
        if metric.axes in TABLE_OF_AXES:
            for column in metric.columns:
                if column not in metric.names and column not in metric.aside:
                    found.append(Column(name, column, TABLE_OF_AXES[metric.axes], _closure(metric, column, makers)))
    return tuple(found)


def columns_of(name: str, metric: Metric) -> tuple[Column, ...]:
    """Lists the columns of a metric that is not on the shelf; what stands aside, or is about images, does not count."""
    if metric.axes not in TABLE_OF_AXES:
        return ()
    every = (*collect("metrics").values(), metric)
    makers: dict[str, Metric] = {column: one for one in every if one.axes != () for column in one.columns}
    scored = [column for column in metric.columns if column not in metric.names and column not in metric.aside]
    return tuple(Column(name, column, TABLE_OF_AXES[metric.axes], _closure(metric, column, makers)) for column in scored)


def _closure(metric: Metric, column: str, makers: dict[str, Metric]) -> frozenset[str]:
    """Names everything that a column is computed from, what is fitted on other images included."""
    known: set[str] = set()
    waiting = list(metric.needs(column))
    while waiting:
        need = waiting.pop().removeprefix("rank_")
        if need not in known:
            known.add(need)
            waiting += makers[need].needs(need) if need in makers else ()
    return frozenset(known)
