"""Uncertainty: three sources of chance beside each other, another training seed, other images, other units, and their shares.

Never in one error bar: an interval over seeds says what another training would give, one over images what other canvases of other
glyphs would say of this net, one over units what other units of the same layer would be like.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from mixmnist.core.readout import Readout
from mixmnist.core.records import Analysis
from mixmnist.metrics._decisions import correct
from mixmnist.metrics.average_precision import average_precision
from mixmnist.probing import probe
from mixmnist.report.ranges import over_seeds
from mixmnist.report.tables import CUT, cell, write_table
from mixmnist.stats import Interval, average_precision_interval, dyadic_interval, unit_interval, variance_components, within
from mixmnist.trust._layers import about, counts, nets_of, write_summary
from mixmnist.trust._networks import Recorded

SHARE = (0, 1)  # where accuracy and alignment lie
FOLDS = 5  # of the test images, for the shares of the variance


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes the intervals of accuracy and mean alignment, those of each unit over images, and the shares of the variance."""
    nets = nets_of(folder)
    rows, of_units, shares = [], [], []
    for variant in dict.fromkeys(net.variant for net in nets):
        own = [net for net in nets if net.variant == variant]
        readouts = [_read(net, root) for net in own]
        shown = own[0].mixture("test", root).shown.numpy()
        rows += _intervals(variant, readouts, shown)
        of_units.append(_units(variant, own[0].seed, readouts[0], shown))
        shares.append(_components(variant, readouts))
    table, notes = pd.DataFrame(rows), [about(folder, nets), counts(nets)]
    write_table(
        out,
        "intervals",
        table,
        [*notes, f"95 % intervals, one source of chance a row; images and units: of the first seed. {CUT}"],
    )
    over_images = (
        "95 % intervals over images (glyphs may recur) of the alignment of each unit of the first seed with its own concept."
    )
    write_table(out, "units", pd.concat(of_units), [*notes, over_images])
    parts = (
        f"Variances of a unit's alignment on a {FOLDS}th of the test images, as shares of their sum; a fold has {FOLDS} times "
        "the variance of all images. below_zero: estimates that were, and are given as 0. Dead units are left out."
    )
    write_table(out, "variance", pd.DataFrame(shares), [*notes, parts])
    write_summary(out, ["95 % intervals; images and units: of the first seed."], table[["variant", "score", "over", "interval"]])


def _read(net: Recorded, root: str | None) -> Readout:
    return probe(net.net(), net.mixture("test", root), net.layer)


def _alignments(readout: Readout, rows: slice = slice(None)) -> torch.Tensor:
    """Gives the alignment of each unit with each concept on some of the images."""
    return average_precision(readout.response[rows], readout.present[rows])


def _intervals(variant: str, readouts: Sequence[Readout], shown: np.ndarray) -> list[dict[str, object]]:
    """Gives the intervals of a variant's accuracy and mean alignment."""
    right = []
    for readout in readouts:
        assert readout.logits is not None
        right.append(correct(readout.logits, readout.labels).double().numpy())
    best = [_alignments(readout).amax(dim=1).double().numpy() for readout in readouts]
    found: list[tuple[str, str, Interval]] = [
        ("accuracy", "seeds", over_seeds([float(r.mean()) for r in right], "accuracy")),
        ("mean_alignment", "seeds", over_seeds([float(np.nanmean(b)) for b in best], "mean_alignment")),
        ("mean_alignment", "units", within(unit_interval(best[0].tolist()), SHARE)),
    ]
    if readouts[0].labels.ndim == 1:  # else a decision is about an image and a class
        found.insert(1, ("accuracy", "images", dyadic_interval(right[0], readouts[0].glyphs.numpy(), shown=shown)))
    return [
        {"variant": variant, "score": score, "over": over, "interval": cell(interval, SHARE), **interval._asdict()}
        for score, over, interval in found
    ]


def _units(variant: str, seed: int, readout: Readout, shown: np.ndarray) -> pd.DataFrame:
    """Gives each unit's alignment with its own concept and its interval over images."""
    rows = []
    for unit, scores in enumerate(_alignments(readout)):
        if scores.isnan().all():
            continue
        own = int(scores.nan_to_num(-1).argmax())
        response, present = readout.response[:, unit].double().numpy(), readout.present[:, own].numpy()
        interval = average_precision_interval(response, present, readout.glyphs.numpy(), shown=shown)
        keys = {"variant": variant, "seed": seed, "unit": unit, "concept": readout.concepts[own]}
        rows.append({**keys, "alignment": interval.mean, "lower": interval.lower, "upper": interval.upper, "n": interval.n})
    return pd.DataFrame(rows)


def _components(variant: str, readouts: Sequence[Readout]) -> dict[str, object]:
    """Splits the variance of alignments into seeds, units and images; of every net as many live units, the first ones."""
    size = len(readouts[0].labels) // FOLDS
    scores = []
    for readout in readouts:
        own = _alignments(readout).nan_to_num(-1).argmax(dim=1, keepdim=True)
        folds = [_alignments(readout, slice(f * size, (f + 1) * size)).gather(1, own)[:, 0] for f in range(FOLDS)]
        found = torch.stack(folds, dim=1)  # units folds
        scores.append(found[~found.isnan().any(dim=1)])
    n_units = min(len(found) for found in scores)
    row: dict[str, object] = {"variant": variant, "seeds_n": len(scores), "units_n": n_units, "folds_n": FOLDS}
    if len(scores) < 2 or n_units < 2:
        return row
    components = variance_components(torch.stack([found[:n_units] for found in scores]).double().numpy())
    names = [name for name in components._fields if name != "negative"]
    total = sum(getattr(components, name) for name in names)
    row |= {"sd": total**0.5} | {name: getattr(components, name) / total for name in names}
    return row | {"below_zero": ", ".join(components.negative)}


ANALYSIS = Analysis("Intervals over seeds, images and units, and the shares of the variance", run)
