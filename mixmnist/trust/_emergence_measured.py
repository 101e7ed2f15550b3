"""What is measured of a net at each moment of its training: its units, its answers, and the atoms of its last layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mixmnist.core.readout import Readout
from mixmnist.core.thresholds import THRESHOLD
from mixmnist.data.mixture import Mixture
from mixmnist.features.cells import read_cells
from mixmnist.features.fitting import fit_dictionary, most_atoms
from mixmnist.features.measuring import RANDOM, read_codes
from mixmnist.metrics._decisions import correct
from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.detectors import coverage, detectors, unique_concepts
from mixmnist.probing import probe
from mixmnist.trust._answers import accuracy, concepts_of_classes
from mixmnist.trust._layers import IMAGES, first
from mixmnist.trust._moments import difference, retrain
from mixmnist.trust._networks import Recorded

ATOMS, CELLS = 20, 20_000  # of each dictionary; that it is fitted on
DICTIONARIES = ("ica", "sparse", RANDOM)
DRAWS = 3  # of random directions
TO = "to_"  # begins the column of a unit's alignment with a concept
LOOKED_AT = (0, 5, 8, 11, 14)  # places of the moments, of 15, at which atoms are fitted, which takes longest


@dataclass(frozen=True, eq=False)
class Found:
    """What was measured of some nets."""

    units: pd.DataFrame  # variant, seed, step, unit, concept, alignment, detector
    digits: pd.DataFrame  # variant, seed, step, digit: of its units, its answers and its canvases
    steps: pd.DataFrame  # variant, seed, step: of the layer
    nets: pd.DataFrame  # variant, seed: how far the last weights are from the recorded ones


def measure_block(nets: Sequence[Recorded], root: str | None, moments: Sequence[int] = ()) -> Found:
    """Trains a block's nets once more and measures them at each moment.

    Args:
        nets: Of one block.
        root: Holds the source's files.
        moments: Steps before which they are measured, as for `check_moments`.
    """
    again, v = retrain(nets[0], root, moments), nets[0].settings
    rank, test = (first(nets[0].mixture(split, root), min(IMAGES, v.probe_images)) for split in ("rank", "test"))
    units, digits, steps, ends = [], [], [], []
    chosen = _places(sorted(again.weights))
    for step in sorted(again.weights):
        settled, running = again.nets(step), again.nets(step, settled=False)
        for net in nets:
            keys: dict[str, Any] = {"variant": net.variant, "seed": net.seed, "step": step}
            readout = probe(settled[net.seed], test, net.layer)
            units.append(units_of(readout).assign(**keys))
            digits.append(digits_of(readout).assign(**keys))
            row = keys | layer_of(readout) | _running(probe(running[net.seed], test, net.layer))
            row |= atoms_of(settled[net.seed], net.layer, rank, test) if step in chosen else {}
            steps.append(row)
    for net in nets:
        gap = difference(again.nets(max(again.weights), settled=False)[net.seed], net.net())
        ends.append({"variant": net.variant, "seed": net.seed, "difference": gap})
    return Found(_with_own(units), _with_own(digits), pd.DataFrame(steps), pd.DataFrame(ends))


def _with_own(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Puts the keys first."""
    found = pd.concat(tables, ignore_index=True)
    keys = ["variant", "seed", "step"]
    return found[[*keys, *(name for name in found if name not in keys)]]


def _places(steps: Sequence[int]) -> set[int]:
    """Gives the moments at which atoms are fitted: the first, the last, and some between."""
    last = max(LOOKED_AT)
    return {steps[round(place * (len(steps) - 1) / last)] for place in LOOKED_AT}


def units_of(readout: Readout) -> pd.DataFrame:
    """Gives a row a unit: its best concept (empty for a dead one), its alignment with it, whether that makes it a detector.

    Its alignment with each concept stands in a column that begins with `to_`.
    """
    alignment = average_precision(readout.response, readout.present)
    highest, concept = alignment.nan_to_num(-1).max(dim=1)
    dead = highest < 0
    names = ["" if gone else readout.concepts[c] for c, gone in zip(concept.tolist(), dead.tolist(), strict=True)]
    table = {"unit": range(readout.n_units), "concept": names, "alignment": highest.masked_fill(dead, torch.nan)}
    each = {f"{TO}{name}": column for name, column in zip(readout.concepts, alignment.T, strict=True)}
    return pd.DataFrame(table | {"detector": (highest >= THRESHOLD).int()} | each)


def digits_of(readout: Readout) -> pd.DataFrame:
    """Gives a row a concept that occurs.

    Returns:
        `unit`, the best one, with its alignment as `best`; `answer`, the average precision of the net's own answer: the
        probability of all classes that always show the concept (`nan` where none does); `accuracy` on canvases that show it.
    """
    assert readout.logits is not None
    best, unit = average_precision(readout.response, readout.present).nan_to_num(-1).max(dim=0)
    right, said = correct(readout.logits, readout.labels).double(), _said(readout)
    rows = []
    for number, concept in enumerate(readout.concepts):
        shown = readout.present[:, number]
        if shown.any():
            row = {"digit": concept, "unit": int(unit[number]), "best": float(best[number]), "answer": float(said[number])}
            rows.append(row | {"accuracy": float(right[shown].mean())})
    return pd.DataFrame(rows)


def _said(readout: Readout) -> Float[Tensor, " concepts"]:
    """Gives the average precision of the answer for each concept, as if it were a unit."""
    assert readout.logits is not None
    belongs = concepts_of_classes(readout.present, readout.labels, len(readout.classes)).to(readout.logits)
    found = average_precision(readout.logits.softmax(dim=1) @ belongs, readout.present).diagonal()
    return found.masked_fill(~belongs.any(dim=0), torch.nan)


def layer_of(readout: Readout) -> dict[str, float]:
    """Gives what is said of the layer as a whole."""
    assert readout.logits is not None
    alignment = average_precision(readout.response, readout.present)
    return {
        "accuracy": accuracy(readout.logits, readout.labels),
        "detectors": int(detectors(alignment)),
        "unique_concepts": int(unique_concepts(alignment)),
        "coverage": float(coverage(alignment)),
        "dead": int(alignment.isnan().all(dim=1).sum()),
    }


def _running(readout: Readout) -> dict[str, float]:
    """Gives the same with the running statistics of batch norm, as a column of their own each."""
    found = layer_of(readout)
    return {f"{name}_running": found[name] for name in ("accuracy", "unique_concepts", "coverage", "dead")}


def atoms_of(net: nn.Module, layer: str, rank: Mixture, test: Mixture, cells: int = CELLS) -> dict[str, float]:
    """Fits dictionaries on rank canvases and scores their atoms on test canvases, beside as many random directions.

    Returns:
        `coverage_NAME` and `unique_NAME` of each; of random directions the means of some draws.
    """
    fit_on, scored = read_cells(net, rank, layer).some(cells, seed=0), read_cells(net, test, layer)
    assert scored.present is not None
    found = {}
    for name in DICTIONARIES:
        seeds = range(DRAWS) if name == RANDOM else (0,)
        fits = fit_dictionary(name, fit_on, most_atoms(name, fit_on, ATOMS), tuple(seeds))
        alignments = [average_precision(read_codes(one, scored)[0], scored.present) for one in fits]
        found[f"coverage_{name}"] = sum(float(coverage(one)) for one in alignments) / len(fits)
        found[f"unique_{name}"] = sum(float(unique_concepts(one)) for one in alignments) / len(fits)
    return found
