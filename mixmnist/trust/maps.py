"""Attribution maps: do they lie where a detector's digit is, and do they say what each digit is really worth to it?

Each way of the shelf makes maps of canvases that show the digit of a detector: of its peak, its mean, the cell of its peak, and
of the contrast between the canvas's class and those of the same other digit. Truth is exact: masks, boxes, and the Shapley
values of the digits from the canvas rendered without them. Claims M1 to M4.

Source:
    L. Arras, A. Osman & W. Samek (2022), "CLEVR-XAI", arXiv:2003.07258; J. Adebayo et al. (2018), arXiv:1810.03292. Differs: of
    units, with exact worths besides masks; shuffled weights are judged by where maps lie and by ranks on ink.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mixmnist.core.records import Analysis, require
from mixmnist.core.registry import choose, collect, names  # by name, so that a glimpse of this file can follow them
from mixmnist.metrics.average_precision import average_precision
from mixmnist.probing import probe_layers
from mixmnist.report.drawing import Album, legend_above, stroke
from mixmnist.report.ranges import over_seeds
from mixmnist.report.tables import CUT, write_table
from mixmnist.trust._layers import about, counts, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._maps_plots import place_against_worth
from mixmnist.trust._networks import Recorded
from mixmnist.trust._plots import seeds_of
from mixmnist.trust._side_by_side import side_by_side
from mixmnist.visualize.measuring import TARGETS, measure_maps, pick_cases, targets_of
from mixmnist.visualize.worth import some_canvases

STRETCHED = "unit_map:geometry=stretched"  # beside the true geometry
EACH = 7  # canvases of a detector
KEYS = ["variant", "layer", "target", "way"]
SHOWN = ("own_ink", "own_box", "selective", "points_at_ink", "points_at_box", "worth_error", "worth_error_scaled")
DRAWN = ("peak", "contrast")
PANELS = {"selective": "selective", "points_at_box": "points at box", "worth_error_scaled": "worth error"}
AFTER = ("selective_shuffled", "rank_on_ink")
MEANS = (
    "own_ink, own_box: share of a map's absolute sum; selective: own ink as a share of all ink; points_at: probability that the "
    "strongest pixel lies there; worth_error: signed sums in the boxes against exact Shapley values, a map of zeros having 1; "
    "scaled: once one number for all canvases has put the map's unit right; exact: what selective is of the true worths; "
    "shuffled: with the layer's weights permuted; rank_on_ink: rank correlation of the maps before and after, on ink."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes a row a net, layer, target, way and measure (`maps.csv`), tables of ways and of runs, and a summary."""
    nets = nets_of(folder)
    maps = maps_of(nets, root)
    require(len(maps), f"a study must have a net with a detector, got none in {folder}. Train for longer.")
    maps.to_csv(out / "maps.csv", index=False, float_format="%.5g")
    note = f"{about(folder, nets)} {counts(nets)} {EACH} canvases of each detector."
    how = f"Means over canvases within a net, then over nets with their 95 % t interval. {CUT}"
    table = of_ways(maps)
    write_table(out, "ways", table, [note, how, MEANS])
    write_table(out, "runs", of_runs(maps), [note, "A row a net: each way on the peaks of the last layer, and on the contrast."])
    last = table[table["layer"].eq(table["layer"].iloc[0]) & table["target"].isin(["peak", "contrast"])]
    write_summary(out, [note, how], last[["variant", "target", "way", "n", "selective", "points_at_box", "worth_error_scaled"]])


def draw(home: Path, album: Album) -> None:
    """Draws where the maps of each way lie and how far they are off the worths, and one against the other."""
    maps = table_of(home, "maps")
    where_and_what(album, maps)
    place_against_worth(album, maps, maps["layer"].iloc[0], maps["variant"].iloc[0], DRAWN)


def maps_of(nets: Sequence[Recorded], root: str | None, ways: Sequence[str] = ()) -> pd.DataFrame:
    """Measures every net, on as many cores as there are.

    Args:
        nets: Those of a variant in the order of their seeds.
        root: Holds the source's files.
        ways: By default all of the shelf that make maps, and the unit's map stretched.
    """
    calls = [(_measured, (net, root, tuple(ways))) for net in nets]
    found: list[pd.DataFrame] = side_by_side(calls, "maps", fewest=1)
    return pd.concat(found, ignore_index=True)


def _measured(net: Recorded, root: str | None, ways: tuple[str, ...]) -> pd.DataFrame:
    """Measures one net: all targets of the layer that feeds the head, and the peaks of the layers before it."""
    module, mixture = net.net(), net.mixture("test", root)
    layers = [net.layer, *(name for name in reversed(_layers(net)) if name != net.layer)]
    chosen = ways or (*(name for name, way in collect("ways").items() if way.kind == "map"), STRETCHED)
    tables = []
    for layer, readout in zip(layers, probe_layers(module, mixture, layers), strict=True):
        try:
            cases = pick_cases(average_precision(readout.response, readout.present), readout.present, EACH)
        except ValueError:
            continue  # no unit of the layer is a detector
        canvases = some_canvases(mixture, cases.indices)
        for of, target in targets_of(module, layer, mixture, cases, TARGETS if layer == net.layer else TARGETS[:1]).items():
            asked = [way for way in chosen if target.layer is not None or not way.startswith("unit_map")]
            table = measure_maps(target, layer, canvases, cases.own, asked)
            tables.append(table.assign(layer=layer, target=of, detectors=len(cases.units.unique())))
    found = pd.concat(tables) if tables else pd.DataFrame()
    return found.assign(variant=net.variant, seed=net.seed)


def _layers(net: Recorded) -> tuple[str, ...]:
    """Names the layers of a recorded net that is of an architecture of the shelf; else the one that is known."""
    known = net.settings.net in names("nets") and net.settings.provenance == "trained"
    return tuple(choose("nets", net.settings.net).layers) if known else (net.layer,)


def of_ways(maps: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a variant, layer, target and way: means with intervals over nets, and the mean seconds of a net's maps."""
    rows = []
    for keys, group in maps.dropna(subset=["measure"]).groupby(KEYS, sort=False):
        by_net = group.pivot_table(index="seed", columns="measure", values="value")
        row: dict[str, object] = dict(zip(KEYS, keys, strict=True)) | {"n": len(by_net)}
        for measure in (*SHOWN, "exact", "completeness_gap", *AFTER):
            row[measure] = with_interval(by_net[measure].dropna().tolist() if measure in by_net else [])
        rows.append(row | {"seconds": round(float(group["seconds"].mean()), 2)})
    return pd.DataFrame(rows)


def of_runs(maps: pd.DataFrame) -> pd.DataFrame:
    """Gives a row a net: what claims are held against.

    Returns:
        `MEASURE_WAY` of the last layer's peaks, and `contrast_MEASURE_WAY`; `exact`; `furthest_shuffled`: how far from .5 the
        selectivity of any way is after the layer's weights were shuffled, controls left out.
    """
    rows = []
    for (variant, seed), net in maps.dropna(subset=["measure"]).groupby(["variant", "seed"], sort=False):
        row: dict[str, object] = {"variant": variant, "seed": seed}
        last = net[net["layer"].eq(net["layer"].iloc[0])]
        for target, prefix in (("peak", ""), ("contrast", "contrast_")):
            own = last[last["target"].eq(target) & last["measure"].isin([*SHOWN, *AFTER])]
            for way, measure, value in zip(own["way"], own["measure"], own["value"], strict=True):
                row[f"{prefix}{measure}_{_column(way)}"] = value
            row[f"{prefix}exact"] = last["value"][last["target"].eq(target) & last["measure"].eq("exact")].mean()
        looking = last[last["target"].eq("peak") & ~last["way"].isin(["constant", "edges", "ink"])]
        after = looking["value"][looking["measure"].eq("selective_shuffled")]
        rows.append(row | {"furthest_shuffled": (after - 0.5).abs().max()})
    return pd.DataFrame(rows)


def where_and_what(album: Album, maps: pd.DataFrame) -> None:
    """Shows of each way where its maps lie and what they say, a row a way, a panel a measure, the nearest to the worths first."""
    layer, variant = maps["layer"].iloc[0], maps["variant"].iloc[0]
    own = maps[maps["layer"].eq(layer) & maps["variant"].eq(variant) & maps["target"].isin(DRAWN)].dropna(subset=["measure"])
    errors = own[own["measure"].eq("worth_error_scaled")]
    ordered = [errors[errors["target"].eq(one)].groupby("way")["value"].mean().sort_values() for one in DRAWN]
    ways = list(dict.fromkeys(str(way) for one in ordered for way in one.index))  # what has no map of the peak last
    figure, axes = album.make(len(PANELS), 0.5 + 0.17 * len(ways), 2.0, sharey=True)
    rows = []
    for ax, (measure, name) in zip(axes, PANELS.items(), strict=True):
        for place, target in enumerate(DRAWN):
            look, part = stroke(place) | {"ls": "none"}, own[own["target"].eq(target) & own["measure"].eq(measure)]
            found = {
                str(way): over_seeds(group["value"].dropna().tolist(), measure) for way, group in part.groupby("way", sort=False)
            }
            y = [ways.index(way) + (place - 0.5) * 0.3 for way in found]
            ax.plot([one.mean for one in found.values()], y, label=f"of the {target}", **look)
            ax.hlines(y, *zip(*((one.lower, one.upper) for one in found.values()), strict=True), color=look["color"], lw=0.9)
            rows += [{"measure": measure, "target": target, "way": way, **one._asdict()} for way, one in found.items()]
        ax.set_xlabel(name)
        ax.set_xlim(-0.05, 1.05)
        ax.set_yticks(range(len(ways)), [_column(way) for way in ways])
        ax.set_ylim(len(ways) - 0.5, -0.5)
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        f"Ways of making maps of {layer}, variant {variant}. Selective: own ink as a share of all ink in the map. Points at box: "
        "probability that the strongest pixel lies in the box of the detector's digit. Worth error: of what a map gives each "
        "digit beside its exact worth, once the map's unit is put right; a map of zeros has 1. Of the peak of a detector, and of "
        f"the contrast of the class with those of the same other digit. Bars: 95 % t interval over nets. {seeds_of(own)}"
    )
    album.save(figure, pd.DataFrame(rows), "where_and_what", text)


def _column(spec: str) -> str:
    """Gives what a way is called in the name of a column.

    Example:
        >>> _column(STRETCHED)
        'unit_map_stretched'
    """
    return re.sub(r"\W+", "_", re.sub(r"\w+=", "", spec))


ANALYSIS = Analysis(
    "Attribution maps of detectors, against exact truth",
    run,
    draw=draw,
    bounds={
        f"{prefix}{measure}_{_column(way)}": (-1, 1) if measure.startswith("rank") else (0, 1)
        for prefix in ("", "contrast_")
        for way in (*names("ways"), STRETCHED)
        for measure in (*SHOWN, *AFTER)
        if not measure.startswith("worth")
    },
)
