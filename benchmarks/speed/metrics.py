"""What every metric of the shelf costs, the whole set with and without maps, and IoU against a loop over units.

Writes mixmnist/metrics/costs.json, which `mixmnist list metrics --long` shows.
"""

import json
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from _timing import ROUNDS, Row, in_turns, timed

from mixmnist.core import registry
from mixmnist.core.readout import MapsAndMasks, Readout
from mixmnist.data import mixture
from mixmnist.grid.layers import few_of
from mixmnist.grid.machine import hardware
from mixmnist.metrics._pixels import KINDS, QUANTILE
from mixmnist.nets import convnet
from mixmnist.probing import probe
from mixmnist.scoring import Sheet, score

N, UNITS = 10_000, 30
LOOPED = 500  # images of the comparison with a loop, which holds every unit's maps at the size of the image
COSTS = Path("mixmnist/metrics/costs.json")


def readouts(few: int) -> tuple[Readout, Readout]:
    """Probes an untrained layer on both mixtures, with maps of so many images."""
    net = convnet.split(convnet.build(convnet.Widths(conv3=UNITS), 45, (0,)))[0]
    test, rank = (probe(net, mixture.draw("pairs", "auto", split, N), "conv3", few=few) for split in ("test", "rank"))
    return test, rank


def costs(test: Readout, rank: Readout) -> dict[str, float]:
    """Times each metric by itself, with everything that it is computed from."""
    found = {}
    for name, metric in registry.collect("metrics").items():

        def alone(metric: object = metric) -> None:
            sheet = Sheet(test, Sheet(rank))
            for column in metric.columns:
                sheet.compute(metric, column)

        seconds = statistics.median(timed(alone) for _ in range(ROUNDS))
        found[name] = round(1000 * seconds, 1)
    return found


def loop(fitted: np.ndarray, scored: np.ndarray, masks: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Scores each unit for each mask, as most people write it: a quantile of its pixels, then the pixels above it are counted.

    Args:
        fitted: Maps [images, units, rows, cols] on which thresholds are fitted.
        scored: Maps that are scored.
        masks: [concepts, images, rows, cols], by kind.
    """
    scores = []
    for unit in range(fitted.shape[1]):
        threshold = np.quantile(fitted[:, unit], 1 - QUANTILE)
        fires = scored[:, unit] > threshold
        for kind in KINDS:
            scores.append(np.array([(fires & mask).sum() / (fires | mask).sum() for mask in masks[kind]]))
    return scores


def pixels_of(found: MapsAndMasks) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Gives all maps and masks at once."""
    parts = list(found)
    indices = torch.cat([i for i, _ in parts])
    masks = {kind: np.stack([found.mask(kind, c, indices).numpy() for c in range(found.n_concepts)]) for kind in KINDS}
    return torch.cat([maps for _, maps in parts]).numpy(), masks


def compare() -> Iterator[Row]:
    """Times IoU against the loop, both from the network on; then everything, and writes the costs."""
    test, rank = readouts(LOOPED)
    assert test.pixels is not None
    assert rank.pixels is not None
    shelf = registry.collect("metrics")
    iou = [(name, column) for name in ("iou", "iou_ceiling") for column in shelf[name].columns]

    def ours() -> None:
        sheet = Sheet(test, Sheet(rank))
        for name, column in iou:
            sheet.compute(shelf[name], column)

    def theirs() -> None:
        fitted, _ = pixels_of(rank.pixels)
        loop(fitted, *pixels_of(test.pixels))

    mine, looped = in_turns(ours, theirs)
    amount = f"{UNITS} units x {len(test.concepts)} concepts x {len(KINDS)} masks, {LOOPED:,} images of 32 x 32 pixels"
    note = f"{statistics.median(mine):.2f} s for three thresholds; the loop has one of them, the .005 quantile"
    yield Row("IoU", amount, "a quantile and a count a unit and mask", mine, looped, note=note)
    few = few_of(N)
    where = f"{N:,} images, {UNITS} units, 10 concepts, maps of {few}; {hardware('cpu')}, {torch.get_num_threads()} threads"
    bare = [replace(r, pixels=None) for r in (test, rank)]
    whole = readouts(N)
    seconds = {
        "without maps": [timed(lambda: score(bare[0], rank=bare[1])) for _ in range(ROUNDS)],
        "with the maps of every image": [timed(lambda: score(whole[0], rank=whole[1]))],
    }
    content = {"where": where, "milliseconds": costs(*readouts(few))}
    content["seconds of all"] = {what: round(statistics.median(times), 2) for what, times in seconds.items()}
    COSTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for what, times in seconds.items():
        print(f"every metric of the shelf, {N:,} images x {UNITS} units x 10 concepts, {what}: {statistics.median(times):.2f} s")
