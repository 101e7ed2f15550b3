"""All comparisons in one run, with the distance to what the machine can do; `make speed` runs it.

Writes results/speed/<hardware>.json and .md. Name parts to run only those, which writes neither:
python benchmarks/speed/suite.py drawing training.
"""

import importlib
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from _timing import ROUNDS, Row

from mixmnist.core.records import Training
from mixmnist.data import mixture
from mixmnist.grid.machine import hardware
from mixmnist.nets import convnet
from mixmnist.training import train

PARTS = ("drawing", "training", "detection", "ablation", "metrics")
OUT = Path("results/speed")
COPY = 2**26  # float32 numbers copied to see what the memory can do
PRODUCT = 2048  # rows and columns of the matrices multiplied to see what the processor can do
FLOP_PER_IMAGE = 3 * 2 * (28 * 28 * 25 * 10 + 13 * 13 * 90 * 20 + 6 * 6 * 180 * 10) - 2 * 28 * 28 * 25 * 10  # see `limits`


def limits() -> dict[str, float]:
    """Gives FLOP/s of a large product, bytes/s of a large copy, and what training and drawing reach of them, on one core.

    A training step of the baseline computes each convolution forwards and twice backwards (the first only once: its images need
    no gradient); what batch norm and pooling cost is not counted, so the share is of the useful work.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    a, original, copied = torch.randn(PRODUCT, PRODUCT), torch.randn(COPY), torch.empty(COPY)
    drawn = mixture.draw("pairs", "auto", "train", 6_400)
    images, labels = drawn.images.expand(5, -1, -1, -1).contiguous(), drawn.labels.expand(5, -1).contiguous()
    recipe = Training(images=6_400, epochs=1)

    def median(work: Callable[[], object]) -> float:
        times = []
        for turn in range(ROUNDS + 1):
            start = time.perf_counter()
            work()
            times += [time.perf_counter() - start] if turn else []
        return statistics.median(times)

    product = 2 * PRODUCT**3 / median(lambda: a @ a)
    copy = 8 * COPY / median(lambda: copied.copy_(original))
    seconds = median(lambda: train(convnet.build(convnet.Widths(), 45, range(5)), images, labels, recipe, range(5)))
    trained = 5 * 6_400 * FLOP_PER_IMAGE / seconds
    torch.set_num_threads(threads)
    return {"product_flops": product, "copy_bytes": copy, "training_flops": trained, "training_share": trained / product}


def main() -> int:
    """Runs the parts, printing each row as it comes, and writes the table."""
    parts = sys.argv[1:] or PARTS
    where = hardware("cuda" if torch.cuda.is_available() else "cpu")
    print(f"{where}; {ROUNDS} rounds in turns, medians")
    rows: list[Row] = []
    for part in parts:
        for row in importlib.import_module(part).compare():
            rows.append(row)
            print(f"{row.what}: {row.ratio:.1f} times {row.peer} ({row.amount}; {row.note})", flush=True)
    if sys.argv[1:]:
        return 0  # a part would take the place of the whole table
    found = limits()
    print(
        f"one core: {found['product_flops'] / 1e9:.0f} GFLOP/s in a matrix product, {found['copy_bytes'] / 1e9:.0f} GB/s copied; "
        f"training {found['training_flops'] / 1e9:.0f} GFLOP/s, {found['training_share']:.0%} of the product's"
    )
    OUT.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-")
    content = {"hardware": where, "cores": os.cpu_count(), "torch": torch.__version__, "rounds": ROUNDS, "limits": found}
    content |= {"rows": [row.as_dict() for row in rows]}
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (OUT / f"{name}.md").write_text(table(where, rows, found), encoding="utf-8")
    return 0


def table(where: str, rows: list[Row], found: dict[str, float]) -> str:
    """Writes the rows for people."""
    lines = [f"{where}; median of {ROUNDS} rounds, both in turns in one run.", ""]
    lines += ["| what | times as fast | as | work | note |", "|---|---|---|---|---|"]
    lines += [f"| {row.what} | {row.ratio:.1f} | {row.peer} | {row.amount} | {row.note} |" for row in rows]
    lines += [
        "",
        f"On one core a large matrix product reaches {found['product_flops'] / 1e9:.0f} GFLOP/s and a large copy "
        f"{found['copy_bytes'] / 1e9:.1f} GB/s. Training a block of five reaches {found['training_flops'] / 1e9:.0f} GFLOP/s of "
        f"convolutions, {found['training_share']:.0%} of the product's.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
