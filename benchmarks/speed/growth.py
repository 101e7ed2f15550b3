"""How seconds and memory grow with images, units and concepts; each point is a process of its own, so that its peak is its own.

Writes results/speed/growth-<hardware>.json and .md with exponents fitted to the last two decades. A million canvases: one net,
one epoch.
"""

import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

OUT = Path("results/speed")
IMAGES = 10_000  # where units or concepts grow
POINTS = {
    "draw": ("canvases drawn", (1_000, 10_000, 100_000, 1_000_000)),
    "train": ("canvases trained on, one net and epoch", (1_000, 10_000, 100_000, 1_000_000)),
    "detect": ("images, detection scores of 30 units and 10 concepts", (1_000, 10_000, 100_000)),
    "units": ("units, detection scores of 10,000 images and 10 concepts", (10, 60, 400, 2_000)),
    "concepts": ("concepts, detection scores of 30 units and 10,000 images", (10, 30, 100)),
    "maps": ("units, IoU on 10,000 images with maps of 28 x 28 pixels", (8, 64, 512)),
    "classes": ("units, class curves of 45 classes on 10,000 images", (10, 60, 512)),
    "curves": ("units, single ablations and 20 random curves on 10,000 images", (10, 60, 400, 2_000)),
}


def draw(n: int) -> Callable[[], object]:
    """Draws n canvases."""
    from mixmnist import draw as draw_mixture

    draw_mixture(source="digits", n=10)
    return lambda: draw_mixture(source="digits", split="train", n=n).images


def train(n: int) -> Callable[[], object]:
    """Draws n canvases and trains a net on them for an epoch."""
    from mixmnist import Training
    from mixmnist import draw as draw_mixture
    from mixmnist.nets import convnet
    from mixmnist.training import train as train_stack

    def work() -> None:
        drawn = draw_mixture(source="digits", split="train", n=n)
        stack = convnet.build(convnet.Widths(), 45, (0,))
        train_stack(stack, drawn.images[None], drawn.labels[None], Training(images=n, epochs=1), (0,))

    return work


def detect(n: int, units: int = 30, concepts: int = 10) -> Callable[[], object]:
    """Scores random responses as detectors."""
    import torch

    from mixmnist.core import registry
    from mixmnist.metrics._ranking import sorting_once

    generator = torch.Generator().manual_seed(0)
    known = {name: torch.randn(n, units, generator=generator) for name in ("response", "mean")}
    known["present"] = torch.rand(n, concepts, generator=generator) < 0.2
    detection = [m for m in registry.collect("metrics").values() if m.axes == ("units", "concepts")]
    columns = [(m, c) for m in detection for c in m.columns if set(m.needs(c)) <= set(known)]

    def work() -> None:
        with sorting_once():  # as `score` does
            for metric, column in columns:
                metric.columns[column](**{need: known[need] for need in metric.needs(column)})

    return work


def maps(units: int, side: int = 28, batch: int = 20) -> Callable[[], object]:
    """Scores streamed maps of random units against masks that move from image to image."""
    import torch

    from mixmnist.core import registry

    generator = torch.Generator().manual_seed(0)
    base = torch.rand(batch, units, side, side, generator=generator)
    n = IMAGES

    class Moving:
        n_concepts, n_images = 10, n

        def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            for number, indices in enumerate(torch.arange(n).split(batch)):
                yield indices, base[: len(indices)] * (1 + number / n)

        def mask(self, kind: str, concept: int, indices: torch.Tensor) -> torch.Tensor:
            found = torch.zeros(len(indices), side, side, dtype=torch.bool)
            shown = (indices + concept) % 5 == 0
            first, size = 3 * concept % 16, 12 if kind == "box" else 7
            found[shown, first : first + size, first : first + size] = True
            return found

    shelf = registry.collect("metrics")

    def work() -> None:
        known = {"rank_pixels": Moving(), "pixels": Moving(), "dead": torch.zeros(units, dtype=torch.bool)}
        for name in ("pixel_counts", "iou"):
            metric = shelf[name]
            for column, function in metric.columns.items():
                known[column] = function(**{need: known[need] for need in metric.needs(column)})

    return work


def classes(units: int) -> Callable[[], object]:
    """Computes the curves of each class, its best units kept and removed."""
    import torch

    from mixmnist import draw as draw_mixture
    from mixmnist.metrics.class_curve import class_curve
    from mixmnist.probing import HeadAlgebra

    drawn = draw_mixture(source="digits", n=IMAGES)
    generator = torch.Generator().manual_seed(0)
    mean, weight = torch.rand(IMAGES, units, generator=generator), torch.randn(45, units, generator=generator)
    without, alignment = HeadAlgebra(mean, weight, torch.zeros(45)), torch.rand(units, 10, generator=generator)
    asked = (without, mean @ weight.T, drawn.labels, drawn.present, drawn.labels, alignment)
    return lambda: [class_curve(*asked, keep=keep) for keep in (True, False)]


def curves(units: int) -> Callable[[], object]:
    """Ablates single units and computes the random curves, to zero."""
    import torch

    from mixmnist.metrics.correct import correct_without
    from mixmnist.metrics.curve import curve, random_orders
    from mixmnist.probing import HeadAlgebra

    generator = torch.Generator().manual_seed(0)
    mean, weight = torch.rand(IMAGES, units, generator=generator), torch.randn(45, units, generator=generator)
    without, labels = HeadAlgebra(mean, weight, torch.zeros(45)), torch.randint(45, (IMAGES,), generator=generator)
    zero = torch.zeros(units)

    def work() -> None:
        correct_without(without, labels, torch.eye(units, dtype=torch.bool), zero)
        curve(without, mean @ weight.T, labels, random_orders(units), zero)

    return work


def measure(what: str, n: int) -> None:
    """Does one piece of work and prints its seconds, the peak memory and that before it, in bytes."""
    made = {"units": lambda n: detect(IMAGES, units=n), "concepts": lambda n: detect(IMAGES, concepts=n)}
    work = made.get(what, globals().get(what))(n)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"n": n, "seconds": seconds, "peak_bytes": 1024 * peak, "before_bytes": 1024 * before}))


def exponent(points: list[dict[str, float]], what: str) -> float:
    """Fits the power with which something grows over the last three points."""
    x, y = (np.log([max(p[key], 1e-9) for p in points[-3:]]) for key in ("n", what))
    return float(np.polyfit(x, y, 1)[0])


def main() -> int:
    """Runs every point and writes the table."""
    from mixmnist.grid.machine import hardware

    where = hardware("cpu")
    lines = [f"{where}. Seconds and peak memory of the whole process (a start with torch takes about .4 GB).", ""]
    lines += ["| what grows | n | seconds | peak GB |", "|---|---|---|---|"]
    result = {}
    for what, (title, sizes) in POINTS.items():
        points = []
        for n in sizes:
            done = subprocess.run([sys.executable, __file__, what, str(n)], capture_output=True, text=True, check=True)
            points.append(json.loads(done.stdout.splitlines()[-1]))
            line = f"| {title} | {n:,} | {points[-1]['seconds']:.2f} | {points[-1]['peak_bytes'] / 1e9:.2f} |"
            print(line, flush=True)
            lines.append(line)
        result[what] = {"points": points, "exponent": exponent(points, "seconds")}
        lines.append(f"| | exponent | {result[what]['exponent']:.2f} | |")
    OUT.mkdir(parents=True, exist_ok=True)
    name = "growth-" + re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    (OUT / f"{name}.json").write_text(json.dumps({"hardware": where} | result, indent=1) + "\n", encoding="utf-8")
    (OUT / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(measure(sys.argv[1], int(sys.argv[2])) if len(sys.argv) == 3 else main())
