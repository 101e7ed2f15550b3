"""Attribution maps: do they lie where a detector's digit is, and do they say what each digit is really worth to it?

Each way of the shelf makes maps of canvases that show the digit of a detector: of its peak, its mean, the cell of its peak, and
of the contrast between the canvas's class and those of the same other digit. Truth is exact: masks, boxes, and the Shapley
values of the digits from the canvas rendered without them. Claims M1 to M5.

Source:
    L. Arras, A. Osman & W. Samek (2022), "CLEVR-XAI", arXiv:2003.07258; J. Adebayo et al. (2018), arXiv:1810.03292. Differs: of
    units, with exact worths besides masks; shuffled weights are judged by where maps lie and by ranks on ink.
"""

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
from mixmnist.trust._layers import about, counts, nets_of, table_of, write_summary
from mixmnist.trust._maps_plots import place_against_worth
from mixmnist.trust._maps_tables import (
    OF_RUNS,
    STRETCHED,
    column_of,
    of_geometry,
    of_layers,
    of_runs,
    of_ways,
    tall,
    wide,
)
from mixmnist.trust._networks import Recorded
from mixmnist.trust._plots import seeds_of
from mixmnist.trust._side_by_side import side_by_side
from mixmnist.visualize.measuring import TARGETS, measure_maps, pick_cases, targets_of
from mixmnist.visualize.worth import some_canvases

EACH = 7  # canvases of a detector
DRAWN = ("peak", "contrast")
PANELS = {"selective": "selective", "points_at_box": "points at box", "worth_error_scaled": "worth error"}
MEANS = (
    "own_ink, own_box: share of a map's absolute sum; selective: own ink as a share of all ink; points_at: probability that the "
    "strongest pixel lies there; worth_error: signed sums in the boxes against exact Shapley values, a map of zeros having 1; "
    "scaled: once one number for all canvases has put the map's unit right; exact: what selective is of the true worths; "
    "shuffled: with the layer's weights permuted; rank_on_ink: rank correlation of the maps before and after, on ink."
)


GEOMETRY = (
    "True: between the centres of what its cells really see; stretched: as if cells lay evenly over the image, as most tools do; "
    "difference: net by net."
)


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes a row a net, layer, target and way (`maps.csv`), tables of ways, layers, geometry and runs, and a summary."""
    nets = nets_of(folder)
    maps = maps_of(nets, root)
    require(len(maps), f"a study must have a net with a detector, got none in {folder}. Train for longer.")
    wide(maps).to_csv(out / "maps.csv", index=False, float_format="%.4g")
    note = f"{about(folder, nets)} {counts(nets)} {EACH} canvases of each detector."
    how = f"Means over canvases within a net, then over nets with their 95 % t interval. {CUT}"
    table = of_ways(maps)
    write_table(out, "ways", table, [note, how, MEANS])
    write_table(out, "layers", of_layers(maps), [note, f"Of the peaks of detectors. n: nets with a detector there. {how}"])
    write_table(out, "geometry", of_geometry(maps), [note, f"A unit's own map, scaled up. {GEOMETRY} {how}"])
    of_runs(maps).to_csv(out / "runs.csv", index=False, float_format="%.5g")  # too wide for people
    last = table[table["layer"].eq(table["layer"].iloc[0]) & table["target"].isin(["peak", "contrast"])]
    write_summary(out, [note, how], last[["variant", "target", "way", "n", "selective", "points_at_box", "worth_error_scaled"]])


def draw(home: Path, album: Album) -> None:
    """Draws where the maps of each way lie and how far they are off the worths, and one against the other."""
    maps = tall(table_of(home, "maps"))
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
        ax.set_yticks(range(len(ways)), [column_of(way) for way in ways])
        ax.set_ylim(len(ways) - 0.5, -0.5)
    legend_above(figure, *axes[0].get_legend_handles_labels())
    text = (
        f"Ways of making maps of {layer}, variant {variant}. Selective: own ink as a share of all ink in the map. Points at box: "
        "probability that the strongest pixel lies in the box of the detector's digit. Worth error: of what a map gives each "
        "digit beside its exact worth, once the map's unit is put right; a map of zeros has 1. Of the peak of a detector, and of "
        f"the contrast of the class with those of the same other digit. Bars: 95 % t interval over nets. {seeds_of(own)}"
    )
    album.save(figure, pd.DataFrame(rows), "where_and_what", text)


ANALYSIS = Analysis(
    "Attribution maps of detectors, against exact truth",
    run,
    draw=draw,
    bounds={
        f"{prefix}{measure}_{column_of(way)}": (-1, 1) if measure.startswith("rank") else (0, 1)
        for prefix, measures in OF_RUNS.values()
        for way in (*names("ways"), STRETCHED)
        for measure in measures
        if not measure.startswith("worth")
    },
)
