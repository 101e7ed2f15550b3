"""Measuring: every way that makes maps, on the detectors of a net, each measure beside its chance and its ceiling."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mixmnist.core import registry
from mixmnist.core.records import require
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.probing import Caution
from mixmnist.probing.running import Transform
from mixmnist.visualize._targets import Target, at_peak, contrast_target, rivals_of, unit_target
from mixmnist.visualize.judging import judge, look_at
from mixmnist.visualize.mapping import as_pixels, make_maps, named
from mixmnist.visualize.shuffling import shuffled
from mixmnist.visualize.worth import Canvases, some_canvases

TARGETS = ("peak", "mean", "cell", "contrast")


@dataclass(frozen=True, eq=False)
class Cases:
    """Canvases, and of each a unit that is a detector of one of its digits."""

    indices: Int[Tensor, " cases"]  # of the canvases in their mixture
    units: Int[Tensor, " cases"]
    own: Int[Tensor, " cases"]  # the digit

    def __len__(self) -> int:
        return len(self.indices)


def pick_cases(alignment: Float[Tensor, "units concepts"], present: Bool[Tensor, "images concepts"], each: int = 7) -> Cases:
    """Picks for each detector the first canvases that show its digit, whether it fires there or not.

    Args:
        alignment: Average precision of units and concepts; a detector has .8 or more.
        present: What the canvases show.
        each: Canvases of a detector, at most.

    Raises:
        ValueError: If no unit is a detector.
    """
    best, concept = alignment.nan_to_num(0).max(dim=1)
    chosen = (best >= THRESHOLD).nonzero()[:, 0].tolist()
    require(chosen, f"a unit must be a detector, got none with an alignment of {THRESHOLD}. Train the net for longer.")
    parts = [present[:, int(concept[unit])].nonzero()[:each, 0] for unit in chosen]
    units = torch.cat([torch.full_like(part, unit) for unit, part in zip(chosen, parts, strict=True)])
    return Cases(torch.cat(parts), units, concept.to(units.device)[units])


def targets_of(
    net: nn.Module, layer: str, mixture: Canvases, cases: Cases, of: Sequence[str] = TARGETS, transform: Transform | None = None
) -> dict[str, Target]:
    """Gives targets of some cases: of each one's unit the peak, the mean, the cell of its peak; and the contrast for its digit.

    Args:
        net: In eval mode.
        layer: Of the units.
        mixture: All canvases, from which it is learnt what each class shows.
        cases: Some of them.
        of: Which targets.
        transform: Of the images, before the net sees them.
    """
    peak = unit_target(net, layer, cases.units, transform=transform)
    found = {}
    for name in of:
        require(name in TARGETS, f"of must be among {', '.join(TARGETS)}, got {name!r}.")
        if name == "cell":
            found[name] = at_peak(peak, as_pixels(some_canvases(mixture, cases.indices).images))
        elif name == "contrast":
            here = cases.indices
            rivals = rivals_of(mixture.labels, mixture.present, len(mixture.classes), here, cases.own)
            found[name] = contrast_target(net, mixture.labels[here], rivals, transform)
        else:
            found[name] = replace(peak, of=name)
    return found


def measure_maps(
    target: Target, layer: str, canvases: Canvases, own: Int[Tensor, " images"], ways: Sequence[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Makes and judges maps by each way, of a net as it is and with a layer's weights shuffled.

    Args:
        target: Of all canvases.
        layer: Whose weights are shuffled.
        canvases: That show their own digit.
        own: The digit of each.
        ways: By name or path, with settings, as `integrated:steps=64`; by default every one of the shelf that makes maps.
        seed: Of the shuffling.

    Returns:
        A row a way and measure as in `judge`, with `way`, `seconds` (of the maps) and `said`: what the way warned of, or why it
        makes no map of this target, the measures then being left out. What needs shuffled weights is left out where the unit that
        they leave never fires.
    """
    chosen = ways or [name for name, way in registry.collect("ways").items() if way.kind == "map"]
    scene, pixels, other = look_at(canvases, target, own), as_pixels(canvases.images), shuffled(target, layer, seed)
    tables = []
    for spec in chosen:
        start = time.perf_counter()
        maps, said = _quietly(spec, target, pixels)
        seconds = time.perf_counter() - start
        if maps is None:
            tables.append(pd.DataFrame([{"way": spec, "said": said}]))
            continue
        table = judge(maps, scene, _quietly(spec, other, pixels)[0])
        tables.append(table.assign(way=spec, seconds=seconds, said=said))
    return pd.concat(tables, ignore_index=True)


def _quietly(spec: str, target: Target, pixels: Tensor) -> tuple[Tensor | None, str]:
    """Makes maps, and gives what was warned of beside them; or none, and why not."""
    name, settings = named(spec)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", Caution)
        try:
            maps = make_maps(name, target, pixels, settings)
        except ValueError as error:
            return None, str(error)
    return maps, "; ".join(dict.fromkeys(str(one.message) for one in caught))
