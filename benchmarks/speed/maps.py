"""What every way of the shelf that makes maps costs: 30 units on 300 canvases, ten of each; and every unit on every canvas.

The units are those of a recorded net of 30; whether one is a detector does not matter to the seconds. Writes
results/speed/maps-<hardware>.json and .md. Cost: about three minutes.
"""

import json
import re
import statistics
import warnings
from pathlib import Path

import torch
from _timing import timed

from mixmnist.core import registry
from mixmnist.core.records import Way
from mixmnist.grid.machine import hardware
from mixmnist.probing import Caution
from mixmnist.trust._layers import first, nets_of
from mixmnist.visualize._targets import Target, unit_target
from mixmnist.visualize.mapping import as_pixels, make_maps

OUT = Path("results/speed")
RECORDS, VARIANT = Path("results/reference/sanity/mnist"), "wide"
CANVASES, UNITS, ROUNDS = 300, 30, 3
ALL = ("gradient", "gradient_input", "guided", "deconvolution", "gradcam", "hirescam", "unit_map")  # one pass or two a map
Row = dict[str, object]


def costs(target: Target, x: torch.Tensor, every: Target, each: torch.Tensor) -> list[Row]:
    """Times each way in turns; medians of the rounds, and once of every unit on every canvas where a map is a pass or two."""
    ways: dict[str, Way] = {name: way for name, way in registry.collect("ways").items() if way.kind == "map"}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name in ways:
            seconds[name].append(timed(lambda n=name: make_maps(n, target, x)))
    rows = []
    for name, found in seconds.items():
        whole = timed(lambda n=name: make_maps(n, every, each)) if name in ALL else None
        rows.append({"way": name, "seconds": statistics.median(found), "seconds_of_all": whole})
        print(rows[-1], flush=True)
    return rows


def table(where: str, rows: list[Row]) -> str:
    """Writes the seconds for people."""
    total = sum(float(str(row["seconds"])) for row in rows)
    lines = [
        f"{where}, {torch.get_num_threads()} threads, torch {torch.__version__}; seconds, medians of {ROUNDS} rounds in turns. "
        f"A recorded net of {UNITS} units: {CANVASES} canvases with a map each, of another unit every time; and every unit on "
        f"every canvas, {UNITS * CANVASES:,} maps, one round, where a map is a pass or two.",
        "",
        f"| way | {CANVASES} maps | {UNITS * CANVASES:,} maps |",
        "|---|---|---|",
    ]
    for row in rows:
        whole = row["seconds_of_all"]
        lines.append(f"| {row['way']} | {row['seconds']:.2f} | {'' if whole is None else f'{whole:.1f}'} |")
    return "\n".join([*lines, f"| all together | {total:.1f} | |"]) + "\n"


def main() -> None:
    """Times everything and writes the table."""
    net = next(net for net in nets_of(RECORDS) if net.variant == VARIANT)
    module, x = net.net(), as_pixels(first(net.mixture("test", None), CANVASES).images)
    some = unit_target(module, net.layer, torch.arange(CANVASES) % UNITS)
    every = unit_target(module, net.layer, torch.arange(UNITS).repeat(CANVASES))
    where = hardware("cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Caution)  # of integrated gradients, whose gap is no matter here
        rows = costs(some, x, every, x.repeat_interleave(UNITS, dim=0))
    OUT.mkdir(parents=True, exist_ok=True)
    name = "maps-" + re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    content = {"hardware": where, "torch": torch.__version__, "threads": torch.get_num_threads(), "rows": rows}
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (OUT / f"{name}.md").write_text(table(where, rows), encoding="utf-8")
    print(table(where, rows))


if __name__ == "__main__":
    main()
