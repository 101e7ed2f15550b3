"""Transfer: which units does a net re-use when it is trained for another task, and what becomes of those that it needs no more?

The recorded nets of two tasks go to each other's: frozen with a fitted head, fine-tuned, and beside them as many steps from the
beginning and a trunk that was never trained. Units before are matched with units after by their responses on the same canvases,
those of the new task. Claims T1 to T5.

Source:
    B. Zhou (2018/19), talk "Disentanglement of Visual Concepts from Classifying and Synthesizing Scenes", slide 37: transfer and
    plasticity. J. Yosinski et al. (2014), arXiv:1411.1792. Differs: what the units stand for is known before and after.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mixmnist.core.readout import Readout
from mixmnist.core.records import Analysis, Task, require
from mixmnist.core.registry import choose  # by name, so that a glimpse of this file can follow it
from mixmnist.metrics.average_precision import average_precision
from mixmnist.metrics.detectors import coverage, detectors, unique_concepts
from mixmnist.probing import probe
from mixmnist.report.drawing import Album
from mixmnist.report.tables import CUT, write_table
from mixmnist.stats import Bounds
from mixmnist.trust import _transfer_drawn
from mixmnist.trust._answers import accuracy
from mixmnist.trust._emergence_measured import ATOMS, DICTIONARIES, atoms_of
from mixmnist.trust._layers import IMAGES, about, counts, first, nets_of, table_of, with_interval, write_summary
from mixmnist.trust._networks import Recorded
from mixmnist.trust._side_by_side import side_by_side
from mixmnist.trust._transfer_nets import NUMBERS, SLOWER, STEPS, Move, made
from mixmnist.trust._transfer_units import REUSED, best_of, fates_of, of_fates, of_units, units_of

WAYS = ("frozen", "tuned", "scratch", "untrained")
MOST = float("inf")
SHARES = ("reused", "reused_null", "reused_detectors", "reused_others", "same_unit", "kept", "kept_null")
BOUNDS: Mapping[str, Bounds] = {
    **{f"{way}_{n}": (0, 1) for way in WAYS for n in NUMBERS},
    **dict.fromkeys(("recorded", *SHARES, "lost_useless", "lost_useful", "best_useless_before", "best_useless_after"), (0, 1)),
    **dict.fromkeys(("correlation", "correlation_null"), (-1, 1)),
    **dict.fromkeys(("useless_before", "useless_after", "useful_before", "useful_after"), (0, MOST)),
}
OF_LAYERS: Mapping[str, Bounds] = {
    "coverage": (0, 1),
    "unique_concepts": (0, MOST),
    "detectors": (0, MOST),
    **{f"coverage_{name}": (0, 1) for name in DICTIONARIES},
    **{f"unique_{name}": (0, MOST) for name in DICTIONARIES},
}
HOW = (
    "frozen: the trunk as it was, a linear head fitted on so many training canvases of the new task; tuned: from there on all "
    f"weights trained for about {STEPS} steps of the usual recipe with a {SLOWER:g} times lower peak rate; scratch: as many "
    "steps from the beginning at the usual rate; untrained: a trunk that was never trained, its batch norm settled, with a "
    "fitted head; recorded: the net of the new task that the study trained in full. The variant is that which the net comes from."
)
UNITS = (
    "Units before are matched one to one with those of the net that was tuned on most canvases, by correlation of responses "
    f"on test canvases of the new task. reused: correlation of {REUSED:g} or more; _null: units of another seed's net of the old "
    "task, matched alike. reused_detectors, reused_others: of what was a detector (alignment >= .80) before, and of the rest. "
    "same_unit: the match is the unit itself. kept: of detectors before, the match has the same best digit. lost_useless, "
    "lost_useful: share of detectors that no longer detect their digit, of the digits that one of the tasks has no use for and "
    "of the others; best_useless: mean of the best alignments for the former."
)


@dataclass(frozen=True, eq=False)
class Moved:
    """What was measured of one net that went to another task."""

    accuracy: pd.DataFrame  # a row a way and number of canvases
    units: pd.DataFrame  # a row a unit
    fates: pd.DataFrame  # a row a digit
    layers: pd.DataFrame  # a row a net: frozen (as it was), tuned, recorded, untrained
    run: pd.DataFrame  # one row


def run(folder: Path, out: Path, root: str | None) -> None:
    """Writes rows of accuracies, units, fates, layers and nets, their means, and a summary."""
    nets = nets_of(folder)
    moved = side_by_side([(measured, one) for one in moves_of(nets, root)], "transfer", fewest=1)
    names = ("accuracy", "units", "fates", "layers")
    tables = {name: pd.concat([getattr(one, name) for one in moved], ignore_index=True) for name in names}
    runs = pd.concat([one.run for one in moved], ignore_index=True)
    note = f"{about(folder, nets)} {counts(nets)}"
    how = f"Means over nets with their 95 % t interval. {CUT}"
    atoms = f"Before and after, with {ATOMS} atoms of {', '.join(DICTIONARIES)} (directions), on canvases of the new task."
    tables["units"].to_csv(out / "units.csv", index=False, float_format="%.5g")
    tables["fates"].to_csv(out / "fates.csv", index=False)
    write_table(out, "accuracy", tables["accuracy"], [note, HOW])
    write_table(out, "layers", tables["layers"], [note, atoms])
    write_table(out, "runs", runs, [note, "A row a net: what claims are held against.", HOW, UNITS])
    write_table(
        out, "accuracies", means(tables["accuracy"], ["variant", "to", "way", "canvases"], {"accuracy": (0, 1)}), [note, how, HOW]
    )
    write_table(out, "atoms", means(tables["layers"], ["variant", "to", "net"], OF_LAYERS), [note, how, atoms])
    table = means(runs, ["variant"], BOUNDS)
    write_table(out, "variants", table, [note, how, HOW, UNITS])
    shown = ["variant", "n", *(name for name in table if str(name) in (*SHARES, "lost_useless", "lost_useful", "recorded"))]
    write_summary(out, [note, how, HOW, UNITS], table[[*shown, *(name for name in table if str(name).startswith(WAYS))]])


def draw(home: Path, album: Album) -> None:
    """Draws accuracy by way and number of canvases, correlations of matched units, and what becomes of detectors."""
    _transfer_drawn.accuracy_by_canvases(album, table_of(home, "accuracy"))
    _transfer_drawn.matched_units(album, table_of(home, "units"))
    _transfer_drawn.fate_of_detectors(album, table_of(home, "fates"))


def moves_of(nets: Sequence[Recorded], root: str | None) -> list[tuple[Move, Recorded | None]]:
    """Pairs the nets of two tasks by seed, in both directions, each with a net of another seed as its null.

    Raises:
        ValueError: If there are not two variants whose nets differ in their task alone, or have no seed in common.
    """
    by_variant: dict[str, dict[int, Recorded]] = {}
    for net in nets:
        by_variant.setdefault(net.variant, {})[net.seed] = net
    said = f"transfer must be between two variants that differ in their task alone, got {', '.join(by_variant)}"
    require(len(by_variant) == 2, f"{said}. Leave the others out.")
    one, other = by_variant.values()
    alike = [
        (v.net, dict(v.net_settings), v.canvas.size, v.provenance)
        for v in (next(iter(x.values())).settings for x in (one, other))
    ]
    require(alike[0] == alike[1] and alike[0][3] == "trained", f"{said}. Give both the same net, canvas and training.")
    seeds = sorted(one.keys() & other.keys())
    require(seeds, f"{said} without a seed in common. Train both with the same seeds.")
    found: list[tuple[Move, Recorded | None]] = []
    for seed in seeds:
        for source, target in ((one, other), (other, one)):
            strangers = [source[s] for s in sorted(source) if s != seed]
            later = [net for net in strangers if net.seed > seed]
            found.append((Move(source[seed], target[seed], root), next(iter(later or strangers), None)))
    return found


def measured(move: Move, stranger: Recorded | None) -> Moved:
    """Makes the nets of a move and measures them on test canvases of the new task.

    Args:
        move: From one task to another.
        stranger: Another seed's net of the old task, the null of matching.
    """
    rank, test = (first(move.target.mixture(split, move.root), IMAGES) for split in ("rank", "test"))
    nets, most = made(move), move.numbers[-1]
    layer = move.target.layer
    read = {key: probe(net, test, layer) for key, net in nets.items()}
    before, after = read["frozen", most], read["tuned", most]
    keys: dict[str, Any] = {"variant": move.source.variant, "to": move.target.variant, "seed": move.source.seed}
    rows = [
        keys | {"way": way, "canvases": n, "accuracy": accuracy(one.logits, one.labels)}
        for (way, n), one in read.items()
        if one.logits is not None
    ]
    units = units_of(before, after, probe(stranger.net(), test, layer) if stranger is not None else None)
    fates, useless = fates_of(units, before.concepts), useless_of(move)
    looked = {way: nets[way, most] for way in ("frozen", "tuned", "recorded", "untrained")}
    layers = [
        keys | {"net": name} | layer_of(probe(net, test, layer)) | atoms_of(net, layer, rank, test)
        for name, net in looked.items()
    ]
    run_ = {name: value for name, value in keys.items() if name != "to"}
    run_ |= {"recorded" if row["way"] == "recorded" else f"{row['way']}_{row['canvases']}": row["accuracy"] for row in rows}
    run_ |= of_units(units) | of_fates(fates, useless)
    run_ |= {"best_useless_before": best_of(before, useless), "best_useless_after": best_of(after, useless)}
    return Moved(pd.DataFrame(rows), units.assign(**keys), fates.assign(**keys), pd.DataFrame(layers), pd.DataFrame([run_]))


def useless_of(move: Move) -> tuple[str, ...]:
    """Gives the concepts that one of the two tasks has no use for."""
    tasks: list[Task] = [choose("tasks", net.settings.task) for net in (move.source, move.target)]
    return tuple(sorted({name for task in tasks for name in task.useless}))


def layer_of(readout: Readout) -> dict[str, float]:
    """Gives what is said of a layer as a whole."""
    alignment = average_precision(readout.response, readout.present)
    found = (detectors(alignment), unique_concepts(alignment), coverage(alignment))
    return dict(zip(("detectors", "unique_concepts", "coverage"), map(float, found), strict=True))


def means(table: pd.DataFrame, keys: list[str], bounds: Mapping[str, Bounds]) -> pd.DataFrame:
    """Gives a row for each of some keys: means over nets with intervals."""
    rows = []
    for named, group in table.groupby(keys, sort=False):
        row: dict[str, object] = dict(zip(keys, named, strict=True)) | {"n": len(group)}
        columns = [name for name in bounds if name in group]
        rows.append(row | {name: with_interval(group[name].dropna().astype(float).tolist(), bounds[name]) for name in columns})
    return pd.DataFrame(rows)


ANALYSIS = Analysis(
    "Transfer: which units are re-used for another task",
    run,
    bounds=BOUNDS,
    draw=draw,
    asks=("dictionaries", "nets", "tasks"),
)
