"""Regression of units: what a network's units detect and what they are for, against what was recorded of them.

A record is JSON beside the test: alignment, concept and drop of every unit, and the layer's numbers. With each number stands
the interval that chance alone gives it: of a unit over other draws of canvases, of the layer over other trainings, if any are
given.
"""

import json
import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats
from torch import nn

from mixmnist.core import storage
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.guests.evaluating import Setting, read_layer
from mixmnist.metrics._decisions import correct
from mixmnist.probing.running import Transform
from mixmnist.report.ranges import bounds_of
from mixmnist.scoring import Sheet
from mixmnist.stats import FEWEST

DRAWS = 5  # of canvases, for a unit's interval; the first one is what is compared
UNIT = ("alignment", "drop")  # numbers of a unit
LAYER = ("detectors", "unique_concepts", "mean_alignment", "accuracy")  # numbers of the layer
WAY_OUT = "If that is meant, run pytest --mixmnist-update and commit the record."
SMALL = Setting(n=2_000, few=250)


class UnitsMoved(AssertionError):  # noqa: N818 -- what it says in a test's report
    """Units are no longer what was recorded."""


@dataclass(frozen=True)
class Regression:
    """Holds networks against the records of one test."""

    folder: Path
    """Where the records lie."""
    name: str
    """The test's."""
    update: bool = False
    """Whether to record instead of comparing."""
    seen: list[str] = field(default_factory=list, repr=False)  # checks of this test so far

    def check(
        self,
        net: nn.Module,
        layer: str,
        task: str = "pairs",
        source: str = "digits",
        *,
        tolerance: float = 0.01,
        trainings: Sequence[nn.Module] = (),
        transform: Transform | None = None,
        setting: Setting = SMALL,
    ) -> None:
        """Compares the units of a layer with what is recorded of them; or, under --mixmnist-update, records them.

        Args:
            net: In eval mode.
            layer: Name of a module as in `net.named_modules()`.
            task: A task's name, or a Python file that ends in TASK.
            source: Of glyphs. The default needs no files and no network.
            tolerance: How far alignment, drop, mean alignment and accuracy may move. Counts and concepts may not.
            trainings: The same network from other training seeds; their spread is recorded beside the layer's numbers.
            transform: Applied to each batch of images before the net sees it.
            setting: Size, channels, number of canvases and the like; by default 2,000 canvases.

        Raises:
            UnitsMoved: If units moved; the message names them, by how much, and the interval expected by chance.
            FileNotFoundError: If there is no record.
            ValueError: As `evaluate`.
        """
        self.seen.append(layer)
        path = self.folder / f"{_file_name(self.name)}-{len(self.seen)}.json"
        known = replace(setting, task=task, source=source)
        about = {**asdict(known), "layer": layer}
        about.pop("permutations")
        if self.update:
            record = {"about": about, **_with_intervals(net, layer, known, transform, trainings)}
            path.parent.mkdir(parents=True, exist_ok=True)
            storage.write_json(path, record)
            return
        if not path.is_file():
            raise FileNotFoundError(
                f"a record must be there to compare with, got none at {path}. Make it: pytest --mixmnist-update."
            )
        record = _read(path)
        other = [f"{name}={record['about'].get(name)!r}" for name, value in about.items() if record["about"].get(name) != value]
        if other:
            raise UnitsMoved(f"the record is of another check, {', '.join(other)} ({path}). {WAY_OUT}")
        moved = _moved(record, _measure(net, layer, known, transform), tolerance)
        if moved:
            raise UnitsMoved("\n".join([f"units of {layer} moved (tolerance {tolerance:g}):", *moved, WAY_OUT]))


def _file_name(name: str) -> str:
    """Gives a test's name as a file's; where signs had to be left out, a sum of the name tells it from others."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-")
    return plain if plain == name else f"{plain}-{storage.fingerprint(name)[:8]}"


def _read(path: Path) -> dict[str, Any]:
    """Reads a record.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        record["about"], record["units"], record["layer"], record["trainings"]
    except (ValueError, KeyError, TypeError) as error:
        way_out = "Take it from version control, or run pytest --mixmnist-update."
        raise ValueError(f"a record must be whole, got {type(error).__name__} from {path}. {way_out}") from error
    return record


Found = dict[str, Any]  # "units": a list of rows, "layer": numbers by name


def _measure(net: nn.Module, layer: str, setting: Setting, transform: Transform | None) -> Found:
    """Scores one network on one draw of canvases; only what is compared is computed."""
    first, rank = read_layer(net, layer, setting, transform)
    sheet = Sheet(first, Sheet(rank, sets=False), sets=False)
    best, concept = sheet["alignment"].nan_to_num(-1).max(dim=1)
    units = pd.DataFrame({"unit": range(len(best)), "alignment": best.tolist()})
    units["concept"] = [first.concepts[c] if a >= 0 else "" for c, a in zip(concept.tolist(), best.tolist(), strict=True)]
    units["alignment"] = units["alignment"].mask(units["alignment"] < 0)  # dead units have none
    if sheet["drop"] is not None:
        units["drop"] = sheet["drop"].tolist()
    detecting = units[units["alignment"] >= THRESHOLD]
    row = {"detectors": float(len(detecting)), "unique_concepts": float(detecting["concept"].nunique())}
    row |= {"mean_alignment": float(units["alignment"].mean())}
    if first.logits is not None:
        row["accuracy"] = float(correct(first.logits, first.labels).double().mean())
    return {"units": units.round(6).to_dict("records"), "layer": {name: round(value, 6) for name, value in row.items()}}


def _with_intervals(
    net: nn.Module, layer: str, setting: Setting, transform: Transform | None, trainings: Sequence[nn.Module]
) -> Found:
    """Adds to each number the interval in which 95 % of other draws (of a unit) or of other trainings (of the layer) lie."""
    draws = [_measure(net, layer, replace(setting, draw=setting.draw + n), transform) for n in range(DRAWS)]
    found = draws[0]
    for place, unit in enumerate(found["units"]):
        for name in UNIT:
            unit[f"{name}_draws"] = _interval([draw["units"][place].get(name, math.nan) for draw in draws], name)
    others = [found, *(_measure(other, layer, setting, transform) for other in trainings)]
    found["trainings"] = {name: _interval([one["layer"].get(name, math.nan) for one in others], name) for name in LAYER}
    return found


def _interval(values: Sequence[float], name: str) -> list[float] | None:
    """Gives the 95 % prediction interval for one more value, inside what the number can be, None below five values."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    if len(known) < FEWEST:
        return None
    n, mean, sd = len(known), statistics.mean(known), statistics.stdev(known)
    half = float(stats.t.ppf(0.975, n - 1)) * sd * math.sqrt(1 + 1 / n)
    lowest, highest = map(float, bounds_of(name))
    return [round(max(mean - half, lowest), 6), round(min(mean + half, highest), 6)]


def _moved(record: Found, found: Found, tolerance: float) -> list[str]:
    """Gives a line for each unit, and each number of the layer, that is not what was recorded."""
    if len(record["units"]) != len(found["units"]):
        return [f"  it has {len(found['units'])} units, recorded are {len(record['units'])}"]
    lines = []
    for then, now in zip(record["units"], found["units"], strict=True):
        said = [] if then["concept"] == now["concept"] else [f"concept {then['concept'] or 'none'} -> {now['concept'] or 'none'}"]
        for name in UNIT:
            said += _change(name, then.get(name), now.get(name), tolerance, then.get(f"{name}_draws"), "other draws")
        if said:
            lines.append(f"  unit {then['unit']} (concept {then['concept'] or 'none'}): {'; '.join(said)}")
    for name in LAYER:
        within = 0.0 if name in ("detectors", "unique_concepts") else tolerance
        then, now, spread = record["layer"].get(name), found["layer"].get(name), record["trainings"].get(name)
        lines += [f"  layer: {line}" for line in _change(name, then, now, within, spread, "other trainings")]
    return lines


def _change(
    name: str, then: float | None, now: float | None, within: float, spread: Sequence[float] | None, chance: str
) -> list[str]:
    """Says how a number moved, beside the interval that chance gives it; nothing if it stayed."""
    before, after = (math.nan if value is None else value for value in (then, now))
    if (math.isnan(before) and math.isnan(after)) or abs(after - before) <= within:
        return []
    expected = "" if spread is None else f", {chance}: {spread[0]:.3f} to {spread[1]:.3f}"
    return [f"{name} {before:.3f} -> {after:.3f} ({after - before:+.3f}{expected})"]
