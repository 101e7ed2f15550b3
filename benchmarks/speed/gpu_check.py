"""Whether a GPU gives what the processor gives, and how fast; `make gpu-check` runs it where torch finds a GPU.

Checks: canvases and masks rendered on both are the same bytes; scores of the same weights agree to 1e-4; a block trained on
the GPU (its steps captured as a CUDA graph) reaches the accuracy of one trained on the processor. Timings: a block of five
against itself without capture and against a plain eager loop on the same card, and both studies from glyphs to tables.
Writes results/speed/gpu-<hardware>.json; exit code 1 if a check fails.
"""

import json
import re
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from training import plain_loop

from mixmnist import Options, Training, draw, probe, score
from mixmnist.grid import sweep
from mixmnist.grid.machine import hardware
from mixmnist.nets import convnet
from mixmnist.report import write_report
from mixmnist.training import train

OUT = Path("results/speed")
DEVICE = "cuda"
N, SEEDS, ROUNDS, AGREE = 10_000, 5, 5, 1e-4


def same_pictures() -> bool:
    """Renders canvases and masks under each overlap policy on both."""
    from mixmnist import Canvas

    for overlap in ("reject", "max", "clip", "wrap"):
        here = draw(n=2_000, canvas=Canvas(overlap=overlap))
        there = here.to(DEVICE)
        if not torch.equal(here.images, there.images.cpu()) or not torch.equal(here.mask(3), there.mask(3).cpu()):
            return False
    return True


def trained(
    device: str, images: torch.Tensor, labels: torch.Tensor, recipe: Training, capture: bool = True
) -> tuple[list[convnet.ConvNet], float]:
    """Trains a block of five; gives its nets and the seconds."""
    stack = convnet.build(convnet.Widths(), 45, range(SEEDS)).to(device)
    images, labels = images.to(device), labels.to(device)
    synchronise()
    start = time.perf_counter()
    train(stack, images, labels, recipe, range(SEEDS), capture=capture)
    synchronise()
    return convnet.split(stack), time.perf_counter() - start


def synchronise() -> None:
    """Waits for the GPU."""
    if DEVICE.startswith("cuda"):
        torch.cuda.synchronize()


def largest_difference(net: convnet.ConvNet) -> float:
    """Scores one net on both and gives the largest difference of any number of a unit."""
    tables = []
    for device in ("cpu", DEVICE):
        test, rank = (draw(split=split, n=N).to(device) for split in ("test", "rank"))
        net = net.to(device)
        scores = score(probe(net, test, "conv3"), rank=probe(net, rank, "conv3"))
        tables.append(scores.units.select_dtypes("number").drop(columns="unit"))
    return float((tables[0] - tables[1]).abs().max().max())


def main() -> int:
    """Runs every check and timing and writes the result."""
    if not torch.cuda.is_available():
        print("gpu-check needs a GPU that torch can use, got none. Run it on such a machine.", file=sys.stderr)
        return 2
    drawn = [draw(split="train", n=20_000, seed=seed) for seed in range(SEEDS)]
    images, labels = torch.stack([d.images for d in drawn]), torch.stack([d.labels for d in drawn])
    short = Training(epochs=3)
    found: dict[str, object] = {"hardware": hardware(DEVICE), "torch": torch.__version__, "same_pictures": same_pictures()}
    nets, _ = trained(DEVICE, images, labels, short)  # warms up
    pairs = [[trained(DEVICE, images, labels, short, capture)[1] for capture in (True, False)] for _ in range(ROUNDS)]
    blocks, eager = zip(*pairs, strict=True)
    loops = []
    x, y = images[0, :, None].to(DEVICE) / 255, labels[0].to(DEVICE)
    for _ in range(ROUNDS):
        start = time.perf_counter()
        plain_loop(x, y, 1, 0)
        synchronise()
        loops.append((time.perf_counter() - start) * SEEDS * short.epochs)
    found["block_seconds"], found["block_seconds_without_capture"], found["loop_seconds"] = blocks, eager, loops
    found["times_as_fast_as_without_capture"] = statistics.median(b / a for a, b in pairs)
    found["times_as_fast_as_the_eager_loop"] = statistics.median(b / a for a, b in zip(blocks, loops, strict=True))
    found["largest_difference_of_scores"] = largest_difference(nets[0])
    accuracies = []
    test = draw(n=N)
    for device in ("cpu", DEVICE):
        copies, _ = trained(device, images, labels, replace(short, epochs=5))
        guesses = [probe(net.to("cpu"), test, "conv3").logits.argmax(dim=1) for net in copies]
        accuracies.append(statistics.mean(float((guess == test.labels).float().mean()) for guess in guesses))
    found["mean_accuracy_cpu_gpu"] = accuracies
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for study in ("sanity", "usefulness"):
            write_report(sweep.run(study, Options(device=DEVICE, out=folder), print).folder)
    found["both_studies_seconds"] = time.perf_counter() - start
    found["peak_gigabytes"] = torch.cuda.max_memory_allocated() / 1e9
    good = found["same_pictures"] and found["largest_difference_of_scores"] <= AGREE and abs(accuracies[0] - accuracies[1]) < 0.02
    found["good"] = bool(good)
    print(json.dumps(found, indent=1))
    OUT.mkdir(parents=True, exist_ok=True)
    name = "gpu-" + re.sub(r"[^a-z0-9]+", "-", str(found["hardware"]).lower()).strip("-")
    (OUT / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
