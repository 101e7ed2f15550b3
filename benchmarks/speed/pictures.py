"""What pictures of units cost: all units of a layer side by side against one at a time, natural images, a generator.

A recorded net of 10 units in conv3, one core. Writes results/speed/pictures-<hardware>.json and .md. Cost: about six minutes.
"""

import json
import re
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from mixmnist.grid.machine import hardware
from mixmnist.trust._layers import nets_of
from mixmnist.trust._networks import Recorded
from mixmnist.trust._priors_measuring import USUAL, Plan, about_generator, canvases_of
from mixmnist.visualize import natural
from mixmnist.visualize._generating import train_generator
from mixmnist.visualize._generator import Encoder, Generator
from mixmnist.visualize._targets import unit_target
from mixmnist.visualize.imaging import Supplies, make_images
from mixmnist.visualize.ways import single

OUT = Path("results/speed")
RECORDS, VARIANT = Path("results/reference/sanity/mnist"), "baseline"
WAYS = ("pixels", "variation", "fourier", "maco", "dgn")
NATURAL = ("top", "single")
ROUNDS = 3


def seconds(work: Callable[[], object]) -> float:
    """Gives the seconds of a processor that a piece of work took: the machine may have others."""
    start = time.process_time()
    work()
    return time.process_time() - start


def side_by_side(net: Recorded, supplies: Supplies) -> list[dict[str, object]]:
    """Times pictures of all units in one batch, and unit by unit, in turns; the natural numbers being known to both."""
    module = net.net()
    units = torch.arange(10)
    rows = []
    for way in WAYS:

        def together(way: str = way) -> None:
            make_images(way, unit_target(module, net.layer, units), range(len(units)), supplies)

        def alone(way: str = way) -> None:
            for unit in units.tolist():
                make_images(way, unit_target(module, net.layer, unit), (unit,), supplies)

        together()
        pairs = [(seconds(together), seconds(alone)) for _ in range(ROUNDS)]
        ratio = statistics.median(other / own for own, other in pairs)
        own, other = (statistics.median(times) for times in zip(*pairs, strict=True))
        rows.append({"way": way, "together": own, "one_at_a_time": other, "ratio": ratio})
        print(rows[-1], flush=True)
    return rows


def of_natural(net: Recorded, supplies: Supplies) -> list[dict[str, object]]:
    """Times natural images, when the net has not seen the canvases, and when it has."""
    module, rows = net.net(), []
    target, seeds = unit_target(module, net.layer, torch.arange(10)), tuple(range(10))
    for way in NATURAL:
        natural._of_units.cache_clear()
        single.alone.cache_clear()
        first, again = (seconds(partial(make_images, way, target, seeds, supplies)) for _ in range(2))
        rows.append({"way": way, "first": first, "again": again})
        print(rows[-1], flush=True)
    return rows


def table(where: str, rows: list[dict[str, object]], natural_rows: list[dict[str, object]], generator: dict[str, object]) -> str:
    """Writes the seconds for people."""
    lines = [
        f"{where}, one of them, torch {torch.__version__}; seconds of a processor, medians of {ROUNDS} rounds in turns. One "
        f"picture of each of the 10 units of a recorded net, {Plan().canvases:,} natural canvases.",
        "",
        "| way | side by side | one at a time | ratio |",
        "|---|---|---|---|",
        *(f"| {r['way']} | {r['together']:.2f} | {r['one_at_a_time']:.2f} | {r['ratio']:.1f} |" for r in rows),
        "",
        "| natural images | first | again |",
        "|---|---|---|",
        *(f"| {r['way']} | {r['first']:.2f} | {r['again']:.2f} |" for r in natural_rows),
        "",
        f"A generator of {' pooled by its '.join(USUAL)}, {generator['canvases']:,} canvases, {generator['epochs']} epochs: "
        f"{generator['seconds']:.0f} s, error {generator['error']:.3f}, its file {generator['kilobytes']:.0f} kB.",
    ]
    return "\n".join(lines) + "\n"


def trained(net: Recorded, supplies: Supplies) -> tuple[Generator, dict[str, object]]:
    """Trains a generator and says what it cost."""
    made: list[Generator] = []
    encoder = Encoder(net.net(), *USUAL)
    took = seconds(lambda: made.append(train_generator(encoder, supplies.canvases, 0, Plan().how)))
    place = OUT / ".generator.safetensors"
    made[0].save(place)
    size = place.stat().st_size / 1000
    place.unlink()
    return made[0], about_generator(made[0]) | {"seconds": took, "kilobytes": size}


def main() -> None:
    """Times everything and writes the table."""
    OUT.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    net = next(net for net in nets_of(RECORDS) if net.variant == VARIANT)
    supplies = Supplies(canvases_of(net, None, Plan().canvases))
    assert len(supplies.canvases.images) == Plan().canvases  # rendered before anything is timed
    natural_rows = of_natural(net, supplies)
    generator, told = trained(net, supplies)
    rows = side_by_side(net, Supplies(supplies.canvases, generator))
    where = hardware("cpu")
    name = "pictures-" + re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    content = {"hardware": where, "torch": torch.__version__, "rows": rows, "natural": natural_rows, "generator": told}
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    text = table(where, rows, natural_rows, told)
    (OUT / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
