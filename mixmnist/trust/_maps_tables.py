"""What was measured of maps as tables: a row a net and way, means of ways, layers side by side, true geometry beside naive."""

import math
import re

import pandas as pd

from mixmnist.report.ranges import difference
from mixmnist.stats import Bounds
from mixmnist.trust._layers import with_interval

STRETCHED = "unit_map:geometry=stretched"  # beside the true geometry
GEOMETRIES = {"true": "unit_map", "stretched": STRETCHED}
CONTROLS = ("constant", "edges", "ink")
KEYS = ["variant", "layer", "target", "way"]
SHOWN = ("own_ink", "own_box", "selective", "points_at_ink", "points_at_box", "worth_error", "worth_error_scaled")
AFTER = ("selective_shuffled", "rank_on_ink")
KEPT = (*SHOWN, "other_ink", "rest", "exact", "completeness_gap", *AFTER)  # of each net
OF_NETS = ["variant", "seed", "layer", "detectors", "target", "way", "seconds", "said"]
OF_RUNS = {  # of a target: how its columns begin, and the measures that single nets are told of
    "peak": ("", (*SHOWN, *AFTER)),
    "contrast": ("contrast_", ("selective", "points_at_box", "worth_error", "worth_error_scaled")),
    "cell": ("cell_", ("selective_shuffled",)),
}
SIDE_BY_SIDE = ("selective", "points_at_box", "worth_error_scaled", "selective_shuffled")  # of layers
PLACES = ("points_at_ink", "points_at_box", "selective", "worth_error_scaled")  # that geometry moves


def bounds_of(measure: str) -> Bounds:
    """Gives the lowest and the highest value that a measure can have."""
    if measure.startswith("rank"):
        return -1, 1
    return 0, math.inf if measure.startswith(("worth", "completeness")) else 1


def wide(maps: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a net, layer, target and way, a column a measure; what a way warned of, or why it has no map, beside."""
    keys = [key for key in OF_NETS if key not in ("seconds", "said")]
    first = maps.drop_duplicates(keys).set_index(keys)[["seconds", "said"]]
    values = maps.dropna(subset=["measure"]).pivot_table(index=keys, columns="measure", values="value", sort=False)
    return first.join(values.reindex(columns=list(KEPT))).reset_index()


def tall(table: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a net, layer, target, way and measure of what `wide` gave; what has no map is left out."""
    found = table.melt(OF_NETS, [one for one in KEPT if one in table], "measure", "value")
    return found.dropna(subset=["value"])


def of_ways(maps: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant, layer, target and way: means with intervals over nets, and mean seconds of a net's maps."""
    rows = []
    for keys, group in maps.dropna(subset=["measure"]).groupby(KEYS, sort=False):
        by_net = group.pivot_table(index="seed", columns="measure", values="value")
        row: dict[str, object] = dict(zip(KEYS, keys, strict=True)) | {"n": len(by_net)}
        for measure in (*SHOWN, "exact", "completeness_gap", *AFTER):
            row[measure] = with_interval(by_net[measure].dropna().tolist() if measure in by_net else [], bounds_of(measure))
        rows.append(row | {"seconds": round(float(group["seconds"].mean()), 2)})
    return pd.DataFrame(rows)


def of_layers(maps: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant, measure and way, a column a layer: means with intervals over nets with detectors there."""
    peaks = maps[maps["target"].eq("peak") & maps["measure"].isin(SIDE_BY_SIDE)]
    layers = sorted(peaks["layer"].unique())
    rows = []
    for (variant, way), group in peaks.groupby(["variant", "way"], sort=False):
        for measure in SIDE_BY_SIDE:
            own = group[group["measure"].eq(measure)]
            row: dict[str, object] = {"measure": measure, "variant": variant, "way": way}
            for layer in layers:
                values = own["value"][own["layer"].eq(layer)].dropna().tolist()
                row |= {f"n_{layer}": len(values), layer: with_interval(values, bounds_of(measure))}
            rows.append(row)
    found = pd.DataFrame(rows)
    return found.sort_values("measure", key=lambda names: names.map(SIDE_BY_SIDE.index), kind="stable", ignore_index=True)


def of_geometry(maps: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant, layer and measure: of units' maps by the true geometry, stretched, and their difference by net."""
    peaks = maps[maps["target"].eq("peak") & maps["measure"].isin(PLACES)]
    rows = []
    for (variant, layer, measure), group in peaks.groupby(["variant", "layer", "measure"], sort=False):
        by_net = group.pivot_table(index="seed", columns="way", values="value")
        if {"unit_map", STRETCHED} <= set(by_net):
            row: dict[str, object] = {"variant": variant, "layer": layer, "measure": measure, "n": len(by_net)}
            bounds = bounds_of(str(measure))
            row |= {name: with_interval(by_net[way].tolist(), bounds) for name, way in GEOMETRIES.items()}
            gap = (by_net["unit_map"] - by_net[STRETCHED]).tolist()
            rows.append(row | {"difference": with_interval(gap, difference(bounds, bounds))})
    return pd.DataFrame(rows)


def of_runs(maps: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a net: what claims are held against.

    Returns:
        `MEASURE_WAY` of the last layer's peaks, and some as `contrast_MEASURE_WAY`; `exact`; `furthest_shuffled`: how far from .5
        the selectivity of any way is after the layer's weights were shuffled, controls left out; `cell_selective_shuffled_WAY`,
        of the one cell of each peak, which keeps its place.
    """
    rows = []
    for (variant, seed), net in maps.dropna(subset=["measure"]).groupby(["variant", "seed"], sort=False):
        row: dict[str, object] = {"variant": variant, "seed": seed}
        last = net[net["layer"].eq(net["layer"].iloc[0])]
        for target, (prefix, measures) in OF_RUNS.items():
            own = last[last["target"].eq(target) & last["measure"].isin(measures)]
            for way, measure, value in zip(own["way"], own["measure"], own["value"], strict=True):
                row[f"{prefix}{measure}_{column_of(way)}"] = value
        for target in ("peak", "contrast"):
            prefix = OF_RUNS[target][0]
            row[f"{prefix}exact"] = last["value"][last["target"].eq(target) & last["measure"].eq("exact")].mean()
        looking = last[last["target"].eq("peak") & ~last["way"].isin(CONTROLS)]
        after = looking["value"][looking["measure"].eq("selective_shuffled")]
        rows.append(row | {"furthest_shuffled": (after - 0.5).abs().max()})
    return pd.DataFrame(rows)


def column_of(spec: str) -> str:
    """Gives what a way is called in the name of a column.

    Example:
        >>> column_of(STRETCHED)
        'unit_map_stretched'
    """
    return re.sub(r"\W+", "_", re.sub(r"\w+=", "", spec))
