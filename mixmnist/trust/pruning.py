"""Pruning: do detectors go before the accuracy does when a trained net is made smaller?

Three ways, none with further training: units of the layer that feeds the head are removed one by one in four orders; weights of
all layers are cut by magnitude; weights are rounded to 8 and 4 bits. Beside them stand random orders, weights cut at random,
and random changes as large as rounding. Claims N10 and N14.

Units are removed by setting their maps to their means over rank canvases, as a constant that a bias could hold: set to zero, they
would also shift every answer by what they always say, and that shift, not the unit's telling, would be measured.

Source:
    J. Frankle & D. Bau (2019), "Dissecting Pruned Neural Networks", arXiv:1907.00262. Differs: nothing is trained again.
    S. Han et al. (2015), "Learning both Weights and Connections for Efficient Neural Networks", arXiv:1506.02626 (magnitude).
"""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mixmnist.core.records import Analysis
from mixmnist.report.drawing import Album
from mixmnist.report.tables import CUT, write_table
from mixmnist.stats import Bounds
from mixmnist.trust import _pruning_drawn
from mixmnist.trust._bases import BASES, UNITS
from mixmnist.trust._layers import about, counts, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._pruning_measured import BITS, CANVASES, INTACT, MAGNITUDE, NOISE, ORDERS, RANDOM, ROUNDED, Measured, measured
from mixmnist.trust._side_by_side import side_by_side

COST = 0.01  # accuracy that may be lost before pruning is said to cost something
WORDS = (
    "share: of the layer's units that are removed, those worth least first, each set to its mean. drop: accuracy lost without "
    "the unit; norm: L1 norm of its weights in the head times the standard deviation of its mean; alignment; random: mean of 5 "
    "orders. All orders are told on rank canvases. detectors, unique, coverage: of the units that are left."
)
OF_WEIGHTS = (
    "level: share of the weights of convolutions and head that are cut (magnitude: the smallest; random: any), or bits (rounded: "
    "evenly spaced for each output unit; noise: random changes as large). moved: share of units or atoms whose concept is "
    "another; ranks: Spearman's correlation of responses with those of the intact net. Atoms are those fitted on the intact net."
)
SAFE = (
    f"safe: the largest share up to which accuracy stays within {COST:g} of the intact one; lost: digits that have a detector in "
    "the intact net and, counted together, have none there."
)
COLUMNS = ("accuracy", "detectors", "unique", "coverage")


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes a row a net and step (`rows_units.csv`, `rows_weights.csv`), their means, and runs."""
    nets = nets_of(folder)
    found: list[Measured] = side_by_side([(measured, (net, root)) for net in nets], "pruning", fewest=1)
    units, weights = (pd.concat([getattr(one, name) for one in found], ignore_index=True) for name in ("units", "weights"))
    write(units, weights, out, [f"{about(folder, nets)} {counts(nets)}", f"{CANVASES} test canvases a net."])


def write(units: pd.DataFrame, weights: pd.DataFrame, out: Path, notes: list[str]) -> None:
    """Writes everything that is made of what was measured."""
    units.to_csv(out / "rows_units.csv", index=False, float_format="%.5g")
    weights.to_csv(out / "rows_weights.csv", index=False, float_format="%.5g")
    how = f"Means over nets with their 95 % t interval. {CUT}"
    of_units = _means(units, ["variant", "order", "removed", "share"], COLUMNS)
    of_weights = _means(weights, ["variant", "way", "level", "basis"], (*COLUMNS, "moved", "ranks"))
    runs = of_runs(units, weights)
    write_table(out, "units", of_units, [*notes, how, WORDS])
    write_table(out, "weights", of_weights, [*notes, how, OF_WEIGHTS])
    write_table(out, "runs", runs, [*notes, "A row a net: what claims are held against.", SAFE])
    safe = [name for name in map(str, runs) if name.startswith(("prune_safe", "prune_lost"))]
    write_summary(out, [*notes, how, SAFE], _means(runs, ["variant"], safe))


def _means(table: pd.DataFrame, keys: list[str], columns: Sequence[str]) -> pd.DataFrame:
    """Gives means, within a net over draws and then over nets, with intervals."""
    rows = []
    for names, group in table.groupby(keys, sort=False):
        row: dict[str, object] = dict(zip(keys, names, strict=True)) | {"nets": group["seed"].nunique()}
        by_net = group.groupby("seed")[list(columns)].mean()
        row |= {column: with_interval(by_net[column].dropna().tolist(), bounds(column)) for column in columns}
        rows.append(row)
    return pd.DataFrame(rows)


def bounds(column: str) -> Bounds:
    """Gives what a column can be."""
    if column in ("detectors", "unique"):
        return (0, math.inf)
    return BOUNDS.get(column, (-1, 1) if column == "ranks" else (0, 1))


def of_runs(units: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a net: what claims are held against.

    Returns:
        `prune_safe_ORDER`, `prune_lost_ORDER`: of units, mean over draws; `prune_safe_weights` and `prune_safe_weights_random`;
        `prune_lost_weights_BASIS`; of bits 8 and 4 `prune_rounded8` and `prune_noise8`, accuracy lost,
        `prune_rounded8_lost_BASIS`, digits lost, and `prune_rounded8_moved_BASIS`; the same with noise.
    """
    rows = []
    for (variant, seed), own in units.groupby(["variant", "seed"], sort=False):
        row: dict[str, object] = {"variant": variant, "seed": seed}
        for order in ORDERS:
            curves = [curve for _, curve in own[own["order"].eq(order)].groupby("draw")]
            found = [_safe(curve, "share") for curve in curves]
            row[f"prune_safe_{order}"] = sum(share for share, _ in found) / len(found)
            row[f"prune_lost_{order}"] = sum(lost for _, lost in found) / len(found)
        rows.append(row | _of_weights(weights.query("variant == @variant and seed == @seed")))
    return pd.DataFrame(rows).round(5)


def _of_weights(own: pd.DataFrame) -> dict[str, float]:
    """Gives what is said of one net whose weights are cut or rounded."""
    row: dict[str, float] = {}
    for basis in BASES:
        part = own[own["basis"].eq(basis)]
        intact = part[part["way"].eq(INTACT)].iloc[0]
        for way, end in ((MAGNITUDE, ""), (RANDOM, "_random")):
            curve = part[part["way"].isin((INTACT, way))].sort_values("level")
            share, lost = _safe(curve, "level")
            row |= {f"prune_safe_weights{end}": share} | ({f"prune_lost_weights_{basis}": lost} if way == MAGNITUDE else {})
        for way in (ROUNDED, NOISE):
            for bits in BITS:
                one = part[part["way"].eq(way) & part["level"].eq(bits)].iloc[0]
                if basis == UNITS:
                    row[f"prune_{way}{bits}"] = float(intact["accuracy"] - one["accuracy"])
                row[f"prune_{way}{bits}_lost_{basis}"] = float(intact["unique"] - one["unique"])
                row[f"prune_{way}{bits}_moved_{basis}"] = float(one["moved"])
    return row


def safe_point(share: Sequence[float | int], accuracy: Sequence[float], unique: Sequence[float | int]) -> tuple[float, float]:
    """Gives the share up to which accuracy has not fallen by .01, and how many digits' detectors are lost there.

    Args:
        share: Of what is removed, from 0 on.
        accuracy: At each; what comes after the first fall counts for nothing.
        unique: Digits with a detector.

    Example:
        >>> safe_point([0, 0.1, 0.2, 0.3], [0.9, 0.895, 0.7, 0.9], [10, 9, 4, 3])
        (0.1, 1.0)
    """
    known = list(zip(share, accuracy, unique, strict=True))
    last = known[0]
    for one in known:
        if one[1] < known[0][1] - COST - 1e-9:
            break
        last = one
    return float(last[0]), float(known[0][2] - last[2])


def _safe(curve: pd.DataFrame, across: str) -> tuple[float, float]:
    return safe_point(*(curve[name].astype(float).tolist() for name in (across, "accuracy", "unique")))


def draw(home: Path, album: Album) -> None:
    """Draws accuracy and digits with a detector over removed units and over cut weights, and units that rounding moves."""
    units, weights = table_of(home, "rows_units"), table_of(home, "rows_weights")
    _pruning_drawn.of_units(album, units)
    _pruning_drawn.of_weights(album, weights)
    _pruning_drawn.rounding(album, weights)


DIGITS = (-10, 10)  # that can be lost, or won
BOUNDS: dict[str, Bounds] = {
    **{f"prune_safe_{what}": (0, 1) for what in (*ORDERS, "weights", "weights_random")},
    **{f"prune_lost_{what}": DIGITS for what in (*ORDERS, *(f"weights_{basis}" for basis in BASES))},
    **{f"prune_{way}{bits}": (-1, 1) for way in (ROUNDED, NOISE) for bits in BITS},
    **{f"prune_{way}{bits}_lost_{basis}": DIGITS for way in (ROUNDED, NOISE) for bits in BITS for basis in BASES},
    **{f"prune_{way}{bits}_moved_{basis}": (0, 1) for way in (ROUNDED, NOISE) for bits in BITS for basis in BASES},
}

ANALYSIS = Analysis("What pruning and rounding cost: accuracy or detectors", run, bounds=BOUNDS, draw=draw)
